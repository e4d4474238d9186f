import { expect, test } from "bun:test";
import { Histogram } from "../../src/cli/histogram.ts";

function of(durations: Iterable<number>): Histogram {
  const histogram = new Histogram();
  for (const durationMs of durations) histogram.add(durationMs);
  return histogram;
}

/** Numbers of a fixed seed, from 2 us to 20 s, evenly over their logarithm. */
function* spread(count: number): Generator<number> {
  let state = 42;
  for (let index = 0; index < count; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield 0.002 * 10 ** ((7 * state) / 2 ** 32);
  }
}

test("quantiles are right to one part in a hundred, from microseconds to seconds", () => {
  const durations = [...spread(100_000)];
  const histogram = of(durations);
  const sorted = durations.toSorted((left, right) => left - right);
  for (const part of [0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1]) {
    const exact = sorted[Math.max(Math.ceil(part * sorted.length), 1) - 1] ?? Number.NaN;
    const ratio = histogram.quantile(part) / exact;
    expect({ part, isNear: ratio > 0.99 && ratio < 1.01 }).toEqual({ part, isNear: true });
  }
  expect(histogram.maxMs).toBe(sorted.at(-1) ?? 0);
  expect(histogram.count).toBe(100_000);
});

test("one slow one of a hundred is the greatest and not the p99", () => {
  const histogram = of([...Array.from({ length: 99 }, () => 1), 1_000]);
  expect(histogram.quantile(0.99)).toBe(1);
  expect(histogram.quantile(0.995)).toBe(1_000);
  expect(histogram.maxMs).toBe(1_000);
  expect(histogram.meanMs).toBeCloseTo(10.99);
});

test("none, nonsense and what is beyond every bucket are held as well", () => {
  const none = new Histogram();
  expect([none.quantile(0.5), none.maxMs, none.meanMs, none.count]).toEqual([0, 0, 0, 0]);
  expect(none.buckets()).toEqual([]);
  const odd = of([-1, Number.NaN, 0, 1e12]);
  expect(odd.count).toBe(4);
  expect(odd.quantile(0.5)).toBeLessThan(0.0011);
  expect(odd.quantile(1)).toBe(1e12);
});

test("every duration is in one bucket, within its ends", () => {
  for (const durationMs of [0, 0.0005, 0.001, 0.0017, 0.5, 1, 3, 1_000, 60_000]) {
    const [bucket, ...others] = of([durationMs]).buckets();
    expect(others).toEqual([]);
    expect(bucket?.count).toBe(1);
    expect(bucket?.fromMs ?? Number.NaN).toBeLessThanOrEqual(durationMs * (1 + 1e-12));
    expect(bucket?.toMs ?? Number.NaN).toBeGreaterThan(durationMs * (1 - 1e-12));
  }
});
