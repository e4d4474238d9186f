/**
 * 32 bits of a text, 0..2^32 - 1: FNV-1a (Fowler, Noll and Vo) over its UTF-16 units, then {@link mix}.
 * The same in every process and version, so that clients agree. No secret: whoever chooses the text can
 * choose the hash.
 */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mix(hash);
}

/** Spreads every bit of 32 over all of them: the end of MurmurHash3 (Appleby). 0..2^32 - 1. */
export function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
