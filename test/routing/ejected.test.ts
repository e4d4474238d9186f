import { describe, expect, test } from "bun:test";
import { policies } from "../../src/fleet/policies.ts";
import { slowStartMs } from "../../src/fleet/draw.ts";
import { inTime, turn } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { any, foo, network } from "../support/routed-network.ts";
import type { RoutedNetwork } from "../support/routed-network.ts";
import { acts, answers, instanceAt, keepsQuiet, refuses } from "../support/scripted-site.ts";
import type { Act } from "../support/scripted-site.ts";
import { seededRandom } from "../wire/random-values.ts";

// What the calls of one client do to a member's place among the others.

const internal = refuses("INTERNAL", { executed: "yes" });

/** Three members that have been there for long; the first does this with its calls. */
function fleetOf(act: Act, policy = policies["round-robin"]): RoutedNetwork {
  const sites = { 1: acts(act), 2: acts(answers), 3: acts(answers) };
  const ageMs = slowStartMs;
  const members = [1, 2, 3].map((port) => foo(port, { ageMs }));
  return network(sites, members, { policy, random: seededRandom(3) });
}

/** How many of so many calls the first member gets. */
async function firstGets(net: RoutedNetwork, calls: number): Promise<number> {
  const before = net.world.heard.filter(({ port }) => port === 1).length;
  for (let each = 0; each < calls; each++) await net.call("Foo.Do").catch(() => {});
  return net.world.heard.filter(({ port }) => port === 1).length - before;
}

/** How many calls the first member has had when it gets no more. */
async function untilOut(net: RoutedNetwork): Promise<number> {
  return await firstGets(net, 60);
}

describe("a member that fails", () => {
  test("gets no more calls after the fifth failure in a row", async () => {
    const net = fleetOf(internal);
    expect(await untilOut(net)).toBe(5);
    expect(net.lines.filter((line) => line.includes("it gets no calls"))).toHaveLength(1);
    expect(net.lines.join("\n")).toContain("tcp@127.0.0.1:1");
  });

  test.each([
    ["an application's own fault", refuses("NOT_FOUND", { executed: "yes" })],
    ["an overload", refuses("RESOURCE_EXHAUSTED")],
    ["a drain", refuses("UNAVAILABLE", { reason: "DRAINING" })],
    ["that it has not the method", refuses("UNIMPLEMENTED")],
  ] as const)("is not one that answers with %s", async (_what, act) => {
    const net = fleetOf(act);
    expect(await firstGets(net, 60)).toBeGreaterThan(15);
    expect(net.lines).toEqual([]);
  });

  test("is not one that was alone: only beside others its failures count", async () => {
    const net = fleetOf(internal);
    const others = net.world.list ?? [];
    net.world.list = others.slice(0, 1);
    expect(await firstGets(net, 20)).toBe(20);
    net.world.list = others;
    expect(await untilOut(net)).toBe(5);
    expect(net.inFlight()).toBe(0);
  });

  test("is not one whose callers leave", async () => {
    const net = fleetOf(keepsQuiet);
    for (let each = 0; each < 12; each++) {
      const controller = new AbortController();
      const call = net.call("Foo.Do", { signal: controller.signal });
      await turn();
      controller.abort();
      await call.catch(() => {});
    }
    expect(net.lines).toEqual([]);
    expect(net.world.heard.filter(({ port }) => port === 1).length).toBeGreaterThan(3);
  });

  test("is one that lets calls run into their deadline", async () => {
    const net = fleetOf(keepsQuiet);
    for (let each = 0; each < 24; each++) {
      await inTime(
        net.clock,
        net.call("Foo.Do", { timeoutMs: 200 }).catch(() => {}),
      );
    }
    expect(net.world.heard.filter(({ port }) => port === 1)).toHaveLength(5);
    const brief = fleetOf(keepsQuiet);
    for (let each = 0; each < 24; each++) {
      await inTime(
        brief.clock,
        brief.call("Foo.Do", { timeoutMs: 10 }).catch(() => {}),
      );
    }
    // A call that came with 10 ms left says nothing of the server.
    expect(brief.world.heard.filter(({ port }) => port === 1).length).toBeGreaterThan(6);
  });

  test("is one whose one-way calls leave as they should: nobody has read them", async () => {
    const net = fleetOf((call) => {
      if (call.message.method === "Foo.Do") internal(call);
    });
    const oneWay = (): Promise<unknown> =>
      net.call("Foo.Tell", { oneWay: true, to: instanceAt(1) });
    for (let each = 0; each < 60; each++) {
      await net.call("Foo.Do").catch(() => {});
      await oneWay();
    }
    const calls = net.world.heard.filter(({ port }) => port === 1);
    expect(calls.filter(({ message }) => message.method === "Foo.Do")).toHaveLength(5);
    expect(calls.filter(({ message }) => message.method === "Foo.Tell")).toHaveLength(60);
    expect(net.lines.filter((line) => line.includes("it gets no calls"))).toHaveLength(1);
    expect(net.inFlight()).toBe(0);
  });

  test("gets the calls that are for it alone all the same", async () => {
    const net = fleetOf(internal);
    await untilOut(net);
    const to = instanceAt(1);
    expect(await failureOf(net.call("Foo.Do", { to }))).toMatchObject({ code: "INTERNAL" });
    const calls = await net.router.callAll(net.request("Foo.Do"));
    const outcomes = await Promise.allSettled(calls.map(({ answer }) => answer));
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
    expect(net.inFlight()).toBe(0);
  });
});

