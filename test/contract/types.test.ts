import { expect, test } from "bun:test";
import type { TypeNode } from "../../src/contract/contract.ts";
import {
  innerTypes,
  namedType,
  namesReached,
  serviceTypes,
  signatureTypes,
} from "../../src/contract/types.ts";

const string: TypeNode = { kind: "string" };
const number: TypeNode = { kind: "number" };
const ref = (name: string): TypeNode => ({ kind: "ref", name });

test("a name is looked up among the contract's own", () => {
  const types = { User: { type: string } };
  expect(namedType(types, "User")).toEqual({ type: string });
  expect(namedType(types, "constructor")).toBeUndefined();
  expect(namedType(types, "__proto__")).toBeUndefined();
});

const inner: readonly (readonly [name: string, type: TypeNode, inner: readonly TypeNode[]])[] = [
  ["array", { kind: "array", items: string }, [string]],
  ["tuple", { kind: "tuple", items: [{ type: string }, { type: number }] }, [string, number]],
  ["object", { kind: "object", fields: [{ name: "a", type: string }] }, [string]],
  [
    "index",
    { kind: "object", fields: [{ name: "a", type: string }], rest: number },
    [string, number],
  ],
  ["union", { kind: "union", of: [number, string] }, [number, string]],
  ["ref", ref("User"), []],
  ["string", string, []],
];

for (const [name, type, expected] of inner) {
  test(`the types inside: ${name}`, () => {
    expect(innerTypes(type)).toEqual(expected);
  });
}

test("the types of a service are those of parameters, results and faults", () => {
  const signature = { parameters: [{ name: "a", type: string }], result: number };
  expect(signatureTypes(signature)).toEqual([string, number]);
  expect(
    serviceTypes({
      name: "Foo",
      methods: [
        { name: "Sum", signatures: [signature] },
        { name: "Odd", signatures: [] },
      ],
      types: {},
      faults: [
        { code: "NOT_FOUND", reason: "GONE", details: ref("Gone") },
        { code: "NOT_FOUND", reason: "NEVER" },
      ],
    }),
  ).toEqual([string, number, ref("Gone")]);
});

test("names are reached through other names, round circles, and only when they exist", () => {
  const types = {
    A: { type: { kind: "array", items: ref("B") } },
    B: { type: { kind: "union", of: [ref("A"), ref("C"), ref("Gone")] } },
    C: { type: string },
    D: { type: string },
  } as const;
  expect([...namesReached(types, [ref("A"), ref("C")])]).toEqual(["A", "B", "C"]);
});

test("a chain of 20,000 names does not overflow the stack", () => {
  const types: Record<string, { type: TypeNode }> = {};
  for (let at = 0; at < 20_000; at++) types[`T${at}`] = { type: ref(`T${at + 1}`) };
  expect(namesReached(types, [ref("T0")]).size).toBe(20_000);
});
