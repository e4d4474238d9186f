import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { policies } from "../../src/fleet/policies.ts";
import {
  createPatienceMaker,
  createRequestMaker,
  policyNamed,
  withSignal,
} from "../../src/routing/request.ts";
import type { CallContext } from "../../src/rpc/context.ts";
import type { CallOptions } from "../../src/rpc/remote.ts";
import { silentLog } from "../../src/base/log.ts";
import { FakeClock } from "../support/clock.ts";

const clock = new FakeClock();
const now = clock.now();
const make = createRequestMaker(clock);

async function* items(): AsyncGenerator<number> {}

/** The context of a call that is being handled, with so much time left. */
function contextOf(changes: Partial<CallContext> = {}): CallContext {
  return {
    signal: new AbortController().signal,
    remainingMs: 300,
    metadata: { trace: "1" },
    peer: "127.0.0.1:9",
    method: "Foo.Outer",
    attempt: 2,
    log: silentLog,
    service: () => {
      throw new Error("not here");
    },
    call: () => {
      throw new Error("not here");
    },
    setMetadata() {},
    setTrailing() {},
    ...changes,
  };
}

function errorOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

test("a call that says nothing has the default deadline, which is none of a stream", () => {
  const defaults = {
    service: "Foo",
    method: "Foo.Sum",
    args: [1, 2],
    timeoutMs: limits.callTimeoutMs,
    deadlineAt: now + limits.callTimeoutMs,
    limited: false,
    metadata: undefined,
    signal: undefined,
    to: undefined,
    attempt: 0,
    oneWay: false,
    idempotencyKey: undefined,
    stream: undefined,
    idleMs: limits.streamIdleMs,
    onMetadata: undefined,
    policy: undefined,
    hashKey: undefined,
    tags: undefined,
    idempotent: false,
    hedge: false,
    waitForReady: false,
    maxAttempts: 5,
  };
  const plain = make("Foo.Sum", [1, 2], {});
  // What few calls ask for is there as well, though not as the request's own.
  const names: readonly (keyof typeof defaults)[] = [
    "metadata",
    "signal",
    "to",
    "attempt",
    "oneWay",
    "idempotencyKey",
    "stream",
    "idleMs",
    "onMetadata",
    "policy",
    "hashKey",
    "tags",
    "idempotent",
    "hedge",
    "waitForReady",
    "maxAttempts",
  ];
  for (const name of names) expect(plain[name]).toBe(defaults[name]);
  const { signal } = new AbortController();
  expect(withSignal(plain, signal)).toEqual({ ...defaults, signal });
});

test("what a caller says is in the request", () => {
  const { signal } = new AbortController();
  const onMetadata = (): void => {};
  const options: CallOptions = {
    timeoutMs: 250,
    idleTimeoutMs: 1_500.2,
    signal,
    metadata: { trace: "1" },
    onMetadata,
    to: "instance",
    idempotencyKey: "k",
    oneWay: true,
  };
  expect(make("Foo.Sum", [1], options)).toMatchObject({
    timeoutMs: 250,
    deadlineAt: now + 250,
    limited: true,
    idleMs: 1_501,
    metadata: { trace: "1" },
    to: "instance",
    idempotencyKey: "k",
    oneWay: true,
  });
  expect(make("Foo.Sum", [1], options).signal).toBe(signal);
  expect(make("Foo.Sum", [1], options).onMetadata).toBe(onMetadata);
});

test("how a call finds its server is in the request", () => {
  const tags = { tier: "gold" };
  const options: CallOptions = {
    policy: "random",
    hashKey: "k",
    tags,
    idempotent: true,
    hedge: true,
    waitForReady: true,
    maxAttempts: 1,
  };
  expect(make("Foo.Sum", [1], options)).toMatchObject({
    policy: policies.random,
    hashKey: "k",
    tags,
    idempotent: true,
    hedge: true,
    waitForReady: true,
    maxAttempts: 1,
  });
  expect(make("Foo.Sum", [1], { hashKey: "k" }).policy).toBe(policies.hash);
});

test("a policy that is none is refused, with the nearest", () => {
  expect(errorOf(() => policyNamed(JSON.parse('"rond-robin"')))).toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "BAD_OPTION",
    hint: "did you mean round-robin?",
  });
});

test.each([0, 6, 1.5, Number.NaN])("%p attempts are refused", (maxAttempts) => {
  expect(errorOf(() => make("Foo.Sum", [], { maxAttempts }))).toMatchObject({
    code: "INVALID_ARGUMENT",
    message: `maxAttempts is ${maxAttempts}, and must be 1 to 5`,
  });
});

test("who waits has a moment until which it does", () => {
  const patience = createPatienceMaker(clock, 300);
  expect(patience("Foo")).toEqual({
    method: "Foo",
    timeoutMs: 300,
    deadlineAt: now + 300,
    signal: undefined,
  });
  expect(patience(undefined, 50)).toMatchObject({ timeoutMs: 50, deadlineAt: now + 50 });
  expect(errorOf(() => patience("Foo", 0))).toMatchObject({ code: "INVALID_ARGUMENT" });
});

test("another default is the client's own, and no limit of a stream", () => {
  const request = createRequestMaker(clock, 2_000)("Foo.Sum", [], {});
  expect(request).toMatchObject({ timeoutMs: 2_000, deadlineAt: now + 2_000, limited: false });
});

