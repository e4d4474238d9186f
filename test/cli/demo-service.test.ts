import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import { Foo } from "../../src/cli/demo-service.ts";
import { connect, serve } from "../../src/index.ts";
import { until } from "../support/clock.ts";

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "a result",
    (thrown: unknown) => GeeError.from(thrown).code,
  );
}

test("Foo adds, sleeps and says what it wants", async () => {
  await using stack = new AsyncDisposableStack();
  const server = await serve({ services: { Foo: new Foo() }, lameDuckMs: 0, log: silentLog });
  stack.use(server);
  const gee = stack.use(connect({ address: server.address, log: silentLog }));
  const foo = gee.service<Foo>("Foo");
  expect(await foo.Sum(1, 2)).toBe(3);
  expect(await foo.Sleep(0, 2)).toBe(2);
  expect(await foo.Sleep(0.001, 2)).toBe(2.001);
  expect(await codeOf(gee.call("Foo.Sum", ["1", 2]))).toBe("INVALID_ARGUMENT");
  expect(await codeOf(gee.call("Foo.Sum", [1]))).toBe("INVALID_ARGUMENT");
  expect(await codeOf(gee.call("Foo.Sleep", [-1, 2]))).toBe("INVALID_ARGUMENT");
  expect(await codeOf(gee.call("Foo.Sleep", [Number.NaN, 2]))).toBe("INVALID_ARGUMENT");
});

test("a sleep ends when its caller gives up", async () => {
  await using stack = new AsyncDisposableStack();
  const server = await serve({ services: { Foo: new Foo() }, lameDuckMs: 0, log: silentLog });
  stack.use(server);
  const gee = stack.use(connect({ address: server.address, log: silentLog }));
  const controller = new AbortController();
  const call = gee.call("Foo.Sleep", [3_600, 0], {
    signal: controller.signal,
    timeoutMs: 7_200_000,
  });
  await until(() => server.inFlight() === 1, "a call in flight");
  controller.abort();
  expect(await codeOf(call)).toBe("CANCELLED");
  await until(() => server.inFlight() === 0, "no call in flight");
});

test("Foo counts and totals, and says what it wants", async () => {
  await using stack = new AsyncDisposableStack();
  const server = await serve({ services: { Foo: new Foo() }, lameDuckMs: 0, log: silentLog });
  stack.use(server);
  const gee = stack.use(connect({ address: server.address, log: silentLog }));
  const foo = gee.service<Foo>("Foo");
  expect(await Array.fromAsync(foo.Count(3))).toEqual([1, 2, 3]);
  expect(await Array.fromAsync(foo.Count(0))).toEqual([]);
  expect(await foo.Total(foo.Count(1_000))).toBe(500_500);
  expect(await foo.Total(foo.Count(0))).toBe(0);
  expect(await codeOf(Array.fromAsync(gee.call("Foo.Count", ["3"])))).toBe("INVALID_ARGUMENT");
  async function* words(): AsyncGenerator<string> {
    yield "one";
  }
  for (const wrong of [[1, 2], null, undefined, 5, words()]) {
    expect(await codeOf(gee.call("Foo.Total", [wrong]))).toBe("INVALID_ARGUMENT");
  }
});
