import { countBuffered } from "./buffered.ts";
import type { Link } from "./link.ts";
import { giveBuffer, leastBufferBytes, takeBuffer } from "./spare-buffer.ts";

/**
 * Bytes that leave one connection in order, gathered and written together; what the link does not
 * take stays until it drains. Positions count every byte of the connection's life. Knows nothing of
 * frames.
 */
export class Line {
  readonly #link: Link;
  protected bytes: Buffer | undefined;
  /** `bytes[head]` to `bytes[tail - 1]` wait. */
  protected head = 0;
  protected tail = 0;
  /** The position up to which nothing waits: what the link has taken, and what was discarded. */
  protected taken = 0;
  /** Bytes that the link has taken since it last took less than it was given. */
  protected easyBytes = 0;

  constructor(link: Link) {
    this.#link = link;
  }

  /** The position of the next byte that is appended. */
  get position(): number {
    return this.taken + this.tail - this.head;
  }

  /** Gives the link what it takes of some bytes: those in line, and those beside it. */
  write(bytes: Uint8Array, start: number, end: number): number {
    const taken = this.#link.write(bytes, start, end);
    this.easyBytes = start + taken < end ? 0 : this.easyBytes + taken;
    return taken;
  }

  /** Takes `length` bytes: the last of them are those of `tail`, the others stand in `from`. */
  protected put(from: Buffer, length: number, tail: Uint8Array | undefined): void {
    const bytes = this.#roomFor(length);
    const to = this.tail;
    const headLength = tail === undefined ? length : length - tail.length;
    if (headLength <= 48) {
      // For a few bytes a loop is faster than a call into native code.
      for (let index = 0; index < headLength; index++) bytes[to + index] = from[index] ?? 0;
    } else {
      from.copy(bytes, to, 0, headLength);
    }
    if (tail !== undefined) bytes.set(tail, to + headLength);
    this.tail = to + length;
    countBuffered(length);
  }

  /** The buffer, with room for `length` more bytes behind what waits. */
  #roomFor(length: number): Buffer {
    const bytes = this.bytes;
    if (bytes !== undefined && bytes.length - this.tail >= length) return bytes;
    const waiting = this.tail - this.head;
    let size = bytes?.length ?? leastBufferBytes;
    while (size < waiting + length) size *= 2;
    // Moving pays only when it frees at least half; else a buffer that is nearly full would move
    // its whole content for every small frame.
    if (size === bytes?.length && this.head < size / 2) size *= 2;
    return this.#moveTo(bytes !== undefined && size === bytes.length ? bytes : takeBuffer(size));
  }

  #moveTo(to: Buffer): Buffer {
    this.bytes?.copy(to, 0, this.head, this.tail);
    this.bytes = to;
    this.tail -= this.head;
    this.head = 0;
    return to;
  }

  /**
   * Lets a large buffer go for the little that is left in it, so that those who read slowly do not
   * hold one each: never more than four times what waits.
   */
  #fit(bytes: Buffer): void {
    const waiting = this.tail - this.head;
    if (bytes.length <= leastBufferBytes || waiting > bytes.length / 4) return;
    let size = leastBufferBytes;
    while (size < waiting) size *= 2;
    this.#moveTo(Buffer.allocUnsafeSlow(size));
    giveBuffer(bytes);
  }

  /** Writes the line; false when the link does not take all of it. */
  protected writeLine(): boolean {
    if (this.bytes === undefined || this.head === this.tail) return true;
    const taken = this.write(this.bytes, this.head, this.tail);
    this.taken += taken;
    this.head += taken;
    countBuffered(-taken);
    if (this.head < this.tail) {
      this.#fit(this.bytes);
      return false;
    }
    this.release();
    return true;
  }

  /** Drops what waits, and lets the buffer go. */
  protected release(): void {
    countBuffered(this.head - this.tail);
    if (this.bytes !== undefined) giveBuffer(this.bytes);
    this.bytes = undefined;
    this.head = 0;
    this.tail = 0;
  }
}
