import { Endpoint } from "../../src/fleet/endpoint.ts";
import type { EndpointView } from "../../src/fleet/endpoint.ts";
import type { Policy } from "../../src/fleet/policy.ts";
import { seededRandom } from "../wire/random-values.ts";

/** Warm members of these weights, of which nothing is known. */
export function endpointsOf(...weights: readonly number[]): Endpoint[] {
  return weights.map((weight, index) => new Endpoint({ key: `10.0.0.${index}:4000 id`, weight }));
}

/** How often each index is picked in so many turns, at one moment and with nothing under way. */
export function countPicks(
  policy: Policy,
  endpoints: readonly EndpointView[],
  turns: number,
  { now = 100_000, seed = 1, hashKey }: { now?: number; seed?: number; hashKey?: string } = {},
): readonly number[] {
  const random = seededRandom(seed);
  const counts = endpoints.map(() => 0);
  for (let turn = 0; turn < turns; turn++) {
    const index = policy(endpoints, { now, random, turn, hashKey });
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

/** The same as parts of all. */
export function pickShares(
  policy: Policy,
  endpoints: readonly EndpointView[],
  now: number = 100_000,
): readonly number[] {
  return countPicks(policy, endpoints, 20_000, { now }).map((count) => count / 20_000);
}

/** How far the two lists are apart where they are farthest. */
export function farthest(left: readonly number[], right: readonly number[]): number {
  return Math.max(...left.map((value, index) => Math.abs(value - (right[index] ?? 0))));
}
