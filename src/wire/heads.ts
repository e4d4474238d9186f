import { limits } from "../base/limits.ts";

/** Thrown for bytes that are no acceptable value. Says what was wrong and at which byte. */
export class Malformed extends Error {}

const nothing = Buffer.alloc(0);

/** Room for one number. A view of the bytes themselves would cost more than all that a call says. */
const number = new DataView(new ArrayBuffer(8));

/** The 32-bit number whose first byte is `bytes[at]`. */
export function uint32At(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) * 0x100_0000 +
    (((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0))
  );
}

/**
 * Reads CBOR's heads in one message's bytes, and what a message's own fields are made of. Every
 * length is held against what is left before anything is made for it. Knows nothing of values.
 */
export class HeadReader {
  protected bytes: Buffer = nothing;
  protected at = 0;
  protected end = 0;
  #items = 0;

  /** Turns to `bytes[start]` up to `bytes[end - 1]`. */
  open(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.#items = 0;
  }

  /** Lets go of the bytes; throws when some of them were not read. */
  close(): void {
    if (this.at !== this.end) this.fail("bytes behind the end");
    this.bytes = nothing;
  }

  protected fail(what: string): never {
    throw new Malformed(`${what} at byte ${this.at}`);
  }

  protected byte(): number {
    if (this.at >= this.end) this.fail("cut short");
    return this.bytes[this.at++] ?? 0;
  }

  /** The value of a head whose first byte was read; 64-bit values only where they are safe. */
  protected argument(first: number): number {
    const info = first & 31;
    if (info < 24) return info;
    if (info > 27) this.fail("an indefinite or reserved length");
    const { at, bytes } = this;
    const size = 1 << (info - 24);
    if (at + size > this.end) this.fail("cut short");
    this.at = at + size;
    if (size === 1) return bytes[at] ?? 0;
    if (size === 2) return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    const high = uint32At(bytes, at);
    if (size === 4) return high;
    const value = high * 0x1_0000_0000 + uint32At(bytes, at + 4);
    // As a length or a tag it is beyond every limit, and Infinity is refused as such.
    return value > Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : value;
  }

  /** The next `size` bytes, by themselves, as a view reads them. */
  protected number(size: 2 | 4 | 8): DataView {
    const { at, bytes } = this;
    if (at + size > this.end) this.fail("cut short");
    this.at = at + size;
    for (let index = 0; index < size; index++) number.setUint8(index, bytes[at + index] ?? 0);
    return number;
  }

  /** Counts items and makes sure that so many can still be there (each takes a byte or more). */
  protected count(items: number): void {
    if (items > this.end - this.at) this.fail("a length beyond the end");
    this.#items += items;
    if (this.#items > limits.maxItems) this.fail(`more than ${limits.maxItems} items`);
  }

  /** An array's head; returns its length. */
  arrayHead(): number {
    const first = this.byte();
    if (first >> 5 !== 4) this.fail("not an array");
    const count = this.argument(first);
    this.count(count);
    return count;
  }

  /** A whole number from 0 to `max`. */
  uint(max: number): number {
    const first = this.byte();
    if (first >> 5 !== 0) this.fail("not a whole number");
    const value = this.argument(first);
    if (value > max) this.fail(`a number above ${max}`);
    return value;
  }

  /** The first byte of what comes next, unread. */
  peek(): number {
    if (this.at >= this.end) this.fail("cut short");
    return this.bytes[this.at] ?? 0;
  }

  /** Where the next byte to be read stands. */
  get offset(): number {
    return this.at;
  }

  /** How many bytes are not read yet. */
  get left(): number {
    return this.end - this.at;
  }

  /** Bytes as a view of the frame, which is the frame reader's again when the message is handled. */
  borrowedBytes(): Buffer {
    const first = this.byte();
    if (first >> 5 !== 2) this.fail("no bytes");
    const length = this.length(first);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  protected length(first: number): number {
    const length = this.argument(first);
    if (length > this.end - this.at) this.fail("a length beyond the end");
    return length;
  }
}
