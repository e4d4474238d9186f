import { describe, expect, test } from "bun:test";
import type { Member } from "../../src/discovery/member.ts";
import { policies } from "../../src/fleet/policies.ts";
import { anybody, at, loneFleet, portOf, who } from "../support/lone-fleet.ts";
import type { LoneFleet } from "../support/lone-fleet.ts";
import type { RouterOptions } from "../../src/routing/router.ts";
import type { RoutedRequest } from "../../src/routing/routed-call.ts";
import { turn, until } from "../support/clock.ts";
import { foo, network } from "../support/routed-network.ts";
import type { RoutedNetwork } from "../support/routed-network.ts";
import { acts, answers, instanceAt, keepsQuiet } from "../support/scripted-site.ts";
import { seededRandom } from "../wire/random-values.ts";

// Whom a fleet gives a call by what the call, the client and the list say.

const a = { tags: { version: "a" } };
const b = { tags: { version: "b", tier: "x" } };

describe("who gets a call", () => {
  test("nobody of nobody, and the only one of one", () => {
    expect(who(loneFleet([]).shares())).toEqual(["none"]);
    expect(who(loneFleet([foo(1)]).shares())).toEqual(["1"]);
    const { fleet, shares } = loneFleet([foo(1), foo(2)]);
    fleet.use([], 2_000);
    expect(who(shares())).toEqual(["none"]);
    expect(fleet.size).toBe(0);
  });

  test.each([
    ["those who have the tags", [foo(1, a), foo(2, b), foo(3, b)], { version: "b" }, ["2", "3"]],
    [
      "nobody, when nobody has all of them",
      [foo(1, a), foo(2, b)],
      { version: "a", tier: "x" },
      ["none"],
    ],
    [
      "who has them and stays",
      [foo(1, a), foo(2, { ...a, draining: true })],
      { version: "a" },
      ["1"],
    ],
    ["anybody, without tags", [foo(1, a), foo(2)], {}, ["1", "2"]],
  ] satisfies readonly (readonly [
    string,
    readonly Member[],
    Record<string, string>,
    readonly string[],
  ])[])("%s", (_who, members, tags, expected) => {
    expect(who(loneFleet(members).shares({ tags }))).toEqual([...expected]);
  });

  test("the one instance that it is for, be that draining, unless its tags are others", () => {
    const { fleet, shares } = loneFleet([foo(1), foo(2, { draining: true }), foo(3)]);
    expect(who(shares({ to: instanceAt(2) }))).toEqual(["2"]);
    expect(who(shares({ to: instanceAt(2), tags: { no: "body" } }))).toEqual(["none"]);
    expect(who(shares({ to: instanceAt(9) }))).toEqual(["none"]);
    const only = fleet.find(instanceAt(2));
    if (only === undefined) throw new Error("it is not found");
    expect(who(shares({ to: instanceAt(2) }, 10, new Set([only])))).toEqual(["none"]);
  });

  test("the same member for the same key, and others for others", () => {
    const members = Array.from({ length: 8 }, (_, index) => foo(index + 1));
    const { shares } = loneFleet(members);
    const homes = new Set<string>();
    for (const hashKey of ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]) {
      const got = who(shares({ policy: policies.hash, hashKey }, 20));
      expect(got).toHaveLength(1);
      homes.add(got[0] ?? "");
    }
    expect(homes.size).toBeGreaterThan(3);
  });

  test("the canary's share, and all when the others are gone", () => {
    const canary = { tags: { version: "b" }, share: 0.1 };
    const { fleet, shares } = loneFleet([foo(1, a), foo(2, a), foo(3, b)], { canary });
    expect(shares({}, 2_000)["3"]).toBeWithin(140, 260);
    fleet.use([foo(3, b)], 2_000);
    expect(who(shares())).toEqual(["3"]);
    fleet.use([foo(1, a), foo(2, a)], 3_000);
    expect(who(shares())).toEqual(["1", "2"]);
  });

  test("those of its own zone, and others when too few there are left", () => {
    const here = { zone: "here" };
    const there = { zone: "there" };
    const members = [foo(1, here), foo(2, here), foo(3, there), foo(4, there)];
    const lone = loneFleet(members, { zone: "here" });
    const { clock, fleet, shares } = lone;
    expect(who(shares())).toEqual(["1", "2"]);
    fleet.use([foo(3, there), foo(4, there)], clock.now());
    expect(who(shares())).toEqual(["3", "4"]);
    fleet.use(members, clock.now());
    expect(who(shares())).toEqual(["1", "2"]);
    fail(lone, 1);
    // 1.4 times what is left of the zone stays there: 70 %.
    const after = shares({}, 2_000);
    expect(after["1"]).toBeUndefined();
    expect(after["2"]).toBeWithin(1_300, 1_500);
  });

  test("a newer record's zone and tags, as soon as it is listed", () => {
    const { fleet, shares } = loneFleet([foo(1, a), foo(2, b)]);
    const tags = { version: "a" };
    expect(who(shares({ tags }))).toEqual(["1"]);
    fleet.use([foo(1, b), foo(2, a)], 2_000);
    expect(who(shares({ tags }))).toEqual(["2"]);
  });
});

