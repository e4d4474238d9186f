import { expect, test } from "bun:test";
import { createRemote, createStubs, type Call } from "../../src/rpc/remote.ts";

interface Foo {
  Sum(a: number, b: number): number;
  Fail(): Promise<string>;
  Count(to: number): AsyncGenerator<number>;
}

function recorded() {
  const calls: (readonly [string, readonly unknown[]])[] = [];
  const foo = createRemote<Foo>("Foo", (method, args) => {
    calls.push([method, args]);
    return Promise.resolve(3);
  });
  return { calls, foo };
}

test("every name is a method that calls with its arguments", async () => {
  const { calls, foo } = recorded();
  expect(await foo.Sum(1, 2)).toBe(3);
  await foo.Fail();
  expect(calls).toEqual([
    ["Foo.Sum", [1, 2]],
    ["Foo.Fail", []],
  ]);
});

test("what calling gives is handed on as it is, to be awaited or iterated", () => {
  const promise = Promise.resolve(3);
  const call: Call = Object.assign(promise, {
    async *[Symbol.asyncIterator]() {
      yield 1;
    },
  });
  const foo = createRemote<Foo>("Foo", () => call);
  expect<unknown>(foo.Sum(1, 2)).toBe(call);
  expect<unknown>(foo.Count(3)).toBe(call);
});

test("a method is the same function each time, needs no this, and may be passed on", async () => {
  const { calls, foo } = recorded();
  expect(foo.Sum).toBe(foo.Sum);
  const { Sum } = foo;
  await Promise.all([1, 2].map((n) => Sum(n, n)));
  expect(calls.length).toBe(2);
});

test("awaiting, printing and cloning a remote calls nothing", async () => {
  const { calls, foo } = recorded();
  expect(await Promise.resolve(foo)).toBe(foo);
  JSON.stringify(foo);
  Bun.inspect(foo);
  expect(() => String(foo)).toThrow();
  expect(Object.keys({ ...foo })).toEqual([]);
  expect(() => Number(foo)).toThrow();
  expect(calls).toEqual([]);
});

test("a remote cannot be written to", () => {
  const { foo } = recorded();
  expect(() => Object.assign(foo, { Sum: () => 1 })).toThrow(TypeError);
});

test("a stub calls with the options that it was made with", async () => {
  const calls: unknown[] = [];
  const stub = createStubs<{ Foo: Foo }>((method, args, options) => {
    calls.push([method, args, options]);
    return Promise.resolve(3);
  });
  expect(await stub("Foo").Sum(1, 2)).toBe(3);
  await stub("Foo", { timeoutMs: 5 }).Sum(3, 4);
  await stub<Foo>("Bar", { oneWay: true }).Sum(5, 6);
  expect(calls).toEqual([
    ["Foo.Sum", [1, 2], {}],
    ["Foo.Sum", [3, 4], { timeoutMs: 5 }],
    ["Bar.Sum", [5, 6], { oneWay: true }],
  ]);
});
