import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { failure, parseRefusal, unavailable } from "../../src/directory/etcd-errors.ts";

test.each([
  [{ error: "no leader", message: "no leader", code: 14 }, "UNAVAILABLE", "no leader"],
  [{ error: "lease not found", code: 5 }, "NOT_FOUND", "lease not found"],
  [{ error: { grpc_code: 11, http_code: 400, message: "compacted" } }, "OUT_OF_RANGE", "compacted"],
  [{ error: "x\ny", code: 99 }, "UNKNOWN", "x\\u000ay"],
  [{}, "UNKNOWN", "it gives no reason"],
  [{ error: { message: 5 } }, "UNKNOWN", ""],
])("the refusal %p is %s", (value, code, words) => {
  expect(parseRefusal("http://a:1", value)).toMatchObject({
    code,
    reason: "ETCD_REFUSED",
    message: `etcd at http://a:1: ${words}`,
  });
});

test.each([[null], [5], ["x"], [[]], [{ error: "x", code: "14" }]])(
  "%p is no refusal that anybody can read",
  (value) => {
    expect(() => parseRefusal("http://a:1", value)).toThrow(GeeError);
  },
);

test("what a socket throws is UNAVAILABLE in plain words, and a GeeError is what it is", () => {
  const refused = Object.assign(new TypeError("x"), { code: "ECONNREFUSED" });
  const error = failure("http://a:1", refused);
  expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "ETCD_UNAVAILABLE" });
  expect(error.message).toBe("etcd at http://a:1: connection refused");
  expect(failure("a", "odd").message).toBe("etcd at a: odd");
  const own = unavailable("http://a:1", "late");
  expect(failure("http://b:1", own)).toBe(own);
});
