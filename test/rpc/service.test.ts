import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { methodHash, serviceHash } from "../../src/contract/hash.ts";
import { createServiceTable } from "../../src/rpc/service.ts";
import type { ContractOptions, ServiceOptions } from "../../src/rpc/service.ts";
import { method, moduleOf, number, service, string } from "../support/contracts.ts";

function refusal(
  services: Record<string, object>,
  options?: ServiceOptions,
  contracts?: ContractOptions,
): GeeError {
  try {
    createServiceTable(services, options, [], contracts);
  } catch (error) {
    if (error instanceof GeeError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

class Machinery {
  on(): void {}
  emit(): void {}
}

class Foo extends Machinery {
  readonly field = (): number => 1;
  factor = 2;
  static Static(): number {
    return 1;
  }
  get Getter(): () => number {
    throw new Error("nobody may look");
  }
  Sum(a: number, b: number): number {
    return (a + b) * this.factor;
  }
  async Later(): Promise<number> {
    return 1;
  }
  _hidden(): void {}
  with$dollar(): void {}
  ünï(): void {}
  #private(): void {}
  override toString(): string {
    this.#private();
    return "Foo";
  }
}

test("of a class instance its own class's public methods are served, and nothing else", () => {
  const table = createServiceTable({ Foo: new Foo() });
  expect(table.services).toEqual([{ name: "Foo", methods: ["Sum", "Later"] }]);
});

test("of a plain object its own functions are served", () => {
  const plain = {
    Sum: (a: number, b: number): number => a + b,
    Half: 0.5,
    get Getter(): never {
      throw new Error("nobody may look");
    },
    valueOf: () => 1,
    hasOwnProperty: () => true,
    _hidden: () => 1,
  };
  const bare: object = Object.assign(Object.create(null), { Run: () => 1 });
  const table = createServiceTable({ Plain: plain, Bare: bare });
  expect(table.services).toEqual([
    { name: "Plain", methods: ["Sum"] },
    { name: "Bare", methods: ["Run"] },
  ]);
});

test("a method is found by its number and by its name, and runs on its instance", () => {
  const table = createServiceTable({ Foo: new Foo() });
  const byName = table.find("Foo.Sum");
  expect(table.find(byName.number)).toBe(byName);
  expect(byName.number).toBeGreaterThan(0);
  expect(byName.invoke([1, 2])).toBe(6);
});

test("numbers that stand for nothing are UNIMPLEMENTED and not executed", () => {
  const table = createServiceTable({ Foo: new Foo() });
  for (const unknown of [0, 99, 2 ** 32 - 1, -1, 1.5, Number.NaN]) {
    expect(() => table.find(unknown)).toThrow(GeeError);
  }
});

test("what a server says of its methods: numbers from 1 on, idempotent ones, streams", () => {
  const services = {
    Foo: {
      Get: () => 1,
      Put: () => 1,
      async *Items() {
        yield 1;
      },
    },
  };
  const { facts } = createServiceTable(services, { Foo: { Get: { idempotent: true } } });
  expect(facts.get("Foo")?.methods).toEqual(
    new Map([
      ["Get", { number: 1, flags: 1 }],
      ["Put", { number: 2, flags: 0 }],
      ["Items", { number: 3, flags: 2 }],
    ]),
  );
});

test("the method that a class had when it was served is the one that runs", () => {
  class Late {
    Run(): string {
      return "first";
    }
  }
  const table = createServiceTable({ Late: new Late() });
  Late.prototype.Run = () => "second";
  expect(table.find("Late.Run").invoke([])).toBe("first");
});

test("nothing to serve, a service without methods and a name outside the grammar are refused", () => {
  expect(refusal({})).toMatchObject({ code: "INVALID_ARGUMENT", reason: "NOTHING_TO_SERVE" });
  expect(refusal({ Foo: {} })).toMatchObject({ reason: "BAD_SERVICE", executed: "no" });
  for (const name of [
    "gee.Foo",
    "gee.Health",
    "",
    "1Foo",
    "Foo.Bar",
    "Föö",
    "a".repeat(65),
    "__proto",
    "Foo Bar",
  ]) {
    expect(refusal({ [name]: { Run: () => 1 } }).reason).toBe("BAD_SERVICE");
  }
  const many = Array.from({ length: 257 }, (_, index) => [`S${index}`, { Run: () => 1 }]);
  expect(refusal(Object.fromEntries(many)).message).toContain("256");
});

test("options for what is not served are refused, naming the nearest", () => {
  const error = refusal({ Foo: new Foo() }, { Foo: { Summ: { idempotent: true } } });
  expect(error).toMatchObject({ reason: "BAD_SERVICE", hint: "did you mean Foo.Sum?" });
  for (const timeoutMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(refusal({ Foo: new Foo() }, { Foo: { Sum: { timeoutMs } } }).message).toContain(
      "timeoutMs of Foo.Sum",
    );
  }
});

test("what every server has comes behind the rest, and is not listed", () => {
  const table = createServiceTable({ Foo: new Foo() });
  expect(table.services.map(({ name }) => name)).toEqual(["Foo"]);
  expect([...table.facts.keys()]).toEqual(["Foo", "gee.Reflection", "gee.Health"]);
  const facts = (name: string) => [...(table.facts.get(name)?.methods ?? [])];
  expect(
    facts("gee.Reflection").map(([name, { number: own, flags }]) => [name, own, flags]),
  ).toEqual([
    ["Services", 3, 1],
    ["Describe", 4, 1],
  ]);
  expect(facts("gee.Health").map(([name, { number: own, flags }]) => [name, own, flags])).toEqual([
    ["Check", 5, 1],
    ["Watch", 6, 3],
  ]);
  expect(table.find(5)).toBe(table.find("gee.Health.Check"));
  for (const [name, near] of [
    ["gee.Health.Chek", "gee.Health.Check"],
    ["gee.Helth.Check", "gee.Health.Check"],
    ["gee.health.check", "gee.Health.Check"],
  ] as const) {
    expect(() => table.find(name)).toThrow(
      expect.objectContaining({ reason: "NO_SUCH_METHOD", details: { didYouMean: near } }),
    );
  }
});

test("a server that has 256 services has its own beside them", () => {
  const all = Array.from({ length: 256 }, (_, index) => [`S${index}`, { Run: () => 1 }]);
  expect(createServiceTable(Object.fromEntries(all)).facts.size).toBe(258);
});

const sum = method("Sum", { a: number, b: number }, number);
const foo = service([sum, method("Later", {}, number)]);

test("private and protected methods are not served", () => {
  const contract = moduleOf([foo], { Foo: ["Later"] });
  const table = createServiceTable({ Foo: new Foo() }, {}, [], { contract });
  expect(table.services).toMatchObject([{ name: "Foo", methods: ["Sum"] }]);
  expect([...(table.facts.get("Foo")?.methods.keys() ?? [])]).toEqual(["Sum"]);
  expect(() => table.find("Foo.Later")).toThrow("Foo has no method Later");
  // Neither by a number.
  expect(table.find(2).name).toBe("gee.Reflection.Services");
  expect(refusal({ Foo: new Foo() }, { Foo: { Later: {} } }, { contract }).message).toBe(
    "options for Foo.Later, which is not served",
  );
  const none = moduleOf([foo], { Foo: ["Later", "Sum"] });
  expect(refusal({ Foo: new Foo() }, {}, { contract: none })).toMatchObject({
    reason: "BAD_SERVICE",
    message: "Foo has no method to serve: all of its are private or protected",
  });
  // The class of an instance is found by its name when the service has another.
  const marks = { ...moduleOf([]), marks: { Foo: ["Later"], Other: ["Sum"] } };
  expect(createServiceTable({ Bar: new Foo() }, {}, [], { contract: [marks] }).services).toEqual([
    { name: "Bar", methods: ["Sum"] },
  ]);
});

test("hashes are those of what is served, of each service and of each method", () => {
  const contract = [moduleOf([foo]), moduleOf([service([sum], {}, "Bar")])];
  const table = createServiceTable({ Foo: new Foo(), Old: { Run: () => 1 } }, {}, [], { contract });
  const { Foo: own, Old } = Object.fromEntries(table.facts);
  expect(own?.contract).toBe(serviceHash(foo));
  expect(own?.methods.get("Sum")).toEqual({ number: 1, flags: 0, hash: methodHash(foo, sum) });
  expect(table.services).toMatchObject([{ contract: serviceHash(foo) }, { name: "Old" }]);
  // Of what nothing is known, nothing is said.
  expect(Old).toStrictEqual({ methods: new Map([["Run", { number: 3, flags: 0 }]]) });
  expect(table.services[1]).toStrictEqual({ name: "Old", methods: ["Run"] });
  // A method that is hidden is no part of it.
  const hidden = createServiceTable({ Foo: new Foo() }, {}, [], {
    contract: moduleOf([foo], { Foo: ["Later"] }),
  });
  expect(hidden.services[0]?.contract).toBe(serviceHash(service([sum])));
});

test("a method streams when its function does, or when its source says so", () => {
  const contract = moduleOf([
    service([
      method("Items", { to: number }, number, "stream"),
      method("Total", { "numbers...": number }, number),
      method("Both", {}, string),
    ]),
  ]);
  const instance = {
    Items: () => [1, 2].values(),
    Total: () => 1,
    async *Both() {
      yield "";
    },
  };
  const { facts } = createServiceTable({ Foo: instance }, {}, [], { contract });
  const flags = [...(facts.get("Foo")?.methods ?? [])].map(([name, fact]) => [name, fact.flags]);
  expect(Object.fromEntries(flags)).toEqual({ Items: 2, Total: 4, Both: 2 });
});

test("options of services that have the names of what every object has are theirs alone", () => {
  const table = createServiceTable({ constructor: { keys: () => 1, entries: () => 2 } });
  expect(table.find("constructor.keys").timeoutMs).toBeUndefined();
  expect(table.find("constructor.keys").invoke([])).toBe(1);
});
