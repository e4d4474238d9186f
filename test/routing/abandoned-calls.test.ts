import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { inTime, turn, until } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { foo, network } from "../support/routed-network.ts";
import type { RoutedNetwork } from "../support/routed-network.ts";
import type { ScriptedSite } from "../support/scripted-site.ts";

// A server whose handlers run on when their callers have left: their ids stay taken, and the
// connection is as full as it was.

const room = 8;

/** A server that keeps all of `Foo.Hold`, whatever is cancelled, and answers the rest. */
const server: ScriptedSite = {
  maxInFlight: room,
  deaf: true,
  answer(call) {
    if (call.message.method !== "Foo.Hold") call.result();
  },
};

/** Calls that have filled the one connection and were given up. */
async function filled(count = room): Promise<RoutedNetwork> {
  const net = network({ 1: server }, [foo(1)]);
  await net.call("Foo.Do");
  const held = Array.from({ length: count }, () => net.call("Foo.Hold", { timeoutMs: 100 }));
  await until(() => net.world.heard.length === 1 + count);
  await net.clock.advance(100);
  const ends = await Promise.allSettled(held);
  expect(ends.map(({ status }) => status)).toEqual(held.map(() => "rejected"));
  expect(net.inFlight()).toBe(0);
  return net;
}

test("a connection that was given up on is not preferred to an empty one", async () => {
  const net = await filled();
  // The second connection was begun when the first was half full.
  await until(() => net.world.dials.length === 2);
  await turn();
  for (let each = 0; each < 20; each++) {
    expect(await inTime(net.clock, net.call("Foo.Do"))).toBe(1);
  }
  expect(net.world.dials).toEqual([1, 1]);
});

test("calls that are given up again and again fill one connection after the other", async () => {
  const net = await filled();
  for (let round = 2; round <= limits.maxConnectionsPerServer; round++) {
    await turn();
    const held = Array.from({ length: room }, () => net.call("Foo.Hold", { timeoutMs: 100 }));
    await net.clock.advance(100);
    await Promise.allSettled(held);
    expect(net.world.heard).toHaveLength(1 + room * round);
  }
  // No connection has room any more, and that is what is said.
  expect(await failureOf(net.call("Foo.Do"))).toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    reason: "TOO_MANY_IN_FLIGHT",
    executed: "no",
  });
  expect(net.world.dials).toHaveLength(limits.maxConnectionsPerServer);
});

test("what the server answers late makes room again", async () => {
  const net = await filled();
  await turn();
  for (const call of net.world.heard.slice(1)) call.fault("CANCELLED", { executed: "maybe" });
  await turn();
  // As many at once as both connections take.
  const calls = Array.from({ length: 2 * room }, () => net.call("Foo.Hold", { timeoutMs: 100 }));
  await until(() => net.world.heard.length === 1 + 3 * room);
  await net.clock.advance(100);
  const codes = await Promise.all(calls.map(async (call) => (await failureOf(call)).code));
  expect(new Set(codes)).toEqual(new Set(["DEADLINE_EXCEEDED"]));
});
