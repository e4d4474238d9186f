import { Decoder } from "cbor-x/index-no-eval";
import { afterAll, expect, test } from "bun:test";
import { codeNumbers } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { bufferedBytes } from "../../src/wire/buffered.ts";
import { firstSkippableKind, headBytes, kinds } from "../../src/wire/frame.ts";
import {
  featureNames,
  leastMaxMessageBytes,
  magic,
  methodFlags,
  protocolVersion,
} from "../../src/wire/hello.ts";
import { callFlags, executedWords } from "../../src/wire/message.ts";
import type { Message } from "../../src/wire/message.ts";
import { partBytes } from "../../src/wire/part-blocks.ts";
import { frameOf, rawFrame } from "../support/scripted-peer.ts";
import { openBench } from "./recorder.ts";
import type { Bench } from "./recorder.ts";
import {
  bare,
  badParts,
  constants,
  parts,
  rejects,
  skips,
  vectors,
  vectorsText,
} from "./vectors.ts";
import type { Reject, Skip, Vector } from "./vectors.ts";

const wholeCutsBytes = 700;
const byteByByteBytes = 16_384;
/** As any CBOR library reads; `int64AsNumber` because cbor-x makes no date of a bigint. */
const decoderOptions = { useRecords: false, mapsAsObjects: true, int64AsNumber: true };
const ping: Message = { kind: "ping", id: 0, token: 99 };

const ownKeys = Reflect.ownKeys(Object.prototype);
afterAll(() => {
  expect(Reflect.ownKeys(Object.prototype)).toEqual(ownKeys);
});

/** Ways to feed bytes: the sizes of the pieces that they come in, the rest being the last. */
function* cuts(bytes: Buffer): Generator<readonly Buffer[]> {
  yield [bytes];
  if (bytes.length <= byteByByteBytes) yield Array.from(bytes, (byte) => Buffer.from([byte]));
  for (let at = 1; at < bytes.length; at++) {
    const near = at <= 64 || bytes.length - at <= 64;
    if (bytes.length > wholeCutsBytes && !near && at % 49_999 !== 0) continue;
    yield [bytes.subarray(0, at), bytes.subarray(at)];
  }
}

function feed(bench: Bench, pieces: readonly Buffer[]): void {
  for (const piece of pieces) {
    bench.peer.send(piece);
    bench.pair.deliver();
  }
}

/** Feeds every frame in every way to a fresh channel; returns the names of those that fail. */
function failures<T extends Skip & { readonly greeting?: boolean }>(
  frames: readonly T[],
  passes: (frame: T, bench: Bench) => void,
): string[] {
  const failed: string[] = [];
  for (const frame of frames) {
    for (const pieces of cuts(frame.bytes)) {
      const bench = openBench({ from: frame.from, greeting: frame.greeting ?? false });
      try {
        feed(bench, pieces);
        passes(frame, bench);
      } catch (error) {
        failed.push(`${frame.name} (${pieces.length} pieces, ${pieces[0]?.length}): ${error}`);
        break;
      }
    }
  }
  return failed;
}

// A channel puts parts together; as messages of their own they are seen on the way out only.
const accepted = vectors.filter(
  ({ encodeOnly, message }) => !encodeOnly && message.kind !== "part",
);
const sent = vectors.filter(({ decodeOnly }) => !decodeOnly);

test("a message is encoded as exactly the bytes of its vector", () => {
  const hexes = (frames: readonly (readonly [Vector, Buffer])[]): string[] =>
    frames.map(([{ name }, bytes]) => `${name}: ${bytes.subarray(0, 4_096).toString("hex")}`);
  const encoded = sent.map((vector) => [vector, frameOf(vector.message)] as const);
  expect(hexes(encoded)).toEqual(hexes(sent.map((vector) => [vector, vector.bytes] as const)));
  expect(encoded.filter(([{ bytes }, own]) => !own.equals(bytes))).toEqual([]);
});

test("a vector is read as exactly its message, in one piece, byte by byte and cut anywhere", () => {
  const failed = failures(accepted, ({ message }, { owner }) => {
    expect(owner.messages.map(bare)).toStrictEqual([bare(message)]);
    expect(owner.badBodies).toEqual([]);
    expect(owner.closedWhys).toEqual([]);
  });
  expect(failed).toEqual([]);
});