/** The member at a port has failed too often. */
function fail({ clock, fleet }: LoneFleet, port: number): void {
  fleet.choose(anybody, clock.now(), undefined);
  for (const backend of at(fleet, port)) {
    for (let each = 0; each < 5; each++) {
      fleet.begin(backend, clock.now());
      backend.end(clock.now(), 1, "failed", 1_000);
      fleet.note(backend, "failed", clock.now());
    }
  }
}

describe("who is out", () => {
  test("gets no calls, and those of its keys go to another, also beyond the part", () => {
    const members = Array.from({ length: 10 }, (_, index) => foo(index + 1));
    for (const subsetSize of [0, 3]) {
      const lone = loneFleet(members, { subsetSize });
      const called = new Set(lone.fleet.chosen.map(portOf));
      const keys = Array.from({ length: 100 }, (_, index) => `key ${index}`);
      const calls = keys.map((hashKey) => ({ policy: policies.hash, hashKey }));
      const call = calls.find((one) => called.has(who(lone.shares(one, 1))[0] ?? ""));
      const [home = ""] = who(lone.shares(call));
      fail(lone, Number(home));
      expect(called).toContain(home);
      expect(who(lone.shares(call))).not.toContain(home);
      expect(who(lone.shares())).not.toContain(home);
    }
  });

  test("gets the calls that want its tags when nobody else has them", () => {
    const lone = loneFleet([foo(1, a), foo(2), foo(3)]);
    fail(lone, 1);
    expect(who(lone.shares())).toEqual(["2", "3"]);
    expect(who(lone.shares({ tags: { version: "a" } }))).toEqual(["1"]);
  });
});

describe("weights", () => {
  test("of nothing, of less than nothing and of no number draw nothing beside others", () => {
    const weights = [0, -5, Number.NaN, 1];
    const members = weights.map((weight, index) => foo(index + 1, { weight }));
    for (const policy of Object.values(policies)) {
      expect(who(loneFleet(members, { policy }).shares({ hashKey: "k" }))).toEqual(["4"]);
    }
  });

  test("that are all nothing draw all the same", () => {
    const members = [foo(1, { weight: 0 }), foo(2, { weight: -1 }), foo(3, { weight: Number.NaN })];
    for (const policy of Object.values(policies)) {
      const got = who(loneFleet(members, { policy }).shares());
      expect(got).not.toContain("none");
    }
  });

  test("beyond all measure draw as the largest that there is", () => {
    const members = [foo(1, { weight: 1e300 }), foo(2, { weight: Number.POSITIVE_INFINITY })];
    const policy = policies["weighted-random"];
    const ageMs = 60_000;
    const warm = members.map((member) => ({ ...member, ageMs }));
    expect(loneFleet(warm, { policy }).shares({}, 1_000)["1"]).toBeWithin(400, 600);
  });
});

