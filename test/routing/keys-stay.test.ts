import { describe, expect, test } from "bun:test";
import { policies } from "../../src/fleet/policies.ts";
import type { FleetOptions } from "../../src/routing/service-fleet.ts";
import { anybody, at, loneFleet, who } from "../support/lone-fleet.ts";
import type { LoneFleet } from "../support/lone-fleet.ts";
import { foo } from "../support/routed-network.ts";
import { seededRandom } from "../wire/random-values.ts";

// A key's calls go to one member, whatever else of the client draws by chance.

const keys = Array.from({ length: 1_000 }, (_, index) => `user ${index}`);

/** Where the calls of a key go. */
function homesOf({ shares }: LoneFleet, hashKey: string, calls = 12): readonly string[] {
  return who(shares({ policy: policies.hash, hashKey }, calls));
}

/** What part of the keys live at these ports. */
function partAt(lone: LoneFleet, ports: readonly string[]): number {
  return keys.filter((key) => ports.includes(homesOf(lone, key, 1)[0] ?? "")).length / keys.length;
}

const b = { tags: { version: "b" } };
const here = { zone: "here" };
const there = { zone: "there" };
const trial = [foo(1), foo(2), foo(3), foo(4, b), foo(5, b)];
const zones = [foo(1, here), foo(2, here), foo(3, there), foo(4, there)];
const canary = { tags: { version: "b" }, share: 0.25 };

/** One of the zone's two members fails: the other keeps 70 % of the zone's calls. */
function withSpill(lone: LoneFleet): LoneFleet {
  const { clock, fleet } = lone;
  fleet.choose(anybody, clock.now(), undefined);
  for (const backend of at(fleet, 1)) {
    for (let each = 0; each < 5; each++) {
      fleet.begin(backend, clock.now());
      backend.end(clock.now(), 1, "failed", 1_000);
      fleet.note(backend, "failed", clock.now());
    }
  }
  return lone;
}

const make = {
  canary: (changes: Partial<FleetOptions> = {}) => loneFleet(trial, { canary, ...changes }),
  zone: (changes: Partial<FleetOptions> = {}) => loneFleet(zones, { zone: "here", ...changes }),
  "zone that spills over": (changes: Partial<FleetOptions> = {}) =>
    withSpill(loneFleet(zones, { zone: "here", ...changes })),
  "canary in a zone": (changes: Partial<FleetOptions> = {}) =>
    loneFleet(
      trial.map((member, index) => ({ ...member, ...(index % 2 === 0 ? here : there) })),
      { canary, zone: "here", ...changes },
    ),
};

describe.each(Object.entries(make))("with a %s", (_what, fleetOf) => {
  test("each key stays where it is", () => {
    const lone = fleetOf();
    const homes = new Set<string>();
    for (const key of keys.slice(0, 100)) {
      const found = homesOf(lone, key);
      expect(found).toHaveLength(1);
      homes.add(found[0] ?? "");
    }
    expect(homes.size).toBeGreaterThan(1);
  });

  test("two such clients agree on it", () => {
    const [one, two] = [5, 6].map((seed) => fleetOf({ seed, random: seededRandom(seed) }));
    for (const key of keys.slice(0, 100)) {
      expect(homesOf(one ?? fleetOf(), key, 2)).toEqual([...homesOf(two ?? fleetOf(), key, 2)]);
    }
  });
});

test.each([0.05, 0.25, 0.5, 0.9])("the canary has its share of the keys: %p", (share) => {
  const lone = make.canary({ canary: { ...canary, share } });
  expect(partAt(lone, ["4", "5"])).toBeWithin(share - 0.05, share + 0.05);
});

test("a key is in the canary when others of a smaller one were", () => {
  const [small, large] = [0.1, 0.3].map((share) => make.canary({ canary: { ...canary, share } }));
  for (const key of keys.slice(0, 300)) {
    const [home] = homesOf(small ?? make.canary(), key, 1);
    if (home === "4" || home === "5") {
      expect(homesOf(large ?? make.canary(), key, 1)).toEqual([home]);
    }
  }
});

test("of the calls of a zone its keys have their part that stays", () => {
  expect(partAt(make["zone that spills over"](), ["2"])).toBeWithin(0.64, 0.76);
});

test("on both sides of a canary keys are spread over all members", () => {
  const lone = make.canary();
  for (const port of ["1", "2", "3"]) expect(partAt(lone, [port])).toBeWithin(0.18, 0.32);
  for (const port of ["4", "5"]) expect(partAt(lone, [port])).toBeWithin(0.07, 0.18);
});

test("calls without a key draw by chance", () => {
  const { shares } = make.canary();
  const counts = shares({}, 2_000);
  expect((counts["4"] ?? 0) + (counts["5"] ?? 0)).toBeWithin(400, 600);
});