test.each<readonly [string, number | undefined, number | undefined, object]>([
  ["the parent's rest is shorter", 300, 1_000, { timeoutMs: 300, limited: true }],
  ["its own time is shorter", 300, 100, { timeoutMs: 100, limited: true }],
  ["only the parent has one", 300, undefined, { timeoutMs: 300, limited: true }],
  ["the default is shorter", 60_000, undefined, { timeoutMs: 10_000, limited: true }],
  ["neither has one", undefined, undefined, { timeoutMs: 10_000, limited: false }],
  ["only its own", undefined, 100, { timeoutMs: 100, limited: true }],
])("a call on behalf of another, and %s", (_what, remainingMs, timeoutMs, expected) => {
  const context = contextOf({ remainingMs });
  const own = timeoutMs === undefined ? { context } : { context, timeoutMs };
  expect(make("Bar.Inner", [], own)).toMatchObject({ ...expected, attempt: 2 });
});

test("metadata of the outer call are not sent on", () => {
  expect(make("Bar.Inner", [], { context: contextOf() }).metadata).toBeUndefined();
});

test("a call on behalf of one whose time is over is not made", () => {
  const error = errorOf(() => make("Bar.Inner", [], { context: contextOf({ remainingMs: 0 }) }));
  expect(error).toBeInstanceOf(GeeError);
  expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "no" });
  expect(String(error)).toContain("Foo.Outer");
  expect(String(error)).toContain("Bar.Inner");
});

test("it ends with the outer call, and with its own signal", () => {
  const outer = new AbortController();
  const own = new AbortController();
  const context = contextOf({ signal: outer.signal });
  expect(make("Bar.Inner", [], { context }).signal).toBe(outer.signal);
  const both = make("Bar.Inner", [], { context, signal: own.signal });
  const other = make("Bar.Inner", [], { context, signal: new AbortController().signal });
  own.abort("enough");
  expect(both.signal?.aborted).toBe(true);
  expect(other.signal?.aborted).toBe(false);
  outer.abort("over");
  expect(other.signal?.reason).toBe("over");
});

test.each<readonly [string, readonly unknown[], number]>([
  ["first", [items(), 1], 0],
  ["second", ["name", items()], 1],
  ["a stream of the platform", [1, new ReadableStream()], 1],
])("an argument that is a stream is found, wherever it stands: %s", (_what, args, index) => {
  const { stream } = make("Foo.Total", args, {});
  expect(stream?.index).toBe(index);
  expect(Object.is(stream?.items, args[index])).toBe(true);
});

test.each<readonly [string, readonly unknown[]]>([
  ["a list", [[1, 2]]],
  ["a generator that is not asynchronous", [(function* () {})()]],
  ["a text, null, undefined", ["abc", null, undefined]],
])("%s is no stream", (_what, args) => {
  expect(make("Foo.Total", args, {}).stream).toBeUndefined();
});

test.each<readonly [string, () => unknown, string]>([
  ["two streams", () => make("Foo.Both", [items(), 1, items()], {}), "arguments 1 and 3"],
  ["no time", () => make("Foo.Sum", [], { timeoutMs: 0 }), "timeoutMs is 0"],
  ["time that is none", () => make("Foo.Sum", [], { timeoutMs: Number.NaN }), "timeoutMs is NaN"],
  ["negative time", () => make("Foo.Sum", [], { timeoutMs: -1 }), "timeoutMs is -1"],
  ["no idle time", () => make("Foo.Sum", [], { idleTimeoutMs: 0 }), "idleTimeoutMs is 0"],
  ["an empty key", () => make("Foo.Sum", [], { idempotencyKey: "" }), "1 to 256"],
  ["a long key", () => make("Foo.Sum", [], { idempotencyKey: "k".repeat(257) }), "1 to 256"],
  ["a default that is none", () => createRequestMaker(clock, 0), "timeoutMs is 0"],
])("%s is refused", (_what, work, words) => {
  const error = errorOf(work);
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "BAD_OPTION", executed: "no" });
  expect(String(error)).toContain(words);
});

test("a key may have 256 characters, and times are cut to the longest that travels", () => {
  const idempotencyKey = "k".repeat(256);
  expect(make("Foo.Sum", [], { idempotencyKey }).idempotencyKey).toBe(idempotencyKey);
  const longest = limits.maxTimeoutMs;
  expect(make("Foo.Sum", [], { timeoutMs: Infinity, idleTimeoutMs: 1e12 })).toMatchObject({
    timeoutMs: longest,
    idleMs: longest,
  });
});

test("a one-way call with a stream is refused: nobody could say how much of it is wanted", () => {
  expect(errorOf(() => make("Foo.Total", [items()], { oneWay: true }))).toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "BAD_OPTION",
  });
});

test.each(["Sum", "Foo.", ".Sum", "Foo.Sum.More", "Foo._Sum", ""])("%j is no method", (method) => {
  expect(errorOf(() => make(method, [], {}))).toMatchObject({
    code: "UNIMPLEMENTED",
    reason: "NO_SUCH_METHOD",
    executed: "no",
    hint: "methods are called Service.Method",
  });
});
