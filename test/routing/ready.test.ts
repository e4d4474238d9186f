import { describe, expect, test } from "bun:test";
import { getEventListeners } from "node:events";
import { limits } from "../../src/base/limits.ts";
import { becomeReady } from "../../src/routing/ready.ts";
import type { Patience } from "../../src/routing/within.ts";
import { inTime, turn } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { any, network } from "../support/routed-network.ts";
import type { RoutedNetwork } from "../support/routed-network.ts";
import { acts, answers } from "../support/scripted-site.ts";
import { createFixedResolver } from "../../src/discovery/resolver.ts";
import { FakeClock } from "../support/clock.ts";
import { loneFleet } from "../support/lone-fleet.ts";

function patience(net: RoutedNetwork, timeoutMs = 10_000, signal?: AbortSignal): Patience {
  return { method: "waiting", timeoutMs, deadlineAt: net.clock.now() + timeoutMs, signal };
}

/** Lets time pass in small steps, so that what comes of each has its turn. */
async function pass({ clock }: RoutedNetwork, forMs: number): Promise<void> {
  for (const end = clock.now() + forMs; clock.now() < end;) {
    await clock.advance(50);
    await turn();
  }
}

describe("being ready", () => {
  test("takes one member that takes calls; the others are dialled on", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = { ...acts(answers), greets: promise };
    const net = network({ 1: "refused", 2: acts(answers), 3: slow }, [any(1), any(2), any(3)]);
    await net.router.ready("Foo", patience(net));
    expect([...net.world.dials].sort()).toEqual([1, 2, 3]);
    resolve();
    await turn();
    // All that are up have their connection before the first call.
    for (let each = 0; each < 4; each++) await net.call("Foo.Do");
    expect(net.world.dials.filter((port) => port > 1)).toHaveLength(2);
    expect(net.world.heard.map(({ port }) => port)).toContain(3);
  });

  test("is at once when there is a connection, and dials nobody again", async () => {
    const net = network({ 1: acts(answers) }, [any(1)]);
    await net.call("Foo.Do");
    await net.router.ready("Foo", patience(net));
    await net.router.ready(undefined, patience(net));
    expect(net.world.dials).toEqual([1]);
  });

  test("is for one service, or for anything that is listed", async () => {
    const net = network({ 1: acts(answers), 5_000: acts(answers) }, [any(1), any(5_000)]);
    await net.router.ready("Bar", patience(net));
    expect(net.world.dials).toEqual([5_000]);
    await net.router.ready(undefined, patience(net));
    expect(net.world.dials).toEqual([5_000, 1]);
  });

  test("dials no more of a large fleet than calls would go to", async () => {
    const ports = Array.from({ length: 20 }, (_, index) => index + 1);
    const sites = Object.fromEntries(ports.map((port) => [port, acts(answers)]));
    const net = network(
      sites,
      ports.map((port) => any(port)),
      { subsetSize: 5 },
    );
    await net.router.ready("Foo", patience(net));
    await turn();
    expect(net.world.dials).toHaveLength(5);
    for (let each = 0; each < 20; each++) await net.call("Foo.Do");
    expect(net.world.dials).toHaveLength(5);
  });

  test.each([
    ["nobody can be reached", [any(1)]],
    ["nobody serves it", [any(5_000)]],
    ["nobody is listed", []],
    ["there is no list", undefined],
  ] as const)("waits while %s", async (_why, list) => {
    const net = network({}, []);
    net.world.list = list;
    let ready = false;
    const done = net.router.ready("Foo", patience(net)).then(() => (ready = true));
    await pass(net, 5_000);
    expect(ready).toBe(false);
    expect(net.world.refreshes).toBeGreaterThan(3);
    net.world.sites[1] = acts(answers);
    net.world.list = [any(1)];
    await pass(net, 2_500);
    expect(ready).toBe(true);
    await done;
    expect(net.world.dials.length).toBeLessThan(15);
    expect(net.clock.pending("foreground")).toBe(0);
  });

  test.each([
    ["the first member that could not be reached", [any(1), any(2)], "refused 1"],
    ["the registry", undefined, "no registry"],
  ] as const)("ends at its deadline, with what was in the way: %s", async (_what, list, why) => {
    const net = network({}, []);
    net.world.list = list;
    const failed = failureOf(net.router.ready("Foo", patience(net, 3_000)));
    await pass(net, 2_950);
    expect(net.clock.pending("foreground")).toBeGreaterThan(0);
    await pass(net, 50);
    expect(await failed).toMatchObject({
      code: "DEADLINE_EXCEEDED",
      executed: "no",
      message: `no server was ready in 3000 ms: ${why}`,
      cause: { code: "UNAVAILABLE" },
    });
    const { refreshes } = net.world;
    await pass(net, 5_000);
    expect(net.world.refreshes).toBe(refreshes);
    expect(net.clock.pending("foreground")).toBe(0);
  });

  test("ends at its deadline without anything in the way that could be told", async () => {
    const net = network({ 1: "silent" }, [any(1)]);
    const failed = failureOf(net.router.ready("Foo", patience(net, 1_000)));
    await net.clock.advance(1_000);
    expect(await failed).toMatchObject({ message: "no server was ready in 1000 ms" });
  });

  test("ends at its deadline when the registry is silent", async () => {
    const net = network({}, [any(1)]);
    net.world.hung = true;
    const failed = failureOf(net.router.ready("Foo", patience(net, 1_000)));
    await net.clock.advance(1_000);
    expect(await failed).toMatchObject({ code: "DEADLINE_EXCEEDED" });
  });

  test("ends with the signal", async () => {
    const net = network({}, [any(1)]);
    const controller = new AbortController();
    const failed = failureOf(net.router.ready("Foo", patience(net, 9_000, controller.signal)));
    await pass(net, 700);
    controller.abort();
    expect(await failed).toMatchObject({ code: "CANCELLED", executed: "no" });
    const { length } = net.world.dials;
    await pass(net, 5_000);
    // One that was under way may have ended; no further round was begun.
    expect(net.world.dials.length).toBeLessThanOrEqual(length + 1);
  });

  test("ends when the client is closed, and is refused from then on", async () => {
    const net = network({}, [any(1)]);
    const failed = failureOf(net.router.ready("Foo", patience(net)));
    await pass(net, 300);
    const closed = net.router.close(limits.drainTimeoutMs);
    const refused = { code: "FAILED_PRECONDITION", reason: "CLOSED", executed: "no" };
    expect(await failed).toMatchObject(refused);
    await inTime(net.clock, closed);
    await pass(net, 2_000);
    expect(net.clock.pending("foreground")).toBe(0);
    expect(await failureOf(net.router.ready("Foo", patience(net)))).toMatchObject(refused);
  });
});

