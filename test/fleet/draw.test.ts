import { expect, test } from "bun:test";
import { drawByWeight, drawIndex, slowStartMs, weightNow } from "../../src/fleet/draw.ts";
import { Endpoint } from "../../src/fleet/endpoint.ts";
import { seededRandom } from "../wire/random-values.ts";
import { endpointsOf, farthest } from "./endpoints.ts";

test.each([
  [0, 0.5, 0],
  [1, 0.999, 0],
  [4, 0, 0],
  [4, 0.249, 0],
  [4, 0.25, 1],
  [4, 1 - Number.EPSILON, 3],
  [4, 1, 3],
  [4, 7, 3],
  [4, -1, 0],
  [4, NaN, 0],
  [4, Infinity, 0],
  [4, 1e300, 0],
])("of %d, chance %d takes %d", (count, chance, expected) => {
  expect(drawIndex(count, () => chance)).toBe(expected);
});

test.each([
  ["a warm one", -Infinity, 50_000, 4],
  ["one that has just come", 50_000, 50_000, 0.4],
  ["one of 3 s", 50_000, 53_000, 0.4],
  ["one of half the time", 50_000, 65_000, 2],
  ["one shortly before the end", 50_000, 79_970, 3.996],
  ["one of 30 s", 50_000, 50_000 + slowStartMs, 4],
  ["one whose clock went back", 50_000, 10, 4],
  ["one whose age is no number", NaN, 10, 4],
  ["a time that is no number", 50_000, NaN, 4],
])("%s", (_, freshSince, now, expected) => {
  const endpoint = new Endpoint({ key: "a", weight: 4 }, freshSince);
  expect(weightNow(endpoint, now)).toBeCloseTo(expected, 6);
});

const fresh = (weight: number, at: number): Endpoint => new Endpoint({ key: "f", weight }, at);

test.each([
  ["alike", endpointsOf(1, 1, 1, 1), [1, 1, 1, 1]],
  ["by weight", endpointsOf(1, 2, 3, 4), [1, 2, 3, 4]],
  ["fractions", endpointsOf(0.5, 0.25, 0.25), [2, 1, 1]],
  ["none for 0", endpointsOf(1, 0, 1, 0), [1, 0, 1, 0]],
  ["none for less than 0 or no number", endpointsOf(-5, 2, NaN), [0, 1, 0]],
  ["alike when all have 0", endpointsOf(0, 0, 0), [1, 1, 1]],
  ["one heavy among light ones", endpointsOf(10_000, 1, 1), [10_000, 1, 1]],
  ["too heavy", endpointsOf(Infinity, 10_000), [1, 1]],
  ["a fresh one", [...endpointsOf(1, 1), fresh(1, 100_000)], [10, 10, 1]],
  ["half fresh", [...endpointsOf(1, 1), fresh(2, 85_000)], [1, 1, 1]],
  ["all fresh", [fresh(1, 100_000), fresh(1, 100_000)], [1, 1]],
])("shares: %s", (_, endpoints, weights) => {
  const random = seededRandom(1);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const counts = endpoints.map(() => 0);
  for (let draw = 0; draw < 50_000; draw++) {
    const index = drawByWeight(endpoints, 100_000, random);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  const expected = weights.map((weight) => weight / total);
  expect(
    farthest(
      counts.map((count) => count / 50_000),
      expected,
    ),
  ).toBeLessThan(0.01);
  for (const [index, share] of expected.entries()) if (share === 0) expect(counts[index]).toBe(0);
});

test("weights that change in the same list are heeded", () => {
  const endpoints = endpointsOf(1, 1);
  const random = seededRandom(2);
  const draw = (): number => drawByWeight(endpoints, 100_000, random);
  draw();
  endpoints[0]?.update({ key: "a", weight: 3 });
  let first = 0;
  for (let count = 0; count < 10_000; count++) if (draw() === 0) first++;
  expect(first / 10_000).toBeCloseTo(0.75, 1);
});

test("an empty list gives 0 and chance that is no number gives somebody", () => {
  expect(drawByWeight([], 0, Math.random)).toBe(0);
  expect(drawByWeight(endpointsOf(0, 1, 0), 0, () => Number.NaN)).toBe(1);
  const endpoints = endpointsOf(1, 2, 3);
  for (const chance of [NaN, -1, 1, 2, Infinity, -Infinity]) {
    for (let count = 0; count < 3; count++) {
      expect([0, 1, 2]).toContain(drawByWeight(endpoints, 0, () => chance));
    }
  }
});
