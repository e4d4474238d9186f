import { expect, test } from "bun:test";
import { compileArguments, compileResult } from "../../src/contract/check.ts";
import type { ServiceContract } from "../../src/contract/contract.ts";
import { healthContract, reflectionContract } from "../../src/contract/own-services.ts";
import { parseServiceContract } from "../../src/contract/parse.ts";
import { Health, Serving } from "../../src/rpc/health.ts";
import { Reflection } from "../../src/rpc/reflection.ts";
import { methodsOf } from "../../src/rpc/served-methods.ts";
import { createServiceTable } from "../../src/rpc/service.ts";
import { FakeClock } from "../support/clock.ts";

// They are written by hand, so that they cost nothing at start: this holds them to what is served.

const serving = new Serving(new FakeClock());
const own: readonly (readonly [ServiceContract, object])[] = [
  [reflectionContract, new Reflection(new Map())],
  [healthContract, new Health(serving, () => true)],
];

test.each(own)(
  "%#: the contract is one, and names exactly the methods that are served",
  (contract, instance) => {
    expect(parseServiceContract(JSON.parse(JSON.stringify(contract)))).toEqual(contract);
    const methods = methodsOf(instance);
    expect(contract.methods.map(({ name }) => name)).toEqual([...methods.keys()]);
    for (const { name, signatures } of contract.methods) {
      const [only] = signatures;
      expect(signatures).toHaveLength(1);
      // Each parameter is optional, and an optional one does not count.
      expect(only?.parameters.every(({ optional }) => optional === true)).toBe(true);
      const source = Function.prototype.toString.call(methods.get(name));
      const count = /\(([^)]*)\)/
        .exec(source)?.[1]
        ?.split(",")
        .filter((one) => one.trim() !== "");
      expect(count?.length).toBe(only?.parameters.length ?? -1);
      const isGenerator = /^async\s*\*/.test(source);
      expect(only?.stream === true).toBe(isGenerator);
    }
  },
);

const table = createServiceTable(
  { Foo: { Sum: () => 3 } },
  { Foo: { Sum: { timeoutMs: 5, concurrency: 2, idempotent: true } } },
);

function methodOf(contract: ServiceContract, name: string) {
  const found = contract.methods.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no method ${name}`);
  return found;
}

test.each([
  ["Services", []],
  ["Describe", []],
  ["Describe", ["gee.Health"]],
])("what Reflection.%s answers to %j is what its contract says", (name, args) => {
  const found = methodOf(reflectionContract, name);
  const check = compileResult(reflectionContract, found);
  const answer = table.find(`gee.Reflection.${name}`).invoke(args);
  expect(check?.(answer)).toBeUndefined();
  expect(check?.([{}])).toBeDefined();
  expect(answer).not.toEqual([]);
});

test("what Health answers is what its contract says, in every state", () => {
  const check = compileResult(healthContract, methodOf(healthContract, "Check"));
  const states = new Serving(new FakeClock());
  const health = new Health(states, (service) => service === "Foo");
  const answers = [health.Check(), health.Check("Bar")];
  states.drain();
  for (const answer of [...answers, health.Check()]) expect(check?.(answer)).toBeUndefined();
  expect(check?.({ status: "WELL" })).toBeDefined();
  const items = compileResult(healthContract, methodOf(healthContract, "Watch"));
  expect(items?.(health.Check())).toBeUndefined();
});

test("a name is text, and may be left out", () => {
  for (const [contract, name] of [
    [reflectionContract, "Describe"],
    [healthContract, "Check"],
    [healthContract, "Watch"],
  ] as const) {
    const check = compileArguments(contract, methodOf(contract, name));
    expect([check?.([]), check?.(["Foo"]), check?.([undefined])]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(check?.([5])).toBe("args[0] (service): expected string, got number");
  }
});
