import { expect, test } from "bun:test";
import { codeFromNumber, codeNumbers, GeeError } from "../../src/base/errors.ts";

test("the codes have the numbers of gRPC, 1 to 16, each once", () => {
  expect<number[]>(Object.values(codeNumbers)).toEqual(
    Array.from({ length: 16 }, (_, index) => index + 1),
  );
  expect(codeNumbers.UNAVAILABLE).toBe(14);
});

test("a number becomes its name, and one of a later version UNKNOWN", () => {
  for (const [name, number] of Object.entries(codeNumbers)) {
    expect<string>(codeFromNumber(number)).toBe(name);
  }
  expect([0, 17, -1, 1.5, Number.NaN].map(codeFromNumber)).toEqual(Array(5).fill("UNKNOWN"));
});

test("a GeeError carries what it was given, and may have run unless it says otherwise", () => {
  const cause = new Error("behind");
  const error = new GeeError("ABORTED", "no luck", {
    reason: "CONFLICT",
    details: { left: 0 },
    executed: "no",
    retryAfterMs: 20,
    hint: "again",
    cause,
  });
  expect<object>({ ...error }).toEqual({
    name: "GeeError",
    code: "ABORTED",
    reason: "CONFLICT",
    details: { left: 0 },
    executed: "no",
    retryAfterMs: 20,
    hint: "again",
  });
  expect([error.message, error.cause]).toEqual(["no luck", cause]);
  expect(new GeeError("ABORTED", "").executed).toBe("maybe");
  expect(error).toBeInstanceOf(Error);
});

test("a code from nowhere reads as UNKNOWN, the names of Object.prototype too", () => {
  for (const name of ["NO_SUCH", "toString", "__proto__"]) {
    const error: GeeError = Reflect.construct(GeeError, [name, "x"]);
    expect(error.code).toBe("UNKNOWN");
  }
});

test("from returns a GeeError as it is, and knows aborts and time-outs", () => {
  const own = new GeeError("DATA_LOSS", "gone");
  expect(GeeError.from(own)).toBe(own);
  const codes = [
    new DOMException("stop", "AbortError"),
    new DOMException("late", "TimeoutError"),
    new RangeError("x"),
    "text",
    undefined,
  ].map((thrown) => GeeError.from(thrown).code);
  expect(codes).toEqual(["CANCELLED", "DEADLINE_EXCEEDED", "UNKNOWN", "UNKNOWN", "UNKNOWN"]);
  expect(GeeError.from("text", "no").message).toContain("text");
  expect(GeeError.from("text", "no").executed).toBe("no");
});

test("withExecuted changes that one word and keeps the rest", () => {
  const error = new GeeError("UNAVAILABLE", "m", { reason: "R", details: 1, hint: "h" });
  const changed = error.withExecuted("no");
  expect(error.withExecuted("maybe")).toBe(error);
  expect(changed).toMatchObject({
    code: "UNAVAILABLE",
    message: "m",
    reason: "R",
    details: 1,
    hint: "h",
    executed: "no",
  });
  expect(changed.cause).toBe(error);
});
