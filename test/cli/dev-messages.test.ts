import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { parseDevMessage, parseServed } from "../../src/cli/dev-messages.ts";

test("what a server says is read field by field", () => {
  expect(parseDevMessage({ kind: "data", text: "{}" })).toEqual({ kind: "data", text: "{}" });
  const talk = {
    kind: "talk" as const,
    event: "ignored",
    text: "a",
    fields: { note: "a", n: [1] },
  };
  expect(parseDevMessage({ ...talk, more: 1 })).toEqual(talk);
  const error = {
    code: "NOT_FOUND",
    message: "m",
    reason: "R",
    hint: "h",
    details: { frame: "f" },
  };
  const read = parseDevMessage({ kind: "error", error });
  if (read?.kind !== "error") throw new Error("it is an error");
  expect(read.error).toBeInstanceOf(GeeError);
  expect(read.error).toMatchObject({ ...error, executed: "no" });
  const odd = parseDevMessage({ kind: "error", error: { code: "toString", message: "m" } });
  expect(odd).toMatchObject({ error: { code: "UNKNOWN" } });
});

test.each([
  undefined,
  "text",
  {},
  { kind: "other" },
  { kind: "data" },
  { kind: "talk", event: "a", text: 5, fields: {} },
  { kind: "error", error: { code: 5 } },
])("what is no message is none: %j", (value) => {
  expect(parseDevMessage(value)).toBeUndefined();
});

test("where a server is and what it serves", () => {
  const served = { address: "tcp@a:1", id: "x", services: [{ name: "Foo", methods: ["Sum"] }] };
  expect(parseServed(JSON.stringify(served))).toEqual(served);
  expect(() => parseServed("{}")).toThrow("server.address: it is missing");
});
