import { expect, test } from "bun:test";
import { leastInFlight } from "../../src/fleet/least-in-flight.ts";
import { countPicks, endpointsOf, farthest, pickShares } from "./endpoints.ts";

const now = 100_000;

/** Members of these weights with so many attempts under way. */
function loaded(...members: readonly (readonly [weight: number, inFlight: number])[]) {
  const endpoints = endpointsOf(...members.map(([weight]) => weight));
  for (const [index, [, inFlight]] of members.entries()) {
    for (let count = 0; count < inFlight; count++) endpoints[index]?.begin(now);
  }
  return endpoints;
}

test.each([
  [
    "nothing under way: by chance",
    loaded([1, 0], [1, 0], [1, 0], [1, 0]),
    [1 / 4, 1 / 4, 1 / 4, 1 / 4],
  ],
  ["... by weight", loaded([1, 0], [3, 0]), [1 / 4, 3 / 4]],
  ["the fewest", loaded([1, 3], [1, 1], [1, 2]), [0, 1, 0]],
  ["chance among the fewest", loaded([1, 1], [1, 0], [1, 2], [1, 0]), [0, 1 / 2, 0, 1 / 2]],
  ["the fewest for its weight", loaded([1, 2], [4, 5], [1, 3]), [0, 1, 0]],
  [
    "chance by weight among those that have as few for it",
    loaded([1, 1], [3, 3], [1, 2]),
    [1 / 4, 3 / 4, 0],
  ],
  ["not one of weight 0", loaded([0, 0], [1, 9]), [0, 1]],
  ["any of weight 0 when there are no others", loaded([0, 0], [0, 0]), [1 / 2, 1 / 2]],
])("%s", (_, endpoints, expected) => {
  const got = pickShares(leastInFlight, endpoints, now);
  expect(farthest(got, expected)).toBeLessThan(0.015);
  for (const [index, share] of expected.entries())
    if (share % 1 === 0) expect(got[index]).toBe(share);
});

test("a fresh one has room for less", () => {
  const endpoints = loaded([1, 5], [1, 1]);
  endpoints[1]?.renew(now);
  expect(pickShares(leastInFlight, endpoints, now)).toEqual([1, 0]);
  expect(pickShares(leastInFlight, endpoints, now + 15_000)).toEqual([0, 1]);
});

test("what calls take is not heeded", () => {
  const endpoints = loaded([1, 1], [1, 0]);
  endpoints[1]?.begin(now);
  endpoints[1]?.end(now, 5_000, "ok", 10_000);
  expect(pickShares(leastInFlight, endpoints, now)).toEqual([0, 1]);
});

test.each([2, 64, 65, 1_000])("load is spread over %d, by weight", (count) => {
  const weights = Array.from({ length: count }, (_, index) => 1 + (index % 2));
  const endpoints = endpointsOf(...weights);
  // As many again leave in the order in which they came.
  const under: number[] = [];
  let state = 1;
  const random = (): number => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
  for (let turn = 0; turn < count * 60; turn++) {
    const index = leastInFlight(endpoints, { now, random, turn, hashKey: undefined });
    endpoints[index]?.begin(now);
    under.push(index);
    if (under.length > count * 15) endpoints[under.shift() ?? 0]?.end(now, 1, "ok", 1_000);
  }
  const loads = endpoints.map(({ inFlight, weight }) => inFlight / weight);
  expect(Math.max(...loads)).toBeLessThan(count <= 64 ? 12 : 14);
  expect(Math.min(...loads)).toBeGreaterThan(count <= 64 ? 8 : 4);
});

test("of a long list everybody is reached, but those of weight 0", () => {
  const endpoints = endpointsOf(
    ...Array.from({ length: 200 }, (_, index) => Number(index % 4 > 0)),
  );
  const counts = countPicks(leastInFlight, endpoints, 20_000, { now });
  for (const [index, count] of counts.entries()) expect(count > 0).toBe(index % 4 > 0);
});
