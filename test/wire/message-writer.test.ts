import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import type { Code } from "../../src/base/errors.ts";
import { ValueReader } from "../../src/wire/decode.ts";
import { readMessage } from "../../src/wire/message-reader.ts";
import { encodeMessage } from "../../src/wire/message-writer.ts";
import type { CallMessage, FaultMessage, Message } from "../../src/wire/message.ts";
import { frameOf } from "../support/scripted-peer.ts";

const call: CallMessage = {
  kind: "call",
  id: 1,
  method: 1,
  timeoutMs: 1_000,
  args: [],
  flags: 0,
  attempt: 0,
  metadata: undefined,
  idempotencyKey: undefined,
  streamArgument: undefined,
  idleMs: undefined,
};

const fault: FaultMessage = {
  kind: "fault",
  id: 1,
  code: "NOT_FOUND",
  message: "m",
  executed: "no",
  reason: undefined,
  retryAfterMs: undefined,
  details: undefined,
  metadata: undefined,
};

function result(value: unknown): Message {
  return { kind: "result", id: 1, value, metadata: undefined };
}

/** What a message is when it has been sent and read. */
function there(message: Message, from: "caller" | "server" = "server"): Message {
  const bytes = frameOf(message);
  const reader = new ValueReader();
  reader.open(bytes, 12, bytes.length);
  return readMessage(
    reader,
    bytes.readUInt8(6),
    bytes.readUInt32BE(8),
    bytes.readUInt8(5) - 0x82,
    from,
  );
}

function errorOf(message: Message, maxMessageBytes: number): GeeError {
  try {
    encodeMessage(message, maxMessageBytes);
  } catch (error) {
    if (error instanceof GeeError) return error;
    throw error;
  }
  throw new Error("it was encoded");
}

/** Every combination of the optional fields. */
function combinations<T extends object>(fields: T): Partial<T>[] {
  let all: Partial<T>[] = [{}];
  for (const [key, value] of Object.entries(fields)) {
    all = all.flatMap((some) => [some, { ...some, [key]: value }]);
  }
  return all;
}

test("every combination of a call's optional fields comes back as it was", () => {
  const fields = {
    timeoutMs: undefined,
    args: [1, "a"],
    flags: 1,
    attempt: 2,
    metadata: { a: "b" },
    idempotencyKey: "k",
    streamArgument: 0,
    idleMs: 5_000,
  };
  for (const some of combinations(fields)) {
    expect(there({ ...call, ...some })).toStrictEqual({ ...call, ...some });
  }
});

test("every combination of a fault's optional fields comes back as it was", () => {
  const fields = {
    reason: "R",
    retryAfterMs: 5,
    details: [1],
    metadata: { a: "b" },
    executed: "yes" as const,
  };
  for (const some of combinations(fields)) {
    expect(there({ ...fault, ...some })).toStrictEqual({ ...fault, ...some });
  }
});

test("fields that are not needed are not sent", () => {
  expect(frameOf(call).length).toBe(12 + 1 + 3 + 1);
  expect(frameOf(result(undefined)).length).toBe(12 + 1);
  expect(frameOf({ kind: "end", id: 1, metadata: undefined }).length).toBe(12);
  expect(frameOf(fault).length).toBe(12 + 1 + 2 + 1);
});

test("a body at the limit is encoded and one byte more is refused, whatever ends it", () => {
  for (const limit of [100, 65_536, 4_194_304]) {
    for (const tail of ["", "x", "short", "é".repeat(11), "水".repeat(7), "x".repeat(23)]) {
      const rest = limit - 1 - Buffer.byteLength(tail) - 1;
      const head = rest - 1 < 24 ? 1 : rest - 2 < 256 ? 2 : rest - 3 < 65_536 ? 3 : 5;
      const value = (extra: number): unknown[] => [new Uint8Array(rest - head + extra), tail];
      const { length } = encodeMessage(result(value(0)), limit);
      expect(length).toBe(12 + limit);
      expect(errorOf(result(value(1)), limit)).toMatchObject({
        code: "RESOURCE_EXHAUSTED",
        reason: "MESSAGE_TOO_LARGE",
        executed: "no",
        message: `the result would be larger than maxMessageBytes, ${limit}`,
      });
    }
  }
});

