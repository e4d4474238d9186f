import { describe, expect, test } from "bun:test";
import { connect } from "../../src/client.ts";
import { silentLog } from "../../src/base/log.ts";
import type { Member } from "../../src/discovery/member.ts";
import { quorumOf } from "../../src/routing/fan-out.ts";
import type { RoutedRequest } from "../../src/routing/routed-call.ts";
import { serveRegistry } from "../../src/registry.ts";
import { serve } from "../../src/server.ts";
import { until } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { foo, network } from "../support/routed-network.ts";
import { acts, answers, instanceAt } from "../support/scripted-site.ts";

// Whom a broadcast, a fork and a quorum call, by the call's tags and by who is listed.

const a = { tags: { version: "a" } };
const b = { tags: { version: "b", tier: "x" } };
const suspect = { state: "suspect" } as const;
const draining = { draining: true };

const sites = Object.fromEntries([1, 2, 3, 4, 5].map((port) => [port, acts(answers)]));

/** Who is called when all are, and what is said of their number. */
async function callAll(
  members: readonly Member[],
  request: Partial<RoutedRequest> = {},
): Promise<{ readonly ports: readonly unknown[]; readonly counts: readonly number[] }> {
  const net = network(sites, members);
  let counts: readonly number[] = [];
  const calls = await net.router.callAll(net.request("Foo.Do", request), (called, listed) => {
    counts = [called, listed];
  });
  const ports = await Promise.all(calls.map(({ answer }) => answer));
  expect(net.world.heard.map(({ port }) => port).sort()).toEqual([...ports].map(Number).sort());
  expect(net.inFlight()).toBe(0);
  return { ports, counts };
}

test.each([
  ["anybody, without tags", [foo(1, a), foo(2, b), foo(3)], undefined, [1, 2, 3]],
  ["those who have them", [foo(1, a), foo(2, b), foo(3)], { version: "a" }, [1]],
  ["those who have all of them", [foo(1, { tags: { tier: "x" } }), foo(2, b)], b.tags, [2]],
  ["no tags at all: anybody", [foo(1, a), foo(2)], {}, [1, 2]],
] satisfies readonly (readonly [
  string,
  readonly Member[],
  Record<string, string> | undefined,
  readonly number[],
])[])("all are called that have the tags: %s", async (_what, members, tags, expected) => {
  expect((await callAll(members, { tags })).ports).toEqual([...expected]);
});

test("nobody is called when nobody has the tags, and that is said", async () => {
  const net = network(sites, [foo(1, a), foo(2, b)]);
  const request = net.request("Foo.Do", { tags: { version: "c" } });
  expect(await failureOf(net.router.callAll(request))).toMatchObject({
    code: "UNAVAILABLE",
    reason: "NO_SERVER",
    executed: "no",
    message: "no server of Foo has version=c",
  });
  expect(net.world.dials).toEqual([]);
});

describe("a call to one instance", () => {
  test("goes there when it has the tags", async () => {
    const net = network(sites, [foo(1, a), foo(2, b)]);
    expect(await net.call("Foo.Do", { to: instanceAt(2), tags: { version: "b" } })).toBe(2);
  });

  test("goes nowhere when it has not", async () => {
    const net = network(sites, [foo(1, a), foo(2, b)]);
    const request = { to: instanceAt(2), tags: { version: "a" } };
    const none = { code: "UNAVAILABLE", executed: "no" };
    expect(await failureOf(net.call("Foo.Do", request))).toMatchObject(none);
    const all = net.router.callAll(net.request("Foo.Do", request));
    expect(await failureOf(all)).toMatchObject(none);
    expect(net.world.dials).toEqual([]);
  });

  test("is not sent a second time without them", async () => {
    const net = network({ 1: acts((call) => call.lose(), answers) }, [foo(1, a)]);
    const call = net.call("Foo.Do", { to: instanceAt(1), tags: a.tags, idempotent: true });
    await until(() => net.world.heard.length === 1);
    // The newer record of the same instance has other tags.
    net.world.list = [foo(1, b)];
    const settled = failureOf(call);
    await net.clock.advance(5_000);
    expect(await settled).toMatchObject({ executed: "maybe" });
    expect(net.world.heard).toHaveLength(1);
  });
});

