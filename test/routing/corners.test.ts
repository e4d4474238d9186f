import { expect, test } from "bun:test";
import { policies } from "../../src/fleet/policies.ts";
import { at, loneFleet, portOf, who } from "../support/lone-fleet.ts";
import { inTime, turn, until } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { any, foo, network } from "../support/routed-network.ts";
import type { RoutedNetwork } from "../support/routed-network.ts";
import { acts, answers, breaks, keepsQuiet, refuses } from "../support/scripted-site.ts";
import type { HeardCall } from "../support/scripted-site.ts";

async function practised(): Promise<RoutedNetwork> {
  const net: RoutedNetwork = network(
    {},
    [1, 2, 3].map((port) => foo(port)),
  );
  const slow = (call: HeardCall) => void net.clock.after(50, () => call.result());
  for (const port of [1, 2, 3]) net.world.sites[port] = acts(slow);
  for (let each = 0; each < 30; each++) {
    const call = net.call("Foo.Do", { idempotent: true, hedge: true });
    await net.clock.advance(50);
    await call;
  }
  net.world.heard.length = 0;
  for (const port of [1, 2, 3]) net.world.sites[port] = acts(keepsQuiet);
  return net;
}

test("a broadcast that meets the closing is refused", async () => {
  const net = network({ 1: "server" }, [any(1)]);
  const calls = net.router.callAll(net.request("Foo.Who"));
  const closed = net.router.close(100);
  await expect(calls).rejects.toMatchObject({ reason: "CLOSED" });
  await closed;
});

test("a tagged idempotent call is sent again to the only one that has the tags", async () => {
  const tags = { version: "a" };
  const bad = refuses("INTERNAL", { executed: "maybe" });
  const net = network({ 1: acts(bad, answers), 2: acts(answers) }, [any(1, { tags }), any(2)]);
  // Without the other member, or without tags, it is.
  expect(await inTime(net.clock, net.call("Foo.Do", { tags, idempotent: true }))).toBe(1);
});

test("a tagged idempotent call that was lost waits for its backoff once", async () => {
  const tags = { version: "a" };
  const net = network({ 1: acts(breaks, answers), 2: acts(answers) }, [any(1, { tags }), any(2)]);
  const from = net.clock.now();
  expect(await inTime(net.clock, net.call("Foo.Do", { tags, idempotent: true }))).toBe(1);
  expect(net.clock.now() - from).toBeLessThan(150);
});

test("tags that nobody has are an answer at once, as a service that nobody has", async () => {
  const net = network({ 1: acts(answers), 2: acts(answers) }, [any(1), any(2)]);
  const from = net.clock.now();
  const error = await inTime(net.clock, failureOf(net.call("Foo.Do", { tags: { no: "body" } })));
  expect(net.clock.now() - from).toBeLessThan(100);
  expect(error.message).not.toBe("no server of Foo is registered");
});

test("two seconds of unreachable begin anew after the call was sent", async () => {
  const net = network({}, [any(1)]);
  const call = net.call("Foo.Do", { idempotent: true, timeoutMs: 60_000 });
  await net.clock.advance(300);
  net.world.sites[1] = acts(keepsQuiet);
  for (let each = 0; each < 200 && net.world.heard.length === 0; each++) {
    await net.clock.advance(10);
    await turn();
  }
  await net.clock.advance(3_000);
  net.world.sites[1] = "refused";
  for (const { link } of net.world.links) link.cut();
  net.clock.after(1_000, () => (net.world.sites[1] = acts(answers)));
  expect(await inTime(net.clock, call)).toBe(1);
});

test("a keyed call that may wait waits for its instance until its deadline", async () => {
  const net = network({ 1: acts(breaks, answers), 2: acts(answers) }, [any(1), any(2)]);
  const call = net.call("Foo.Do", { idempotencyKey: "k", waitForReady: true });
  const script = net.world.sites[1] ?? "refused";
  await until(() => net.world.heard.length === 1);
  net.world.sites[1] = "refused";
  net.clock.after(5_000, () => (net.world.sites[1] = script));
  expect(await inTime(net.clock, call)).toBe(1);
});

test("a tagged call that has no other takes nothing from the budget", async () => {
  const tags = { version: "a" };
  const full = acts(refuses("RESOURCE_EXHAUSTED"));
  const net = network({ 1: full, 2: acts(answers), 3: full, 4: full }, [any(1, { tags }), any(2)]);
  for (let each = 0; each < 30; each++) await failureOf(net.call("Foo.Do", { tags }));
  net.world.heard.length = 0;
  net.world.sites[2] = full;
  net.world.sites[1] = acts(answers);
  // The budget is whole: an overload goes to its one other member.
  net.world.list = [any(2), any(3)];
  await failureOf(net.call("Foo.Do"));
  expect(net.world.heard).toHaveLength(2);
});

test("when both attempts fail the metadata are those of the failure that is told", async () => {
  const net = await practised();
  const told: string[] = [];
  const call = failureOf(
    net.call("Foo.Do", {
      idempotent: true,
      hedge: true,
      onMetadata: ({ from }) => void told.push(from ?? ""),
    }),
  );
  await net.clock.advance(60);
  net.world.heard[0]?.fault("ABORTED", { metadata: { from: "first" } });
  await turn();
  net.world.heard[1]?.fault("ABORTED", { metadata: { from: "second" } });
  expect((await call).message).toBe("ABORTED at " + net.world.heard[0]?.port);
  await turn();
  expect(told).toEqual(["first"]);
});

test("a call that is to be sent once is not hedged", async () => {
  const net = await practised();
  void net.call("Foo.Do", { idempotent: true, hedge: true, maxAttempts: 1 }).catch(() => {});
  await net.clock.advance(60);
  expect(net.world.heard).toHaveLength(1);
});

test("hedging included, at most five are sent", async () => {
  const net = await practised();
  const call = net
    .call("Foo.Do", { idempotent: true, hedge: true, maxAttempts: 2 })
    .catch(() => {});
  await net.clock.advance(60);
  net.world.heard[0]?.lose();
  await net.clock.advance(300);
  expect(net.world.heard.length).toBeLessThanOrEqual(2);
  for (const heard of net.world.heard) heard.result();
  await call;
});

// Large fleets: a hash call looks past Ejection.available, and so nobody is probed by it.
function keyed(mixed: boolean) {
  const members = Array.from({ length: 100 }, (_, index) => foo(index + 1));
  const lone = loneFleet(members);
  const call = { policy: policies.hash };
  if (mixed) lone.shares({}, 1);
  const inPart = new Set(lone.fleet.chosen.map(portOf));
  for (let key = 0; ; key++) {
    const hashKey = `key ${key}`;
    const [home = ""] = who(lone.shares({ ...call, hashKey }, 1));
    if (!inPart.has(home)) continue;
    for (const backend of at(lone.fleet, Number(home))) {
      for (let each = 0; each < 5; each++) {
        lone.fleet.begin(backend, lone.clock.now());
        backend.end(lone.clock.now(), 1, "failed", 1_000);
        lone.fleet.note(backend, "failed", lone.clock.now());
      }
    }
    return { lone, home, request: { ...call, hashKey } };
  }
}

test("of a large fleet who is out is probed by calls with a key", async () => {
  const { lone, home, request } = keyed(true);
  expect(who(lone.shares(request, 3))).not.toContain(home);
  await lone.clock.advance(3_600_000);
  expect(who(lone.shares(request, 3))).toContain(home);
});

test("of a large fleet who fails calls with a key goes out", () => {
  const { lone, home, request } = keyed(false);
  expect(who(lone.shares(request, 3))).not.toContain(home);
});
