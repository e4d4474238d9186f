import { expect, test } from "bun:test";
import { codeNumbers, GeeError } from "../../src/base/errors.ts";
import type { Code, Executed } from "../../src/base/errors.ts";
import type { Outcome } from "../../src/fleet/endpoint.ts";
import { classOf, decide, outcomeOf, retryDelayMs } from "../../src/fleet/retry-rules.ts";
import type { FailureClass, RetryFacts, Verdict } from "../../src/fleet/retry-rules.ts";
import * as refusals from "../../src/rpc/refusals.ts";

function isCode(name: string): name is Code {
  return name in codeNumbers;
}

const codes = Object.keys(codeNumbers).filter(isCode);

function failure(code: Code, executed: Executed, reason?: string): GeeError {
  return new GeeError(code, "it failed", { executed, reason });
}

const lostConnection = new GeeError("UNAVAILABLE", "gone", { reason: "CONNECTION_LOST" });

// -------------------------------------------------------------- classes

const classes: readonly (readonly [
  what: string,
  error: GeeError,
  sent: boolean,
  expected: FailureClass,
])[] = [
  ["a refused connection", failure("UNAVAILABLE", "no", "CONNECT_FAILED"), false, "unsent"],
  ["no hello", refusals.notGreeted(lostConnection, "peer"), false, "unsent"],
  ["a hello that is late", refusals.helloTimeout("peer"), false, "unsent"],
  ["a hello refused for drain", refusals.notGreeted(refusals.shuttingDown(), "p"), false, "unsent"],
  ["another instance", refusals.wrongInstance(), false, "unsent"],
  ["a connection that closes", failure("UNAVAILABLE", "no", "CONNECTION_CLOSING"), false, "unsent"],
  ["no room for another call", refusals.tooManyInFlight(1), false, "unsent"],
  ["a full queue", failure("RESOURCE_EXHAUSTED", "no", "QUEUE_FULL"), false, "unsent"],
  ["a service not in the hello", failure("UNIMPLEMENTED", "no", "NO_SUCH_METHOD"), false, "unsent"],
  ["a feature not agreed on", failure("UNIMPLEMENTED", "no", "UNSUPPORTED_KEY"), false, "unsent"],
  ["an odd failure of a dial", failure("UNKNOWN", "no"), false, "unsent"],
  ["no room in this process", failure("RESOURCE_EXHAUSTED", "no", "BUFFERS_FULL"), false, "final"],
  ["a large message", failure("RESOURCE_EXHAUSTED", "no", "MESSAGE_TOO_LARGE"), false, "final"],
  [
    "a value that cannot travel",
    failure("INVALID_ARGUMENT", "no", "CANNOT_TRAVEL"),
    false,
    "final",
  ],
  ["the client's end", failure("UNAVAILABLE", "no", "CLOSED"), false, "final"],
  ["the client's end in flight", failure("UNAVAILABLE", "maybe", "CLOSED"), true, "final"],
  ["a cancel before the send", failure("CANCELLED", "no"), false, "final"],
  ["a deadline before the send", failure("DEADLINE_EXCEEDED", "no"), false, "final"],
  ["a broken precondition", failure("FAILED_PRECONDITION", "no"), false, "final"],
  [
    "a server of another version",
    failure("FAILED_PRECONDITION", "no", "CONTRACT_MISMATCH"),
    false,
    "unsent",
  ],
  [
    "a server that says so itself",
    failure("FAILED_PRECONDITION", "no", "CONTRACT_MISMATCH"),
    true,
    "final",
  ],

  ["a loss before a byte left", refusals.lost(lostConnection, "no"), true, "unsent"],
  ["a loss in flight", refusals.lost(lostConnection, "maybe"), true, "maybe"],
  ["a silent peer", refusals.lost(refusals.silent("p"), "maybe"), true, "maybe"],
  ["a protocol error", refusals.lost(refusals.brokenBy("p", "x"), "maybe"), true, "maybe"],
  ["a shutdown that did not wait", failure("UNAVAILABLE", "maybe", "SHUT_DOWN"), true, "maybe"],
  ["an unreadable fault", refusals.badAnswer("x", "maybe"), true, "maybe"],
  ["an unreadable result", refusals.badAnswer("x", "yes"), true, "final"],
  ["data that were lost on the way", failure("DATA_LOSS", "maybe"), true, "maybe"],

  ["drain", refusals.shuttingDown(), true, "drained"],
  ["drain, passed over", refusals.draining("peer"), true, "drained"],
  ["drain, cut off while it left", failure("UNAVAILABLE", "maybe", "DRAINING"), true, "maybe"],
  ["too many in flight", refusals.tooManyInFlight(1), true, "overloaded"],
  [
    "too many handlers",
    failure("RESOURCE_EXHAUSTED", "no", "TOO_MANY_HANDLERS"),
    true,
    "overloaded",
  ],
  ["a limit of a later version", failure("RESOURCE_EXHAUSTED", "no", "SHED"), true, "overloaded"],
  [
    "the server's full buffers",
    failure("RESOURCE_EXHAUSTED", "no", "BUFFERS_FULL"),
    true,
    "overloaded",
  ],
  ["a first call not started", failure("UNAVAILABLE", "no", "NOT_STARTED"), true, "overloaded"],
  ["an unknown method", failure("UNIMPLEMENTED", "no", "NO_SUCH_METHOD"), true, "unknown-method"],
  ["a call without deadline", failure("UNIMPLEMENTED", "no", "NO_DEADLINE"), true, "final"],

  ["a handler's UNAVAILABLE", failure("UNAVAILABLE", "yes"), true, "final"],
  [
    "a handler's UNAVAILABLE that says DRAINING",
    failure("UNAVAILABLE", "yes", "DRAINING"),
    true,
    "final",
  ],
  ["a handler's fault", failure("INTERNAL", "yes", "HANDLER_FAILED"), true, "final"],
  ["a handler's quota", failure("RESOURCE_EXHAUSTED", "yes"), true, "final"],
  ["a large result", failure("RESOURCE_EXHAUSTED", "yes", "MESSAGE_TOO_LARGE"), true, "final"],
  ["items untaken", refusals.itemsUntaken(1), true, "final"],
  ["a handler's time limit", refusals.notInTime("Foo.Bar"), true, "final"],
  ["a call that came too late", failure("DEADLINE_EXCEEDED", "no", "EXPIRED"), true, "unsent"],
  ["an unreadable call", refusals.badCall("x"), true, "final"],
  ["a key with other arguments", failure("FAILED_PRECONDITION", "no", "KEY_REUSED"), true, "final"],
];

