import { expect, test } from "bun:test";
import type { TypeNode } from "../../src/contract/contract.ts";
import { isIdentifier, keyText, writeType } from "../../src/contract/type-text.ts";
import { list, number, object, ref, string, union, unknown } from "../support/contracts.ts";

const strict = { nameOf: (name: string) => `My${name}`, strict: true };

test("names that need quotes get them", () => {
  expect(["a", "$b_1", "größe", "a b", "1", "", 'a"b', "a-b"].map(keyText)).toEqual([
    "a",
    "$b_1",
    "größe",
    '"a b"',
    '"1"',
    '""',
    '"a\\"b"',
    '"a-b"',
  ]);
  expect(isIdentifier("class")).toBe(true);
});

const cases: readonly (readonly [type: TypeNode, text: string])[] = [
  [ref("User"), "MyUser"],
  [list(union(ref("User"), string)), "(MyUser | string)[]"],
  // The compiler holds fields against an index signature, which an intersection has not.
  [object({ a: string }, number), "{ a: string } & { [key: string]: number }"],
  [list(object({ a: string }, number)), "({ a: string } & { [key: string]: number })[]"],
  [object({ a: string }, unknown), "{ a: string; [key: string]: unknown }"],
  [object({}, number), "{ [key: string]: number }"],
  [{ kind: "template", text: "`id-${string}-${number}`" }, "`id-${string}-${number}`"],
  [{ kind: "template", text: "`a\\`$b\\${`" }, "`a\\`$b\\${`"],
  // What it names is not there.
  [{ kind: "template", text: "`id-${Kind}`" }, "string"],
];

for (const [type, text] of cases) {
  test(`for a compiler: ${text}`, () => {
    expect(writeType(type, strict)).toBe(text);
  });
}
