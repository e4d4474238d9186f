import { expect, test } from "bun:test";
import { FakeClock, until } from "./support/clock.ts";
import { failureOf } from "./support/ends.ts";
import { Loopback } from "./support/loopback.ts";

// Any server says whether it takes calls.

class Foo {
  readonly open: PromiseWithResolvers<string>[] = [];

  Hold(): Promise<string> {
    const held = Promise.withResolvers<string>();
    this.open.push(held);
    return held.promise;
  }
}

test("a server is healthy, and so are its services; of others it knows nothing", async () => {
  await using loopback = new Loopback();
  const { gee } = await loopback.pair({ Foo: new Foo() });
  const status = async (...args: readonly unknown[]): Promise<unknown> =>
    await gee.call("gee.Health.Check", args);
  expect(await status()).toEqual({ status: "SERVING" });
  for (const service of ["", "Foo", "gee.Health", "gee.Reflection"]) {
    expect(await status(service)).toEqual({ status: "SERVING" });
  }
  for (const service of ["Bar", "foo", "__proto__", "gee."]) {
    expect(await status(service)).toEqual({ status: "SERVICE_UNKNOWN" });
  }
  expect(await failureOf(status(5))).toMatchObject({
    reason: "BAD_ARGUMENT",
    message: "args[0] (service): expected string, got number",
  });
});

test("a watch tells of the drain and ends, while a call that was there still finishes", async () => {
  await using loopback = new Loopback();
  const foo = new Foo();
  const { server, gee } = await loopback.pair({ Foo: foo }, { drainTimeoutMs: 60_000 });
  const held = gee.call("Foo.Hold");
  const states: unknown[] = [];
  const watch = (async () => {
    for await (const state of gee.call("gee.Health.Watch", ["Foo"])) states.push(state);
  })();
  await until(() => states.length === 1 && foo.open.length === 1, "the first state");
  const stopped = server.stop();
  await watch;
  expect(states).toEqual([{ status: "SERVING" }, { status: "NOT_SERVING" }]);
  // New calls are refused as all are, whatever they ask.
  expect(await failureOf(gee.call("gee.Health.Check"))).toMatchObject({ code: "UNAVAILABLE" });
  foo.open[0]?.resolve("done");
  expect(await held).toBe("done");
  await stopped;
});

test("watches alone hold up no drain, however long it may take", async () => {
  await using loopback = new Loopback();
  const { server, gee } = await loopback.pair({ Foo: new Foo() }, { drainTimeoutMs: 3_600_000 });
  const ends = Array.from({ length: 20 }, async () => {
    const states: unknown[] = [];
    for await (const state of gee.call("gee.Health.Watch")) states.push(state);
    return states.length;
  });
  await until(() => server.inFlight() === 20, "the watches");
  await server.stop();
  expect(await Promise.all(ends)).toEqual(Array.from({ length: 20 }, () => 2));
});

test("a watch in which nothing changes is no idle stream", async () => {
  const clock = new FakeClock();
  await using loopback = new Loopback(clock);
  const { gee } = await loopback.pair({ Foo: new Foo() });
  const states: unknown[] = [];
  let failure: unknown;
  void (async () => {
    for await (const state of gee.call("gee.Health.Watch")) states.push(state);
  })().catch((error: unknown) => (failure = error));
  await until(() => states.length === 1, "the first state");
  for (let minute = 1; minute <= 5; minute++) {
    for (let part = 0; part < 3; part++) {
      const before = states.length;
      await clock.advance(20_000);
      await until(() => states.length > before || failure !== undefined, "the same again");
    }
  }
  expect(failure).toBeUndefined();
  expect(states.length).toBeGreaterThanOrEqual(16);
});
