/** Comparisons say nothing with fewer members that have enough calls (gRFC A50, Envoy). */
const leastMembers = 5;
/** Calls of a member in the window, to be compared by its success ... */
const leastForSuccess = 100;
/** ... and by its failures. */
const leastForFailure = 50;
/** Standard deviations below the mean that are too many. */
const deviations = 1.9;
/** Part of the calls that fails when a member is as good as dead. */
const maxFailure = 0.85;
/**
 * What a member has to be below the mean besides. Without it the one member of five that failed one
 * call in a thousand would be out: among five the odd one is always 2 deviations from the mean.
 */
const leastGap = 0.05;

/** What a member's calls came to in a window. */
export interface Tally {
  readonly ok: number;
  readonly failed: number;
}

/** Why a member went out beside the others. */
export type OutlierFault = "worse than the others" | "failure rate";

/** A member that does not fit, by its place in the list. */
export interface Outlier {
  readonly index: number;
  readonly why: OutlierFault;
  readonly success: number;
}

/**
 * The members that do much worse than the others, the worst first: Envoy's outlier detection, by the
 * success rate and by the failure percentage (gRFC A50). Two clients that fail alike find none.
 */
export function findOutliers(tallies: readonly Tally[]): readonly Outlier[] {
  if (tallies.length < leastMembers) return [];
  const rates: number[] = [];
  let counted = 0;
  for (const { ok, failed } of tallies) {
    const calls = ok + failed;
    if (calls >= leastForSuccess) rates.push(ok / calls);
    if (calls >= leastForFailure) counted++;
  }
  const least = rates.length >= leastMembers ? leastSuccessOf(rates) : Number.NEGATIVE_INFINITY;
  const found: Outlier[] = [];
  for (const [index, { ok, failed }] of tallies.entries()) {
    const calls = ok + failed;
    if (calls < leastForFailure) continue;
    const success = ok / calls;
    if (calls >= leastForSuccess && success < least) {
      found.push({ index, why: "worse than the others", success });
    } else if (counted >= leastMembers && failed >= maxFailure * calls) {
      found.push({ index, why: "failure rate", success });
    }
  }
  return found.sort((one, other) => one.success - other.success);
}

/** Who is below this does not fit with these. */
function leastSuccessOf(rates: readonly number[]): number {
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
  return mean - Math.max(deviations * Math.sqrt(variance), leastGap);
}