describe("what outlives it", () => {
  test("is no listener at the client's end, however it ended", async () => {
    const closing = new AbortController();
    const clock = new FakeClock();
    const readying = {
      clock,
      random: () => 0.5,
      resolver: createFixedResolver([any(1).address]),
      closing: closing.signal,
    };
    const patient = { method: "waiting", timeoutMs: 100, signal: undefined };
    const late = becomeReady(
      { ...readying, fleetOf: () => loneFleet([any(1)]).fleet },
      { ...patient, deadlineAt: clock.now() + 100 },
    );
    expect(getEventListeners(closing.signal, "abort")).toHaveLength(1);
    const failed = failureOf(late);
    await clock.advance(100);
    expect((await failed).code).toBe("DEADLINE_EXCEEDED");
    expect(getEventListeners(closing.signal, "abort")).toEqual([]);
    const thrown = new Error("no fleet");
    const broken = becomeReady(
      {
        ...readying,
        fleetOf() {
          throw thrown;
        },
      },
      { ...patient, deadlineAt: clock.now() + 100 },
    );
    const fails = failureOf(broken);
    await clock.advance(100);
    expect(await fails).toMatchObject({ cause: thrown });
    expect(getEventListeners(closing.signal, "abort")).toEqual([]);
  });

  test("is nothing that grows with how often it was asked for", async () => {
    const net = network({ 1: acts(answers) }, [any(1)]);
    const some = async (count: number): Promise<number> => {
      for (let each = 0; each < count; each++) await net.router.ready("Foo", patience(net));
      Bun.gc(true);
      return process.memoryUsage().heapUsed;
    };
    await some(2_000);
    const before = await some(1);
    const count = 10_000;
    // It was 770 bytes for each.
    expect(((await some(count)) - before) / count).toBeLessThan(150);
    expect(net.clock.pending("foreground")).toBe(0);
  });
});