describe("a majority is one of all that are listed", () => {
  test.each([
    ["all are up", [foo(1), foo(2), foo(3)], undefined, [3, 3], 2],
    [
      "a minority is up",
      [foo(1), foo(2), ...[3, 4, 5].map((port) => foo(port, suspect))],
      undefined,
      [2, 5],
      "NO_QUORUM",
    ],
    [
      "a majority is up",
      [foo(1), foo(2), foo(3), foo(4, suspect), foo(5, draining)],
      undefined,
      [3, 5],
      3,
    ],
    ["half are up", [foo(1), foo(2, draining)], undefined, [1, 2], "NO_QUORUM"],
    ["all are suspects", [foo(1, suspect), foo(2, suspect)], undefined, [2, 2], 2],
    [
      "of those with the tags",
      [foo(1, a), foo(2, a), foo(3, { ...a, ...suspect }), foo(4, b), foo(5, b)],
      a.tags,
      [2, 3],
      2,
    ],
  ] satisfies readonly (readonly [
    string,
    readonly Member[],
    Record<string, string> | undefined,
    readonly number[],
    number | "NO_QUORUM",
  ])[])("%s", async (_what, members, tags, expected, needed) => {
    const { counts } = await callAll(members, { tags });
    expect(counts).toEqual([...expected]);
    const [called = 0, listed = 0] = counts;
    const majority = (): number => quorumOf("majority", called, listed);
    if (typeof needed === "number") expect(majority()).toBe(needed);
    else expect(majority).toThrow(expect.objectContaining({ reason: needed, executed: "no" }));
  });

  test("a number is one of those that are called", () => {
    expect(quorumOf(2, 2, 5)).toBe(2);
    expect(() => quorumOf(3, 2, 5)).toThrow("a quorum of 3 needs so many servers, and there are 2");
  });
});

test("a client with servers that take no calls counts them for a majority, and heeds tags", async () => {
  await using registry = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  await using stack = new AsyncDisposableStack();
  const ran: string[] = [];
  const facts = [
    { weight: 1, tags: { version: "a" } },
    { weight: 1, tags: { version: "b" } },
    { weight: 0, tags: { version: "a" } },
    { weight: 0, tags: { version: "b" } },
  ];
  for (const [index, fact] of facts.entries()) {
    class Foo {
      Who(): number {
        return ran.push(String(index));
      }
    }
    const services = { Foo: new Foo() };
    const listen = "tcp@127.0.0.1:0";
    const common = { registry: registry.url, listen, lameDuckMs: 0, log: silentLog };
    const server = stack.use(await serve({ ...fact, ...common, services }));
    await server.registered;
  }
  await using gee = connect({ registry: registry.url, log: silentLog });
  expect(await failureOf(gee.quorum("majority", "Foo.Who"))).toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "NO_QUORUM",
    executed: "no",
    message: "a quorum of 3 needs so many servers, and there are 2",
  });
  expect(ran).toEqual([]);
  expect(await gee.quorum(2, "Foo.Who")).toHaveLength(2);
  expect(ran.splice(0).sort()).toEqual(["0", "1"]);
  const tags = { version: "b" };
  await gee.broadcast("Foo.Who", [], { tags });
  await gee.fork("Foo.Who", [], { tags });
  expect(await gee.broadcastAll("Foo.Who", [], { tags })).toHaveLength(1);
  expect(await gee.quorum(1, "Foo.Who", [], { tags })).toHaveLength(1);
  expect(ran).toEqual(["1", "1", "1", "1"]);
});