test("metadata of 16,384 bytes are encoded and of one more are refused, wherever they are", () => {
  for (const [units, fits] of [
    [16_378, true],
    [16_379, false],
  ] as const) {
    const metadata = { a: "b".repeat(units) };
    for (const message of [
      { ...call, metadata },
      { ...fault, metadata },
      { kind: "result", id: 1, value: 1, metadata },
      { kind: "item", id: 1, value: 1, metadata, bytes: 0 },
      { kind: "end", id: 1, metadata },
    ] as const) {
      if (fits) expect(there(message)).toMatchObject({ metadata });
      else {
        expect(errorOf(message, 100_000)).toMatchObject({
          code: "INVALID_ARGUMENT",
          reason: "METADATA_TOO_LARGE",
          executed: "no",
          message: "metadata of 16385 bytes are more than 16384",
        });
      }
    }
  }
});

test("an item is read with the bytes of its frame", () => {
  const item = { kind: "item", id: 1, value: "abc", metadata: { a: "b" }, bytes: 0 } as const;
  expect(there(item)).toStrictEqual({ ...item, bytes: frameOf(item).length });
});

test("a copy is the same frame in a buffer of its own, of just that size", () => {
  for (const size of [0, 10, 32_000, 33_000, 65_000, 100_000, 3_000_000]) {
    const whole = frameOf(result(new Uint8Array(size)));
    const encoded = encodeMessage(result(new Uint8Array(size)), 4_194_304);
    const { length } = encoded;
    const own = encoded.copy();
    encodeMessage(result("x".repeat(length)), 4_194_304);
    expect([own.equals(whole), own.buffer.byteLength]).toEqual([true, length]);
  }
});

test("large bytes that end a message are not copied by what encodes, and come out whole", () => {
  const large = new Uint8Array(4_096).fill(7);
  for (const [message, tailBytes] of [
    [result(large), 4_096],
    [result(Buffer.alloc(100_000, 1)), 100_000],
    [result(new Uint8Array(new SharedArrayBuffer(5_000), 100)), 4_900],
    [result(new Uint8Array(4_095)), undefined],
    [result([large]), undefined],
    [result({ large }), undefined],
    [{ kind: "result", id: 1, value: large, metadata: { a: "b" } }, undefined],
    [{ kind: "item", id: 1, value: large, metadata: undefined, bytes: 0 }, 4_096],
    [{ ...call, args: [1, large] }, 4_096],
    [{ ...call, args: [large, 1] }, undefined],
    [{ ...call, args: [large], flags: 1 }, undefined],
    [{ ...call, args: [large], metadata: { a: "b" } }, undefined],
    [{ ...fault, details: large }, undefined],
  ] as const) {
    const encoded = encodeMessage(message, 4_194_304);
    expect(encoded.tail?.length).toBe(tailBytes);
    const back = there(message, message.kind === "call" ? "caller" : "server");
    const bytes = frameOf(message).length;
    expect(back).toEqual(message.kind === "item" ? { ...message, bytes } : message);
  }
});

test("bytes whose length is not theirs are as long as their head says, or are refused", () => {
  class Liar extends Uint8Array {
    says: () => number = () => 0;
    override get length(): number {
      return this.says();
    }
  }
  const liar = new Liar(10_000);
  let asked = 5_000;
  for (const says of [() => 5_000, () => ++asked]) {
    liar.says = says;
    const whole = frameOf(result(liar));
    expect(whole.length).toBe(5 + whole.readUInt32BE(1));
    expect(whole.length).toBe(12 + 3 + whole.readUInt16BE(13));
  }
  liar.says = () => 10_001;
  expect(errorOf(result(liar), 1_000_000)).toMatchObject({ reason: "CANNOT_TRAVEL" });
});