test.each(classes)("%s", (_what, error, sent, expected) => {
  expect(classOf(error, { sent })).toBe(expected);
});

test("what ran is final, whatever its code", () => {
  for (const code of codes) expect(classOf(failure(code, "yes"), { sent: true })).toBe("final");
});

test("what may have run is one of two classes, and what was not started is never maybe", () => {
  for (const code of codes) {
    expect(["maybe", "final"]).toContain(classOf(failure(code, "maybe"), { sent: true }));
    expect(classOf(failure(code, "no"), { sent: true })).not.toBe("maybe");
    for (const executed of ["no", "maybe", "yes"] as const) {
      expect(["unsent", "final"]).toContain(classOf(failure(code, executed), { sent: false }));
    }
  }
});

// -------------------------------------------------------------- verdicts

const plain: RetryFacts = {
  failure: "final",
  idempotent: false,
  hasKey: false,
  inherited: false,
  sent: 1,
  movedOn: false,
  pushedBackMs: undefined,
};

const idempotent = { idempotent: true };
const hasKey = { hasKey: true };
const inherited = { inherited: true };
const movedOn = { movedOn: true };

const verdicts: readonly (readonly [FailureClass, Partial<RetryFacts>, Verdict])[] = [
  ["final", { ...idempotent, ...hasKey }, "stop"],
  ["unsent", {}, "elsewhere"],
  ["unsent", inherited, "elsewhere"],
  ["unsent", movedOn, "elsewhere"],
  ["unsent", { sent: 0 }, "elsewhere"],
  ["unsent", { sent: 4 }, "elsewhere"],
  ["unsent", { sent: 5 }, "stop"],
  ["drained", {}, "elsewhere"],
  ["drained", inherited, "elsewhere"],
  ["drained", { sent: 5 }, "stop"],
  ["overloaded", {}, "other"],
  ["overloaded", { ...idempotent, ...hasKey }, "other"],
  ["overloaded", movedOn, "stop"],
  ["overloaded", inherited, "stop"],
  ["overloaded", { pushedBackMs: 50 }, "other"],
  ["overloaded", { pushedBackMs: 0 }, "other"],
  ["overloaded", { pushedBackMs: -1 }, "stop"],
  ["overloaded", { pushedBackMs: Number.NaN }, "other"],
  ["unknown-method", {}, "other"],
  ["unknown-method", movedOn, "stop"],
  ["unknown-method", inherited, "stop"],
  ["maybe", {}, "stop"],
  ["maybe", idempotent, "again"],
  ["maybe", hasKey, "same"],
  ["maybe", { ...idempotent, ...hasKey }, "again"],
  ["maybe", { ...idempotent, ...inherited }, "stop"],
  ["maybe", { ...hasKey, ...inherited }, "stop"],
  ["maybe", { ...idempotent, ...movedOn }, "again"],
  ["maybe", { ...idempotent, sent: 4 }, "again"],
  ["maybe", { ...idempotent, sent: 5 }, "stop"],
  ["maybe", { ...idempotent, sent: Number.NaN }, "stop"],
  ["maybe", { ...idempotent, pushedBackMs: -1 }, "stop"],
  ["maybe", { ...idempotent, pushedBackMs: 1_000 }, "again"],
];

test.each(verdicts)("%s with %j: %s", (failureClass, facts, expected) => {
  expect(decide({ ...plain, failure: failureClass, ...facts })).toBe(expected);
});

