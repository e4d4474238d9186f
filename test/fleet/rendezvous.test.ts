import { expect, test } from "bun:test";
import { Endpoint } from "../../src/fleet/endpoint.ts";
import { p2c } from "../../src/fleet/p2c.ts";
import { rendezvous } from "../../src/fleet/rendezvous.ts";
import { seededRandom } from "../wire/random-values.ts";
import { endpointsOf, farthest } from "./endpoints.ts";

const keys = Array.from({ length: 100_000 }, (_, index) => `user-${index}`);
const pick = { now: 100_000, random: () => 0.5, turn: 0 };

/** Whose each key is. */
function owners(endpoints: readonly Endpoint[]): readonly string[] {
  return keys.map((hashKey) => endpoints[rendezvous(endpoints, { ...pick, hashKey })]?.key ?? "");
}

function sharesOf(endpoints: readonly Endpoint[], of: readonly string[]): readonly number[] {
  const counts = new Map<string, number>();
  for (const owner of of) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return endpoints.map(({ key }) => (counts.get(key) ?? 0) / of.length);
}

const ofSixtyFour = endpointsOf(...Array.from({ length: 64 }, () => 1));

test("one of 64 that leaves moves only its own keys, at most 2.5 % of all, to all others", () => {
  const before = owners(ofSixtyFour);
  for (const gone of [0, 31, 63]) {
    const rest = ofSixtyFour.toSpliced(gone, 1);
    const after = owners(rest);
    const moved = keys.flatMap((_, index) => (before[index] === after[index] ? [] : [index]));
    expect(moved.length).toBeLessThan(0.025 * keys.length);
    expect(moved.length).toBeGreaterThan(0.01 * keys.length);
    expect(moved.every((index) => before[index] === ofSixtyFour[gone]?.key)).toBe(true);
    expect(new Set(moved.map((index) => after[index])).size).toBe(63);
  }
});

test("keys are spread evenly, in whatever order the list is", () => {
  const before = owners(ofSixtyFour);
  const shares = sharesOf(ofSixtyFour, before);
  expect(Math.max(...shares)).toBeLessThan(1.15 / 64);
  expect(Math.min(...shares)).toBeGreaterThan(0.85 / 64);
  expect(owners(ofSixtyFour.toReversed())).toEqual([...before]);
});

test.each([
  ["1 2 5", [1, 2, 5]],
  ["0 among others", [3, 0, 1, 0]],
  ["small ones", [0.001, 0.003]],
  ["all alike", [7, 7, 7, 7]],
  ["10,000 to 1", [10_000, 1]],
  ["all 0", [0, 0]],
])("keys are spread by weight: %s", (_, weights) => {
  const endpoints = endpointsOf(...weights);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const expected = weights.map((weight) => (total > 0 ? weight / total : 1 / weights.length));
  expect(farthest(sharesOf(endpoints, owners(endpoints)), expected)).toBeLessThan(0.006);
});

test("the order of comparison does not count: it is the least of -ln(u) / weight", () => {
  const weights = Array.from({ length: 20 }, (_, index) => [1, 3, 0.5, 8][index % 4] ?? 1);
  const endpoints = endpointsOf(...weights);
  expect(owners(endpoints)).toEqual([...owners(endpoints.toReversed())]);
});

test("a weight that grows only takes keys", () => {
  const before = owners(endpointsOf(1, 1, 1, 1));
  const grown = endpointsOf(1, 2, 1, 1);
  const after = owners(grown);
  const taken = keys.flatMap((_, index) => (before[index] === after[index] ? [] : [after[index]]));
  expect([...new Set(taken)]).toEqual([grown[1]?.key]);
  expect(taken.length / keys.length).toBeCloseTo(2 / 5 - 1 / 4, 2);
});

test("load, failures, age and chance are not heeded", () => {
  const endpoints = endpointsOf(1, 1, 1);
  const before = owners(endpoints);
  endpoints[0]?.begin(100_000);
  endpoints[1]?.end(100_000, 1, "failed", 1_000);
  endpoints[2]?.renew(100_000);
  expect(owners(endpoints)).toEqual([...before]);
});

test("a call without a key goes by p2c", () => {
  const endpoints = endpointsOf(1, 1, 1, 1, 1);
  const [one, other] = [seededRandom(5), seededRandom(5)];
  for (let turn = 0; turn < 200; turn++) {
    const without = { now: 100_000, turn, hashKey: undefined };
    const index = rendezvous(endpoints, { ...without, random: one });
    expect(index).toBe(p2c(endpoints, { ...without, random: other }));
    endpoints[index]?.begin(100_000);
  }
});

test("a member without a key is one like any other", () => {
  const endpoints = [new Endpoint({ key: "", weight: 1 }), new Endpoint({ key: "a", weight: 1 })];
  expect(farthest(sharesOf(endpoints, owners(endpoints)), [0.5, 0.5])).toBeLessThan(0.006);
});
