import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { createServiceTable } from "../../src/rpc/service.ts";
import { checkCount, refusalOfCall } from "../../src/rpc/start-rules.ts";
import { StartClock } from "../../src/rpc/start-clock.ts";
import type { StartHost } from "../../src/rpc/start-rules.ts";
import { bufferedBytes, countBuffered } from "../../src/wire/buffered.ts";
import { agreedFeatures, featureNames } from "../../src/wire/hello.ts";
import type { CallMessage } from "../../src/wire/message.ts";
import { callMessage } from "../support/calls.ts";
import { FakeClock } from "../support/clock.ts";

const clock = new FakeClock();
const starts = new StartClock(clock);
const services = {
  Foo: {
    Sum: () => 1,
    Few: () => 1,
    *Items() {
      yield 1;
    },
  },
};
const table = createServiceTable(services, { Foo: { Few: { concurrency: 2 } } });
const sound = callMessage(7, { args: [], timeoutMs: 100 });
interface Changes {
  readonly host?: Partial<StartHost>;
  readonly call?: Partial<CallMessage>;
  readonly leftMs?: number;
  readonly handlers?: number;
  /** Handlers of the method. */
  readonly ofMethod?: number;
  /** What the caller's hello names. Default: nothing. */
  readonly agreed?: readonly string[];
  /** Bytes that wait in the process while it is asked. */
  readonly buffered?: number;
}

const room = {
  running: 0,
  draining: false,
  maxRunningHandlers: limits.maxRunningHandlers,
  maxInFlight: limits.maxInFlight,
};

function ask(changes: Changes = {}) {
  const {
    host,
    call,
    leftMs = 100,
    handlers = 0,
    ofMethod = 0,
    agreed = [],
    buffered = 0,
  } = changes;
  const asked = { ...sound, ...call };
  const served = table.find(asked.method);
  const change = buffered - bufferedBytes();
  countBuffered(change);
  try {
    return refusalOfCall(
      { starts, ...room, ...host },
      { handlers, agreed: agreedFeatures(agreed) },
      asked,
      { ...served, running: ofMethod },
      clock.now() + leftMs,
    );
  } finally {
    countBuffered(-change);
  }
}

/** What breaks each rule, and what that is answered with, in the order in which they are asked. */
const rules: readonly (readonly [breaks: Changes, code: string, reason: string])[] = [
  [{ host: { draining: true } }, "UNAVAILABLE", "DRAINING"],
  [{ handlers: limits.maxInFlight }, "RESOURCE_EXHAUSTED", "TOO_MANY_IN_FLIGHT"],
  [{ host: { running: limits.maxRunningHandlers } }, "RESOURCE_EXHAUSTED", "TOO_MANY_HANDLERS"],
  [{ call: { method: "Foo.Few" }, ofMethod: 2 }, "RESOURCE_EXHAUSTED", "TOO_MANY_OF_METHOD"],
  [{ buffered: limits.maxBufferedBytes + 1 }, "RESOURCE_EXHAUSTED", "BUFFERS_FULL"],
  [{ call: { flags: 1 } }, "UNIMPLEMENTED", "UNSUPPORTED_FLAG"],
  [{ call: { streamArgument: 0 } }, "UNIMPLEMENTED", "UNSUPPORTED_STREAM"],
  [{ call: { timeoutMs: undefined } }, "UNIMPLEMENTED", "NO_DEADLINE"],
  [{ call: { idempotencyKey: "k" } }, "UNIMPLEMENTED", "UNSUPPORTED_KEY"],
  [{ leftMs: 0 }, "DEADLINE_EXCEEDED", "EXPIRED"],
];

test("a sound call may start", () => {
  expect(ask()).toBeUndefined();
});

test("each rule has its own answer, and says that nothing was executed", () => {
  for (const [breaks, code, reason] of rules) {
    expect(ask(breaks)).toMatchObject({ code, reason, executed: "no" });
  }
});

test("of several rules that are broken the first one answers", () => {
  let all: Changes = {};
  for (const [breaks, , reason] of rules.toReversed()) {
    all = {
      ...all,
      ...breaks,
      host: { ...all.host, ...breaks.host },
      call: { ...all.call, ...breaks.call },
    };
    expect(ask(all)?.reason).toBe(reason);
  }
});

test("up to its limits a server takes what comes", () => {
  const full = {
    host: { running: limits.maxRunningHandlers - 1 },
    handlers: limits.maxInFlight - 1,
    buffered: limits.maxBufferedBytes,
    leftMs: 0.001,
  };
  expect(ask(full)).toBeUndefined();
});