test("all vectors of one side come through one connection, in their order", () => {
  for (const from of ["caller", "server"] as const) {
    const own = accepted.filter((vector) => vector.from === from);
    for (const chunkBytes of [1, 7, 65_536]) {
      const { owner, peer, pair } = openBench({ from, both: { chunkBytes } });
      peer.send(...own.map(({ bytes }) => bytes).filter(({ length }) => length <= 16_384));
      pair.deliver();
      const expected = own.filter(({ bytes }) => bytes.length <= 16_384);
      expect(owner.messages.map(bare)).toStrictEqual(expected.map(({ message }) => bare(message)));
      expect(owner.closedWhys).toEqual([]);
    }
  }
});

test("a part is read as exactly its message", () => {
  for (const { bytes, message, from } of vectors) {
    if (message.kind !== "part") continue;
    const { link, peer } = openBench({ from: from === "caller" ? "server" : "caller" });
    link.write(bytes, 0, bytes.length);
    peer.link.deliver();
    expect(peer.messages.map(bare)).toStrictEqual([bare(message)]);
  }
});

test("parts are read as exactly their messages, in one piece, byte by byte and cut anywhere", () => {
  const before = bufferedBytes();
  const failed = failures(parts, ({ messages }, { owner, channel }) => {
    expect(owner.messages.map(bare)).toStrictEqual(messages.map(bare));
    expect([owner.badBodies, owner.closedWhys]).toEqual([[], []]);
    channel.link.close();
  });
  expect(failed).toEqual([]);
  expect(bufferedBytes()).toBe(before);
});

test("a large message is sent in exactly the parts of its vector, alone on its link", () => {
  const ours = parts.filter(({ name }) => name.includes("as we send it"));
  expect(ours.length).toBe(1);
  for (const { bytes, messages, from } of ours) {
    const other = from === "caller" ? "server" : "caller";
    const { channel, peer, pair } = openBench({ from: other, parts: true });
    for (const message of messages) channel.send(message);
    channel.flush();
    pair.deliver();
    expect(peer.received.equals(bytes)).toBe(true);
  }
});

test("parts that are wrong end the connection, however they are cut, and nothing is read of them", () => {
  const before = bufferedBytes();
  expect(failures(badParts, refusesConnection)).toEqual([]);
  expect(bufferedBytes()).toBe(before);
});

test("a skipped frame is read over, in one piece, byte by byte and cut anywhere", () => {
  const failed = failures(skips, (_, { owner, peer, pair }) => {
    expect(owner.messages).toEqual([]);
    peer.say(ping);
    pair.deliver();
    expect(owner.messages).toEqual([ping]);
    expect(owner.closedWhys).toEqual([]);
    expect(peer.frames).toEqual([]);
  });
  expect(failed).toEqual([]);
});

function refusesConnection({ code, reason }: Reject, { owner, peer, pair }: Bench): void {
  peer.say(ping);
  pair.deliver();
  expect(owner.messages).toEqual([]);
  expect(owner.badBodies).toEqual([]);
  expect(owner.closedWhys).toMatchObject([{ code, reason }]);
  const told = reason === "NOT_A_FRAME" ? [] : [{ kind: "fault", id: 0, code, reason }];
  expect(peer.messages).toMatchObject(told);
  expect(peer.closedWhy).toBeDefined();
}

function refusesBody({ bytes }: Reject, { owner, peer, pair }: Bench): void {
  expect(owner.messages).toEqual([]);
  expect(owner.badBodies).toMatchObject([{ kind: bytes[6], id: bytes.readUInt32BE(8) }]);
  peer.say(ping);
  pair.deliver();
  expect(owner.messages).toEqual([ping]);
  expect(owner.closedWhys).toEqual([]);
  expect(peer.frames).toEqual([]);
}

test("what ends a connection ends it with its reason, however it is cut, and nothing is delivered", () => {
  const frames = rejects.filter(({ refused }) => refused === "connection");
  expect(failures(frames, refusesConnection)).toEqual([]);
});

test("a body that is refused fails one call, however it is cut, and the next frame is read", () => {
  const frames = rejects.filter(({ refused }) => refused === "body");
  expect(failures(frames, refusesBody)).toEqual([]);
});

test("a bad value is refused wherever a value can stand", () => {
  const head = Buffer.from("0119271081", "hex");
  const values = rejects.filter(({ name }) => name.startsWith("value: "));
  const bodies = values.map(({ bytes }) => bytes.subarray(12));
  const wrong: string[] = [];
  for (const body of bodies) {
    if (!body.subarray(0, 5).equals(head) || body.length > 700) continue;
    const value = body.subarray(5);
    const key = Buffer.from("a16161", "hex");
    for (const [kind, from, fields, before] of [
      [kinds.result, "server", 1, Buffer.alloc(0)],
      [kinds.item, "caller", 1, Buffer.from([0x81])],
      [kinds.result, "server", 1, key],
      [kinds.fault, "server", 6, Buffer.from("056002f6f6", "hex")],
    ] as const) {
      const { owner, peer, pair } = openBench({ from });
      peer.send(rawFrame(kind, 1, fields, Buffer.concat([before, value])));
      pair.deliver();
      if (owner.badBodies.length !== 1 || owner.messages.length !== 0) {
        wrong.push(`${kind}: ${value.toString("hex")}`);
      }
    }
  }
  expect(bodies.length).toBeGreaterThan(150);
  expect(wrong).toEqual([]);
});

