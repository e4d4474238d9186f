import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { inTime, turn, until } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { any, network, old } from "../support/routed-network.ts";
import type { RoutedNetwork } from "../support/routed-network.ts";
import { acts, answers, keepsQuiet } from "../support/scripted-site.ts";

/** Member 1 greets when the test says so; the others have a connection already. */
async function withSlow(): Promise<RoutedNetwork & { greet(): void }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const slow = { ...acts(answers), greets: promise };
  const net = network({ 1: slow, 2: acts(answers), 3: acts(answers) }, [any(2), any(3)]);
  for (let each = 0; each < 2; each++) await net.call("Foo.Do");
  // All three, from the first again.
  net.world.list = [any(1), any(2), any(3)];
  net.world.heard.length = 0;
  return { ...net, greet: resolve };
}

describe("a dial that takes long", () => {
  test("is left to itself after a while, when another member has a connection", async () => {
    const net = await withSlow();
    const call = net.call("Foo.Do");
    await net.clock.advance(limits.slowDialMs - 1);
    expect(net.world.heard).toHaveLength(0);
    expect(net.inFlight()).toBe(1);
    await net.clock.advance(1);
    expect(await call).toBe(2);
    expect(net.inFlight()).toBe(0);
    // The connection is there all the same, and the call does not come a second time.
    net.greet();
    await net.clock.advance(limits.helloTimeoutMs);
    expect(net.world.heard.map(({ port }) => port)).toEqual([2]);
    expect(net.world.dials.filter((port) => port === 1)).toHaveLength(1);
  });

  test("is waited for when it ends in time", async () => {
    const net = await withSlow();
    const call = net.call("Foo.Do");
    await net.clock.advance(limits.slowDialMs - 1);
    net.greet();
    expect(await call).toBe(1);
    await net.clock.advance(limits.slowDialMs);
    expect(net.world.heard.map(({ port }) => port)).toEqual([1]);
    expect(net.inFlight()).toBe(0);
  });

  test("passes the call on as a first attempt, with what is left of its time", async () => {
    const net = await withSlow();
    const call = net.call("Foo.Do", { timeoutMs: 4_000 });
    await inTime(net.clock, call);
    expect(net.world.heard.map(({ attempt, message }) => [attempt, message.timeoutMs])).toEqual([
      [0, 4_000 - limits.slowDialMs],
    ]);
  });

  test("that fails later fails nobody's call", async () => {
    const net = await withSlow();
    net.world.sites[2] = acts(keepsQuiet);
    const call = net.call("Foo.Do");
    await net.clock.advance(limits.slowDialMs);
    expect(net.world.heard).toHaveLength(1);
    // The hello does not come; the call that went on is still open.
    await net.clock.advance(limits.helloTimeoutMs);
    net.world.heard[0]?.result("late");
    expect(await call).toBe("late");
    expect(net.inFlight()).toBe(0);
  });

  test("is waited for when nobody else has a connection, beside the dial of one more", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = { ...acts(answers), greets: promise };
    const net = network({ 1: slow, 2: slow }, [any(1), any(2)]);
    const call = net.call("Foo.Do");
    await net.clock.advance(limits.slowDialMs * 2);
    resolve();
    expect(await call).toBe(1);
    expect(net.world.dials).toEqual([1, 2]);
  });

  test("loses its call to one that was begun later and is done first", async () => {
    const silent = { ...acts(answers), greets: new Promise<void>(() => {}) };
    const net = network({ 1: silent, 2: acts(answers), 3: "refused" }, [any(1), any(2), any(3)]);
    const from = net.clock.now();
    expect(await inTime(net.clock, net.call("Foo.Do"))).toBe(2);
    expect(net.clock.now() - from).toBeLessThan(2 * limits.slowDialMs);
    expect(net.inFlight()).toBe(0);
  });

  test("is waited for by a call that is for that member alone", async () => {
    const net = await withSlow();
    const calls = await net.router.callAll(net.request("Foo.Do"));
    await net.clock.advance(limits.slowDialMs * 2);
    expect(net.world.heard.map(({ port }) => port)).toEqual([2, 3]);
    net.greet();
    expect(await Promise.all(calls.map(({ answer }) => answer))).toEqual([1, 2, 3]);
    expect(net.inFlight()).toBe(0);
  });

  test("ends with a caller that leaves, and is no failure of the member", async () => {
    const net = await withSlow();
    const controller = new AbortController();
    const failed = failureOf(net.call("Foo.Do", { signal: controller.signal }));
    await turn();
    controller.abort();
    expect(await failed).toMatchObject({ code: "CANCELLED", executed: "no" });
    expect(net.inFlight()).toBe(0);
    await net.clock.advance(limits.slowDialMs);
    net.greet();
    await net.clock.advance(limits.slowDialMs);
    expect(net.world.heard).toHaveLength(0);
    expect(net.inFlight()).toBe(0);
  });
});

test("who waits for a dial counts as under way, so that the next calls go elsewhere", async () => {
  const net = await withSlow();
  const calls = [net.call("Foo.Do"), net.call("Foo.Do"), net.call("Foo.Do")];
  expect([...net.world.seen].map(({ inFlight }) => inFlight).sort()).toEqual([1, 1, 1]);
  net.greet();
  await Promise.all(calls);
  expect(net.inFlight()).toBe(0);
});

test("a first attempt over an open connection has all of its time", async () => {
  const net = await withSlow();
  net.world.list = [any(2), any(3)];
  await net.call("Foo.Do", { timeoutMs: 4_000 });
  expect(net.world.heard[0]?.message.timeoutMs).toBe(4_000);
});

test("a call that is a retry itself says so, and counts from there", async () => {
  const net = network({ 1: acts((call) => call.drain()), 2: acts(answers) }, [any(1), any(2)]);
  await net.call("Foo.Do", { attempt: 3 });
  expect(net.world.heard.map(({ attempt }) => attempt)).toEqual([3, 3]);
});

test("an old member is sent nothing that its hello does not name, with the nearest name", async () => {
  const net = network({ 1: acts(answers) }, [old(1)]);
  expect(await failureOf(net.call("Fooo.Do"))).toMatchObject({
    code: "UNIMPLEMENTED",
    reason: "NO_SUCH_METHOD",
    executed: "no",
    hint: "did you mean Foo?",
  });
  expect(net.world.heard).toHaveLength(0);
  expect(await net.call("Foo.Do")).toBe(1);
  expect(net.inFlight()).toBe(0);
});

test("a listed member is asked for what the list says, whatever its hello names", async () => {
  const site = {
    ...acts((call) => call.fault("UNIMPLEMENTED", { executed: "no" })),
    service: "Baz",
  };
  const net = network({ 1: site, 2: acts(answers) }, [any(1), any(2)]);
  expect(await net.call("Foo.Do")).toBe(2);
  expect(net.world.heard.map(({ port }) => port)).toEqual([1, 2]);
  expect(net.inFlight()).toBe(0);
});

test("a server that is full is sent no more, and the next one is asked", async () => {
  const full = { ...acts(keepsQuiet), maxInFlight: 1 };
  const net = network({ 1: full, 2: acts(answers) }, [any(1), any(2)]);
  const held = net.call("Foo.Do");
  await until(() => net.world.heard.length === 1);
  expect(await net.call("Foo.Do")).toBe(2);
  // The first is next again, and takes one call only; a further connection to it is being made.
  expect(await net.call("Foo.Do")).toBe(2);
  expect(net.world.dials).toEqual([1, 2, 1]);
  net.world.heard[0]?.result();
  expect(await held).toBe(1);
  expect(net.inFlight()).toBe(0);
});
