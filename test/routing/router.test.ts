import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { memberAt } from "../../src/discovery/member.ts";
import type { Member } from "../../src/discovery/member.ts";
import type { Resolver } from "../../src/discovery/resolver.ts";
import { Pool } from "../../src/rpc/pool.ts";
import { Session } from "../../src/rpc/session.ts";
import { Router } from "../../src/routing/router.ts";
import type { RoutedRequest } from "../../src/routing/routed-call.ts";
import { callRequest } from "../support/calls.ts";
import { FakeClock, turn, until } from "../support/clock.ts";
import { failureOf, hostOf } from "../support/ends.ts";
import { linkPair } from "../support/links.ts";
import { memoryLog } from "../support/memory-log.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";

/** What stands at an address. */
type Site = "server" | "refused" | "silent" | "http" | "wordless" | "draining";

/**
 * A network in memory: a site at each port, all of class Foo and, from the port 5000 on, of Bar. A
 * list of members that a test sets, and a router that begins with the first.
 */
function network(sites: Readonly<Record<number, Site>>, members: readonly Member[]) {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const world = {
    list: members as readonly Member[] | undefined,
    /** What a refresh brings. */
    next: undefined as readonly Member[] | undefined,
    refreshes: 0,
    /** A refresh never ends. */
    hung: false,
    dials: [] as number[],
    ran: [] as string[],
    open: [] as PromiseWithResolvers<unknown>[],
    sessions: [] as Session[],
    sites: { ...sites } as Record<number, Site>,
  };
  const serve = (port: number): Session["channel"] => {
    const pair = linkPair();
    const methods = {
      Who: (): number => {
        world.ran.push(`Who ${port}`);
        return port;
      },
      Hold: (): Promise<unknown> => {
        world.ran.push(`Hold ${port}`);
        const held = Promise.withResolvers<unknown>();
        world.open.push(held);
        return held.promise;
      },
      Fail: (only: number): number => {
        world.ran.push(`Fail ${port}`);
        if (only === port) throw new GeeError("ABORTED", `no ${port}`);
        return port;
      },
      Full: (): never => {
        throw new GeeError("RESOURCE_EXHAUSTED", "full", { executed: "no" });
      },
    };
    const host = hostOf({ [port < 5_000 ? "Foo" : "Bar"]: methods }, { clock, log });
    host.draining = world.sites[port] === "draining";
    const session = new Session(pair.server, host);
    world.sessions.push(session);
    pair.server.open(session.channel);
    links.push(pair.caller);
    return session.channel;
  };
  const links: ReturnType<typeof linkPair>["caller"][] = [];
  const pool = new Pool({
    clock,
    deadlines: new Deadlines(clock),
    random: () => 1,
    async open(endpoint, { signal }, attach) {
      const port = endpoint.kind === "tcp" ? endpoint.port : 0;
      const site = world.sites[port];
      world.dials.push(port);
      await turn();
      signal?.throwIfAborted();
      if (site === undefined || site === "refused") {
        throw new GeeError("UNAVAILABLE", `refused ${port}`, {
          reason: "CONNECT_FAILED",
          executed: "no",
        });
      }
      if (site === "server" || site === "draining") {
        serve(port);
      } else {
        const pair = linkPair();
        const peer = new ScriptedPeer(pair.server, "server");
        if (site === "http") peer.send(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"));
        if (site === "wordless") peer.end();
        links.push(pair.caller);
      }
      const link = links.pop();
      if (link !== undefined) link.open(attach(link));
    },
  });
  const resolver: Resolver = {
    members: () =>
      world.list === undefined
        ? Promise.reject(
            new GeeError("UNAVAILABLE", "no registry", { reason: "NO_REGISTRY", executed: "no" }),
          )
        : Promise.resolve(world.list),
    current: () => world.list,
    async refresh() {
      world.refreshes++;
      if (world.hung) await new Promise(() => {});
      await turn();
      world.list = world.next ?? world.list;
    },
    watch: () => () => {},
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  let begin = 0;
  const router = new Router({
    clock,
    log,
    resolver,
    pool,
    deadlines: new Deadlines(clock),
    policy: (count) => begin++ % count,
    named: false,
  });
  const request = (method: string, changes: Partial<RoutedRequest> = {}): RoutedRequest => {
    const timeoutMs = changes.timeoutMs ?? 10_000;
    return {
      ...callRequest({ method, deadlineAt: clock.now() + timeoutMs }),
      service: method.slice(0, method.indexOf(".")),
      timeoutMs,
      to: undefined,
      ...changes,
    };
  };
  const call = (method: string, changes: Partial<RoutedRequest> = {}): Promise<unknown> => {
    const promise = router.call(request(method, changes));
    promise.catch(() => {});
    return promise;
  };
  return { clock, lines, world, router, request, call };
}

function foo(port: number, changes: Partial<Member> = {}): Member {
  const id = port.toString(16).padStart(32, "0");
  const services = [port < 5_000 ? "Foo" : "Bar"];
  return { ...memberAt(parseAddress(`tcp@127.0.0.1:${port}`)), id, services, ...changes };
}

function old(port: number): Member {
  return memberAt(parseAddress(`tcp@127.0.0.1:${port}`));
}

/** The sessions of these tests say "served" to whoever asks; so nobody is asked for by its id. */
function any(port: number, changes: Partial<Member> = {}): Member {
  return foo(port, { id: undefined, ...changes });
}

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
  const { call, world } = network({}, [any(1), any(2), any(3)]);
  const error = await failureOf(call("Foo.Who"));
  expect(error).toMatchObject({
    code: "UNAVAILABLE",
    reason: "CONNECT_FAILED",
    executed: "no",
    message: "none of 3 servers of Foo takes the call; the first: refused 1",
  });
  expect(world.dials).toEqual([1, 2, 3]);
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
  expect(world.dials).toEqual([1, 2]);
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
  const { call, world } = network(up, [any(1), foo(2, { id: served }), any(3)]);
  for (let each = 0; each < 3; each++) expect(await call("Foo.Who", { to: served })).toBe(2);
  expect(world.dials).toEqual([2]);
  world.sites[2] = "refused";
  world.sessions[0]?.channel.link.close();
  await turn();
  const error = await failureOf(call("Foo.Who", { to: served }));
  expect(error).toMatchObject({ reason: "CONNECT_FAILED", executed: "no" });
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
