/** A text and the bytes that it came from. */
interface CachedText {
  readonly bytes: Uint8Array;
  readonly text: string;
}

const slots = 1_024;
const maxBytes = 31;

function hashOf(bytes: Uint8Array, start: number, length: number): number {
  let hash = length;
  for (let index = start; index < start + length; index++) {
    hash = (Math.imul(hash, 31) + (bytes[index] ?? 0)) | 0;
  }
  return hash;
}

/**
 * Short texts that come again and again (object keys, method names), found by their bytes without
 * being decoded. Each slot holds the last text that fell into it, so it cannot be made to grow.
 */
export class TextCache {
  readonly #slots: (CachedText | undefined)[] = Array.from({ length: slots });
  /** Hashes of those that fell into each slot last and were not kept. */
  readonly #seen: Int32Array = new Int32Array(slots);
  /** Of what was looked for last. */
  #hash = 0;

  /** The text that `bytes[start]` and what follows, `length` in all, stand for, if it is known. */
  find(bytes: Uint8Array, start: number, length: number): string | undefined {
    if (length > maxBytes) return undefined;
    this.#hash = hashOf(bytes, start, length);
    const cached = this.#slots[this.#hash & (slots - 1)];
    if (cached === undefined || cached.bytes.length !== length) return undefined;
    const known = cached.bytes;
    for (let index = 0; index < length; index++) {
      if (known[index] !== bytes[start + index]) return undefined;
    }
    return cached.text;
  }

  /** Remembers what bytes stand for. */
  keep(bytes: Uint8Array, start: number, length: number, text: string): void {
    if (length > maxBytes) return;
    const copy = new Uint8Array(length);
    copy.set(bytes.subarray(start, start + length));
    this.#slots[hashOf(bytes, start, length) & (slots - 1)] = { bytes: copy, text };
  }

  /**
   * The same for bytes that were just looked for and may never come again: they are kept when they come
   * for the second time.
   */
  keepAgain(bytes: Uint8Array, start: number, length: number, text: string): void {
    const slot = this.#hash & (slots - 1);
    if (this.#seen[slot] === this.#hash) this.keep(bytes, start, length, text);
    else this.#seen[slot] = this.#hash;
  }
}
