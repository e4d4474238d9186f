// Whether a change costs more than it may: what pairs of measurements say, and how sure that is.

import { median } from "./statistics.ts";

/** What a call may cost, of what it cost before. */
export const mostCost = 1.05;

/**
 * After so many pairs it is asked whether enough is known. Each time may be wrong once in 80, so all
 * of them together are wrong at most once in 20, however often one looks.
 */
export const looks: readonly number[] = [9, 15, 21, 27];

const wrongAtOneLook = 0.05 / looks.length;

/** Between what a median lies. */
export interface Interval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The median of what some values are drawn from, by the sign test: each value is as likely below it as
 * above, whatever their distribution, so of n values the number below is that of heads in n throws.
 * Outliers move nothing. With too few values for `wrong`, both bounds are infinite.
 */
export function medianInterval(values: readonly number[], wrong: number): Interval {
  const sorted = values.toSorted((left, right) => left - right);
  let outside = 0;
  let below = 0;
  // The chance of exactly `below` heads; further by a factor from one to the next.
  let chance = 0.5 ** sorted.length;
  for (; 2 * (outside + chance) <= wrong; below++) {
    outside += chance;
    chance *= (sorted.length - below) / (below + 1);
  }
  return {
    median: median(sorted),
    low: below === 0 ? Number.NEGATIVE_INFINITY : (sorted[below - 1] ?? Number.NaN),
    high: below === 0 ? Number.POSITIVE_INFINITY : (sorted.at(-below) ?? Number.NaN),
  };
}

/** What is known of a change. */
export type Verdict = "within" | "costs more" | "not decided";

/** The verdict of some pairs: decided where the whole interval lies on one side of the bound. */
export function judge(ratios: readonly number[]): Interval & { readonly verdict: Verdict } {
  const interval = medianInterval(ratios, wrongAtOneLook);
  const verdict =
    interval.low > mostCost
      ? "costs more"
      : interval.high <= mostCost
        ? "within"
        : ("not decided" as const);
  return { ...interval, verdict };
}

/** Whether a further pair is worth its time. */
export function isDecided(ratios: readonly number[]): boolean {
  const last = looks.at(-1) ?? 0;
  if (ratios.length >= last) return true;
  return looks.includes(ratios.length) && judge(ratios).verdict !== "not decided";
}
