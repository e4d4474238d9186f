import { expect, test } from "bun:test";
import type { TypeNode } from "../../src/contract/contract.ts";
import { discriminantOf } from "../../src/contract/discriminant.ts";
import { Members } from "../../src/contract/members.ts";
import {
  boolean,
  literal,
  literals,
  nil,
  number,
  object,
  ref,
  string,
  union,
} from "../support/contracts.ts";

const a = literal("a");
const b = literal("b");

const cases: readonly (readonly [
  what: string,
  objects: readonly TypeNode[],
  name: string | undefined,
  values?: readonly unknown[],
])[] = [
  ["one literal each", [object({ kind: a }), object({ kind: b, more: a })], "kind", ["a", "b"]],
  [
    "several literals",
    [object({ kind: literals("a", 1) }), object({ kind: b })],
    "kind",
    ["a", 1, "b"],
  ],
  ["literals by name", [object({ kind: ref("A") }), object({ kind: b })], "kind", ["a", "b"]],
  ["null and a flag", [object({ e: nil }), object({ e: boolean })], "e", [null, true, false]],
  [
    "the second field",
    [object({ v: string, kind: a }), object({ v: string, kind: b })],
    "kind",
    ["a", "b"],
  ],
  ["a literal twice", [object({ kind: a }), object({ kind: a })], undefined],
  ["a literal and its type", [object({ kind: a }), object({ kind: string })], undefined],
  ["optional", [object({ kind: a }), object({ "kind?": b })], undefined],
  ["a field that is not in all", [object({ kind: a }), object({ type: b })], undefined],
  ["a name of every object", [object({ constructor: a }), object({ constructor: b })], undefined],
  ["one object only", [object({ kind: a })], undefined],
  ["no object", [], undefined],
];

for (const [what, objects, name, values] of cases) {
  test(`told apart by ${what}: ${name ?? "nothing"}`, () => {
    const members = new Members({ A: { type: a }, N: { type: number } });
    const all = members.of(union(...objects)).filter((member) => member.kind === "object");
    const found = discriminantOf(members, all);
    expect(found?.name).toBe(name);
    expect(found === undefined ? undefined : [...found.branches.keys()]).toEqual(
      values === undefined ? undefined : [...values],
    );
    if (found !== undefined) expect(new Set(found.branches.values()).size).toBe(objects.length);
  });
}
