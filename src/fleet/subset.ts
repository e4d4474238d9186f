import { hashOf, mix } from "./hash.ts";

/** Room for the place in a list beside a hash in one number; more members than this are not sorted. */
const maxKeys = 2 ** 21;

/**
 * Which members of a large fleet a client calls: `size` of these keys, as indices from low to high. By
 * random rendezvous (gRFC A68): each key gets a number from the client's seed, and the lowest ones are
 * taken. The same for the same seed and the same keys in whatever order, another for another seed, so
 * that each member has about as many clients; one member that joins or leaves changes one place at most.
 *
 * A key that is there twice is taken once. All keys when `size` is not 1 or more. Beyond 2 million keys
 * the rest of them is not looked at.
 */
export function subset(keys: readonly string[], seed: number, size: number): readonly number[] {
  const room = size >= 1 ? Math.floor(size) : keys.length;
  // Not the seed's own bits: a seed between 0 and 1 is one as well.
  const seedHash = hashOf(String(seed));
  const ranked = new Float64Array(Math.min(keys.length, maxKeys));
  for (let index = 0; index < ranked.length; index++) {
    ranked[index] = mix(hashOf(keys[index] ?? "") ^ seedHash) * maxKeys + index;
  }
  ranked.sort();
  const taken: number[] = [];
  for (let from = 0; from < ranked.length && taken.length < room;) {
    const to = endOfTie(ranked, from);
    const tied = Array.from(ranked.subarray(from, to), (rank) => rank % maxKeys);
    taken.push(...(tied.length === 1 ? tied : byKey(tied, keys)).slice(0, room - taken.length));
    from = to;
  }
  return taken.sort((left, right) => left - right);
}

function hashAt(ranked: Float64Array, place: number): number {
  return Math.floor((ranked[place] ?? -1) / maxKeys);
}

/** Where those end that have the same hash as the one at `from`. */
function endOfTie(ranked: Float64Array, from: number): number {
  let to = from + 1;
  while (to < ranked.length && hashAt(ranked, to) === hashAt(ranked, from)) to++;
  return to;
}

/** Keys of one hash in their own order, so that the order of the list says nothing; each once. */
function byKey(indices: readonly number[], keys: readonly string[]): readonly number[] {
  const first = new Map<string, number>();
  for (const index of indices) {
    const key = keys[index] ?? "";
    if (!first.has(key)) first.set(key, index);
  }
  return [...first].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, index]) => index);
}