describe("a client", () => {
  const here = { zone: "here", tags: { version: "a" } };
  const there = { zone: "there", tags: { version: "b" } };
  const members = [foo(1, here), foo(2, here), foo(3, there), foo(4, there)];
  const sites = Object.fromEntries([1, 2, 3, 4].map((port) => [port, acts(answers)]));

  test.each([
    ["without any wish", {}, {}, [1, 2, 3, 4]],
    ["in a zone", { zone: "there" }, {}, [3, 4]],
    ["of tags", {}, { tags: { version: "a" } }, [1, 2]],
    ["of tags in another zone", { zone: "here" }, { tags: { version: "b" } }, [3, 4]],
    ["with a canary of no share", { canary: { tags: { version: "b" }, share: 0 } }, {}, [1, 2]],
    ["with a canary of the whole", { canary: { tags: { version: "b" }, share: 1 } }, {}, [3, 4]],
    ["with a policy for the call", {}, { policy: () => 1 }, [2]],
    ["with a part of one", { subsetSize: 1 }, {}, 1],
    ["with a key", {}, { policy: policies.hash, hashKey: "k" }, 1],
  ] satisfies readonly (readonly [
    string,
    Partial<RouterOptions>,
    Partial<RoutedRequest>,
    readonly number[] | number,
  ])[])("%s calls those that it wants", async (_what, options, request, expected) => {
    const net = network(sites, members, options);
    const ports = new Set<unknown>();
    for (let each = 0; each < 16; each++) ports.add(await net.call("Foo.Do", request));
    if (typeof expected === "number") expect(ports.size).toBe(expected);
    else expect([...ports].sort()).toEqual([...expected]);
    expect(net.inFlight()).toBe(0);
  });

  /** How many of 20 calls of a method, none of which ends, the first of two members gets: a slow one. */
  async function atSlow(learns: (net: RoutedNetwork) => Promise<void>): Promise<number> {
    const quick = [1, 2].map((port) => foo(port, { ageMs: 60_000 }));
    const options = { policy: policies.p2c, random: seededRandom(5) };
    const net = network({ 1: acts(keepsQuiet), 2: acts(answers) }, quick, options);
    for (const to of [1, 2].map(instanceAt)) {
      const call = net.call("Foo.Do", { to });
      await until(() => net.world.heard.length > 0);
      await net.clock.advance(500);
      net.world.heard.pop()?.result();
      await call;
    }
    await learns(net);
    net.world.heard.length = 0;
    net.world.sites[1] = net.world.sites[2] = acts(keepsQuiet);
    for (let each = 1; each <= 20; each++) {
      void net.call("Foo.Items");
      await until(() => net.world.heard.length === each);
    }
    return net.world.heard.filter(({ port }) => port === 1).length;
  }

  /** Iterates one call of it. */
  async function iterate(net: RoutedNetwork): Promise<void> {
    const call = net.router.call(net.request("Foo.Items"));
    call.catch(() => {});
    for await (const item of call) expect(item).toBe(1);
  }

  test("learns that a method answers with a stream, and spreads its calls evenly then", async () => {
    const streams = atSlow(async (net) => {
      net.world.sites[1] = net.world.sites[2] = acts((call) => {
        call.item(1);
        call.end();
      });
      await iterate(net);
    });
    expect(await streams).toBe(10);
  });

  test("does not take a method for a stream because somebody has iterated its one answer", async () => {
    const single = atSlow(async (net) => {
      net.world.sites[1] = net.world.sites[2] = acts((call) => call.result(1));
      await iterate(net).catch(() => {});
    });
    expect(await single).toBeLessThan(5);
  });

  test("gives a key's calls to another while its member cannot be reached, and back", async () => {
    const net = network(sites, members);
    const request = { policy: policies.hash, hashKey: "k" };
    const home = Number(await net.call("Foo.Do", request));
    net.world.sites[home] = "refused";
    for (const { port, link } of net.world.links) if (port === home) link.cut();
    await turn();
    const other = await net.call("Foo.Do", request);
    expect(other).not.toBe(home);
    expect(await net.call("Foo.Do", request)).toBe(other);
    net.world.sites[home] = acts(answers);
    for (let each = 0; each < 20; each++) {
      await net.clock.advance(100);
      await net.call("Foo.Do", request);
    }
    expect(await net.call("Foo.Do", request)).toBe(home);
  });

  test("sends calls to who has less under way", async () => {
    const policy = policies["least-in-flight"];
    const quiet = acts(keepsQuiet);
    const net = network({ 1: quiet, 2: quiet, 3: quiet }, members.slice(0, 3), { policy });
    for (let each = 0; each < 12; each++) void net.call("Foo.Do");
    await until(() => net.world.heard.length === 12);
    for (const port of [1, 2, 3]) {
      expect(net.world.heard.filter((call) => call.port === port)).toHaveLength(4);
    }
  });
});
