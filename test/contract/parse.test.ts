import { expect, test } from "bun:test";
import type { ModuleContract, ServiceContract } from "../../src/contract/contract.ts";
import {
  parseContracts,
  parseModuleContract,
  parseServiceContract,
} from "../../src/contract/parse.ts";

/** One of everything. */
const module: ModuleContract = {
  services: [
    {
      name: "Foo",
      doc: "Sums.",
      methods: [
        {
          name: "Sum",
          doc: "The sum.",
          deprecated: "",
          signatures: [
            {
              parameters: [
                { name: "a", type: { kind: "number" }, doc: "first" },
                { name: "b", type: { kind: "ref", name: "Amount" }, optional: true, default: "1" },
                { name: "more", type: { kind: "string" }, rest: true },
              ],
              result: { kind: "union", of: [{ kind: "number" }, { kind: "null" }] },
              stream: true,
            },
          ],
        },
        { name: "Odd", signatures: [], why: "not found" },
      ],
      types: {
        Amount: {
          doc: "How much.",
          type: {
            kind: "object",
            fields: [
              { name: "exact", type: { kind: "bigint-literal", text: "12" }, optional: true },
              { name: "at", type: { kind: "date" }, doc: "when" },
              { name: "raw", type: { kind: "bytes", name: "Uint8Array" } },
              { name: "any", type: { kind: "nonprimitive" } },
              { name: "id", type: { kind: "template", text: "`id-${number}`" } },
            ],
            rest: { kind: "unknown", why: "a function" },
          },
        },
        Pair: {
          type: {
            kind: "tuple",
            items: [
              { type: { kind: "literal", value: false }, name: "first" },
              { type: { kind: "array", items: { kind: "bigint" } }, optional: true },
              { type: { kind: "undefined" }, rest: true },
            ],
          },
        },
      },
      faults: [{ code: "NOT_FOUND", reason: "GONE", details: { kind: "never" } }],
    },
  ],
  hidden: { Foo: ["secret"] },
  marks: { Base: ["inner"] },
  files: ["/a/foo.ts"],
};

test("what was written as JSON is read as it was", () => {
  const read = parseModuleContract(JSON.parse(JSON.stringify(module)));
  expect(read).toEqual(module);
  expect(parseModuleContract(read)).toStrictEqual(read);
});

test("fields that are not known are left behind", () => {
  const read = parseServiceContract({ name: "Foo", methods: [], types: {}, more: 1 });
  expect(read).toStrictEqual({ name: "Foo", methods: [], types: {} });
});

test.each([
  [[], "contract: it must be an object"],
  [{ methods: [], types: {} }, "contract.name: it is missing"],
  [{ name: "Foo", methods: {}, types: {} }, "contract.methods: it must be an array"],
  [
    { name: "Foo", methods: [{ name: "Sum", signatures: [{}] }], types: {} },
    "contract.methods[0].signatures[0].parameters: it is missing",
  ],
  [
    { name: "Foo", methods: [], types: { A: { type: { kind: "map" } } } },
    "contract.types.A.type.kind: it must be one of",
  ],
  [
    { name: "Foo", methods: [], types: { A: { type: { kind: "bytes", name: "Blob" } } } },
    "contract.types.A.type.name: it must be one of",
  ],
  [
    { name: "Foo", methods: [], types: { A: { type: { kind: "literal", value: null } } } },
    "contract.types.A.type.value: it must be a string, a number or a boolean",
  ],
])("%j is refused", (value, why) => {
  expect(() => parseServiceContract(value)).toThrow(why);
});

test("a type that is nested without end is refused and not followed", () => {
  let type: unknown = { kind: "number" };
  for (let depth = 0; depth < 10_000; depth++) type = { kind: "array", items: type };
  const contract = { name: "Foo", methods: [], types: { A: { type } } };
  expect(() => parseServiceContract(contract)).toThrow("nested more than 64 deep");
});

test("contracts are one, or several", () => {
  const foo: ServiceContract = { name: "Foo", methods: [], types: {} };
  const bar = { ...foo, name: "Bar" };
  expect(parseContracts(foo)).toEqual([foo]);
  expect(parseContracts(JSON.parse(JSON.stringify([foo, bar])))).toEqual([foo, bar]);
  expect(parseContracts([])).toEqual([]);
  expect(() => parseContracts("Foo")).toThrow("contract: it must be an object");
  expect(() => parseContracts([foo, { ...foo, name: 1 }])).toThrow(
    "contract[1].name: it must be a string",
  );
  expect(() => parseContracts([foo, bar, foo])).toThrow("contract[2].name: Foo is there twice");
});