test("flags in the upper bits may be passed over, those in the lower eight may not", () => {
  expect(ask({ call: { flags: 0xff_00 } })).toBeUndefined();
  for (let bit = 0; bit < 8; bit++) {
    expect(ask({ call: { flags: 0x100 | (1 << bit) } })).toMatchObject({
      reason: "UNSUPPORTED_FLAG",
      message: `call flags ${1 << bit}`,
    });
  }
});

test("a method that answers with a stream is refused by its name", () => {
  expect(ask({ call: { method: "Foo.Items" } })).toMatchObject({
    reason: "UNSUPPORTED_STREAM",
    message: "Foo.Items is a stream",
  });
});

test("a call that is refused for another reason costs no look at the clock", () => {
  class Unasked extends FakeClock {
    override now(): number {
      throw new Error("looked at");
    }
  }
  const host = { ...room, starts: new StartClock(new Unasked()), draining: true };
  const connection = { handlers: 0, agreed: 0 };
  const refused = refusalOfCall(host, connection, sound, table.find("Foo.Sum"), 0);
  expect(refused?.reason).toBe("DRAINING");
});

/** What each feature permits. */
const permitted: readonly (readonly [feature: string, call: Partial<CallMessage>])[] = [
  ["oneway", { flags: 1 }],
  ["streams", { streamArgument: 0, args: [null] }],
  ["streams", { streamArgument: 1, args: [1, null], timeoutMs: undefined }],
  ["streams", { method: "Foo.Items" }],
  ["streams", { method: "Foo.Items", timeoutMs: undefined }],
  ["keys", { idempotencyKey: "k" }],
];

test("what needs a feature is taken from a caller that has named it, and from no other", () => {
  for (const [feature, call] of permitted) {
    const others = featureNames.filter((name) => name !== feature);
    expect([call, ask({ call, agreed: [feature] })]).toEqual([call, undefined]);
    expect(ask({ call, agreed: others })).toMatchObject({ code: "UNIMPLEMENTED", executed: "no" });
  }
});

/** What is refused of a caller that has named every feature. */
const wrong: readonly (readonly [call: Partial<CallMessage>, code: string, reason: string])[] = [
  [{ flags: 2 }, "UNIMPLEMENTED", "UNSUPPORTED_FLAG"],
  [{ flags: 1 | 128 }, "UNIMPLEMENTED", "UNSUPPORTED_FLAG"],
  [{ timeoutMs: undefined }, "UNIMPLEMENTED", "NO_DEADLINE"],
  [{ timeoutMs: undefined, flags: 1 }, "UNIMPLEMENTED", "NO_DEADLINE"],
  [{ streamArgument: 0 }, "INVALID_ARGUMENT", "BAD_BODY"],
  [{ streamArgument: 2, args: [1, null] }, "INVALID_ARGUMENT", "BAD_BODY"],
  [{ idempotencyKey: "" }, "INVALID_ARGUMENT", "BAD_BODY"],
  [{ idempotencyKey: "k", flags: 1 }, "UNIMPLEMENTED", "UNSUPPORTED_KEY"],
  [{ idempotencyKey: "k", method: "Foo.Items" }, "UNIMPLEMENTED", "UNSUPPORTED_KEY"],
  [{ idempotencyKey: "k", streamArgument: 0, args: [null] }, "UNIMPLEMENTED", "UNSUPPORTED_KEY"],
];

test("of a caller that has named every feature what makes no sense is refused all the same", () => {
  for (const [call, code, reason] of wrong) {
    expect(ask({ call, agreed: featureNames })).toMatchObject({ code, reason, executed: "no" });
  }
});

test("a server's own limits are the ones that hold", () => {
  const host = { maxInFlight: 3, maxRunningHandlers: 5 };
  expect(ask({ host: { ...host, running: 4 }, handlers: 2 })).toBeUndefined();
  expect(ask({ host, handlers: 3 })).toMatchObject({
    reason: "TOO_MANY_IN_FLIGHT",
    message: "3 calls are in flight on this connection",
  });
  expect(ask({ host: { ...host, running: 5 } })?.reason).toBe("TOO_MANY_HANDLERS");
  expect(ask({ call: { method: "Foo.Few" }, ofMethod: 1 })).toBeUndefined();
});

test("a count that a person sets is a whole number above 0", () => {
  expect(checkCount("maxInFlight", 1)).toBe(1);
  for (const count of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => checkCount("maxInFlight", count)).toThrow(
      `maxInFlight is ${count}, and must be a whole number above 0`,
    );
  }
});
