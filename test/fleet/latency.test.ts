import { expect, test } from "bun:test";
import { Latencies } from "../../src/fleet/latency.ts";

function filled(samples: readonly number[], now = 0): Latencies {
  const latencies = new Latencies(now);
  for (const sample of samples) latencies.record(now, sample);
  return latencies;
}

const oneToThousand = Array.from({ length: 1_000 }, (_, index) => index + 1);

test.each([
  [0.5, 500],
  [0.95, 950],
  [0.99, 990],
  [1, 1_000],
])("quantile %p of 1 to 1,000 ms is %p ms, at most 9.1 %% above", (part, exact) => {
  const found = filled(oneToThousand).quantile(0, part) ?? 0;
  expect(found).toBeGreaterThanOrEqual(exact);
  expect(found).toBeLessThanOrEqual(exact * 2 ** (1 / 8));
});

test("nothing is said of fewer than twenty", () => {
  const latencies = filled(Array.from({ length: 19 }, () => 5));
  expect(latencies.quantile(0, 0.95)).toBeUndefined();
  latencies.record(0, 5);
  expect(latencies.quantile(0, 0.95)).toBeGreaterThanOrEqual(5);
});

test("a sample counts for ten to twenty seconds", () => {
  const latencies = filled(Array.from({ length: 30 }, () => 5));
  expect(latencies.count(9_999)).toBe(30);
  for (let count = 0; count < 30; count++) latencies.record(10_000, 500);
  expect(latencies.count(10_000)).toBe(60);
  expect(latencies.quantile(10_000, 0.5)).toBeLessThan(6);
  expect(latencies.quantile(10_000, 0.51)).toBeGreaterThanOrEqual(500);
  expect(latencies.count(20_000)).toBe(30);
  expect(latencies.quantile(20_000, 0.01)).toBeGreaterThanOrEqual(500);
  expect(latencies.count(30_000)).toBe(0);
});

test("after a pause nothing of before counts", () => {
  const latencies = filled(Array.from({ length: 30 }, () => 5));
  expect(latencies.count(25_000)).toBe(0);
  expect(latencies.quantile(25_000, 0.5)).toBeUndefined();
});

test("what is no length of time is left out, and all others have a bucket", () => {
  const latencies = filled([Number.NaN, -1, Number.NEGATIVE_INFINITY]);
  expect(latencies.count(0)).toBe(0);
  for (const sample of [0, Number.MIN_VALUE, 1e-9, 1e9, Number.POSITIVE_INFINITY]) {
    for (let count = 0; count < 4; count++) latencies.record(0, sample);
  }
  expect(latencies.count(0)).toBe(20);
  expect(latencies.quantile(0, 0)).toBe(2 ** -7);
  expect(latencies.quantile(0, 0.95)).toBe(2 ** 18);
});

test("a clock that jumps back and forth leaves it at work", () => {
  const hour = 3_600_000;
  const latencies = filled(
    Array.from({ length: 30 }, () => 5),
    hour,
  );
  latencies.record(0, 5);
  expect(latencies.count(0)).toBe(31);
  expect(latencies.count(10_000)).toBe(31);
  expect(latencies.count(20_000)).toBe(0);
  expect(latencies.count(hour)).toBe(0);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
  "a time of %p is the moment before",
  (odd) => {
    const latencies = filled(Array.from({ length: 30 }, () => 5));
    latencies.record(odd, 5);
    expect(latencies.count(odd)).toBe(31);
    expect(latencies.count(20_000)).toBe(0);
    const begunOddly = new Latencies(odd);
    begunOddly.record(1, 5);
    expect(begunOddly.count(40_000)).toBe(0);
  },
);
