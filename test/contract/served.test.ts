import { expect, test } from "bun:test";
import type { ModuleContract, ServiceContract, TypeNode } from "../../src/contract/contract.ts";
import { isInSight, servedContract } from "../../src/contract/served.ts";

const number: TypeNode = { kind: "number" };
const ref = (name: string): TypeNode => ({ kind: "ref", name });

const foo: ServiceContract = {
  name: "Foo",
  doc: "Sums.",
  methods: [
    {
      name: "Sum",
      signatures: [{ parameters: [{ name: "a", type: number }], result: ref("Total") }],
    },
    { name: "Get", signatures: [{ parameters: [], result: number }] },
    { name: "secret", signatures: [{ parameters: [], result: ref("Secret") }] },
  ],
  types: {
    Secret: { type: number },
    Total: { type: { kind: "array", items: ref("Amount") } },
    Amount: { type: number },
    Gone: { type: { kind: "object", fields: [] } },
  },
  faults: [{ code: "NOT_FOUND", reason: "GONE", details: ref("Gone") }],
};

function module(part: Partial<ModuleContract> = {}): ModuleContract {
  return { services: [], hidden: {}, marks: {}, files: [], ...part };
}

const methods = ["Get", "secret", "Added", "Sum"];

test("methods come in the source's order, then those that it does not know", () => {
  const { contract } = servedContract(
    [module(), module({ services: [foo] })],
    "Foo",
    "Foo",
    methods,
  );
  expect(contract.name).toBe("Foo");
  expect(contract.doc).toBe("Sums.");
  expect(contract.methods.map(({ name }) => name)).toEqual(["Sum", "Get", "secret", "Added"]);
  expect(contract.methods[0]).toBe(foo.methods[0]!);
  expect(contract.methods[3]).toEqual({
    name: "Added",
    signatures: [],
    why: "it was not found in the source",
  });
});

test("what is not an instance's method is not in the contract", () => {
  const { contract } = servedContract([module({ services: [foo] })], "Foo", "Foo", ["Sum"]);
  expect(contract.methods.map(({ name }) => name)).toEqual(["Sum"]);
});

test("types that only hidden methods use are left out, those of faults stay", () => {
  const modules = [module({ services: [foo], hidden: { Foo: ["secret"] } })];
  const { contract } = servedContract(modules, "Foo", "Foo", methods);
  expect(Object.keys(contract.types)).toEqual(["Total", "Amount", "Gone"]);
  expect(contract.faults).toEqual(foo.faults);
});

test("without any source every method is unknown", () => {
  const why = "its source was not read";
  expect(servedContract([], "Foo", "Foo", ["Sum", "Get"])).toEqual({
    contract: {
      name: "Foo",
      methods: [
        { name: "Sum", signatures: [], why },
        { name: "Get", signatures: [], why },
      ],
      types: {},
    },
    hidden: new Set(),
  });
});

const marked = { Foo: ["secret"], Base: ["inner"], Open: [] };

const hiding: readonly (readonly [
  what: string,
  modules: readonly ModuleContract[],
  className: string,
  hidden: readonly string[],
])[] = [
  ["the service's own word", [module({ hidden: { Foo: ["a"] }, marks: marked })], "Foo", ["a"]],
  ["its own word, nothing", [module({ hidden: { Foo: [] }, marks: marked })], "Foo", []],
  [
    "both modules' word",
    [module({ hidden: { Foo: ["a"] } }), module({ hidden: { Foo: ["b"] } })],
    "Foo",
    ["a", "b"],
  ],
  [
    "another service's word",
    [module({ hidden: { Bar: ["a"] }, marks: marked })],
    "Foo",
    ["secret"],
  ],
  ["the class's marks", [module({ marks: marked })], "Foo", ["secret"]],
  ["the class's marks, none", [module({ marks: marked })], "Open", []],
  [
    "the marks of two such classes",
    [module({ marks: marked }), module({ marks: { Foo: ["x"] } })],
    "Foo",
    ["secret", "x"],
  ],
  ["a class that nobody knows", [module({ marks: marked })], "Lost", ["secret", "inner"]],
  ["a class without a name", [module(), module({ marks: marked })], "", ["secret", "inner"]],
  ["a name that every object has", [module({ marks: marked })], "constructor", ["secret", "inner"]],
  ["nothing", [module()], "Foo", []],
];

for (const [what, modules, className, hidden] of hiding) {
  test(`hidden by ${what}`, () => {
    const served = servedContract(modules, "Foo", className, [
      "Sum",
      "secret",
      "inner",
      "a",
      "b",
      "x",
    ]);
    expect([...served.hidden]).toEqual([...hidden]);
    for (const name of hidden) {
      expect(served.contract.methods.map((method) => method.name)).not.toContain(name);
    }
    expect(served.contract.methods.map((method) => method.name)).toContain("Sum");
  });
}

test("a method that its class does not show is hidden, whatever it may be marked as", () => {
  const modules = [module({ services: [foo], hidden: { Foo: [] } })];
  const { contract, hidden } = servedContract(modules, "Foo", "Foo", methods);
  expect([...hidden]).toEqual(["Added"]);
  expect(contract.methods.map(({ name }) => name)).toEqual(["Sum", "Get", "secret"]);
});

test.each([
  ["Foo", "Anything", { hidden: { Foo: [] } }, true],
  ["Foo", "Bar", { marks: { Bar: [] } }, true],
  ["Foo", "", { marks: { Bar: [] } }, true],
  ["Foo", "", {}, false],
  ["Foo", "Lost", { marks: { Bar: ["secret"] } }, false],
  ["Foo", "toString", { marks: { Bar: [] } }, false],
])("service %s of class %j with %j is in sight: %p", (service, className, part, inSight) => {
  expect(isInSight([module(), module(part)], service, className)).toBe(inSight);
});

test("what the class got when it ran is hidden if any class in sight marks it", () => {
  const marks = { Foo: ["secret"], Mixed: ["inner", "Sum"] };
  const modules = [module({ services: [foo], marks })];
  const served = servedContract(modules, "Foo", "Foo", [...methods, "inner"]);
  // What its own source has is what its own source says.
  expect(served.contract.methods.map(({ name }) => name)).toEqual(["Sum", "Get", "Added"]);
  expect([...served.hidden].sort()).toEqual(["inner", "secret"]);
});
