import { expect, test } from "bun:test";
import { type Code, GeeError } from "../../src/base/errors.ts";
import { failure, jsonAnswer, line } from "../../src/directory/http-answers.ts";

test.each<[Code, string | undefined, number]>([
  ["INVALID_ARGUMENT", undefined, 400],
  ["UNAUTHENTICATED", undefined, 401],
  ["PERMISSION_DENIED", undefined, 403],
  ["PERMISSION_DENIED", "WRONG_HOST", 421],
  ["NOT_FOUND", undefined, 404],
  ["UNIMPLEMENTED", undefined, 405],
  ["DEADLINE_EXCEEDED", undefined, 408],
  ["FAILED_PRECONDITION", undefined, 409],
  ["RESOURCE_EXHAUSTED", "BODY_TOO_LARGE", 413],
  ["INVALID_ARGUMENT", "UNSUPPORTED_MEDIA_TYPE", 415],
  ["RESOURCE_EXHAUSTED", "REGISTRY_FULL", 429],
  ["INTERNAL", undefined, 500],
  ["UNAVAILABLE", undefined, 503],
])("%s with reason %p is status %d, as JSON and as a line", async (code, reason, status) => {
  const error = new GeeError(code, "why", { reason, hint: "stays here" });
  const json = failure(true, error);
  expect([json.status, await json.json()]).toEqual([status, { error: { code, message: "why" } }]);
  const text = failure(false, error);
  expect([text.status, await text.text()]).toEqual([status, `${code} why\n`]);
});

test("answers say what they are, and JSON is not kept by anybody", () => {
  const { headers } = jsonAnswer(200, {});
  expect(headers.get("content-type")).toBe("application/json");
  expect(headers.get("cache-control")).toBe("no-store");
  expect(line(200, "ok").headers.get("content-type")).toBe("text/plain; charset=utf-8");
});

test.each<[Code, string, string]>([
  ["UNAUTHENTICATED", "www-authenticate", "Bearer"],
  ["UNIMPLEMENTED", "allow", "GET, POST, DELETE"],
  ["DEADLINE_EXCEEDED", "connection", "close"],
])("%s has the header %s, whoever it is for", (code, name, value) => {
  const error = new GeeError(code, "why");
  expect(failure(true, error).headers.get(name)).toBe(value);
  expect(failure(false, error).headers.get(name)).toBe(value);
  expect(line(200, "ok").headers.has(name)).toBe(false);
  expect(jsonAnswer(200, {}).headers.has(name)).toBe(false);
});
