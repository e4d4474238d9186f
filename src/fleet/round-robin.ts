import { saneWeight } from "./endpoint.ts";
import type { EndpointView } from "./endpoint.ts";
import type { Policy } from "./policy.ts";

/** 2^32 / the golden ratio (Knuth, The Art of Computer Programming, volume 3, 6.4). */
const golden = 0x9e3779b9;

/**
 * One after the other in the order of the list. When weights differ each has its share all the same,
 * spread over time: turns are laid on the weights, end to end, by the golden ratio (a Weyl sequence),
 * so that any run of turns comes within a few of its shares. Nothing is remembered from pick to pick:
 * the turn alone says who it is. Those of weight 0 only when there are no others. New members have their
 * whole share at once: a fleet that has just started takes its turns as any other.
 */
export const roundRobin: Policy = (endpoints, { turn }) => {
  const count = endpoints.length;
  if (count < 2) return count - 1;
  let total = 0;
  let heavy = 0;
  let first = 0;
  let areAlike = true;
  for (const endpoint of endpoints) {
    const weight = saneWeight(endpoint.weight);
    if (weight === 0) continue;
    if (heavy++ === 0) first = weight;
    else if (weight !== first) areAlike = false;
    total += weight;
  }
  if (!areAlike) return byWeight(endpoints, ((Math.imul(turn, golden) >>> 0) / 2 ** 32) * total);
  const place = Number.isFinite(turn) ? Math.abs(Math.trunc(turn)) : 0;
  if (heavy === 0 || heavy === count) return place % count;
  return nthHeavy(endpoints, place % heavy);
};

/** The one in whose stretch a point of all weights, end to end, lies. */
function byWeight(endpoints: readonly EndpointView[], point: number): number {
  let left = point;
  let found = 0;
  for (let index = 0; index < endpoints.length; index++) {
    const endpoint = endpoints[index];
    const weight = endpoint === undefined ? 0 : saneWeight(endpoint.weight);
    if (weight === 0) continue;
    found = index;
    left -= weight;
    if (left < 0) break;
  }
  return found;
}

/** The nth of those whose weight is not 0. */
function nthHeavy(endpoints: readonly EndpointView[], nth: number): number {
  let left = nth;
  for (let index = 0; index < endpoints.length; index++) {
    const endpoint = endpoints[index];
    if (endpoint !== undefined && endpoint.weight > 0 && left-- === 0) return index;
  }
  return 0;
}
