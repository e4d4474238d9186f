import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { badArgument, BadResult, errorForCaller } from "../../src/rpc/thrown.ts";
import { memoryLog } from "../support/memory-log.ts";

/** What the caller of `Foo.Run` gets, what the log got, and how many ids were made for it. */
function become(thrown: unknown) {
  const { log, lines } = memoryLog();
  let ids = 0;
  const error = errorForCaller(thrown, "Foo.Run", log, () => `id-${++ids}`);
  return { error, lines, ids };
}

const hostile = (): never => {
  throw new Error("hostile");
};

test("an error for the caller goes to it, and nothing to the log", () => {
  const details = { left: [0] };
  const thrown = new GeeError("ABORTED", "no", { reason: "WHY", details, retryAfterMs: 20 });
  const { error, lines, ids } = become(thrown);
  expect(error).toMatchObject({ code: "ABORTED", message: "no", reason: "WHY", retryAfterMs: 20 });
  expect(error.details).toBe(details);
  expect(lines).toEqual([]);
  expect(ids).toBe(0);
});

test("what stays in the process is not handed on: hint and cause", () => {
  const thrown = new GeeError("ABORTED", "no", { hint: "ask Bob", cause: new Error("secret") });
  const { error } = become(thrown);
  expect(error).not.toBe(thrown);
  expect(error.hint).toBeUndefined();
  expect(error.cause).toBeUndefined();
});

test("what a handler threw was executed, whatever the error says of itself", () => {
  for (const executed of ["no", "maybe", "yes"] as const) {
    expect(become(new GeeError("ABORTED", "no", { executed })).error.executed).toBe("yes");
  }
  expect(become(new Error("x")).error.executed).toBe("yes");
});

test("a call whose arguments did not fit was not executed, and nothing is in the log", () => {
  const { error, lines } = become(badArgument("args[0]: expected number, got string"));
  expect(error).toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "BAD_ARGUMENT",
    message: "args[0]: expected number, got string",
    executed: "no",
  });
  expect(lines).toEqual([]);
  // The same words are nobody else's to use.
  const same = new GeeError("INVALID_ARGUMENT", "x", { reason: "BAD_ARGUMENT", executed: "no" });
  expect(become(same).error.executed).toBe("yes");
});

test("an answer that does not fit its contract is told, and in the log", () => {
  const { error, lines } = become(new BadResult("result: expected number, got string"));
  expect(error).toMatchObject({
    code: "INTERNAL",
    reason: "BAD_RESULT",
    message: "result: expected number, got string",
    executed: "yes",
  });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("an answer does not fit its contract");
  expect(lines[0]).toContain("Foo.Run");
  expect(lines[0]).toContain("result: expected number, got string");
  expect(become(new GeeError("INTERNAL", "x", { reason: "BAD_RESULT" })).lines).toEqual([]);
});

test("fields that were tampered with are made such as can be written", () => {
  const tampered = (fields: object): GeeError =>
    become(Object.assign(new GeeError("ABORTED", "no"), fields)).error;
  expect(tampered({ code: "NOPE" }).code).toBe("UNKNOWN");
  expect(tampered({ message: 5 }).message).toBe("5");
  expect(tampered({ reason: 5 }).reason).toBe("5");
  expect(tampered({ retryAfterMs: "soon" }).retryAfterMs).toBeUndefined();
});

test("a wait is a whole number of milliseconds that can travel", () => {
  const waits = [
    [undefined, undefined],
    [Number.NaN, undefined],
    [-7, 0],
    [0.5, 1],
    [Number.POSITIVE_INFINITY, limits.maxTimeoutMs],
  ] as const;
  for (const [retryAfterMs, expected] of waits) {
    const { error } = become(new GeeError("ABORTED", "later", { retryAfterMs }));
    expect(error.retryAfterMs).toBe(expected);
  }
});

test("anything else is INTERNAL outside, and one line inside under the same id", () => {
  const { error, lines, ids } = become(new TypeError("the secret is 42"));
  expect(error).toMatchObject({
    code: "INTERNAL",
    message: "Foo.Run failed; the server's log has it as id-1",
    reason: "HANDLER_FAILED",
    details: undefined,
  });
  expect(error.cause).toBeUndefined();
  expect(lines).toEqual([expect.stringMatching(/^error .*method=Foo\.Run id=id-1 error=/)]);
  expect(lines[0]).toContain("the secret is 42");
  expect(ids).toBe(1);
});

test("whatever is thrown, there is an error for the caller and a line for the log", () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const things = [
    null,
    undefined,
    "text",
    12n,
    Symbol("s"),
    Object.create(null),
    revoked.proxy,
    new Proxy({}, { get: hostile, getPrototypeOf: hostile, ownKeys: hostile }),
    new Proxy(new GeeError("ABORTED", "x"), { get: hostile }),
    Object.defineProperty(new GeeError("ABORTED", "x"), "details", { get: hostile }),
    Object.defineProperty(new Error("x"), "stack", { get: hostile }),
    // It looks like one, and is none.
    { name: "GeeError", code: "ABORTED", message: "x", executed: "no" },
  ];
  for (const thing of things) {
    const { error, lines } = become(thing);
    expect(error).toMatchObject({ code: "INTERNAL", reason: "HANDLER_FAILED" });
    expect(lines.length).toBe(1);
  }
});