test("large bytes at the end are as large as the limit allows, exactly", () => {
  for (const limit of [10_000, 4_194_304]) {
    const size = limit - (limit > 65_536 ? 5 : 3);
    expect(encodeMessage(result(new Uint8Array(size)), limit).length).toBe(12 + limit);
    expect(errorOf(result(new Uint8Array(size + 1)), limit)).toMatchObject({
      reason: "MESSAGE_TOO_LARGE",
      message: `the result would be larger than maxMessageBytes, ${limit}`,
    });
  }
});

test("an error says which of the message's values it is about", () => {
  expect(errorOf({ ...call, args: [1, { f() {} }] }, 1_000).message).toBe(
    "args[1].f: a function cannot travel",
  );
  expect(errorOf(result(Symbol("s")), 1_000).message).toBe("result: a symbol cannot travel");
  expect(errorOf({ ...fault, details: new Map() }, 1_000).message).toBe(
    "details: Map cannot travel",
  );
  expect(
    errorOf({ kind: "item", id: 1, value: [new Set()], metadata: undefined, bytes: 0 }, 1_000)
      .message,
  ).toBe("item[0]: Set cannot travel");
  expect(errorOf({ ...call, args: ["x".repeat(2_000)] }, 1_000).message).toBe(
    "the args would be larger than maxMessageBytes, 1000",
  );
});

test("texts of a fault, a cancel and a drain are cut to what a receiver takes", () => {
  const long = "é".repeat(5_000);
  const cut = "é".repeat(4_096);
  expect(there({ ...fault, message: long, reason: long })).toMatchObject({
    message: cut,
    reason: cut,
  });
  expect(there({ kind: "cancel", id: 1, code: "CANCELLED", message: long })).toMatchObject({
    message: cut,
  });
  expect(there({ kind: "drain", id: 0, lastCallId: 1, reason: long })).toMatchObject({
    reason: cut,
  });
  // Cut between the two halves of a letter: what is left of it is U+FFFD.
  const halved = there({ ...fault, message: `${"x".repeat(4_095)}😀` });
  expect(halved).toMatchObject({ message: `${"x".repeat(4_095)}\ufffd` });
});

test("any number as the time to wait gives a fault that can be read", () => {
  const sentAs = (retryAfterMs: number): unknown => {
    const message = there({ ...fault, retryAfterMs });
    return message.kind === "fault" ? message.retryAfterMs : message;
  };
  expect([0, -0, 0.1, 12.5, -1, 2_147_483_647, 2_147_483_648, 1e300, Infinity].map(sentAs)).toEqual(
    [0, 0, 1, 13, 0, 2_147_483_647, 2_147_483_647, 2_147_483_647, 2_147_483_647],
  );
  expect([Number.NaN, -Infinity].map(sentAs)).toEqual([undefined, 0]);
});

test("a getter may encode another message, and both come out whole", () => {
  const inner: Buffer[] = [];
  const value = {
    before: "b",
    get a() {
      inner.push(frameOf(result({ inner: [1, 2, 3] })));
      return 1;
    },
    after: "a",
  };
  const outer = there(result(value));
  expect(outer).toStrictEqual(result({ before: "b", a: 1, after: "a" }));
  expect(inner).toEqual([frameOf(result({ inner: [1, 2, 3] }))]);
});

test("a getter whose own message is refused does not harm the outer one", () => {
  const value = {
    get a() {
      return errorOf(result(new Map()), 1_000).message;
    },
  };
  expect(there(result(value))).toStrictEqual(result({ a: "result: Map cannot travel" }));
});

test("every code and every word on execution has its number", () => {
  const codes: readonly Code[] = ["CANCELLED", "UNKNOWN", "INTERNAL", "UNAUTHENTICATED"];
  for (const code of codes) {
    for (const executed of ["no", "maybe", "yes"] as const) {
      expect(there({ ...fault, code, executed })).toMatchObject({ code, executed });
    }
  }
});
