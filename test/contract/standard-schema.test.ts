import { expect, test } from "bun:test";
import { isStandardSchema, issuesText } from "../../src/contract/standard-schema.ts";
import type { SchemaIssue } from "../../src/contract/standard-schema.ts";

const standard = { version: 1, vendor: "x", validate: (value: unknown) => ({ value }) };

test("a Standard Schema is an object or a function with the first version's properties", () => {
  expect(isStandardSchema({ "~standard": standard })).toBe(true);
  expect(isStandardSchema(Object.assign(() => {}, { "~standard": standard }))).toBe(true);
  // Libraries have it on a prototype.
  expect(isStandardSchema(Object.create({ "~standard": standard }))).toBe(true);
  for (const other of [
    ...[undefined, null, 1, "x", {}, [], () => {}, { "~standard": null }, { "~standard": 1 }],
    { "~standard": { ...standard, version: 2 } },
    { "~standard": { ...standard, validate: undefined } },
    { "~standard": { validate: standard.validate } },
  ]) {
    expect(isStandardSchema(other)).toBe(false);
  }
});

const message = "Invalid";
const odd = Symbol("odd");

test.each<[string, readonly SchemaIssue[]]>([
  ["args[0] (a): Invalid", [{ message }]],
  ["args[0] (a): Invalid", [{ message, path: [] }]],
  ["args[0].address.zip: Invalid", [{ message, path: ["address", "zip"] }]],
  ["args[0].address.zip: Invalid", [{ message, path: [{ key: "address" }, { key: "zip" }] }]],
  ["args[0].items[2][10].a: Invalid", [{ message, path: ["items", 2, { key: "10" }, "a"] }]],
  ['args[0]["a b"][""][Symbol(odd)]: Invalid', [{ message, path: ["a b", "", odd] }]],
  [
    "args[0].a: No; args[0].b: Invalid",
    [
      { message: "No", path: ["a"] },
      { message, path: ["b"] },
    ],
  ],
  ["args[0] (a): it does not fit", []],
])("%s", (text, issues) => {
  expect(issuesText("args[0]", issues, "args[0] (a)")).toBe(text);
});

test("five issues are named, and the others counted", () => {
  const issues = Array.from({ length: 7 }, (_, index) => ({ message: `no ${index}` }));
  const named = [0, 1, 2, 3, 4].map((index) => `args[1]: no ${index}`).join("; ");
  expect(issuesText("args[1]", issues.slice(0, 5))).toBe(named);
  expect(issuesText("args[1]", issues)).toBe(`${named}; and 2 more`);
});
