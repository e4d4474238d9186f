import { limits } from "../base/limits.ts";
import { decodeTagged, typedArrays } from "./codec.ts";
import { TextCache } from "./text-cache.ts";

declare global {
  interface Buffer<TArrayBuffer extends ArrayBufferLike = ArrayBufferLike> {
    /** What `toString("latin1", start, end)` comes down to, for two thirds of its price. */
    latin1Slice(start: number, end: number): string;
  }
}

/** Thrown for bytes that are no acceptable value. Says what was wrong and at which byte. */
export class Malformed extends Error {}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const rfc3339 = /^\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

const nothing = Buffer.alloc(0);

/**
 * Reads one message's bytes: validates and decodes in a single walk. It knows CBOR, the limits of
 * values, and nothing of messages. Every length is held against what is left before anything is
 * made for it. One reader serves a whole process, because decoding never leaves the loop.
 */
export class ValueReader {
  #bytes: Buffer = nothing;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #end = 0;
  #items = 0;
  readonly #texts: TextCache = new TextCache();

  /** Turns to `bytes[start]` up to `bytes[end - 1]`; `view` looks at the same bytes. */
  open(bytes: Buffer, view: DataView, start: number, end: number): void {
    this.#bytes = bytes;
    this.#view = view;
    this.#at = start;
    this.#end = end;
    this.#items = 0;
  }

  /** Lets go of the bytes; throws when some of them were not read. */
  close(): void {
    if (this.#at !== this.#end) this.#fail("bytes behind the end");
    this.#bytes = nothing;
  }

  #fail(what: string): never {
    throw new Malformed(`${what} at byte ${this.#at}`);
  }

  #byte(): number {
    if (this.#at >= this.#end) this.#fail("cut short");
    return this.#bytes[this.#at++] ?? 0;
  }

  /** The value of a head whose first byte was read; 64-bit values only where they are safe. */
  #argument(first: number): number {
    const info = first & 31;
    if (info < 24) return info;
    const at = this.#at;
    const size = info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : info === 27 ? 8 : 0;
    if (size === 0) this.#fail("an indefinite or reserved length");
    if (at + size > this.#end) this.#fail("cut short");
    this.#at = at + size;
    if (size === 1) return this.#view.getUint8(at);
    if (size === 2) return this.#view.getUint16(at);
    if (size === 4) return this.#view.getUint32(at);
    const value = this.#view.getBigUint64(at);
    // As a length or a tag it is beyond every limit, and Infinity is refused as such.
    return value > 9_007_199_254_740_991n ? Number.POSITIVE_INFINITY : Number(value);
  }

  /** Counts items and makes sure that so many can still be there (each takes a byte or more). */
  #count(items: number): void {
    if (items > this.#end - this.#at) this.#fail("a length beyond the end");
    this.#items += items;
    if (this.#items > limits.maxItems) this.#fail(`more than ${limits.maxItems} items`);
  }

  /** An array's head; returns its length. */
  arrayHead(): number {
    const first = this.#byte();
    if (first >> 5 !== 4) this.#fail("not an array");
    const count = this.#argument(first);
    this.#count(count);
    return count;
  }

  /** A whole number from 0 to `max`. */
  uint(max: number): number {
    const first = this.#byte();
    if (first >> 5 !== 0) this.#fail("not a whole number");
    const value = this.#argument(first);
    if (value > max) this.#fail(`a number above ${max}`);
    return value;
  }

  /** The first byte of what comes next, unread. */
  peek(): number {
    if (this.#at >= this.#end) this.#fail("cut short");
    return this.#bytes[this.#at] ?? 0;
  }

  /** One value, of any allowed kind. */
  value(): unknown {
    return this.#value(limits.maxValueDepth);
  }

  #value(depth: number): unknown {
    const first = this.#byte();
    switch (first >> 5) {
      case 0:
        return first < 24 ? first : this.#integer(first, false);
      case 1:
        return first < 0x38 ? 31 - first : this.#integer(first, true);
      case 2:
        return this.#binary(first);
      case 3:
        return this.#text(first);
      case 4:
        return this.#array(first, depth);
      case 5:
        return this.#map(first, depth);
      case 6:
        return this.#tagged(first);
      default:
        return this.#simple(first);
    }
  }

  #integer(first: number, negative: boolean): number | bigint {
    if ((first & 31) === 27) {
      if (this.#at + 8 > this.#end) this.#fail("cut short");
      const big = this.#view.getBigUint64(this.#at);
      this.#at += 8;
      const value = negative ? -1n - big : big;
      return value >= -9_007_199_254_740_991n && value <= 9_007_199_254_740_991n
        ? Number(value)
        : value;
    }
    const value = this.#argument(first);
    return negative ? -1 - value : value;
  }

  #length(first: number): number {
    const length = this.#argument(first);
    if (length > this.#end - this.#at) this.#fail("a length beyond the end");
    return length;
  }

  /** A copy, so that a value that lives on does not hold the whole receive buffer. */
  #binary(first: number): Uint8Array<ArrayBuffer> {
    const length = this.#length(first);
    const copy = new Uint8Array(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return copy;
  }

  /** A text string. */
  text(maxLength: number): string {
    const first = this.#byte();
    if (first >> 5 !== 3) this.#fail("not a text");
    const text = this.#text(first);
    if (text.length > maxLength) this.#fail(`a text longer than ${maxLength}`);
    return text;
  }

  #text(first: number): string {
    const length = this.#length(first);
    const start = this.#at;
    const end = start + length;
    this.#at = end;
    if (length < 32) {
      const bytes = this.#bytes;
      let high = 0;
      for (let index = start; index < end; index++) high |= bytes[index] ?? 0;
      if (high < 0x80) return bytes.latin1Slice(start, end);
    }
    return this.#utf8(start, end);
  }

