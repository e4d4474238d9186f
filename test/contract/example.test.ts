import { expect, test } from "bun:test";
import type { Parameter, ServiceContract, TypeNode } from "../../src/contract/contract.ts";
import { exampleArguments } from "../../src/contract/example.ts";

const number: TypeNode = { kind: "number" };
const string: TypeNode = { kind: "string" };

const tree: TypeNode = {
  kind: "object",
  fields: [
    { name: "name", type: string },
    {
      name: "left",
      type: { kind: "union", of: [{ kind: "ref", name: "Tree" }, { kind: "null" }] },
    },
    { name: "note", type: string, optional: true },
  ],
};
const endless: TypeNode = {
  kind: "object",
  fields: [{ name: "next", type: { kind: "ref", name: "Endless" } }],
};
const service: ServiceContract = {
  name: "Foo",
  methods: [],
  types: { Tree: { type: tree }, Endless: { type: endless } },
};

function examples(...parameters: readonly Parameter[]): readonly unknown[] {
  return exampleArguments(service, { parameters, result: number });
}

test.each<[TypeNode, unknown]>([
  [number, 1],
  [string, "a"],
  [{ kind: "boolean" }, true],
  [{ kind: "bigint" }, 1],
  [{ kind: "bigint-literal", text: "7" }, 7],
  [{ kind: "null" }, null],
  [{ kind: "undefined" }, null],
  [{ kind: "never" }, null],
  [{ kind: "unknown" }, null],
  [{ kind: "nonprimitive" }, {}],
  [{ kind: "date" }, "2000-01-01T00:00:00.000Z"],
  [{ kind: "template", text: "`id-${number}-${string}`" }, "id-1-a"],
  [{ kind: "literal", value: "red" }, "red"],
  [{ kind: "bytes", name: "Uint8Array" }, [1, 2, 3]],
  [{ kind: "array", items: number }, [1]],
  [
    {
      kind: "tuple",
      items: [
        { type: string, name: "key" },
        { type: number },
        { type: number, optional: true },
        { type: number, rest: true },
      ],
    },
    ["key", 1],
  ],
  [{ kind: "union", of: [{ kind: "undefined" }, string] }, "a"],
  [{ kind: "union", of: [] }, null],
  [{ kind: "ref", name: "Gone" }, null],
  [{ kind: "ref", name: "toString" }, null],
])("of %j it is %j", (type, example) => {
  expect(examples({ name: "a", type })).toEqual([example]);
});

test("numbers count up, and what may be left out is left out", () => {
  expect(
    examples(
      { name: "a", type: number },
      { name: "b", type: number },
      { name: "c", type: number, optional: true },
      { name: "rest", type: number, rest: true },
    ),
  ).toEqual([1, 2]);
});

test("a stream is a list of items", () => {
  expect(examples({ name: "numbers", type: number, stream: true })).toEqual([[1, 2]]);
});

test("a type that contains itself has an end", () => {
  const [example] = examples({ name: "tree", type: { kind: "ref", name: "Tree" } });
  expect(example).toEqual({
    name: "name",
    left: { name: "name", left: null },
  });
  const [cut] = examples({ name: "endless", type: { kind: "ref", name: "Endless" } });
  expect(JSON.stringify(cut)).toContain("null");
});

test("what may be left out has a place where something behind it may not", () => {
  expect(
    examples(
      { name: "a", type: number, optional: true },
      { name: "b", type: number },
      { name: "c", type: number, optional: true },
    ),
  ).toEqual([1, 2]);
});
