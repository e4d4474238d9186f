import { expect, test } from "bun:test";
import { findOutliers } from "../../src/fleet/outliers.ts";
import type { OutlierFault, Tally } from "../../src/fleet/outliers.ts";

/** Members with so many calls each, of which these parts succeeded. */
function tallies(calls: number, ...rates: readonly number[]): Tally[] {
  return rates.map((rate) => ({ ok: calls * rate, failed: calls - calls * rate }));
}

function half({ ok, failed }: Tally): Tally {
  return { ok: ok / 2, failed: failed / 2 };
}

const table: readonly (readonly [
  what: string,
  tallies: readonly Tally[],
  expected: readonly (readonly [index: number, why: OutlierFault])[],
])[] = [
  ["nobody", [], []],
  ["all well", tallies(1_000, 1, 1, 1, 1, 1), []],
  ["one of five fails a tenth", tallies(1_000, 1, 1, 0.9, 1, 1), [[2, "worse than the others"]]],
  ["one of five fails one in two hundred", tallies(1_000, 1, 1, 0.995, 1, 1), []],
  ["one of four", tallies(1_000, 1, 1, 0.5, 1), []],
  ["all fail half", tallies(1_000, 0.5, 0.5, 0.5, 0.5, 0.5), []],
  ["all fail", tallies(1_000, 0, 0, 0, 0, 0), [0, 1, 2, 3, 4].map((i) => [i, "failure rate"])],
  ["all fail about half", tallies(1_000, 0.52, 0.47, 0.5, 0.55, 0.46), []],
  [
    "just enough calls to be compared",
    tallies(100, 1, 1, 0.9, 1, 1),
    [[2, "worse than the others"]],
  ],
  [
    "just enough calls, and just enough failures",
    tallies(100, 1, 1, 0.15, 1, 1).map(half),
    [[2, "failure rate"]],
  ],
  ["too few calls", tallies(49, 1, 1, 0, 1, 1), []],
  ["enough calls for failures only", tallies(60, 1, 1, 0.1, 1, 1), [[2, "failure rate"]]],
  ["not enough failures", tallies(60, 1, 1, 0.2, 1, 1), []],
  [
    "four with enough calls, and one without",
    [...tallies(1_000, 1, 1, 1, 0.5), ...tallies(99, 1)],
    [],
  ],
  [
    "the one that fails has too few calls to be compared",
    [...tallies(1_000, 1, 1, 1, 1, 1), ...tallies(99, 0.5)],
    [],
  ],
  ["members without a call", [...tallies(1_000, 1, 1, 1, 1), ...tallies(0, 0, 0, 0)], []],
  [
    "two of twelve, the worse first",
    tallies(1_000, 1, 1, 1, 0.6, 1, 1, 1, 1, 0.5, 1, 1, 1),
    [
      [8, "worse than the others"],
      [3, "worse than the others"],
    ],
  ],
];

test.each(table)("%s", (_what, given, expected) => {
  expect(findOutliers(given).map(({ index, why }) => [index, why] as const)).toEqual([...expected]);
});

test("counts that are no numbers are nobody's, and disturb no comparison", () => {
  const odd = [Number.NaN, Number.POSITIVE_INFINITY, -5].map((ok) => ({ ok, failed: Number.NaN }));
  const found = findOutliers([...odd, ...tallies(1_000, 1, 1, 0.5, 1, 1)]);
  expect(found.map(({ index }) => index)).toEqual([5]);
});
