import { drawByWeight, drawIndex, weightNow } from "./draw.ts";
import type { EndpointView } from "./endpoint.ts";
import type { Pick, Policy } from "./policy.ts";

/** Lists up to this size are gone through. */
const maxScanned = 64;

/** Members of a longer list that are looked at. */
const choices = 3;

/**
 * Who has the fewest attempts of this client under way for its weight (in its first 30 s less); among
 * those that have as few, any by weight. Of more than 64 members the best of three by weight. Those of
 * weight 0 only when there are no others.
 *
 * For calls that take as long as their caller likes, streams first of all, whose time says nothing. Who
 * fails fast has few under way: this policy leaves that to ejection.
 */
export const leastInFlight: Policy = (endpoints, pick) => {
  const count = endpoints.length;
  if (count < 2) return count - 1;
  return count <= maxScanned ? scan(endpoints, pick) : sample(endpoints, pick);
};

/** Attempts under way for each unit of weight; what is no number counts as none. */
function loadOf({ inFlight }: EndpointView, weight: number): number {
  return inFlight > 0 ? inFlight / weight : 0;
}

function scan(endpoints: readonly EndpointView[], { now, random }: Pick): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  /** Weight of all that have as few. */
  let tied = 0;
  for (let index = 0; index < endpoints.length; index++) {
    const endpoint = endpoints[index];
    const weight = endpoint === undefined ? 0 : weightNow(endpoint, now);
    if (endpoint === undefined || weight === 0) continue;
    const load = loadOf(endpoint, weight);
    if (load > least) continue;
    tied = load === least ? tied + weight : weight;
    // Of any number of them each stays with its part of the chance (reservoir sampling, A-Chao).
    if (load < least || random() * tied < weight) best = index;
    least = load;
  }
  return best >= 0 ? best : drawIndex(endpoints.length, random);
}

function sample(endpoints: readonly EndpointView[], { now, random }: Pick): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let draws = 0; draws < choices; draws++) {
    const index = drawByWeight(endpoints, now, random);
    const endpoint = endpoints[index];
    if (endpoint === undefined) continue;
    const load = loadOf(endpoint, weightNow(endpoint, now));
    // A tie goes to the first, which was drawn by weight as the others were.
    if (best >= 0 && !(load < least)) continue;
    best = index;
    least = load;
  }
  return best;
}