test("cbor-x reads each vector as a byte string around an array with the same head and fields", () => {
  const decoder = new Decoder(decoderOptions);
  for (const { name, bytes, message } of vectors) {
    const outer: unknown = decoder.decode(bytes);
    if (!(outer instanceof Uint8Array)) throw new Error(`${name}: no byte string`);
    expect(outer.length).toBe(bytes.length - 5);
    const content: unknown = decoder.decode(outer);
    if (!Array.isArray(content)) throw new Error(`${name}: no array`);
    const [kind, id] = content;
    const kindName = message.kind.endsWith("Hello") ? "hello" : message.kind;
    expect({ name, kind }).toEqual({
      name,
      kind: Object.entries(kinds).find(([key]) => key === kindName)?.[1],
    });
    if (!name.includes("not looked at")) expect({ name, id }).toEqual({ name, id: message.id });
    expect({ name, fields: content.length }).toEqual({ name, fields: bytes.readUInt8(5) - 0x80 });
  }
});

test("cbor-x reads a stream of vectors as a CBOR sequence of byte strings", () => {
  const decoder = new Decoder(decoderOptions);
  const lengths: number[] = [];
  decoder.decodeMultiple(Buffer.concat(vectors.map(({ bytes }) => bytes)), (frame: unknown) => {
    lengths.push(frame instanceof Uint8Array ? frame.length + 5 : -1);
  });
  expect(lengths).toEqual(vectors.map(({ bytes }) => bytes.length));
});

test("numbers of kinds and codes, flags, the magic number and limits are those of the file", () => {
  const {
    maxMessageBytes,
    maxCallerHelloBytes,
    maxServerHelloBytes,
    maxValueDepth,
    maxItems,
    maxBigintBytes,
    maxTimeoutMs,
    maxFaultTextLength,
    maxInFlight,
    maxServices,
    helloTimeoutMs,
    maxUnfinishedBytes,
    maxMetadataBytes,
    streamWindowBytes,
    maxCreditBytes,
    streamIdleMs,
  } = limits;
  expect(constants).toEqual({
    kinds,
    firstSkippableKind,
    codes: codeNumbers,
    executed: executedWords,
    callFlags,
    features: featureNames,
    methodFlags,
    magic,
    protocolVersion,
    headBytes,
    leastMaxMessageBytes,
    partBytes,
    limits: {
      maxMessageBytes,
      maxUnfinishedBytes,
      maxMetadataBytes,
      streamWindowBytes,
      maxCreditBytes,
      streamIdleMs,
      maxCallerHelloBytes,
      maxServerHelloBytes,
      maxValueDepth,
      maxItems,
      maxBigintBytes,
      maxTimeoutMs,
      maxFaultTextLength,
      maxInFlight,
      maxServices,
      helloTimeoutMs,
    },
  });
});

test("the file has one vector on a line, sorted by kind, and no name twice", () => {
  const lists = [vectors, skips, rejects, parts, badParts];
  for (const list of lists) {
    const names = list.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  }
  const numbers = vectors.map(({ bytes }) => bytes.readUInt8(6));
  expect(numbers).toEqual(numbers.toSorted((left, right) => left - right));
  const lines = vectorsText.split("\n").filter((line) => line.startsWith('    {"name": '));
  expect(lines.length).toBe(lists.flat().length);
});

test("every kind has a vector from each side that may send it", () => {
  const seen = new Set(vectors.map(({ from, message }) => `${message.kind} ${from}`));
  for (const pair of [
    ...["callerHello", "call", "part", "cancel", "item", "end", "credit"].map((k) => `${k} caller`),
    ...["serverHello", "part", "result", "fault", "item", "end", "credit"].map(
      (k) => `${k} server`,
    ),
    ...["ping", "pong", "drain", "fault"].map((k) => `${k} caller`),
    ...["ping", "pong", "drain", "cancel"].map((k) => `${k} server`),
  ]) {
    expect([...seen]).toContain(pair);
  }
});
