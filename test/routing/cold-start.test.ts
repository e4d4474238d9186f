import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { inTime, turn, until } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { any, foo, network } from "../support/routed-network.ts";
import type { RoutedNetwork } from "../support/routed-network.ts";
import { acts, answers, keepsQuiet } from "../support/scripted-site.ts";

// The first calls of a client that has no connection yet, some of whose machines are dead.

const up = acts(answers);

/** In how many ms a call is answered, and by whom. */
async function firstCall(net: RoutedNetwork): Promise<readonly [ms: number, port: unknown]> {
  const from = net.clock.now();
  const port = await inTime(net.clock, net.call("Foo.Do"));
  return [net.clock.now() - from, port];
}

/** Lets all dials come to their ends, and looks for what they left. */
async function settle(net: RoutedNetwork): Promise<void> {
  await net.clock.advance(limits.connectTimeoutMs + limits.helloTimeoutMs);
  await turn();
  expect(net.inFlight()).toBe(0);
}

describe("the first call, when dead machines come first", () => {
  test.each([
    ["one of two, which says nothing", { 1: "silent", 2: up }, 2, 2],
    ["one of two, which does not even accept", { 1: "hung", 2: up }, 2, 2],
    ["two of three, of one kind", { 1: "silent", 2: "silent", 3: up }, 3, 3],
    ["two of three, of both kinds", { 1: "hung", 2: "silent", 3: up }, 3, 3],
    ["three of four", { 1: "hung", 2: "silent", 3: "hung", 4: up }, 4, 4],
  ] as const)("takes a moment for each: %s", async (_what, sites, size, answering) => {
    const members = Array.from({ length: size }, (_, index) => any(index + 1));
    const net = network(sites, members);
    const [ms, port] = await firstCall(net);
    expect(port).toBe(answering);
    expect(ms).toBeLessThanOrEqual((size - 1) * limits.slowDialMs + 50);
    await settle(net);
    // Each was dialled once for it, and the one that lives got it once.
    expect([...net.world.dials].sort()).toEqual(members.map((_, index) => index + 1));
    expect(net.world.heard.map(({ port: heard, attempt }) => [heard, attempt])).toEqual([
      [answering, 0],
    ]);
  });

  test("goes to the first when that is only slow, and to nobody else", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const sites = { 1: { ...acts(answers), greets: promise }, 2: "silent", 3: "hung" } as const;
    const net = network(sites, [any(1), any(2), any(3)]);
    const call = net.call("Foo.Do");
    await net.clock.advance(limits.slowDialMs * 2);
    resolve();
    expect(await call).toBe(1);
    await settle(net);
    expect(net.world.heard.map(({ port }) => port)).toEqual([1]);
  });

  test("is sent once, when all their dials are done in one moment", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = { ...acts(answers), greets: promise };
    const net = network({ 1: slow, 2: slow, 3: slow }, [any(1), any(2), any(3)]);
    const call = net.call("Foo.Do");
    await net.clock.advance(limits.slowDialMs * 3);
    resolve();
    expect(await call).toBeNumber();
    await settle(net);
    expect(net.world.heard).toHaveLength(1);
    // Who did not get it has a connection for the next ones all the same.
    for (let each = 0; each < 3; each++) await net.call("Foo.Do");
    expect(new Set(net.world.heard.slice(1).map(({ port }) => port))).toEqual(new Set([1, 2, 3]));
    expect(net.world.dials).toHaveLength(3);
  });

  test.each([
    ["connected", true],
    ["lost, and another has a connection", false],
  ] as const)(
    "is not sent again by a dial that was begun beside it, once its own is done: %s",
    async (_how, greets) => {
      const first = Promise.withResolvers<void>();
      const second = Promise.withResolvers<void>();
      const sites = {
        1: { ...acts(keepsQuiet), greets: first.promise },
        2: { ...acts(keepsQuiet), greets: second.promise },
        3: acts(keepsQuiet),
      };
      const net = network(sites, [any(1), any(2)]);
      const call = net.call("Foo.Do");
      await net.clock.advance(limits.slowDialMs * 2 + 50);
      expect(net.world.dials).toEqual([1, 2]);
      if (greets) {
        first.resolve();
      } else {
        net.world.list = [any(1), any(2), any(3)];
        const patience = { ...net.request("Foo.Do"), timeoutMs: 1_000 };
        await inTime(net.clock, net.router.ready("Foo", patience));
        for (const { port, link } of net.world.links) if (port === 1) link.cut();
      }
      await until(() => net.world.heard.length === 1);
      const [heard] = net.world.heard;
      second.resolve();
      await net.clock.advance(limits.slowDialMs * 3);
      expect(net.world.heard).toHaveLength(1);
      expect(net.inFlight()).toBe(1);
      heard?.result();
      expect(await call).toBe(heard?.port);
      await settle(net);
      expect(net.world.heard).toHaveLength(1);
    },
  );

  test("looks again when another call has connected somebody meanwhile", async () => {
    const net = network({ 1: "hung", 2: "silent", 3: acts(answers) }, [any(1), any(2)]);
    const call = net.call("Foo.Do");
    await net.clock.advance(limits.slowDialMs + 50);
    // Nobody is left whom it could have dialled; the third is new, and another call's.
    net.world.list = [any(1), any(2), any(3)];
    await inTime(
      net.clock,
      net.router.ready("Foo", { ...net.request("Foo.Do"), timeoutMs: 1_000 }),
    );
    const from = net.clock.now();
    expect(await inTime(net.clock, call)).toBe(3);
    expect(net.clock.now() - from).toBeLessThanOrEqual(limits.slowDialMs);
    await settle(net);
  });

  test("fails as before when all of them are dead", async () => {
    const net = network({ 1: "silent", 2: "silent" }, [any(1), any(2)]);
    const failure = await inTime(net.clock, failureOf(net.call("Foo.Do", { timeoutMs: 20_000 })));
    expect(failure).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
    await settle(net);
    expect(net.clock.pending("foreground")).toBe(0);
  });
});

