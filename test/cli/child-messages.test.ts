import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { parseChildMessage, parseServed } from "../../src/cli/child-messages.ts";

test("what a server says is read field by field", () => {
  expect(parseChildMessage({ kind: "data", text: "{}" })).toEqual({ kind: "data", text: "{}" });
  const talk = {
    kind: "talk" as const,
    event: "ignored",
    text: "a",
    fields: { note: "a", n: [1] },
  };
  expect(parseChildMessage({ ...talk, more: 1 })).toEqual(talk);
  const error = {
    code: "NOT_FOUND",
    message: "m",
    reason: "R",
    hint: "h",
    details: { frame: "f" },
  };
  const read = parseChildMessage({ kind: "error", error });
  if (read?.kind !== "error") throw new Error("it is an error");
  expect(read.error).toBeInstanceOf(GeeError);
  expect(read.error).toMatchObject({ ...error, executed: "no" });
  const beats = { kind: "beats" as const, message: { kind: "withdraw" } };
  expect(parseChildMessage(beats)).toEqual(beats);
  const odd = parseChildMessage({ kind: "error", error: { code: "toString", message: "m" } });
  expect(odd).toMatchObject({ error: { code: "UNKNOWN" } });
});

test.each([
  undefined,
  "text",
  {},
  { kind: "other" },
  { kind: "data" },
  { kind: "beats" },
  { kind: "talk", event: "a", text: 5, fields: {} },
  { kind: "error", error: { code: 5 } },
])("what is no message is none: %j", (value) => {
  expect(parseChildMessage(value)).toBeUndefined();
});

test("where a server is and what it serves", () => {
  const served = { address: "tcp@a:1", id: "x", services: [{ name: "Foo", methods: ["Sum"] }] };
  expect(parseServed(JSON.stringify(served))).toEqual(served);
  const contract = "0123456789abcdef";
  const known = { ...served, services: [{ name: "Foo", methods: ["Sum"], contract }] };
  expect(parseServed(JSON.stringify(known))).toEqual(known);
  expect(() => parseServed("{}")).toThrow("server.address: it is missing");
});
