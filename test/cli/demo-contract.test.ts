import { expect, setDefaultTimeout, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { demoContract } from "../../src/cli/demo-contract.ts";

setDefaultTimeout(30_000);

test("the demo service has its contract", async () => {
  const modules = await demoContract({ log: silentLog });
  expect(modules).toHaveLength(1);
  expect(modules[0]?.hidden).toEqual({ Foo: [] });
  const [foo, ...others] = modules[0]?.services ?? [];
  expect(others).toEqual([]);
  expect(foo?.methods.map(({ name, doc }) => [name, doc?.split(",", 1)[0]])).toEqual([
    ["Sum", "The sum of two numbers."],
    ["Sleep", "The sum of two numbers"],
    ["Count", "The numbers from 1 on"],
    ["Total", "The sum of numbers that come one by one."],
  ]);
  expect(foo?.methods.flatMap(({ signatures }) => signatures.map(({ stream }) => stream))).toEqual([
    undefined,
    undefined,
    true,
    undefined,
  ]);
});
