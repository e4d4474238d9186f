import { describe, expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import { policies } from "../../src/fleet/policies.ts";
import type { Policy } from "../../src/fleet/policy.ts";
import { turn } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { anybody, at, firstOf, loneFleet, portOf, who } from "../support/lone-fleet.ts";
import { any, foo, old } from "../support/routed-network.ts";
import { instanceAt } from "../support/scripted-site.ts";

const a = { tags: { version: "a" } };
const b = { tags: { version: "b" } };

describe("when some were tried", () => {
  const members = [foo(1), foo(2), foo(3, { draining: true })];

  test.each([
    [[], ["1", "2"]],
    [[1], ["2"]],
    // Those to be asked last, once the others were.
    [[1, 2], ["3"]],
    [[1, 2, 3], ["none"]],
  ] as const)("%p: %p", (tried, expected) => {
    const { fleet, shares } = loneFleet(members);
    expect(who(shares({}, 50, at(fleet, ...tried)))).toEqual([...expected]);
    expect(fleet.hasOther(anybody, at(fleet, ...tried))).toBe(expected[0] !== "none");
  });

  test("a call of tags goes on to who has them, and to nobody else", () => {
    const { fleet, shares } = loneFleet([foo(1, a), foo(2, b), foo(3, { ...a, draining: true })]);
    const call = { tags: { version: "a" } };
    expect(who(shares(call, 50, at(fleet, 1)))).toEqual(["3"]);
    expect(who(shares(call, 50, at(fleet, 1, 3)))).toEqual(["none"]);
  });

  test("at most 128 are tried in a row", () => {
    const many = Array.from({ length: 200 }, (_, index) => foo(index + 1));
    const { fleet, shares } = loneFleet(many);
    const ports = Array.from({ length: 128 }, (_, index) => index + 1);
    expect(who(shares({}, 10, at(fleet, ...ports.slice(1))))).not.toEqual(["none"]);
    expect(who(shares({}, 10, at(fleet, ...ports)))).toEqual(["none"]);
    expect(fleet.hasOther(anybody, at(fleet, ...ports))).toBe(false);
  });
});

describe("of a large fleet", () => {
  const members = Array.from({ length: 100 }, (_, index) => foo(index + 1));

  test("a part gets calls, which one member that leaves changes in one place", () => {
    const { fleet, shares } = loneFleet(members);
    expect(fleet.chosen).toHaveLength(64);
    const before = new Set(fleet.chosen);
    expect(new Set(who(shares({}, 5_000)))).toEqual(new Set([...before].map(portOf)));
    fleet.use(members.slice(1), 2_000);
    const changed = fleet.chosen.filter((backend) => !before.has(backend));
    expect(changed.length).toBeLessThanOrEqual(1);
    expect(fleet.chosen).toHaveLength(64);
  });

  test("another client has another part", () => {
    const parts = [1, 2].map((seed) => loneFleet(members, { seed }).fleet.chosen.map(portOf));
    expect(parts[0]).not.toEqual(parts[1]);
  });

  test("a key has its place among all: two clients agree on it", () => {
    const call = { policy: policies.hash };
    const clients = [1, 2].map((seed) => loneFleet(members, { seed }));
    for (let key = 0; key < 40; key++) {
      const hashKey = `key ${key}`;
      const [one, two] = clients.map(({ shares }) => who(shares({ ...call, hashKey }, 3)));
      expect(one).toEqual(two ?? []);
    }
  });

  test("all get calls when that is wanted, or when it is no larger than a part", () => {
    expect(loneFleet(members, { subsetSize: 0 }).fleet.chosen).toHaveLength(100);
    expect(loneFleet(members.slice(0, 64)).fleet.chosen).toHaveLength(64);
  });

  test("those beyond it are tried when the part was", () => {
    const { fleet, shares } = loneFleet(members, { subsetSize: 3 });
    const got = who(shares({}, 200, new Set(fleet.chosen)));
    expect(got.length).toBeGreaterThan(50);
    expect(got).not.toContain("none");
  });
});

describe("a list", () => {
  test("with one member twice has it once, with the last record", () => {
    const { fleet } = loneFleet([foo(1, { weight: 2 }), foo(2), foo(1, { weight: 3 })]);
    expect(fleet.size).toBe(2);
    expect(fleet.first).toHaveLength(2);
    expect(fleet.find(instanceAt(1))?.weight).toBe(3);
    fleet.use([foo(1, { weight: 4 }), foo(1, { weight: 5 })], 2_000);
    expect(fleet.size).toBe(1);
    expect(fleet.find(instanceAt(1))?.weight).toBe(5);
  });

  test("with one id at two addresses, or two ids at one, has both", () => {
    const id = instanceAt(1);
    const { fleet, shares } = loneFleet([foo(1), foo(2, { id }), foo(2)]);
    expect(fleet.size).toBe(3);
    expect(fleet.find(id)?.member.address).toBe(parseAddress("tcp@127.0.0.1:1"));
    expect(who(shares())).toEqual(["1", "2"]);
  });

  test("without a member forgets it; one that comes back is a new one", () => {
    const { fleet } = loneFleet([foo(1), foo(2)]);
    const [first] = fleet.first;
    fleet.use([foo(2)], 2_000);
    fleet.use([foo(1), foo(2)], 3_000);
    expect(fleet.first).not.toContain(first);
  });

  test("says how long a member was there; of one without a word the first list counts", () => {
    const { fleet, clock } = loneFleet([foo(1, { ageMs: 400 }), old(2)]);
    expect(fleet.first.map(({ freshSince }) => freshSince)).toEqual([
      clock.now() - 400,
      Number.NEGATIVE_INFINITY,
    ]);
    fleet.use([old(2), old(3)], 5_000);
    expect(fleet.first.map(({ freshSince }) => freshSince)).toEqual([
      Number.NEGATIVE_INFINITY,
      5_000,
    ]);
  });
});

describe("who cannot be reached", () => {
  test("gets no call while others can be, and is dialled behind their back", async () => {
    const { fleet, shares } = loneFleet([any(1), any(2), any(3)]);
    const first = firstOf(fleet);
    await failureOf(Promise.resolve(first.lane.connect()));
    expect(first.lane.isFailing).toBe(true);
    expect(who(shares())).toEqual(["2", "3"]);
    expect(first.lane.isDialling).toBe(true);
  });

  test("gets calls when nobody can", async () => {
    const { fleet, shares } = loneFleet([any(1), any(2)]);
    for (const { lane } of fleet.first) await failureOf(Promise.resolve(lane.connect()));
    await turn();
    expect(who(shares())).toEqual(["1", "2"]);
  });

  test("gets none when it is no gee server, whoever else there is", () => {
    const { fleet, shares, strangers } = loneFleet([old(1), old(2)]);
    const [one, two] = fleet.first;
    const error = (name: string): GeeError =>
      new GeeError("UNAVAILABLE", name, { reason: "NOT_A_FRAME" });
    if (one !== undefined) strangers.noteFailure(one.member, error("one"));
    expect(who(shares())).toEqual(["2"]);
    expect(fleet.strangeness()?.message).toBe("one");
    if (two !== undefined) strangers.noteFailure(two.member, error("two"));
    expect(who(shares())).toEqual(["none"]);
    expect(fleet.hasOther(anybody, new Set())).toBe(false);
  });

  test("is not chosen among those who have a connection", () => {
    const { fleet, clock } = loneFleet([any(1), any(2)]);
    expect(fleet.chooseConnected(anybody, clock.now(), undefined)).toBeUndefined();
    expect(fleet.chooseConnected({ ...anybody, to: "x" }, clock.now(), undefined)).toBeUndefined();
  });
});

describe("the policy", () => {
  /** Which list a policy is given; it takes the last. */
  const last: Policy = (endpoints) => endpoints.length - 1;

  test("is the call's, else the client's", () => {
    const { shares } = loneFleet([foo(1), foo(2)], { policy: last });
    expect(who(shares())).toEqual(["2"]);
    expect(who(shares({ policy: () => 0 }))).toEqual(["1"]);
  });

  test("is the fewest under way for streams, unless somebody has said another", () => {
    const { fleet, clock, shares } = loneFleet([any(1), any(2)], { policy: policies.p2c });
    const first = firstOf(fleet);
    // By what calls take there the first one would be better all the same.
    for (const backend of fleet.first) {
      backend.begin(clock.now());
      backend.end(clock.now(), backend === first ? 1 : 1_000, "ok", 10_000);
    }
    fleet.begin(first, clock.now());
    expect(who(shares())).toEqual(["1"]);
    const items = { index: 0, items: (async function* () {})() };
    fleet.methods.noteStream("Foo.Items");
    expect(who(shares({ stream: items }))).toEqual(["2"]);
    expect(who(shares({ method: "Foo.Items" }))).toEqual(["2"]);
    expect(who(shares({ method: "Foo.Items", policy: () => 0 }))).toEqual(["1"]);
  });
});
