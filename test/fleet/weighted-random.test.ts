import { expect, test } from "bun:test";
import { weightedRandom } from "../../src/fleet/weighted-random.ts";
import { endpointsOf, farthest, pickShares } from "./endpoints.ts";

test.each([
  ["alike", endpointsOf(2, 2), [1 / 2, 1 / 2]],
  ["by weight", endpointsOf(1, 2, 5), [1 / 8, 2 / 8, 5 / 8]],
  ["without those of weight 0", endpointsOf(0, 3, 0, 1), [0, 3 / 4, 0, 1 / 4]],
  ["those of weight 0 among themselves", endpointsOf(0, 0), [1 / 2, 1 / 2]],
])("%s", (_, endpoints, expected) => {
  expect(farthest(pickShares(weightedRandom, endpoints), expected)).toBeLessThan(0.015);
});

test.each([
  [0, 0.1],
  [3_000, 0.1],
  [15_000, 0.5],
  [30_000, 1],
  [60_000, 1],
])("a member of %d ms weighs %d", (ageMs, weight) => {
  const endpoints = endpointsOf(1, 1, 1);
  endpoints[0]?.renew(0);
  const expected = [weight, 1, 1].map((one) => one / (2 + weight));
  expect(farthest(pickShares(weightedRandom, endpoints, ageMs), expected)).toBeLessThan(0.015);
});

test("load and failures are not heeded", () => {
  const endpoints = endpointsOf(1, 1);
  for (let count = 0; count < 10; count++) endpoints[0]?.begin(100_000);
  endpoints[0]?.end(100_000, 1, "failed", 1_000);
  expect(farthest(pickShares(weightedRandom, endpoints), [0.5, 0.5])).toBeLessThan(0.015);
});
