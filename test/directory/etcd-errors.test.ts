import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import {
  failure,
  parseRefusal,
  requestFailure,
  unavailable,
} from "../../src/directory/etcd-errors.ts";

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

test("a request that got no JSON got no answer; what else it failed with stays", () => {
  const page = new GeeError("INVALID_ARGUMENT", "a page", { reason: "BAD_JSON" });
  expect(requestFailure("http://a:1", page)).toMatchObject({
    code: "UNAVAILABLE",
    reason: "ETCD_UNAVAILABLE",
    message: "etcd at http://a:1: a page; is an etcd there?",
  });
  const large = new GeeError("RESOURCE_EXHAUSTED", "large", { reason: "BODY_TOO_LARGE" });
  expect(requestFailure("http://a:1", large)).toBe(large);
  expect(requestFailure("a", "odd").message).toBe("etcd at a: odd");
});
