import { expect, test } from "bun:test";
import type { TypeNode } from "../../src/contract/contract.ts";
import { Members } from "../../src/contract/members.ts";
import {
  bigint,
  boolean,
  list,
  literal,
  literals,
  never,
  nil,
  nothing,
  number,
  object,
  ref,
  string,
  union,
  unknown,
} from "../support/contracts.ts";

const template: TypeNode = { kind: "template", text: "`id-${string}`" };
const types = {
  Name: { type: string },
  Other: { type: ref("Name") },
  Id: { type: union(ref("Name"), number) },
  Self: { type: ref("Self") },
  Round: { type: union(string, ref("Round")) },
  User: { type: object({ name: string }) },
};

const cases: readonly (readonly [what: string, type: TypeNode, members: readonly TypeNode[]])[] = [
  ["a plain type", string, [string]],
  ["a name", ref("Other"), [string]],
  ["a union in a union", union(nil, ref("Id")), [nil, string, number]],
  ["the same twice", union(string, ref("Name"), string), [string]],
  ["one object twice", union(ref("User"), ref("User")), [object({ name: string })]],
  ["a literal beside its type", union(literal("a"), string, literal(1)), [string, literal(1)]],
  ["a literal twice", literals("a", 1, "a"), [literal("a"), literal(1)]],
  ["a text and a number alike", literals("1", 1), [literal("1"), literal(1)]],
  ["a template beside string", union(template, string), [string]],
  ["a bigint literal", union({ kind: "bigint-literal", text: "1" }, bigint), [bigint]],
  ["true and false", union(literal(true), nil, literal(false)), [nil, boolean]],
  ["true beside boolean", union(literal(true), boolean), [boolean]],
  ["true alone", union(literal(true), nil), [literal(true), nil]],
  ["unknown beside others", union(string, unknown), [unknown]],
  ["never beside others", union(never, nothing), [nothing]],
  ["nothing at all", union(), [never]],
  ["a name for nothing", ref("Gone"), [unknown]],
  ["a name that every object has", ref("constructor"), [unknown]],
  ["a name for itself", ref("Self"), [unknown]],
  ["a union with itself", ref("Round"), [string]],
];

for (const [what, type, members] of cases) {
  test(`members of ${what}`, () => {
    const found: readonly TypeNode[] = new Members(types).of(type);
    expect(found).toEqual([...members]);
  });
}

test("members are the same objects each time", () => {
  const members = new Members(types);
  const type = union(ref("User"), boolean, list(string));
  expect(members.of(type)).toBe(members.of(type));
  expect(members.of(ref("User"))).toBe(members.of(ref("User")));
  expect(members.of(ref("Other"))).toBe(members.of(ref("Name")));
});

test("a chain of 20,000 names does not overflow the stack", () => {
  const chain: Record<string, { type: TypeNode }> = { T20000: { type: string } };
  for (let at = 0; at < 20_000; at++) chain[`T${at}`] = { type: union(ref(`T${at + 1}`)) };
  const found: readonly TypeNode[] = new Members(chain).of(ref("T0"));
  expect(found).toEqual([string]);
});
