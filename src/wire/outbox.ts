import { countBuffered } from "./buffered.ts";
import { kindOffset, kinds } from "./frame.ts";
import type { Link } from "./link.ts";

const firstBytes = 65_536;
/** One buffer of the usual size that nobody uses now: idle connections hold none of their own. */
let spare: Buffer | undefined;

/**
 * Frames on their way out of one connection. They are gathered and written together; what the link
 * does not take stays here, in order, until it drains. Positions count every byte of the
 * connection's life, so "has a byte of this frame left?" is a comparison.
 */
export class Outbox {
  readonly #link: Link;
  #bytes: Buffer | undefined;
  /** `#bytes[#head]` to `#bytes[#tail - 1]` wait. */
  #head = 0;
  #tail = 0;
  /** The position up to which nothing waits: what the link has taken, and what was discarded. */
  #taken = 0;
  /** The link took less than it was given, and has not drained since. */
  #blocked = false;
  /** Positions from the first up to the second were discarded: nothing of them left, or ever will. */
  #discardedFrom = 0;
  #discardedTo = 0;

  constructor(link: Link) {
    this.#link = link;
  }

  /** Bytes that wait. */
  get unsentBytes(): number {
    return this.#tail - this.#head;
  }

  /** Whether the link took less than it was given, and has not drained since. */
  get isBlocked(): boolean {
    return this.#blocked;
  }

  /** The position of the next byte that is appended. */
  get position(): number {
    return this.#taken + this.#tail - this.#head;
  }

  /** Whether the byte at `position` has left. */
  hasLeft(position: number): boolean {
    if (position >= this.#discardedFrom && position < this.#discardedTo) return false;
    return this.#taken > position;
  }

  /** Copies `length` bytes in. Nothing is written before `flush`. */
  append(from: Buffer, length: number): void {
    let bytes = this.#bytes;
    if (bytes === undefined) {
      bytes = spare ?? Buffer.allocUnsafeSlow(firstBytes);
      spare = undefined;
      this.#bytes = bytes;
    }
    if (bytes.length - this.#tail < length) bytes = this.#makeRoom(bytes, length);
    if (length <= 48) {
      // For a few bytes a loop is faster than a call into native code.
      for (let index = 0, to = this.#tail; index < length; index++) {
        bytes[to + index] = from[index] ?? 0;
      }
    } else {
      from.copy(bytes, this.#tail, 0, length);
    }
    this.#tail += length;
    countBuffered(length);
  }

  #makeRoom(bytes: Buffer, length: number): Buffer {
    const waiting = this.#tail - this.#head;
    let size = bytes.length;
    while (size < waiting + length) size *= 2;
    // Moving pays only when it frees at least half; else a buffer that is nearly full would move
    // its whole content for every small frame.
    if (size === bytes.length && this.#head < size / 2) size *= 2;
    const to = size === bytes.length ? bytes : Buffer.allocUnsafeSlow(size);
    bytes.copy(to, 0, this.#head, this.#tail);
    this.#bytes = to;
    this.#head = 0;
    this.#tail = waiting;
    return to;
  }

  /** Gives the link what it takes. Does nothing while it is full: `drained` comes first. */
  flush(): void {
    if (this.#blocked || this.#bytes === undefined || this.#head === this.#tail) return;
    const taken = this.#link.write(this.#bytes, this.#head, this.#tail);
    this.#taken += taken;
    this.#head += taken;
    countBuffered(-taken);
    if (this.#head < this.#tail) {
      this.#blocked = true;
      return;
    }
    this.#release();
  }

  /** The link has room again. */
  drained(): void {
    this.#blocked = false;
    this.flush();
  }

  /**
   * Takes the frame at `position` back: when none of its bytes has left, it becomes one that its
   * receiver skips. Returns whether that was so.
   */
  withdraw(position: number): boolean {
    const bytes = this.#bytes;
    if (bytes === undefined || this.#taken > position) return false;
    bytes[this.#head + (position - this.#taken) + kindOffset] = kinds.void;
    return true;
  }

  /**
   * Drops what waits, so that something else can be said instead. False when that cannot be: a
   * frame of which a part has left must be followed by its rest.
   */
  discard(): boolean {
    if (this.#blocked) return false;
    // What comes next gets positions of its own, or a discarded call would seem to leave with it.
    this.#discardedFrom = this.#taken;
    this.#discardedTo = this.position;
    this.#taken = this.#discardedTo;
    this.clear();
    return true;
  }

  /** Drops what waits; the link is gone. */
  clear(): void {
    this.#release();
  }

  #release(): void {
    countBuffered(this.#head - this.#tail);
    if (this.#bytes?.length === firstBytes) spare = this.#bytes;
    this.#bytes = undefined;
    this.#head = 0;
    this.#tail = 0;
  }
}
