import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { errorOf, faultOf } from "../../src/wire/fault.ts";

test("an error comes back from its fault as it went in, but for what stays in the process", () => {
  const error = new GeeError("ABORTED", "no luck", {
    reason: "CONFLICT",
    details: { left: 0 },
    executed: "yes",
    retryAfterMs: 5,
    hint: "try again",
    cause: new Error("inside"),
  });
  const back = errorOf(faultOf(7, error, error.details));
  expect(back).toMatchObject({
    code: "ABORTED",
    message: "no luck",
    reason: "CONFLICT",
    details: { left: 0 },
    executed: "yes",
    retryAfterMs: 5,
  });
  expect(back.hint).toBeUndefined();
  expect(back.cause).toBeUndefined();
});

test("the nearest name of what is not there becomes a hint, and nothing else does", () => {
  const fault = (code: "UNIMPLEMENTED" | "ABORTED" | "NOT_FOUND", details: unknown, reason = "") =>
    errorOf(faultOf(1, new GeeError(code, "no", { reason }), details));
  const named = { didYouMean: "Foo" };
  expect(fault("NOT_FOUND", named, "NO_SUCH_SERVICE").hint).toBe("did you mean Foo?");
  expect(fault("NOT_FOUND", named, "NO_SUCH_ITEM").hint).toBeUndefined();
  expect(fault("UNIMPLEMENTED", { didYouMean: "Foo.Sum" }).hint).toBe("did you mean Foo.Sum?");
  expect(fault("UNIMPLEMENTED", { didYouMean: 1 }).hint).toBeUndefined();
  expect(fault("UNIMPLEMENTED", null).hint).toBeUndefined();
  expect(fault("ABORTED", { didYouMean: "Foo.Sum" }).hint).toBeUndefined();
});
