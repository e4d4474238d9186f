import { expect, test } from "bun:test";
import type { ServiceContract, Signature, TypeNode } from "../../src/contract/contract.ts";
import { methodSchema } from "../../src/contract/json-schema.ts";

const number: TypeNode = { kind: "number" };
const string: TypeNode = { kind: "string" };

function schemaOf(
  signatures: readonly Signature[],
  types: ServiceContract["types"] = {},
): ReturnType<typeof methodSchema> {
  const method = { name: "Do", doc: "Does it.", signatures };
  return methodSchema({ name: "Foo", methods: [method], types }, method);
}

function resultSchema(result: TypeNode): unknown {
  return schemaOf([{ parameters: [], result }]).result;
}

test.each<[TypeNode, unknown]>([
  [number, { type: "number" }],
  [string, { type: "string" }],
  [{ kind: "boolean" }, { type: "boolean" }],
  [{ kind: "null" }, { type: "null" }],
  [{ kind: "undefined" }, { type: "null" }],
  [{ kind: "bigint" }, { type: "integer" }],
  [
    { kind: "bigint-literal", text: "7" },
    { type: "integer", $comment: "7" },
  ],
  [{ kind: "date" }, { type: "string", format: "date-time" }],
  [{ kind: "nonprimitive" }, { type: ["object", "array"] }],
  [{ kind: "never" }, { not: {} }],
  [{ kind: "unknown" }, {}],
  [{ kind: "unknown", why: "a Map cannot travel" }, { $comment: "a Map cannot travel" }],
  [
    { kind: "template", text: "`a${string}`" },
    { type: "string", $comment: "`a${string}`" },
  ],
  [{ kind: "literal", value: 1 }, { const: 1 }],
  [
    { kind: "bytes", name: "Uint8Array" },
    { type: "string", contentEncoding: "base64" },
  ],
  [
    { kind: "bytes", name: "Int8Array" },
    { type: "array", items: { type: "number" } },
  ],
  [
    { kind: "bytes", name: "BigInt64Array" },
    { type: "array", items: { type: "integer" } },
  ],
  [
    { kind: "array", items: string },
    { type: "array", items: { type: "string" } },
  ],
  [
    {
      kind: "tuple",
      items: [
        { type: string, name: "key" },
        { type: number, optional: true },
      ],
    },
    {
      type: "array",
      prefixItems: [{ title: "key", type: "string" }, { type: "number" }],
      maxItems: 2,
      minItems: 1,
    },
  ],
  [
    { kind: "tuple", items: [{ type: string }, { type: number, rest: true }] },
    { type: "array", prefixItems: [{ type: "string" }], items: { type: "number" }, minItems: 1 },
  ],
  [
    {
      kind: "object",
      fields: [
        { name: "id", type: string, doc: "Who." },
        { name: "age", type: number, optional: true },
      ],
      rest: { kind: "boolean" },
    },
    {
      type: "object",
      properties: { id: { description: "Who.", type: "string" }, age: { type: "number" } },
      required: ["id"],
      additionalProperties: { type: "boolean" },
    },
  ],
  [
    {
      kind: "union",
      of: [{ kind: "literal", value: "a" }, { kind: "literal", value: "b" }, { kind: "null" }],
    },
    { anyOf: [{ enum: ["a", "b"] }, { type: "null" }] },
  ],
  [{ kind: "union", of: [{ kind: "literal", value: "a" }] }, { const: "a" }],
])("%j is %j", (type, schema) => {
  expect(resultSchema(type)).toEqual(schema);
});

test("a whole method, with the types that it reaches and no others", () => {
  const schema = schemaOf(
    [
      {
        parameters: [
          { name: "user", type: { kind: "ref", name: "User" }, doc: "Whom." },
          { name: "times", type: number, optional: true },
          { name: "more", type: string, rest: true },
        ],
        result: { kind: "ref", name: "User" },
        stream: true,
      },
    ],
    {
      User: {
        doc: "Somebody.",
        type: {
          kind: "object",
          fields: [
            { name: "friends", type: { kind: "array", items: { kind: "ref", name: "User" } } },
          ],
        },
      },
      Unused: { type: number },
    },
  );
  expect(schema).toEqual({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Foo.Do",
    description: "Does it.",
    parameters: {
      type: "array",
      prefixItems: [
        { title: "user", description: "Whom.", $ref: "#/$defs/User" },
        { title: "times", type: "number" },
      ],
      items: { title: "more", type: "string" },
      minItems: 1,
    },
    result: { $ref: "#/$defs/User" },
    stream: true,
    $defs: {
      User: {
        description: "Somebody.",
        type: "object",
        properties: { friends: { type: "array", items: { $ref: "#/$defs/User" } } },
        required: ["friends"],
      },
    },
  });
});

test("overloads are any of theirs, a stream argument is a list that comes item by item", () => {
  const schema = schemaOf([
    { parameters: [{ name: "a", type: number }], result: string },
    { parameters: [{ name: "a", type: string, stream: true }], result: string },
  ]);
  expect(schema.result).toEqual({ type: "string" });
  expect(schema.parameters).toEqual({
    anyOf: [
      {
        type: "array",
        prefixItems: [{ title: "a", type: "number" }],
        maxItems: 1,
        minItems: 1,
      },
      {
        type: "array",
        prefixItems: [{ title: "a", type: "array", items: { type: "string" }, stream: true }],
        maxItems: 1,
        minItems: 1,
      },
    ],
  });
});

test("of a method that could not be read nothing is said", () => {
  const schema = schemaOf([]);
  expect([schema.parameters, schema.result]).toEqual([{}, {}]);
});
