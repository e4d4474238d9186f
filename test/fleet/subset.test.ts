import { expect, test } from "bun:test";
import { hashOf } from "../../src/fleet/hash.ts";
import { subset } from "../../src/fleet/subset.ts";
import { seededRandom } from "../wire/random-values.ts";

function keysOf(count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => `10.0.${index >> 8}.${index & 255}:4000 ${index}`,
  );
}

function shuffled<T>(values: readonly T[], seed: number): T[] {
  const random = seededRandom(seed);
  return values
    .map((value) => [random(), value] as const)
    .sort(([left], [right]) => left - right)
    .map(([, value]) => value);
}

/** The keys themselves. */
function taken(keys: readonly string[], seed: number, size: number): Set<string> {
  return new Set(subset(keys, seed, size).map((index) => keys[index] ?? "none"));
}

const fleet = keysOf(640);

test.each([
  ["nobody", 0, 64, 0],
  ["one", 1, 64, 1],
  ["fewer than there is room for", 10, 64, 10],
  ["as many", 64, 64, 64],
  ["one more", 65, 64, 64],
  ["many", 640, 64, 64],
  ["room for one", 640, 1, 1],
  ["a part of a place", 640, 3.7, 3],
  ["0 means all", 640, 0, 640],
  ["less than 0 means all", 640, -1, 640],
  ["no number means all", 640, NaN, 640],
  ["room without end", 640, Infinity, 640],
])("%s", (_, count, size, expected) => {
  const indices = subset(keysOf(count), 1, size);
  expect(indices.length).toBe(expected);
  expect(new Set(indices).size).toBe(expected);
  expect(indices.every((index) => Number.isInteger(index) && index >= 0 && index < count)).toBe(
    true,
  );
  expect(indices).toEqual(indices.toSorted((left, right) => left - right));
});

test("the same for the same seed and keys, in whatever order and however often", () => {
  for (const seed of [0, 1, 0.25, -7, 2 ** 40, NaN]) {
    const before = taken(fleet, seed, 64);
    for (let order = 0; order < 5; order++) {
      expect(taken(shuffled(fleet, order), seed, 64)).toEqual(before);
      expect(taken(shuffled([...fleet, ...fleet.slice(0, 200)], order), seed, 64)).toEqual(before);
    }
  }
});

test("a key that is there twice is taken once", () => {
  expect(subset(["a", "b", "a", "a"], 1, 3).length).toBe(2);
  expect(subset(["a", "a", "a"], 1, 2)).toEqual([0]);
  expect(subset(["a", "a", "b"], 1, 64)).toEqual([0, 2]);
});

test("keys of the same hash are taken whatever their order", () => {
  // Found by search: their 32 bits are the same, so that only the keys themselves tell them apart.
  const twins = ["host-139599", "host-322382"];
  expect(new Set(twins.map(hashOf)).size).toBe(1);
  expect(taken(twins, 5, 1)).toEqual(taken(twins.toReversed(), 5, 1));
});

test.each([1, 2, 3, 4, 5])(
  "one that joins or leaves changes one place at most (seed %d)",
  (seed) => {
    const before = taken(fleet, seed, 64);
    for (let index = 0; index < fleet.length; index += 7) {
      const gone = fleet[index] ?? "";
      const after = taken(fleet.toSpliced(index, 1), seed, 64);
      expect(before.difference(after)).toEqual(before.has(gone) ? new Set([gone]) : new Set());
      expect(after.difference(before).size).toBe(before.has(gone) ? 1 : 0);
    }
  },
);

test("each member has about as many clients", () => {
  const clients = 1_000;
  const counts = new Map<string, number>();
  const random = seededRandom(9);
  for (let client = 0; client < clients; client++) {
    // Half of them have seeds that follow one another.
    for (const key of taken(fleet, client % 2 === 0 ? client : random(), 64)) {
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const shares = fleet.map((key) => (counts.get(key) ?? 0) / clients);
  // Chance alone: 10 % with a deviation of 0.95 %.
  expect(Math.max(...shares)).toBeLessThan(0.14);
  expect(Math.min(...shares)).toBeGreaterThan(0.065);
  const variance = shares.reduce((sum, share) => sum + (share - 0.1) ** 2, 0) / shares.length;
  expect(Math.sqrt(variance)).toBeLessThan(0.011);
});

test("two clients have no more in common than chance wants", () => {
  let common = 0;
  for (let seed = 0; seed < 200; seed++) {
    common += taken(fleet, seed, 64).intersection(taken(fleet, seed + 1, 64)).size;
  }
  expect(common / 200).toBeGreaterThan(5.4);
  expect(common / 200).toBeLessThan(7.4);
});
