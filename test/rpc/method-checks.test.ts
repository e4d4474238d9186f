import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import type { MethodContract } from "../../src/contract/contract.ts";
import { areItems } from "../../src/rpc/checked-items.ts";
import { withChecks } from "../../src/rpc/method-checks.ts";
import type { Checking } from "../../src/rpc/method-checks.ts";
import { itIsAStream } from "../../src/rpc/refusals.ts";
import { list, method, nothing, number, object, service, unknown } from "../support/contracts.ts";
import { standardSchema } from "../support/schemas.ts";

const sum = method("Sum", { a: number, "b?": number }, number);

function checkedMethod(
  contract: MethodContract,
  handler: (...args: readonly unknown[]) => unknown,
  changes: Partial<Checking> = {},
) {
  const invoke = (args: readonly unknown[]): unknown => handler(...args);
  const { invoke: run, checked } = withChecks(invoke, {
    service: service([contract]),
    method: contract,
    options: {},
    check: true,
    checkResults: false,
    contextNow: () => {
      throw new Error("not here");
    },
    ...changes,
  });
  return { run, checked, isSame: run === invoke };
}

const failure = async (run: () => unknown): Promise<GeeError> => {
  try {
    await run();
  } catch (thrown) {
    if (thrown instanceof GeeError) return thrown;
    throw thrown;
  }
  throw new Error("it did not fail");
};

async function collect(answer: unknown): Promise<unknown[]> {
  if (!areItems(answer)) throw new Error("no items");
  const taken: unknown[] = [];
  for await (const item of answer) taken.push(item);
  return taken;
}

test("where there is nothing to check a method is run as it was", () => {
  const run = (): number => 1;
  const unread: MethodContract = { name: "Sum", signatures: [] };
  for (const [contract, changes] of [
    [unread, {}],
    [unread, { checkResults: true }],
    [method("Sum", { a: unknown }, number), {}],
    [method("Sum", {}, nothing), { checkResults: true }],
    [sum, { check: false }],
    [sum, { check: false, options: { schema: [undefined] } }],
  ] as const) {
    expect(checkedMethod(contract, run, changes)).toMatchObject({ checked: false, isSame: true });
  }
});

test("arguments that do not fit are refused, and the method does not run", () => {
  let runs = 0;
  const { run, checked } = checkedMethod(sum, (a, b) => {
    runs++;
    return [a, b];
  });
  expect(checked).toBe(true);
  expect(run([1, 2])).toEqual([1, 2]);
  expect(run([Number.NaN])).toEqual([Number.NaN, undefined]);
  // What is beyond the contract is none of its business.
  expect(run([1, 2, "more"])).toEqual([1, 2]);
  expect(runs).toBe(3);
  for (const [args, message] of [
    [["1", 2], "args[0] (a): expected number, got string"],
    [[1, "2"], "args[1] (b): expected number, got string"],
    [[], "args[0] (a): expected number, got nothing"],
  ] as const) {
    expect(() => run(args)).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        reason: "BAD_ARGUMENT",
        executed: "no",
        message,
      }),
    );
  }
  expect(runs).toBe(3);
});

test("a schema takes the place of the contract, whether or not that is checked", () => {
  const schema = standardSchema((value) => ({ value: Number(value) * 2 }));
  for (const check of [true, false]) {
    const { run, checked } = checkedMethod(sum, (a) => a, { check, options: { schema } });
    expect([checked, run(["4", "no number"])]).toEqual([true, 8]);
  }
  const refusing = standardSchema(() => ({ issues: [{ message: "no" }] }));
  const named = checkedMethod(sum, () => 1, { options: { schema: refusing } });
  expect(() => named.run([1])).toThrow("args[0] (a): no");
  const overloaded = { name: "Sum", signatures: [...sum.signatures, ...sum.signatures] };
  const unnamed = checkedMethod(overloaded, () => 1, { options: { schema: refusing } });
  expect(() => unnamed.run([1])).toThrow("args[0]: no");
});

const total = method("Total", { "numbers...": number }, number);

async function* items(...values: readonly unknown[]): AsyncGenerator<unknown> {
  yield* values;
}

test("items of an argument are checked when they are taken, with a schema as well", async () => {
  const schema = [standardSchema(() => ({ issues: [] }))];
  for (const options of [{}, { schema }]) {
    const { run, checked } = checkedMethod(total, (stream) => collect(stream), { options });
    expect(checked).toBe(true);
    expect(await run([items(1, 2)])).toEqual([1, 2]);
    const error = await failure(() => run([items(1, 2, "three")]));
    expect(error.message).toBe("args[0] (numbers), item 3: expected number, got string");
    expect(error.executed).toBe("yes");
  }
  const { run } = checkedMethod(total, (stream) => stream);
  expect(() => run([[1, 2]])).toThrow("args[0] (numbers): expected a stream, got array");
  const given = [items(1)];
  expect(run(given)).not.toBe(given[0]);
});

test("a method that takes no item checks none", async () => {
  const { run } = checkedMethod(total, () => "done");
  expect(run([items("one")])).toBe("done");
});

const badResult = { code: "INTERNAL", reason: "BAD_RESULT", executed: "yes" };

test("results are checked when that is asked for, promised or not", async () => {
  const contract = method("Get", {}, object({ items: list(number) }));
  const changes = { checkResults: true };
  for (const promised of [false, true]) {
    const answering = (value: unknown) => (): unknown =>
      promised ? Promise.resolve(value) : value;
    const good = { items: [1], more: true };
    const { run, checked } = checkedMethod(contract, answering(good), changes);
    expect(await run([])).toBe(good);
    // It is about arguments.
    expect(checked).toBe(false);
    const bad = checkedMethod(contract, answering({ items: [1, null] }), changes);
    expect(await failure(() => bad.run([]))).toMatchObject({
      ...badResult,
      message: "result.items[1]: expected number, got null",
    });
    expect(await checkedMethod(contract, answering({}), {}).run([])).toEqual({});
  }
  const failing = checkedMethod(
    contract,
    () => Promise.reject(new GeeError("ABORTED", "no")),
    changes,
  );
  expect((await failure(() => failing.run([]))).code).toBe("ABORTED");
});

test("items of an answer are checked one by one, whatever they come from", async () => {
  const count = method("Count", {}, number, "stream");
  const changes = { checkResults: true };
  for (const answer of [
    () => items(1, 2),
    () => Promise.resolve(items(1, 2)),
    () => [1, 2].values(),
    // The call of another service, handed on: it rejects, and is iterated.
    () => {
      const call = Promise.reject(itIsAStream("Bar.Count"));
      call.catch(() => {});
      return Object.assign(call, { [Symbol.asyncIterator]: () => items(1, 2) });
    },
  ]) {
    const { run } = checkedMethod(count, answer, changes);
    expect(await collect(await run([]))).toEqual([1, 2]);
  }
  const bad = checkedMethod(count, () => items(1, "two"), changes);
  expect(await failure(async () => await collect(bad.run([])))).toMatchObject({
    ...badResult,
    message: "result: expected number, got string",
  });
  const single = checkedMethod(count, () => 5, changes);
  expect(await failure(() => single.run([]))).toMatchObject({
    ...badResult,
    message: "result: expected a stream, got number",
  });
});

test("items where a single result is declared are left to whoever answers", () => {
  const stream = items(1);
  const { run } = checkedMethod(sum, () => stream, { checkResults: true });
  expect(run([1])).toBe(stream);
});