test("many calls at once each go where there is somebody, once, and leave no timers", async () => {
  const net = network({ 1: "silent", 2: "hung", 3: acts(answers) }, [any(1), any(2), any(3)]);
  const calls = Array.from({ length: 60 }, () => net.call("Foo.Do"));
  const from = net.clock.now();
  expect(new Set(await inTime(net.clock, Promise.all(calls)))).toEqual(new Set([3]));
  expect(net.clock.now() - from).toBeLessThanOrEqual(2 * limits.slowDialMs + 50);
  await settle(net);
  expect(net.world.heard).toHaveLength(60);
  expect([...net.world.dials].sort()).toEqual([1, 2, 3]);
  expect(net.clock.pending("foreground")).toBe(0);
});

test("what it waits for is no more once it is over", async () => {
  for (const end of ["answered", "left"] as const) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const sites = { 1: { ...acts(keepsQuiet), greets: promise }, 2: "hung" } as const;
    const net = network(sites, [any(1), any(2)]);
    const controller = new AbortController();
    const call = net.call("Foo.Do", { signal: controller.signal });
    await net.clock.advance(limits.slowDialMs * 2);
    if (end === "answered") {
      resolve();
      await turn();
      net.world.heard[0]?.result();
      expect(await call).toBe(1);
    } else {
      controller.abort();
      expect(await failureOf(call)).toMatchObject({ code: "CANCELLED", executed: "no" });
    }
    const { length } = net.world.dials;
    await settle(net);
    expect(net.world.dials).toHaveLength(length);
  }
});

test("a call that is for one instance dials nobody else", async () => {
  const net = network({ 1: "silent", 2: up }, [foo(1), foo(2)]);
  const request = { to: foo(1).id, timeoutMs: 1_000 };
  expect(await inTime(net.clock, failureOf(net.call("Foo.Do", request)))).toMatchObject({
    code: "DEADLINE_EXCEEDED",
  });
  expect(net.world.dials).toEqual([1]);
});
