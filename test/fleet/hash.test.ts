import { expect, test } from "bun:test";
import { hashOf, mix } from "../../src/fleet/hash.ts";

/** How uneven a spread is (chi squared over its degrees of freedom): about 1 when it is even. */
function unevenness(values: Iterable<number>, buckets: number): number {
  const counts = Array.from({ length: buckets }, () => 0);
  let total = 0;
  for (const value of values) {
    const bucket = Math.floor((value / 2 ** 32) * buckets);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    total++;
  }
  const mean = total / buckets;
  return counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0) / (buckets - 1);
}

// Clients of one version and the next must agree on whose a key is.
test.each([
  ["", 2_872_998_923],
  ["a", 444_641_715],
  ["10.0.0.1:4000 ab", 1_777_205_925],
  ["水😀", 3_419_498_539],
] as const)("%j is %d in every version", (text, expected) => {
  expect(hashOf(text)).toBe(expected);
});

test.each([
  ["numbers", (index: number) => String(index)],
  ["addresses", (index: number) => `10.0.${index >> 8}.${index & 255}:4000`],
  ["texts that differ at the start", (index: number) => `${index}${"x".repeat(40)}`],
  ["characters beyond a byte", (index: number) => String.fromCharCode(index & 0xffff, index >> 16)],
])("%s are spread evenly", (_, textOf) => {
  const hashes = Array.from({ length: 50_000 }, (__, index) => hashOf(textOf(index)));
  expect(unevenness(hashes, 1_000)).toBeLessThan(1.25);
  expect(new Set(hashes).size).toBeGreaterThan(49_990);
});

test("two members' numbers of the same keys have nothing to do with one another", () => {
  const [one, other] = [hashOf("10.0.0.1:4000"), hashOf("10.0.0.2:4000")];
  const both = Array.from({ length: 50_000 }, (_, index) => {
    const key = hashOf(String(index));
    return (mix(one ^ key) ^ mix(other ^ key)) >>> 0;
  });
  expect(unevenness(both, 1_000)).toBeLessThan(1.25);
});

test("mix takes any number and gives 32 bits", () => {
  for (const value of [0, 1, -1, 2 ** 31, 2 ** 32 - 1, 1.5, NaN, Infinity, -1e300]) {
    const mixed = mix(value);
    expect(Number.isInteger(mixed) && mixed >= 0 && mixed < 2 ** 32).toBe(true);
  }
  expect(new Set(Array.from({ length: 10_000 }, (_, value) => mix(value))).size).toBe(10_000);
});
