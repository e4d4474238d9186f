import { limits } from "../base/limits.ts";
import { decodeTagged, typedArrays } from "./codec.ts";
import { HeadReader } from "./heads.ts";
import { TextCache } from "./text-cache.ts";

declare global {
  interface Buffer<TArrayBuffer extends ArrayBufferLike = ArrayBufferLike> {
    /** What `toString("latin1", start, end)` comes down to, for two thirds of its price. */
    latin1Slice(start: number, end: number): string;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const rfc3339 = /^\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

/** From here on bytes are copied faster through a view of them. */
const subarrayBytes = 1_024;
/** The fewest bytes that are worth a view instead of a copy. */
const viewBytes = 4_096;

/**
 * Reads one message's bytes: validates and decodes in a single walk. It knows CBOR, the limits of
 * values, and nothing of messages. Every length is held against what is left before anything is
 * made for it. One reader serves a whole process, because decoding never leaves the loop.
 */
export class ValueReader extends HeadReader {
  readonly #texts: TextCache = new TextCache();
  /** Values, apart from keys: these are to stay however many of those there are. */
  readonly #values: TextCache = new TextCache();

  /** The buffer of which it is to be known whether a value is a view. */
  #watched: ArrayBufferLike | undefined;

  /** From now on, notes when a value is a view of this buffer. */
  watch(buffer: ArrayBufferLike): void {
    this.#watched = buffer;
  }

  /** Whether none is since then; false as well when another was watched in between. */
  unwatch(buffer: ArrayBufferLike): boolean {
    const unseen = this.#watched === buffer;
    this.#watched = undefined;
    return unseen;
  }

  /** One value, of any allowed kind. */
  value(): unknown {
    return this.#value(limits.maxValueDepth);
  }

  #value(depth: number): unknown {
    const first = this.byte();
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
      const big = this.number(8).getBigUint64(0);
      const value = negative ? -1n - big : big;
      return value >= -9_007_199_254_740_991n && value <= 9_007_199_254_740_991n
        ? Number(value)
        : value;
    }
    const value = this.argument(first);
    return negative ? -1 - value : value;
  }

  /** A copy, so that a value that lives on does not hold the whole receive buffer. */
  #copy(length: number): Uint8Array<ArrayBuffer> {
    const start = this.at;
    this.at += length;
    if (length >= subarrayBytes) return new Uint8Array(this.bytes.subarray(start, this.at));
    // A view for a few bytes costs more than they do.
    const copy = new Uint8Array(length);
    this.bytes.copy(copy, 0, start, this.at);
    return copy;
  }

  /** Bytes that are most of their buffer are not copied: they hold hardly more than themselves. */
  #binary(first: number): Uint8Array {
    const length = this.length(first);
    // Asked only then: of bytes that just came, the buffer behind them is made when it is asked for.
    if (length < viewBytes) return this.#copy(length);
    const { buffer, byteOffset } = this.bytes;
    if (2 * length < buffer.byteLength) return this.#copy(length);
    if (buffer === this.#watched) this.#watched = undefined;
    const view = new Uint8Array(buffer, byteOffset + this.at, length);
    this.at += length;
    return view;
  }

  /** A text string. */
  text(maxLength: number): string {
    const first = this.byte();
    if (first >> 5 !== 3) this.fail("not a text");
    const text = this.#text(first);
    if (text.length > maxLength) this.fail(`a text longer than ${maxLength}`);
    return text;
  }

  #text(first: number): string {
    const length = this.length(first);
    const start = this.at;
    const end = start + length;
    this.at = end;
    if (length < 32) {
      const { bytes } = this;
      // What programs say is often one of a few words, and to make a string costs twice what it costs
      // to find it.
      const known = this.#values.find(bytes, start, length);
      if (known !== undefined) return known;
      let high = 0;
      for (let index = start; index < end; index++) high |= bytes[index] ?? 0;
      if (high < 0x80) {
        const text = bytes.latin1Slice(start, end);
        this.#values.keepAgain(bytes, start, length, text);
        return text;
      }
    }
    return this.#utf8(start, end);
  }

  #utf8(start: number, end: number): string {
    try {
      return utf8.decode(this.bytes.subarray(start, end));
    } catch {
      return this.fail("text that is no UTF-8");
    }
  }

  /** A text that is likely to come again: an object's key, a method's name. */
  cachedText(): string {
    const first = this.byte();
    if (first >> 5 !== 3) this.fail("not a text");
    const length = this.length(first);
    const start = this.at;
    this.at = start + length;
    const known = this.#texts.find(this.bytes, start, length);
    if (known !== undefined) return known;
    const text = this.#utf8(start, start + length);
    this.#texts.keep(this.bytes, start, length, text);
    return text;
  }

  #array(first: number, depth: number): unknown[] {
    const count = this.argument(first);
    this.count(count);
    if (depth === 0) this.fail(`more than ${limits.maxValueDepth} levels`);
    const values: unknown[] = [];
    for (let index = 0; index < count; index++) values.push(this.#value(depth - 1));
    return values;
  }

  #map(first: number, depth: number): Record<string, unknown> {
    const count = this.argument(first);
    this.count(2 * count);
    if (depth === 0) this.fail(`more than ${limits.maxValueDepth} levels`);
    const map: Record<string, unknown> = {};
    for (let index = 0; index < count; index++) {
      const key = this.cachedText();
      if (key === "__proto__") this.fail("a key named __proto__");
      map[key] = this.#value(depth - 1);
    }
    // Once for all keys: asking for each costs as much as reading it.
    if (Object.keys(map).length !== count) this.fail("a key that was there before");
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
        return this.fail("a simple value that is not allowed");
    }
  }

  /** Minus zero becomes zero, as everywhere else on the wire. */
  #float(first: number): number {
    if (first === 0xfb) return this.number(8).getFloat64(0) + 0;
    if (first === 0xfa) return this.number(4).getFloat32(0) + 0;
    return this.number(2).getFloat16(0) + 0;
  }

  /** Checks a tagged item here, byte for byte; then, and only then, a value is made of it. */
  #tagged(first: number): unknown {
    const start = this.at - 1;
    const tag = this.argument(first);
    const content = this.byte();
    const View = typedArrays.get(tag);
    if (View !== undefined) {
      if (content >> 5 !== 2) this.fail(`tag ${tag} without bytes`);
      const bytes = this.#copy(this.length(content));
      if (bytes.length % View.BYTES_PER_ELEMENT !== 0) this.fail("a broken typed array");
      return new View(bytes.buffer);
    }
    if (tag === 0) return this.#dateText(content);
    if (tag === 1) return this.#dateNumber(content);
    if (tag !== 2 && tag !== 3) this.fail(`tag ${tag}, which is not allowed`);
    this.#bignum(content, tag);
    return decodeTagged(this.bytes.subarray(start, this.at));
  }

  #dateText(content: number): Date {
    if (content >> 5 !== 3) this.fail("tag 0 without a date");
    const text = this.#text(content);
    const date = new Date(rfc3339.test(text) ? text : Number.NaN);
    // JavaScript reads the 30th of February as the 2nd of March.
    const day = new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate();
    if (Number.isNaN(date.getTime()) || day !== Number(text.slice(8, 10))) {
      this.fail("tag 0 without a date");
    }
    return date;
  }

  #dateNumber(content: number): Date {
    const major = content >> 5;
    if (major > 1 && (content < 0xf9 || content > 0xfb)) this.fail("tag 1 without a number");
    const seconds = major > 1 ? this.#float(content) : this.#integer(content, major === 1);
    if (typeof seconds !== "number") return this.fail("tag 1 without a number");
    return new Date(Math.round(seconds * 1000));
  }

  #bignum(content: number, tag: number): void {
    if (content >> 5 !== 2) this.fail(`tag ${tag} without bytes`);
    const length = this.length(content);
    if (length > limits.maxBigintBytes) {
      this.fail(`a bigint of ${length} bytes, more than ${limits.maxBigintBytes}`);
    }
    this.at += length;
  }

  /** Reads over one value. */
  skip(): void {
    this.#value(limits.maxValueDepth);
  }
}
