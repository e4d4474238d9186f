import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { createServiceTable } from "../../src/rpc/service.ts";
import type { ServiceOptions } from "../../src/rpc/service.ts";

function refusal(services: Record<string, object>, options?: ServiceOptions): GeeError {
  try {
    createServiceTable(services, options);
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
  for (const number of [0, 3, 2 ** 32 - 1, -1, 1.5, Number.NaN]) {
    expect(() => table.find(number)).toThrow(GeeError);
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
  for (const name of ["", "1Foo", "Foo.Bar", "Föö", "a".repeat(65), "__proto", "Foo Bar"]) {
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
