import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { createServiceTable } from "../../src/rpc/service.ts";
import { refusalOfCall } from "../../src/rpc/start-rules.ts";
import type { StartHost } from "../../src/rpc/start-rules.ts";
import { bufferedBytes, countBuffered } from "../../src/wire/buffered.ts";
import type { CallMessage } from "../../src/wire/message.ts";
import { FakeClock } from "../support/clock.ts";

const clock = new FakeClock();
const table = createServiceTable({
  Foo: {
    Sum: () => 1,
    *Items() {
      yield 1;
    },
  },
});
const sound: CallMessage = {
  kind: "call",
  id: 7,
  method: "Foo.Sum",
  timeoutMs: 100,
  args: [],
  flags: 0,
  attempt: 0,
  metadata: undefined,
  idempotencyKey: undefined,
  streamArgument: undefined,
};

interface Changes {
  readonly host?: Partial<StartHost>;
  readonly call?: Partial<CallMessage>;
  readonly leftMs?: number;
  readonly handlers?: number;
  /** Bytes that wait in the process while it is asked. */
  readonly buffered?: number;
}

function ask({ host, call, leftMs = 100, handlers = 0, buffered = 0 }: Changes = {}) {
  const asked = { ...sound, ...call };
  const change = buffered - bufferedBytes();
  countBuffered(change);
  try {
    return refusalOfCall(
      { clock, running: 0, draining: false, ...host },
      asked,
      table.find(asked.method),
      clock.now() + leftMs,
      handlers,
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
  [{ buffered: limits.maxBufferedBytes + 1 }, "RESOURCE_EXHAUSTED", "BUFFERS_FULL"],
  [{ call: { flags: 1 } }, "UNIMPLEMENTED", "UNSUPPORTED_FLAG"],
  [{ call: { timeoutMs: undefined } }, "UNIMPLEMENTED", "NO_DEADLINE"],
  [{ call: { idempotencyKey: "k" } }, "UNIMPLEMENTED", "UNSUPPORTED_KEY"],
  [{ call: { streamArgument: 0 } }, "UNIMPLEMENTED", "UNSUPPORTED_STREAM"],
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
  const host = { clock: new Unasked(), running: 0, draining: true };
  expect(refusalOfCall(host, sound, table.find("Foo.Sum"), 0, 0)?.reason).toBe("DRAINING");
});
