import { expect, test } from "bun:test";
import { connect, serve } from "../src/index.ts";
import { silentLog } from "../src/base/log.ts";
import { bufferedBytes } from "../src/wire/buffered.ts";
import { until } from "./support/clock.ts";
import { failureOf } from "./support/ends.ts";

class Foo {
  async *Blocks(): AsyncGenerator<Uint8Array> {
    for (;;) yield new Uint8Array(32_768);
  }

  async Total(items: AsyncIterable<number>): Promise<number> {
    let sum = 0;
    for await (const item of items) sum += item;
    return sum;
  }
}

test("the source of a call that never reached a server is closed all the same", async () => {
  await using server = await serve({ services: { Foo: new Foo() }, lameDuckMs: 0, log: silentLog });
  await using gee = connect({ address: server.address, log: silentLog });
  for (const [method, signal] of [
    ["Foo.Nothing", undefined],
    ["Bar.Total", undefined],
    ["Foo.Total", AbortSignal.abort()],
  ] as const) {
    let closed = 0;
    const items: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<never>(() => {}),
        return: () => {
          closed++;
          return Promise.resolve({ done: true as const, value: undefined });
        },
      }),
    };
    await failureOf(gee.call(method, [items], signal === undefined ? {} : { signal }));
    await until(() => closed === 1, `the source of ${method}`);
  }
});

test("streams that somebody awaited do not hold the process's memory", async () => {
  await using server = await serve({ services: { Foo: new Foo() }, lameDuckMs: 0, log: silentLog });
  await using gee = connect({ address: server.address, log: silentLog, drainTimeoutMs: 10 });
  const calls = Array.from({ length: 120 }, () => gee.call("Foo.Blocks"));
  for (const call of calls) {
    expect(await failureOf(call)).toMatchObject({ reason: "IS_A_STREAM" });
  }
  await until(() => server.inFlight() < calls.length, "some of them to be given up");
  expect(bufferedBytes()).toBeLessThan(64 * 2 ** 20);
  expect(
    await gee.call("Foo.Total", [
      (async function* () {
        yield 1;
        yield 2;
      })(),
    ]),
  ).toBe(3);
});
