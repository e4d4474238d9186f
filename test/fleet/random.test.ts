import { expect, test } from "bun:test";
import { random } from "../../src/fleet/random.ts";
import { endpointsOf, farthest, pickShares } from "./endpoints.ts";

test.each([
  ["alike", endpointsOf(1, 1, 1, 1), [1 / 4, 1 / 4, 1 / 4, 1 / 4]],
  ["whatever the weight", endpointsOf(1, 100, 10_000), [1 / 3, 1 / 3, 1 / 3]],
  [
    "without those of weight 0",
    endpointsOf(0, 1, 0, 5, 0, 0, 2, 0),
    [0, 1 / 3, 0, 1 / 3, 0, 0, 1 / 3, 0],
  ],
  ["those of weight 0 among themselves", endpointsOf(0, 0), [1 / 2, 1 / 2]],
])("%s", (_, endpoints, expected) => {
  expect(farthest(pickShares(random, endpoints), expected)).toBeLessThan(0.015);
});

test("load, failures and age are not heeded", () => {
  const endpoints = endpointsOf(1, 1);
  endpoints[0]?.renew(100_000);
  for (let count = 0; count < 10; count++) endpoints[0]?.begin(100_000);
  endpoints[0]?.end(100_000, 1, "failed", 1_000);
  expect(farthest(pickShares(random, endpoints), [0.5, 0.5])).toBeLessThan(0.015);
});
