import { expect, test } from "bun:test";
import { parseDescribedService } from "../../src/contract/described.ts";
import { methodHash, serviceHash } from "../../src/contract/hash.ts";
import { healthContract, reflectionContract } from "../../src/contract/own-services.ts";
import { parseServiceContract } from "../../src/contract/parse.ts";
import type { ContractOptions, ServiceOptions } from "../../src/rpc/service.ts";
import { failureOf, openEnds, wires } from "../support/ends.ts";
import { method, moduleOf, number, object, ref, service, unknown } from "../support/contracts.ts";
import { standardSchema } from "../support/schemas.ts";

const sum = method("Sum", { a: ref("Pair") }, number);
const foo = service([sum, method("Any", { a: unknown }, number)], { Pair: object({ a: number }) });
const instances = { Foo: { Sum: () => 3, Any: () => 1 }, Old: { Run: () => 1, async *Items() {} } };

async function ask(
  methodName: string,
  args: readonly unknown[],
  contracts: ContractOptions = { contract: moduleOf([foo]) },
  methods: ServiceOptions = {},
): Promise<unknown> {
  await using ends = await openEnds(wires[0], instances, { contracts, methods });
  return await ends.call(`gee.Reflection.${methodName}`, args).promise;
}

async function describe(
  args: readonly unknown[],
  contracts?: ContractOptions,
  methods?: ServiceOptions,
) {
  const answer = await ask("Describe", args, contracts, methods);
  return Array.isArray(answer) ? answer.map((one) => parseDescribedService(one)) : [];
}

test("services are named with their methods, and with a hash where one is known", async () => {
  expect(await ask("Services", [])).toEqual([
    { name: "Foo", hash: serviceHash(foo), methods: ["Sum", "Any"] },
    { name: "Old", methods: ["Run", "Items"] },
  ]);
});

test("a description has the contract as text, and what its server does with each method", async () => {
  const options = { Foo: { Sum: { idempotent: true, timeoutMs: 500, concurrency: 8 } } };
  const [own, ...others] = await describe(["Foo"], undefined, options);
  expect(others).toEqual([]);
  expect(own).toMatchObject({ name: "Foo", hash: serviceHash(foo) });
  expect(parseServiceContract(JSON.parse(own?.contract ?? ""))).toEqual(foo);
  const plain = { idempotent: false, answersStream: false, checked: false };
  const [any] = foo.methods.slice(1);
  expect(own?.methods).toEqual([
    {
      name: "Sum",
      hash: methodHash(foo, sum),
      idempotent: true,
      timeoutMs: 500,
      concurrency: 8,
      answersStream: false,
      checked: true,
    },
    { name: "Any", hash: any === undefined ? "" : methodHash(foo, any), ...plain },
  ]);
});

test("checked says what is checked here: by the contract, by a schema, or not at all", async () => {
  const contract = moduleOf([foo]);
  const schema = standardSchema((value) => ({ value }));
  const checked = async (contracts: ContractOptions, methods: ServiceOptions = {}) =>
    (await describe(["Foo"], contracts, methods)).flatMap((one) =>
      one.methods.map((own) => own.checked),
    );
  expect(await checked({ contract })).toEqual([true, false]);
  expect(await checked({ contract, check: false })).toEqual([false, false]);
  expect(await checked({ contract, check: false, checkResults: true })).toEqual([false, false]);
  expect(await checked({}, { Foo: { Any: { schema } } })).toEqual([false, true]);
});

test("without a name it is all services but those that every server has", async () => {
  const all = await describe([]);
  expect(all.map(({ name }) => name)).toEqual(["Foo", "Old"]);
  const [, old] = all;
  expect(old).not.toHaveProperty("hash");
  expect(JSON.parse(old?.contract ?? "")).toMatchObject({
    methods: [
      { name: "Run", signatures: [], why: "its source was not read" },
      { name: "Items", signatures: [] },
    ],
  });
  expect(old?.methods.map(({ name, answersStream }) => [name, answersStream])).toEqual([
    ["Run", false],
    ["Items", true],
  ]);
});

test("what every server has is described when it is named", async () => {
  for (const contract of [reflectionContract, healthContract]) {
    const [own] = await describe([contract.name]);
    expect(JSON.parse(own?.contract ?? "")).toEqual(JSON.parse(JSON.stringify(contract)));
    expect(own?.hash).toBe(serviceHash(contract));
    expect(own?.methods.map(({ name }) => name)).toEqual(contract.methods.map(({ name }) => name));
    expect(own?.methods.map(({ idempotent }) => idempotent)).toEqual([true, true]);
  }
});

test("a service that there is not is NOT_FOUND, with the nearest", async () => {
  for (const [name, hint] of [
    ["Fooo", "did you mean Foo?"],
    ["gee.Helth", "did you mean gee.Health?"],
    ["Elephant", undefined],
    ["__proto__", undefined],
  ] as const) {
    expect(await failureOf(describe([name]))).toMatchObject({
      code: "NOT_FOUND",
      reason: "NO_SUCH_SERVICE",
      message: `there is no service ${name}`,
      hint,
    });
  }
});

test("its own arguments are checked, also where no others are", async () => {
  for (const contracts of [{}, { check: false }]) {
    expect(await failureOf(describe([5], contracts))).toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "BAD_ARGUMENT",
      message: "args[0] (service): expected string, got number",
      executed: "no",
    });
  }
});