  #utf8(start: number, end: number): string {
    try {
      return utf8.decode(this.#bytes.subarray(start, end));
    } catch {
      return this.#fail("text that is no UTF-8");
    }
  }

  /** A text that is likely to come again: an object's key, a method's name. */
  cachedText(): string {
    const first = this.#byte();
    if (first >> 5 !== 3) this.#fail("not a text");
    const length = this.#length(first);
    const start = this.#at;
    this.#at = start + length;
    const known = this.#texts.find(this.#bytes, start, length);
    if (known !== undefined) return known;
    const text = this.#utf8(start, start + length);
    this.#texts.keep(this.#bytes, start, length, text);
    return text;
  }

  #array(first: number, depth: number): unknown[] {
    const count = this.#argument(first);
    this.#count(count);
    if (depth === 0) this.#fail(`more than ${limits.maxValueDepth} levels`);
    const values: unknown[] = [];
    for (let index = 0; index < count; index++) values.push(this.#value(depth - 1));
    return values;
  }

  #map(first: number, depth: number): Record<string, unknown> {
    const count = this.#argument(first);
    this.#count(2 * count);
    if (depth === 0) this.#fail(`more than ${limits.maxValueDepth} levels`);
    const map: Record<string, unknown> = {};
    for (let index = 0; index < count; index++) {
      const key = this.cachedText();
      if (key === "__proto__") this.#fail("a key named __proto__");
      map[key] = this.#value(depth - 1);
    }
    // Once for all keys: asking for each costs as much as reading it.
    if (Object.keys(map).length !== count) this.#fail("a key that was there before");
    return map;
  }

  #simple(first: number): unknown {
    switch (first) {
      case 0xf4:
        return false;
      case 0xf5:
        return true;
      case 0xf6:
        return null;
      case 0xf7:
        return undefined;
      case 0xf9:
      case 0xfa:
      case 0xfb:
        return this.#float(first);
      default:
        return this.#fail("a simple value that is not allowed");
    }
  }

  /** Minus zero becomes zero, as everywhere else on the wire. */
  #float(first: number): number {
    const at = this.#at;
    const size = first === 0xf9 ? 2 : first === 0xfa ? 4 : 8;
    if (at + size > this.#end) this.#fail("cut short");
    this.#at = at + size;
    if (size === 8) return this.#view.getFloat64(at) + 0;
    if (size === 4) return this.#view.getFloat32(at) + 0;
    return this.#view.getFloat16(at) + 0;
  }

  /** Checks a tagged item here, byte for byte; then, and only then, a value is made of it. */
  #tagged(first: number): unknown {
    const start = this.#at - 1;
    const tag = this.#argument(first);
    const content = this.#byte();
    const View = typedArrays.get(tag);
    if (View !== undefined) {
      if (content >> 5 !== 2) this.#fail(`tag ${tag} without bytes`);
      const bytes = this.#binary(content);
      if (bytes.length % View.BYTES_PER_ELEMENT !== 0) this.#fail("a broken typed array");
      return new View(bytes.buffer);
    }
    if (tag === 0) return this.#dateText(content);
    if (tag === 1) return this.#dateNumber(content);
    if (tag !== 2 && tag !== 3) this.#fail(`tag ${tag}, which is not allowed`);
    this.#bignum(content, tag);
    return decodeTagged(this.#bytes.subarray(start, this.#at));
  }

  #dateText(content: number): Date {
    if (content >> 5 !== 3) this.#fail("tag 0 without a date");
    const text = this.#text(content);
    const date = new Date(rfc3339.test(text) ? text : Number.NaN);
    // JavaScript reads the 30th of February as the 2nd of March.
    const day = new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate();
    if (Number.isNaN(date.getTime()) || day !== Number(text.slice(8, 10))) {
      this.#fail("tag 0 without a date");
    }
    return date;
  }

  #dateNumber(content: number): Date {
    const major = content >> 5;
    if (major > 1 && (content < 0xf9 || content > 0xfb)) this.#fail("tag 1 without a number");
    const seconds = major > 1 ? this.#float(content) : this.#integer(content, major === 1);
    if (typeof seconds !== "number") return this.#fail("tag 1 without a number");
    return new Date(Math.round(seconds * 1000));
  }

  #bignum(content: number, tag: number): void {
    if (content >> 5 !== 2) this.#fail(`tag ${tag} without bytes`);
    const length = this.#length(content);
    if (length > limits.maxBigintBytes) {
      this.#fail(`a bigint of ${length} bytes, more than ${limits.maxBigintBytes}`);
    }
    this.#at += length;
  }

  /** Reads over one value. */
  skip(): void {
    this.#value(limits.maxValueDepth);
  }
}
