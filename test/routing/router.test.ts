import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { inTime, turn, until } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { any, foo, network, old } from "../support/routed-network.ts";

const up = { 1: "server", 2: "server", 3: "server" } as const;

test("calls are spread over those who serve", async () => {
  const { call } = network(up, [any(1), any(2), any(3)]);
  const answers = [];
  for (let each = 0; each < 6; each++) answers.push(await call("Foo.Who"));
  expect(answers).toEqual([1, 2, 3, 1, 2, 3]);
});

test("a call whose member refuses the connection goes on to the next, and each is tried once", async () => {
  const { call, world } = network({ 3: "server" }, [any(1), any(2), any(3)]);
  expect(await call("Foo.Who")).toBe(3);
  expect(world.dials).toEqual([1, 2, 3]);
  expect(world.refreshes).toBeGreaterThan(0);
});

test("a member at whose address another instance answers executes nothing, and the call goes on", async () => {
  const { call, world } = network(up, [foo(1), any(2)]);
  expect(await call("Foo.Who")).toBe(2);
  expect(world.ran).toEqual(["Who 2"]);
});

test("a member that answers that it did not start a call passes it on", async () => {
  const { call, world } = network({ 1: "draining", 2: "server" }, [any(1), any(2)]);
  expect(await call("Foo.Who")).toBe(2);
  expect(world.ran).toEqual(["Who 2"]);
});

test("a member without the method passes the call on to one that has it", async () => {
  const services = ["Foo", "Bar"];
  const sites = { 1: "server", 5_000: "server" } as const;
  const { call } = network(sites, [any(1, { services }), any(5_000, { services })]);
  expect(await call("Bar.Who")).toBe(5_000);
});

test("what a handler says was executed, so the call goes nowhere else", async () => {
  const { call, world } = network(up, [any(1), any(2)]);
  expect(await failureOf(call("Foo.Full"))).toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    executed: "yes",
  });
  expect(await failureOf(call("Foo.Fail", { args: [2] }))).toMatchObject({ code: "ABORTED" });
  expect(world.ran).toEqual(["Fail 2"]);
});

test("a call that was sent when its connection died goes nowhere else", async () => {
  const { call, world } = network(up, [any(1), any(2)]);
  const held = call("Foo.Hold");
  await until(() => world.open.length === 1);
  world.sessions[0]?.channel.link.close();
  expect(await failureOf(held)).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
  expect(world.ran).toEqual(["Hold 1"]);
});

test("when all have failed the list is asked for once more, and those who are new on it are tried", async () => {
  const { call, world } = network({ 3: "server" }, [any(1), any(2)]);
  world.next = [any(1), any(3)];
  expect(await call("Foo.Who")).toBe(3);
  expect(world.dials).toEqual([1, 2, 3]);
});

test("when nobody can be reached the call says so, with the first failure and how many were tried", async () => {
  const { call, world, clock } = network({}, [any(1), any(2), any(3)]);
  const failed = failureOf(call("Foo.Who"));
  await until(() => world.dials.length === 3);
  expect(world.dials).toEqual([1, 2, 3]);
  // Everybody is tried again after a while, for two seconds.
  const from = clock.now();
  expect(await inTime(clock, failed)).toMatchObject({
    code: "UNAVAILABLE",
    reason: "CONNECT_FAILED",
    executed: "no",
    message: "none of 3 servers of Foo takes the call; the first: refused 1",
  });
  expect(world.dials.length).toBeGreaterThan(6);
  expect(clock.now() - from).toBeWithin(1_000, limits.unreachableMs + limits.redialMaxMs + 100);
});

test("a failure that says more than unreachable is the one that is reported", async () => {
  const sites = { 1: "server", 2: "refused" } as const;
  const { call } = network(sites, [any(1), any(2)]);
  expect(await failureOf(call("Foo.Nope"))).toMatchObject({
    code: "UNIMPLEMENTED",
    reason: "NO_SUCH_METHOD",
  });
});

test("going elsewhere ends at the deadline", async () => {
  const { call, clock, world } = network({ 1: "silent", 2: "silent" }, [any(1), any(2)]);
  const failed = failureOf(call("Foo.Who", { timeoutMs: 3_000 }));
  await clock.advance(2_999);
  expect(world.dials.slice(0, 2)).toEqual([1, 2]);
  await clock.advance(1);
  expect(await failed).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "no" });
});

test("an argument that cannot travel is refused once and not carried around", async () => {
  const { call, world } = network(up, [any(1), any(2)]);
  expect(await failureOf(call("Foo.Who", { args: [() => 1] }))).toMatchObject({
    reason: "CANNOT_TRAVEL",
    executed: "no",
  });
  expect(world.dials).toEqual([1]);
});

test("a failing member is asked last, and again as soon as a dial of its own finds it back", async () => {
  const { call, world, clock } = network({ 1: "refused", 2: "server" }, [any(1), any(2)]);
  for (let each = 0; each < 4; each++) expect(await call("Foo.Who")).toBe(2);
  world.sites[1] = "server";
  for (let each = 0; each < 3; each++) {
    await call("Foo.Who");
    await clock.advance(limits.redialMaxMs);
    await turn();
  }
  const answers = new Set([await call("Foo.Who"), await call("Foo.Who")]);
  expect(answers).toEqual(new Set([1, 2]));
});

test("members that drain, or have no weight, are asked only when there is no other", async () => {
  const leaving = [any(1, { draining: true }), any(2, { weight: 0 })];
  const { call, world } = network(up, [...leaving, any(3)]);
  for (let each = 0; each < 4; each++) expect(await call("Foo.Who")).toBe(3);
  world.list = leaving;
  expect(new Set([await call("Foo.Who"), await call("Foo.Who")])).toEqual(new Set([1, 2]));
});

