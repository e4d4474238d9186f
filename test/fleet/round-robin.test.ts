import { expect, test } from "bun:test";
import { roundRobin } from "../../src/fleet/round-robin.ts";
import { countPicks, endpointsOf, farthest } from "./endpoints.ts";

/** Who is picked in these turns. */
function sequence(
  endpoints: ReturnType<typeof endpointsOf>,
  from: number,
  count: number,
): number[] {
  const pick = { now: 100_000, random: () => 0.5, hashKey: undefined };
  return Array.from({ length: count }, (_, step) =>
    roundRobin(endpoints, { ...pick, turn: from + step }),
  );
}

test.each([
  ["one after the other", endpointsOf(1, 1, 1), [0, 1, 2, 0, 1, 2]],
  ["whatever the weight, when it is the same", endpointsOf(0.3, 0.3), [0, 1, 0, 1]],
  ["past those of weight 0", endpointsOf(0, 2, 0, 2, 2, 0), [1, 3, 4, 1, 3, 4]],
  ["those of weight 0 among themselves", endpointsOf(0, 0), [0, 1, 0, 1]],
])("%s", (_, endpoints, expected) => {
  expect(sequence(endpoints, 0, expected.length)).toEqual(expected);
});

test("a start at any turn, however large", () => {
  for (const from of [1, 2 ** 30, 2 ** 31 - 2, 2 ** 32 - 1, 2 ** 52]) {
    expect(sequence(endpointsOf(1, 1, 1), from, 3).sort()).toEqual([0, 1, 2]);
  }
});

test.each([
  ["2 to 1", [2, 1]],
  ["5 1 1", [5, 1, 1]],
  ["1 2 3 4 without the 0s", [1, 0, 2, 3, 0, 4]],
  ["100 to 1", [100, 1]],
  ["fractions", [0.7, 0.1, 0.2]],
  ["sixty-four of several", Array.from({ length: 64 }, (_, index) => 1 + (index % 5))],
])("by weight, and any run of turns is near it: %s", (_, weights) => {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const expected = weights.map((weight) => weight / total);
  const turns = sequence(endpointsOf(...weights), 1_000, 4_000);
  for (const length of [10, 100, 1_000, 4_000]) {
    for (let from = 0; from + length <= turns.length; from += length) {
      const counts = weights.map(() => 0);
      for (const index of turns.slice(from, from + length))
        counts[index] = (counts[index] ?? 0) + 1;
      // Chance would be off by the root of the length.
      expect(
        farthest(
          counts,
          expected.map((share) => share * length),
        ),
      ).toBeLessThan(4);
    }
  }
});

test("a heavy one's turns are spread and do not come in a row", () => {
  const turns = sequence(endpointsOf(3, 1), 0, 400).join("");
  expect(turns).not.toContain("00000");
  expect(turns).not.toContain("11");
});

test("a fresh one has its turns from the start", () => {
  const endpoints = endpointsOf(1, 1);
  endpoints[1]?.renew(0);
  const counts = countPicks(roundRobin, endpoints, 10, { now: 5 });
  expect(counts).toEqual([5, 5]);
});
