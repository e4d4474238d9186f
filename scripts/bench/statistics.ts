// The few figures that a handful of runs allows.

/** The middle one, or the mean of the two in the middle; NaN when there is none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (upper + lower) / 2;
}

/** The value that a share of all does not exceed; `sorted` rises. */
export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
}

/** From the least to the greatest, as a share of the median. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}

/** How one side stands to another. */
export interface Ratio {
  /** The median of the rounds' own ratios. */
  readonly median: number;
  readonly least: number;
  readonly greatest: number;
}

/**
 * Compares two sides round by round: what slows the whole machine down for a while slows both, and
 * leaves their ratio alone.
 */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): Ratio {
  const ratios = ours.slice(0, theirs.length).map((value, round) => {
    return value / (theirs[round] ?? Number.NaN);
  });
  return {
    median: median(ratios),
    least: Math.min(...ratios),
    greatest: Math.max(...ratios),
  };
}

/** Every other round turns the order around, so that nobody always comes first. */
export function orderOfRound<T>(sides: readonly T[], round: number): readonly T[] {
  return round % 2 === 0 ? sides : sides.toReversed();
}