describe("a member that is out", () => {
  test("gets one call when its time is over, and is back when that is answered", async () => {
    const net = fleetOf(internal, policies["weighted-random"]);
    await untilOut(net);
    net.world.sites[1] = acts(keepsQuiet);
    await net.clock.advance(5_000);
    const probing = net.world.heard.length;
    const calls = Array.from({ length: 30 }, () => net.call("Foo.Do"));
    await turn();
    const probes = net.world.heard.slice(probing).filter(({ port }) => port === 1);
    expect(probes).toHaveLength(1);
    net.world.sites[1] = acts(answers);
    probes[0]?.result();
    await Promise.all(calls);
    expect(net.lines.filter((line) => line.includes("answers again"))).toHaveLength(1);
    // It begins with a tenth of its share, and has all of it after 30 s.
    const early = await firstGets(net, 600);
    expect(early).toBeWithin(5, 60);
    await net.clock.advance(slowStartMs);
    expect(await firstGets(net, 600)).toBeWithin(150, 250);
    expect(net.inFlight()).toBe(0);
  });

  test("stays out for longer when its probe fails", async () => {
    const net = fleetOf(internal);
    await untilOut(net);
    await net.clock.advance(5_000);
    expect(await firstGets(net, 30)).toBe(1);
    // Twice as long, half of that for sure.
    await net.clock.advance(4_900);
    expect(await firstGets(net, 30)).toBe(0);
    await net.clock.advance(5_200);
    expect(await firstGets(net, 30)).toBe(1);
  });

  test("is not back by a one-way call, and may be probed after that", async () => {
    const net = fleetOf(internal);
    await untilOut(net);
    net.world.sites[1] = acts(answers);
    await net.clock.advance(5_000);
    const { length } = net.world.heard;
    for (let each = 0; each < 6; each++) await net.call("Foo.Tell", { oneWay: true });
    await turn();
    expect(net.world.heard.slice(length).map(({ port }) => port)).toContain(1);
    expect(net.lines.filter((line) => line.includes("answers again"))).toEqual([]);
    expect(await firstGets(net, 3)).toBe(1);
    expect(net.lines.filter((line) => line.includes("answers again"))).toHaveLength(1);
    expect(net.inFlight()).toBe(0);
  });

  test("is not probed while it is alone, and may be as soon as there are others", async () => {
    const net = fleetOf(internal);
    await untilOut(net);
    net.world.sites[1] = acts(answers);
    await net.clock.advance(5_000);
    const everybody = net.world.list ?? [];
    net.world.list = everybody.slice(0, 1);
    expect(await firstGets(net, 3)).toBe(3);
    net.world.list = everybody;
    await firstGets(net, 3);
    expect(net.lines.filter((line) => line.includes("answers again"))).toHaveLength(1);
    expect(net.inFlight()).toBe(0);
  });

  test("is probed again when the caller of its probe has left", async () => {
    const net = fleetOf(internal);
    await untilOut(net);
    net.world.sites[1] = acts(keepsQuiet, answers);
    await net.clock.advance(5_000);
    const controller = new AbortController();
    const { signal } = controller;
    const calls = Array.from({ length: 6 }, () => net.call("Foo.Do", { signal }));
    await turn();
    controller.abort();
    await Promise.allSettled(calls);
    await firstGets(net, 6);
    expect(net.lines.filter((line) => line.includes("answers again"))).toHaveLength(1);
  });
});

test("a probe that cannot be sent is no probe: the next call may be one", async () => {
  const net = fleetOf(internal);
  await untilOut(net);
  net.world.sites[1] = "refused";
  for (const { port, link } of net.world.links) if (port === 1) link.cut();
  await net.clock.advance(5_000);
  const { length } = net.world.dials;
  await firstGets(net, 6);
  expect(net.world.dials.slice(length)).toEqual([1]);
  net.world.sites[1] = acts(answers);
  for (let each = 0; each < 15; each++) {
    await net.clock.advance(100);
    await net.call("Foo.Do");
  }
  expect(net.lines.filter((line) => line.includes("answers again"))).toHaveLength(1);
});

test("when more than half fail nobody is left out", async () => {
  const net = fleetOf(internal);
  net.world.sites[2] = acts(internal);
  net.world.sites[3] = acts(internal);
  expect(await firstGets(net, 90)).toBeWithin(5, 40);
  const ports = net.world.heard.slice(-30).map(({ port }) => port);
  expect(new Set(ports).size).toBeGreaterThanOrEqual(2);
  expect(net.world.heard).toHaveLength(90);
});

test("a dial that nobody waited for to the end is a failure of the dial, not of the member", async () => {
  const net = network({ 1: "refused", 2: acts(answers) }, [any(1), any(2)]);
  for (let each = 0; each < 20; each++) expect(await net.call("Foo.Do")).toBe(2);
  expect(net.lines).toEqual([]);
});
