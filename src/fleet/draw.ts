import { saneWeight } from "./endpoint.ts";
import type { EndpointView } from "./endpoint.ts";

/** How long a member that joins others takes to its full share (Envoy's slow start). */
export const slowStartMs = 30_000;

/** The part of its share that it begins with. */
const slowStartLeast = 0.1;

/** Draws by weight that may fail before the list is gone through. */
const maxDraws = 16;

/** The heaviest weight of a list. One that is too high costs time and changes no share. */
const heaviest = new WeakMap<readonly EndpointView[], number>();

/** An index below `count`, each as likely; 0 when there is none or chance is no number. */
export function drawIndex(count: number, random: () => number): number {
  const index = (random() * count) | 0;
  return index > 0 ? Math.min(index, count - 1) : 0;
}

/** A member's weight of now: less in its first 30 s, from a tenth up in a straight line. */
export function weightNow(endpoint: EndpointView, now: number): number {
  const weight = saneWeight(endpoint.weight);
  const ageMs = now - endpoint.freshSince;
  // A clock that went back must not keep anybody fresh.
  return ageMs >= 0 && ageMs < slowStartMs
    ? weight * Math.max(slowStartLeast, ageMs / slowStartMs)
    : weight;
}

/**
 * An index by weight: each as likely as its {@link weightNow} is large; those of weight 0 only when
 * there are no others. By rejection (von Neumann): one draw when all weigh the same, and the rest of
 * the list is not touched. 0 for an empty list.
 */
export function drawByWeight(
  endpoints: readonly EndpointView[],
  now: number,
  random: () => number,
): number {
  const most = heaviest.get(endpoints) ?? findHeaviest(endpoints);
  for (let draws = 0; draws < maxDraws; draws++) {
    const index = drawIndex(endpoints.length, random);
    const endpoint = endpoints[index];
    if (endpoint === undefined) return 0;
    const weight = weightNow(endpoint, now);
    if (weight > most) {
      // Heavier than any was: what is remembered is out of date.
      findHeaviest(endpoints);
      break;
    }
    if (weight === most || random() * most < weight) return index;
  }
  return searchByWeight(endpoints, now, random);
}

function findHeaviest(endpoints: readonly EndpointView[]): number {
  let most = 0;
  for (const endpoint of endpoints) most = Math.max(most, saneWeight(endpoint.weight));
  heaviest.set(endpoints, most);
  return most;
}

/** The same by going through the list. */
function searchByWeight(
  endpoints: readonly EndpointView[],
  now: number,
  random: () => number,
): number {
  let total = 0;
  for (const endpoint of endpoints) total += weightNow(endpoint, now);
  let found = drawIndex(endpoints.length, random);
  let left = random() * total;
  for (let index = 0; index < endpoints.length; index++) {
    const endpoint = endpoints[index];
    const weight = endpoint === undefined ? 0 : weightNow(endpoint, now);
    if (weight === 0) continue;
    found = index;
    left -= weight;
    if (left < 0) break;
  }
  return found;
}