// -------------------------------------------------------------- waits

test("the wait doubles from 100 ms to a second, with a fifth of chance", () => {
  const middle = [1, 2, 3, 4, 5, 6, 100].map((attempt) => retryDelayMs(attempt, () => 0.5));
  expect(middle).toEqual([100, 200, 400, 800, 1_000, 1_000, 1_000]);
  expect(retryDelayMs(1, () => 0)).toBeCloseTo(80);
  expect(retryDelayMs(1, () => 1)).toBeCloseTo(120);
  expect(retryDelayMs(9, () => 1)).toBeCloseTo(1_200);
});

test("a wait of odd numbers is a wait", () => {
  for (const attempt of [0, -5, Number.NaN]) expect(retryDelayMs(attempt, () => 0.5)).toBe(100);
  expect(retryDelayMs(Number.POSITIVE_INFINITY, () => 0.5)).toBe(1_000);
  for (const chance of [Number.NaN, -1, 2]) expect(retryDelayMs(1, () => chance)).toBe(100);
});

// -------------------------------------------------------------- outcomes

const outcomes: readonly (readonly [what: string, error: GeeError | undefined, Outcome])[] = [
  ["an answer", undefined, "ok"],
  ["a refused connection", failure("UNAVAILABLE", "no", "CONNECT_FAILED"), "failed"],
  ["a lost connection", refusals.lost(lostConnection, "maybe"), "failed"],
  ["a handler's UNAVAILABLE", failure("UNAVAILABLE", "yes"), "failed"],
  ["a handler that failed", failure("INTERNAL", "yes", "HANDLER_FAILED"), "failed"],
  ["an unreadable answer", refusals.badAnswer("x", "yes"), "failed"],
  ["lost data", failure("DATA_LOSS", "yes"), "failed"],
  ["an odd failure of a dial", failure("UNKNOWN", "no"), "failed"],
  ["drain", refusals.shuttingDown(), "refused"],
  ["overload", refusals.tooManyInFlight(1), "refused"],
  ["a first call not started", failure("UNAVAILABLE", "no", "NOT_STARTED"), "refused"],
  ["a large message of ours", failure("RESOURCE_EXHAUSTED", "no", "MESSAGE_TOO_LARGE"), "left"],
  ["a value of ours", failure("INVALID_ARGUMENT", "no", "CANNOT_TRAVEL"), "left"],
  ["the client's end", failure("UNAVAILABLE", "maybe", "CLOSED"), "left"],
  ["an unknown method", failure("UNIMPLEMENTED", "no", "NO_SUCH_METHOD"), "left"],
  ["our cancel", failure("CANCELLED", "maybe"), "left"],
  ["a source of ours", failure("INTERNAL", "yes", "SOURCE_FAILED"), "left"],
  ["a stream that stands still", refusals.streamIdle("Foo.Bar", 1), "left"],
  ["a handler's CANCELLED", failure("CANCELLED", "yes"), "ok"],
  ["a handler's DEADLINE_EXCEEDED", failure("DEADLINE_EXCEEDED", "yes"), "ok"],
  ["a handler's quota", failure("RESOURCE_EXHAUSTED", "yes"), "ok"],
  ["a handler's UNKNOWN", failure("UNKNOWN", "yes"), "ok"],
  ["a handler's NOT_FOUND", failure("NOT_FOUND", "yes"), "ok"],
  ["a large result", failure("RESOURCE_EXHAUSTED", "yes", "MESSAGE_TOO_LARGE"), "ok"],
];

test.each(outcomes)("%s", (_what, error, expected) => {
  expect(outcomeOf(error, 10, 10, 10_000)).toBe(expected);
});

test.each([
  // elapsed, latency, timeout
  [1, 5, 1, "left"],
  [10, 5, 10, "failed"],
  [9.9, 5, 9.9, "left"],
  [100, 5_000, 100, "failed"],
  [99, 5_000, 99, "left"],
  [99, 0, 99, "left"],
  [100, 0, 100, "failed"],
  // This process stood still for 5 s: the call had 1 ms all the same.
  [5_000, 5, 1, "left"],
  [50, 5, Number.POSITIVE_INFINITY, "failed"],
  [Number.NaN, 5, 1_000, "left"],
  [1_000, 5, Number.NaN, "left"],
  [100, Number.NaN, 100, "failed"],
] as const)(
  "a time-out after %p ms, latency %p ms, of %p ms: %s",
  (elapsed, latency, timeout, expected) => {
    for (const executed of ["no", "maybe"] as const) {
      const error = failure("DEADLINE_EXCEEDED", executed);
      expect(outcomeOf(error, elapsed, latency, timeout)).toBe(expected);
    }
  },
);

test("a member that hangs goes on failing, although its latency has become that of the time-outs", () => {
  const error = failure("DEADLINE_EXCEEDED", "maybe");
  expect(outcomeOf(error, 500, 2, 500)).toBe("failed");
  expect(outcomeOf(error, 500, 700, 500)).toBe("failed");
});
