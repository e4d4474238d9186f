import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { inTime, turn, until } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { any, foo, network } from "../support/routed-network.ts";
import type { RoutedNetwork } from "../support/routed-network.ts";
import { acts, answers, breaks, drains, keepsQuiet, refuses } from "../support/scripted-site.ts";
import type { Act, ScriptedSite } from "../support/scripted-site.ts";

// Calls with a key that may have run: they go to the process that knows the key, and to no other.

const key = { idempotencyKey: "order 7" };

/** One process, which does these things with its calls, one after the other. */
function process(instance: string, ...list: readonly Act[]): ScriptedSite {
  return { ...acts(...list), instance };
}

/** Where it was sent, and as which attempt. */
function ran({ world }: RoutedNetwork): string {
  return world.heard.map(({ port, attempt }) => `${port}:${attempt}`).join(" ");
}

/** The process at port 1 is another one from now on, and the connection to the first is gone. */
async function replace({ world }: RoutedNetwork, next: ScriptedSite): Promise<void> {
  world.sites[1] = next;
  world.heard.at(-1)?.lose();
  await turn();
}

describe("another process at the same address", () => {
  test.each([
    ["without an id, as in a list of addresses", any(1)],
    ["with one", foo(1)],
  ] as const)("does not run it, of a member %s", async (_what, member) => {
    const net = network({ 1: acts(keepsQuiet) }, [member]);
    const failed = failureOf(net.call("Foo.Pay", key));
    await until(() => net.world.heard.length === 1);
    await replace(net, process("second", answers));
    const from = net.clock.now();
    expect(await inTime(net.clock, failed)).toMatchObject({
      code: "UNAVAILABLE",
      reason: "CONNECTION_LOST",
      executed: "maybe",
    });
    expect(ran(net)).toBe("1:0");
    expect(net.inFlight()).toBe(0);
    // It is told as soon as it is known: a second look would not bring the first process back.
    expect(net.clock.now() - from).toBeLessThan(limits.unreachableMs / 4);
  });

  test("gets the call that was certainly not started by the first", async () => {
    for (const act of [drains, refuses("UNAVAILABLE", { reason: "DRAINING" })]) {
      const net = network({ 1: process("first", act) }, [any(1)]);
      const call = net.call("Foo.Pay", key);
      await until(() => net.world.heard.length === 1);
      await replace(net, process("second", answers));
      expect(await inTime(net.clock, call)).toBe(1);
      expect(net.world.heard).toHaveLength(2);
    }
  });

  test("gets the next call of the same client, with a key or without", async () => {
    const net = network({ 1: process("first", answers) }, [any(1)]);
    await net.call("Foo.Pay", key);
    await replace(net, process("second", answers));
    expect(await inTime(net.clock, net.call("Foo.Pay", key))).toBe(1);
    expect(await net.call("Foo.Get")).toBe(1);
  });

  test("gets a call that may run twice, whether it has a key or not", async () => {
    for (const request of [{}, key]) {
      const net = network({ 1: process("first", keepsQuiet) }, [any(1)]);
      const call = net.call("Foo.Get", { ...request, idempotent: true });
      await until(() => net.world.heard.length === 1);
      await replace(net, process("second", answers));
      expect(await inTime(net.clock, call)).toBe(1);
      expect(ran(net)).toBe("1:0 1:1");
    }
  });

  test("does not run it after the first has had it twice", async () => {
    const net = network({ 1: process("first", breaks, keepsQuiet) }, [any(1), any(2)]);
    net.world.sites[2] = acts(answers);
    const failed = failureOf(net.call("Foo.Pay", key));
    await net.clock.advance(limits.backoffMinMs * 2);
    expect(ran(net)).toBe("1:0 1:1");
    await replace(net, process("second", answers));
    expect(await inTime(net.clock, failed)).toMatchObject({ executed: "maybe" });
    expect(ran(net)).toBe("1:0 1:1");
    expect(net.inFlight()).toBe(0);
  });
});

test("the same process over another connection answers it", async () => {
  const net = network({ 1: process("first", breaks, answers), 2: acts(answers) }, [any(1), any(2)]);
  expect(await inTime(net.clock, net.call("Foo.Pay", key))).toBe(1);
  expect(ran(net)).toBe("1:0 1:1");
});

test("it fails with what happened where it may have run, and not before that or after", async () => {
  const net = network({ 1: "refused", 2: acts(breaks) }, [any(1), any(2)]);
  const failed = failureOf(net.call("Foo.Pay", key));
  await until(() => net.world.heard.length === 1);
  net.world.sites[2] = "refused";
  const failure = await inTime(net.clock, failed);
  expect(failure).toMatchObject({
    code: "UNAVAILABLE",
    reason: "CONNECTION_LOST",
    executed: "maybe",
  });
  expect(failure.message).not.toContain("refused");
  // It waits for that one, and asks nobody else meanwhile.
  expect(net.world.heard.map(({ port }) => port)).toEqual([2]);
  expect(net.inFlight()).toBe(0);
});

test("a call without a key says nothing of processes", async () => {
  const net = network({ 1: acts(drains), 2: process("any", answers) }, [any(1), any(2)]);
  expect(await net.call("Foo.Get")).toBe(2);
  expect(ran(net)).toBe("1:0 2:0");
});
