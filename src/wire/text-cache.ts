/** A text and the bytes that it came from. */
interface CachedText {
  readonly bytes: Uint8Array;
  readonly text: string;
}

const slots = 1_024;
const maxBytes = 31;

/**
 * Short texts that come again and again (object keys, method names), found by their bytes without
 * being decoded. Each slot holds the last text that fell into it, so it cannot be made to grow.
 */
export class TextCache {
  readonly #slots: (CachedText | undefined)[] = Array.from({ length: slots });

  #slotOf(bytes: Uint8Array, start: number, length: number): number {
    let hash = length;
    for (let index = start; index < start + length; index++) {
      hash = (Math.imul(hash, 31) + (bytes[index] ?? 0)) | 0;
    }
    return hash & (slots - 1);
  }

  /** The text that `bytes[start]` and what follows, `length` in all, stand for, if it is known. */
  find(bytes: Uint8Array, start: number, length: number): string | undefined {
    if (length > maxBytes) return undefined;
    const cached = this.#slots[this.#slotOf(bytes, start, length)];
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
    this.#slots[this.#slotOf(bytes, start, length)] = { bytes: copy, text };
  }
}
