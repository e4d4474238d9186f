import { saneWeight } from "./endpoint.ts";
import { hashOf, mix } from "./hash.ts";
import { p2c } from "./p2c.ts";
import type { Policy } from "./policy.ts";

/**
 * The policy `hash`: calls of one key go to the same member, in every client that has the same members,
 * and keys are spread by weight. When a member leaves only its own keys move, to all others alike; one
 * that joins takes its part from all alike. Rendezvous hashing (Thaler and Ravishankar, 1998) with
 * weights (Mosharaf and others; Schindelhauer and Schomaker, 2005): each member draws a number of the
 * key, and the least -ln(u) / weight has it.
 *
 * Heeds neither load nor failures, and has no slow start: keys would move all the time of it. Members of
 * weight 0 get keys only when there are no others. A call without a key goes by {@link p2c}.
 */
export const rendezvous: Policy = (endpoints, pick) => {
  const count = endpoints.length;
  if (count < 2) return count - 1;
  if (pick.hashKey === undefined) return p2c(endpoints, pick);
  const keyHash = hashOf(pick.hashKey);
  let best = -1;
  let bestWeight = 0;
  let bestDraw = 0;
  for (let index = 0; index < count; index++) {
    const endpoint = endpoints[index];
    if (endpoint === undefined) continue;
    const weight = saneWeight(endpoint.weight);
    const draw = (mix(endpoint.hash ^ keyHash) + 0.5) / 2 ** 32;
    if (best >= 0 && !wins(weight, draw, bestWeight, bestDraw)) continue;
    best = index;
    bestWeight = weight;
    bestDraw = draw;
  }
  return best;
};

/** Whether -ln(draw) / weight is less. Logarithms are most of a pick's time, and seldom needed. */
function wins(weight: number, draw: number, bestWeight: number, bestDraw: number): boolean {
  if (weight === bestWeight) return draw > bestDraw;
  if (weight < bestWeight && draw <= bestDraw) return false;
  if (weight > bestWeight && draw >= bestDraw) return true;
  return Math.log(draw) * bestWeight > Math.log(bestDraw) * weight;
}
