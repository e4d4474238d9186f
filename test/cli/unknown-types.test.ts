import { expect, test } from "bun:test";
import { unknownTypes } from "../../src/cli/unknown-types.ts";
import type { ServiceContract, TypeNode } from "../../src/contract/contract.ts";

const unknown = (why?: string): TypeNode => ({ kind: "unknown", why });
const service: ServiceContract = {
  name: "Foo",
  methods: [],
  types: {
    Node: {
      type: {
        kind: "object",
        fields: [
          { name: "next", type: { kind: "ref", name: "Node" } },
          { name: "at-all", type: unknown("a function cannot travel") },
        ],
        rest: unknown(),
      },
    },
  },
};

test("every place is named with its reason, and a named type is looked at once", () => {
  const found = unknownTypes(service, {
    parameters: [
      { name: "a", type: { kind: "number" } },
      { name: "b", type: { kind: "array", items: unknown("it is any") } },
      { name: "c", type: { kind: "tuple", items: [{ type: { kind: "ref", name: "Node" } }] } },
      { name: "d", type: { kind: "ref", name: "Node" } },
      { name: "e", type: { kind: "ref", name: "toString" } },
    ],
    result: { kind: "union", of: [{ kind: "null" }, unknown("x")] },
  });
  expect(found).toEqual([
    { place: "args[1] (b)[]", why: "it is any" },
    { place: 'args[2] (c)[0]["at-all"]', why: "a function cannot travel" },
    { place: "args[2] (c)[0][key]", why: "" },
    { place: "result", why: "x" },
  ]);
});

test("a type without end gives no list without end", () => {
  const fields = Array.from({ length: 500 }, (_, index) => ({
    name: `f${index}`,
    type: unknown(),
  }));
  const found = unknownTypes(service, { parameters: [], result: { kind: "object", fields } });
  expect(found.length).toBe(50);
});
