import { describe, expect, test } from "bun:test";
import { Endpoint } from "../../src/fleet/endpoint.ts";
import type { EndpointView } from "../../src/fleet/endpoint.ts";
import { policyNames } from "../../src/base/policy-name.ts";
import { policies } from "../../src/fleet/policies.ts";
import { seededRandom } from "../wire/random-values.ts";
import { countPicks, endpointsOf } from "./endpoints.ts";

// What every policy keeps to, whatever it is given.

const now = 100_000;
const warm: EndpointView = new Endpoint({ key: "10.0.0.9:4000 id", weight: 1 });

function views(...changes: readonly Partial<EndpointView>[]): readonly EndpointView[] {
  return changes.map((change) => ({ ...warm, ...change }));
}

const odd = [NaN, Infinity, -Infinity, -1, 0, 1e308, 5e-324] as const;

/** Lists, and the indices that may come of them. */
const lists: readonly (readonly [string, readonly EndpointView[], readonly number[]])[] = [
  ["an empty list", [], [-1]],
  ["one", endpointsOf(1), [0]],
  ["one of weight 0", endpointsOf(0), [0]],
  ["two", endpointsOf(1, 1), [0, 1]],
  ["one beside one of weight 0", endpointsOf(0, 1), [1]],
  ["... and the other way round", endpointsOf(1, 0), [0]],
  ["some of weight 0", endpointsOf(0, 3, 0, 0, 1, 0), [1, 4]],
  [
    "one among many of weight 0",
    endpointsOf(...Array.from({ length: 90 }, (_, i) => Number(i === 77))),
    [77],
  ],
  ["all of weight 0", endpointsOf(0, 0, 0), [0, 1, 2]],
  ["weights that are none", views({ weight: NaN }, { weight: -1 }, { weight: 2 }), [2]],
  ["only weights that are none", views({ weight: NaN }, { weight: -1 }), [0, 1]],
  ["a weight without end", views({ weight: Infinity }, { weight: 10_000 }), [0, 1]],
  ["the same one several times", Array.from({ length: 4 }, () => warm), [0, 1, 2, 3]],
  ["two records of one member", views({}, {}), [0, 1]],
  ["a hundred", endpointsOf(...Array.from({ length: 100 }, () => 1)), [...Array(100).keys()]],
];

/** Figures that are none: anybody may be picked, but somebody. */
const figures = [
  "inFlight",
  "latencyMs",
  "measuredAt",
  "pickedAt",
  "successRate",
  "ratedAt",
  "freshSince",
  "hash",
  "weight",
] as const;

describe.each([...policyNames])("%s", (name) => {
  const policy = policies[name];

  test.each(lists)("%s", (_, list, may) => {
    for (const hashKey of [undefined, "a key", ""]) {
      for (const chance of [seededRandom(1), () => 0, () => 1 - Number.EPSILON]) {
        for (let turn = 0; turn < 100; turn++) {
          const key = hashKey === "a key" ? `a key ${turn}` : hashKey;
          const index = policy(list, { now, random: chance, turn, hashKey: key });
          if (!may.includes(index)) expect(may).toContain(index);
        }
      }
    }
  });

  test.each(figures)("%s that is no number", (figure) => {
    for (const value of odd) {
      for (const other of odd) {
        const list = views({ [figure]: value }, { [figure]: other }, {}, { latencyMs: 5 });
        for (let turn = 0; turn < 20; turn++) {
          const index = policy(list, {
            now,
            random: seededRandom(turn),
            turn,
            hashKey: String(turn),
          });
          if (!(index in list)) expect([value, other, index]).toEqual([]);
        }
      }
    }
  });

  test("a clock, a turn and chance that are no numbers", () => {
    const list = endpointsOf(1, 2, 3, 0);
    for (const endpoint of list) endpoint.end(now, 5, "failed", 1_000);
    for (const at of odd) {
      for (const turn of [...odd, 2 ** 53, 1.5]) {
        for (const chance of odd) {
          for (const hashKey of [undefined, "k".repeat(10_000)]) {
            const index = policy(list, { now: at, random: () => chance, turn, hashKey });
            if (!(index in list)) expect([at, turn, chance, index]).toEqual([]);
          }
        }
      }
    }
  });

  test("a clock that jumps either way shuts nobody out", () => {
    const list = endpointsOf(1, 1, 1);
    for (const at of [now, now + 1e9, 5, -1e9]) {
      for (const endpoint of list) {
        endpoint.begin(at);
        endpoint.end(at + 10, 10, "ok", 1_000);
      }
      const picked = new Set<number>();
      const random = seededRandom(3);
      for (let turn = 0; turn < 300; turn++) {
        picked.add(policy(list, { now: at, random, turn, hashKey: `key ${turn}` }));
      }
      expect([...picked].sort()).toEqual([0, 1, 2]);
    }
  });

  test("it changes nothing and gives the same for the same", () => {
    const list = endpointsOf(1, 2, 0, 4);
    list[0]?.begin(now - 5);
    list[1]?.end(now - 5, 30, "ok", 1_000);
    for (const endpoint of list) Object.freeze(endpoint);
    Object.freeze(list);
    const pick = Object.freeze({ now, random: () => 0.3, turn: 7, hashKey: "a key" });
    const before = JSON.stringify(list);
    const first = policy(list, pick);
    for (let turn = 0; turn < 20; turn++) expect(policy(list, pick)).toBe(first);
    expect(JSON.stringify(list)).toBe(before);
  });

  test("a list that shrinks to nothing", () => {
    for (let count = 70; count >= 0; count--) {
      const list = endpointsOf(...Array.from({ length: count }, () => 1));
      const counts = countPicks(policy, list, 5, { hashKey: "a key" });
      expect(
        Object.keys(counts)
          .map(Number)
          .every((index) => index < Math.max(count, 1)),
      ).toBe(true);
    }
  });
});