test("a call to one instance goes there and nowhere else", async () => {
  const served = "served";
  const { call, world, clock } = network(up, [any(1), foo(2, { id: served }), any(3)]);
  for (let each = 0; each < 3; each++) expect(await call("Foo.Who", { to: served })).toBe(2);
  expect(world.dials).toEqual([2]);
  world.sites[2] = "refused";
  world.sessions[0]?.channel.link.close();
  await turn();
  const failed = failureOf(call("Foo.Who", { to: served }));
  expect(await inTime(clock, failed)).toMatchObject({ reason: "CONNECT_FAILED", executed: "no" });
  expect(await failureOf(call("Foo.Who", { to: "nobody" }))).toMatchObject({
    code: "UNAVAILABLE",
    reason: "NO_INSTANCE",
    executed: "no",
  });
});

test("old members are asked only for what nobody lists", async () => {
  const sites = { 1: "server", 2: "server", 5_000: "server" } as const;
  const { call, world } = network(sites, [any(1), old(2), old(5_000)]);
  for (let each = 0; each < 3; each++) expect(await call("Foo.Who")).toBe(1);
  expect(world.dials).toEqual([1]);
  // The first old member's hello says that it does not serve Bar, so nothing is sent to it.
  expect(await call("Bar.Who")).toBe(5_000);
  expect(world.ran.at(-1)).toBe("Who 5000");
});

test("an old member that speaks something else is left alone for five minutes, with one line in the log", async () => {
  const { call, world, lines, clock } = network({ 1: "http", 2: "server" }, [old(1), old(2)]);
  for (let each = 0; each < 6; each++) expect(await call("Foo.Who")).toBe(2);
  expect(world.dials.filter((port) => port === 1).length).toBe(1);
  expect(lines.filter((line) => line.includes("no gee server"))).toEqual([
    expect.stringContaining("tcp@127.0.0.1:1"),
  ]);
  world.sites[1] = "server";
  await clock.advance(limits.strangerMs);
  const answers = new Set();
  for (let each = 0; each < 4; each++) {
    answers.add(await call("Foo.Who"));
    await clock.advance(limits.redialMaxMs);
    await turn();
  }
  expect(answers).toEqual(new Set([1, 2]));
});

test("one that closes without a hello is left alone after the third time", async () => {
  const { call, world, lines, clock } = network({ 1: "wordless", 2: "server" }, [old(1), old(2)]);
  for (let each = 0; each < 20; each++) {
    expect(await call("Foo.Who")).toBe(2);
    await clock.advance(limits.redialMaxMs);
    await turn();
  }
  expect(world.dials.filter((port) => port === 1).length).toBe(3);
  expect(lines.filter((line) => line.includes("no gee server")).length).toBe(1);
});

test("a service that nobody serves is named, with the nearest that is there", async () => {
  const { call, world } = network(up, [any(1), any(2, { services: ["Orders"] })]);
  expect(await failureOf(call("Fooo.Who"))).toMatchObject({
    code: "UNAVAILABLE",
    reason: "NO_SERVER",
    executed: "no",
    hint: "did you mean Foo?",
  });
  // The list may have been older than the server.
  expect(world.refreshes).toBe(1);
});

test("without any list the registry's failure is the call's", async () => {
  const { call, world } = network(up, []);
  world.list = undefined;
  expect(await failureOf(call("Foo.Who"))).toMatchObject({
    reason: "NO_REGISTRY",
    executed: "no",
  });
});

test("a broadcast reaches everybody who serves, once, and goes nowhere else", async () => {
  const { router, request, world } = network(up, [any(1), any(2), any(3), any(9)]);
  const calls = await router.callAll(request("Foo.Who"));
  const outcomes = await Promise.allSettled(calls.map(({ answer }) => answer));
  expect(outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : 0))).toEqual([
    1, 2, 3, 0,
  ]);
  expect(world.dials.sort()).toEqual([1, 2, 3, 9]);
  expect(calls.map(({ member }) => member.address)).toHaveLength(4);
});

test("a broadcast to nobody is refused, and no later than its deadline", async () => {
  const { router, request, world, clock } = network(up, [any(1)]);
  expect(await failureOf(router.callAll(request("Bar.Who")))).toMatchObject({
    reason: "NO_SERVER",
    executed: "no",
  });
  world.hung = true;
  const late = failureOf(router.callAll(request("Bar.Who", { timeoutMs: 200 })));
  await clock.advance(200);
  expect(await late).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "no" });
  const controller = new AbortController();
  const { signal } = controller;
  const cancelled = failureOf(router.callAll(request("Bar.Who", { signal })));
  await turn();
  controller.abort(new Error("enough"));
  expect(await cancelled).toMatchObject({ code: "CANCELLED", executed: "no" });
  expect(await failureOf(router.callAll(request("Foo.Who", { signal })))).toMatchObject({
    code: "CANCELLED",
    executed: "no",
  });
});

test("closing awaits the calls in flight, and begins no others", async () => {
  const { router, request, call, world } = network(up, [any(1)]);
  const held = call("Foo.Hold");
  await until(() => world.open.length === 1);
  const closed = router.close(limits.drainTimeoutMs);
  expect(() => router.call(request("Foo.Who"))).toThrow("the client is closed");
  world.open[0]?.resolve("done");
  expect(await held).toBe("done");
  await closed;
});
