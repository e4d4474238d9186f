import { limits } from "../base/limits.ts";
import { countBuffered } from "./buffered.ts";
import { fieldsAt, idOffset, kindOffset, kinds, prefixBytes } from "./frame.ts";
import type { Link } from "./link.ts";
import { firstPart, PartsOut } from "./parts-out.ts";
import { giveBuffer, leastBufferBytes, takeBuffer } from "./spare-buffer.ts";

/**
 * A large frame is gathered with what waits up to so many bytes, and flushes it first beyond. Few
 * large writes wake the other side less often than one a frame, which is worth more than the copy.
 */
const gatheredBytes = 1_048_576;
/** From here on a frame is large. */
const largeBytes = 16_384;
/** A call with so many fields or more may have a stream, whose items follow it. */
const streamCallFields = 8;

/**
 * What stands for a frame that was given to an {@link Outbox}: its position among the bytes that
 * leave in order, or a number below 0 for one that waits beside the line.
 */
export type Ticket = number;

/**
 * Frames on their way out of one connection. They are gathered and written together; what the link
 * does not take stays here, in order, until it drains. Positions count every byte of the
 * connection's life, so "has a byte of this frame left?" is a comparison. Messages in parts wait
 * beside the line, and a part of one leaves whenever the line is empty.
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
  /** What waits beside the line. Made with the first message in parts. */
  #parts: PartsOut | undefined;
  /** How large the contents may be together of messages in parts that are begun and not whole. */
  maxBegunBytes: number = limits.maxUnfinishedBytes;

  constructor(link: Link) {
    this.#link = link;
  }

  /** Bytes that wait. */
  get unsentBytes(): number {
    return this.#tail - this.#head + (this.#parts?.unsentBytes ?? 0);
  }

  /** Bytes that wait, without those of the one message in parts that has the most of them. */
  get unsentBesideLargest(): number {
    return this.#tail - this.#head + (this.#parts?.unsentBesideLargest ?? 0);
  }

  /** Whether the link took less than it was given, and has not drained since. */
  get isBlocked(): boolean {
    return this.#blocked;
  }

  /** The position of the next byte that is appended. */
  get position(): number {
    return this.#taken + this.#tail - this.#head;
  }

  /**
   * Whether a byte of that frame has left. Of a message in parts: whether its last part is leaving,
   * because without that its receiver can do nothing with it.
   */
  hasLeft(ticket: Ticket): boolean {
    if (ticket < 0) return this.#parts?.waits(ticket) !== true;
    if (ticket >= this.#discardedFrom && ticket < this.#discardedTo) return false;
    return this.#taken > ticket;
  }

  /** Whether nothing waits beside the line. */
  get hasNoParts(): boolean {
    return this.#parts === undefined;
  }

  /** Whether a message of this id waits beside the line, so that others of that id go behind it. */
  holds(id: number): boolean {
    return this.#parts !== undefined && this.#parts.has(id);
  }

  /** Whether a frame of so many bytes may leave in parts with its first part in line. */
  mayBegin(length: number): boolean {
    return this.#parts?.takes(length) !== false;
  }

  /**
   * Takes a frame of `length` bytes: the last of them are those of `tail`, the others stand in
   * `from`. All are the caller's again on return. Only a large frame may have something written
   * before `flush`, namely what waits.
   */
  append(from: Buffer, length: number, tail?: Uint8Array): void {
    if (length >= largeBytes && this.#tail - this.#head + length > gatheredBytes) this.flush();
    this.#append(from, length, tail);
  }

  #append(from: Buffer, length: number, tail: Uint8Array | undefined): void {
    const bytes = this.#roomFor(length);
    const to = this.#tail;
    const headLength = tail === undefined ? length : length - tail.length;
    if (headLength <= 48) {
      // For a few bytes a loop is faster than a call into native code.
      for (let index = 0; index < headLength; index++) bytes[to + index] = from[index] ?? 0;
    } else {
      from.copy(bytes, to, 0, headLength);
    }
    if (tail !== undefined) bytes.set(tail, to + headLength);
    this.#tail = to + length;
    countBuffered(length);
  }

  /**
   * Takes a frame over that is to leave in parts. With `inLine`, its first part takes its place in
   * line at once: the ids of calls rise in the order in which they leave.
   */
  appendParts(id: number, frame: Buffer, length: number, inLine: boolean): Ticket {
    this.#parts ??= new PartsOut(this.#link, this.maxBegunBytes);
    if (!inLine) return this.#parts.add(id, frame, length, undefined);
    const { position } = this;
    const first = firstPart(frame, length, id);
    this.#append(first, first.length, undefined);
    return this.#parts.add(id, frame, length, position);
  }

  /** Takes a frame over that must not overtake another of its id that waits beside the line. */
  appendBehind(id: number, frame: Buffer, length: number): Ticket {
    this.#parts ??= new PartsOut(this.#link, this.maxBegunBytes);
    return this.#parts.addWhole(id, frame, length);
  }

  /** The buffer, with room for `length` more bytes behind what waits. */
  #roomFor(length: number): Buffer {
    const bytes = this.#bytes;
    if (bytes !== undefined && bytes.length - this.#tail >= length) return bytes;
    const waiting = this.#tail - this.#head;
    let size = bytes?.length ?? leastBufferBytes;
    while (size < waiting + length) size *= 2;
    // Moving pays only when it frees at least half; else a buffer that is nearly full would move
    // its whole content for every small frame.
    if (size === bytes?.length && this.#head < size / 2) size *= 2;
    return this.#moveTo(bytes !== undefined && size === bytes.length ? bytes : takeBuffer(size));
  }

  #moveTo(to: Buffer): Buffer {
    this.#bytes?.copy(to, 0, this.#head, this.#tail);
    this.#bytes = to;
    this.#tail -= this.#head;
    this.#head = 0;
    return to;
  }

  /**
   * Lets a large buffer go for the little that is left in it, so that those who read slowly do not
   * hold one each: never more than four times what waits.
   */
  #fit(bytes: Buffer): void {
    const waiting = this.#tail - this.#head;
    if (bytes.length <= leastBufferBytes || waiting > bytes.length / 4) return;
    let size = leastBufferBytes;
    while (size < waiting) size *= 2;
    this.#moveTo(Buffer.allocUnsafeSlow(size));
    giveBuffer(bytes);
  }

  /** Gives the link what it takes. Does nothing while it is full: `drained` comes first. */
  flush(): void {
    if (this.#blocked) return;
    const parts = this.#parts;
    if (parts === undefined) {
      this.#blocked = !this.#writeLine();
      return;
    }
    // A part that was begun is finished first; behind each, the line has its turn.
    do {
      if (!parts.finishPart() || !this.#writeLine()) {
        this.#blocked = true;
        return;
      }
    } while (parts.nextPart());
  }

  /** Writes the line; false when the link does not take all of it. */
  #writeLine(): boolean {
    if (this.#bytes === undefined || this.#head === this.#tail) return true;
    const taken = this.#link.write(this.#bytes, this.#head, this.#tail);
    this.#taken += taken;
    this.#head += taken;
    countBuffered(-taken);
    if (this.#head < this.#tail) {
      this.#fit(this.#bytes);
      return false;
    }
    this.#release();
    return true;
  }

  /** The link has room again. */
  drained(): void {
    this.#blocked = false;
    this.flush();
  }

  /**
   * Takes a frame back. "unsent": nothing of it has left, or will. "cut": a part has left and the
   * rest never will, so that its receiver must be told with a cancel or fault. "sent": it has left,
   * or will, or was lost before. With a message that is cut, and with a call, goes what waits behind
   * it of its id: it makes no sense without.
   */
  withdraw(ticket: Ticket): "unsent" | "cut" | "sent" {
    if (ticket >= 0) return this.#void(ticket) ? "unsent" : "sent";
    const waited = this.#parts?.drop(ticket);
    if (waited === undefined) return "sent";
    const { id, at, whole, firstPart: first } = waited;
    if (first === undefined && (whole || at === prefixBytes)) return "unsent";
    this.dropParts(id);
    return first !== undefined && this.#void(first) ? "unsent" : "cut";
  }

  /** Makes of a frame in line, when none of its bytes has left, one that its receiver skips. */
  #void(position: number): boolean {
    const bytes = this.#bytes;
    if (bytes === undefined || this.#taken > position) return false;
    const at = this.#head + (position - this.#taken);
    const isCall = bytes[at + kindOffset] === kinds.call;
    bytes[at + kindOffset] = kinds.void;
    if (isCall && fieldsAt(bytes, at) >= streamCallFields) this.#voidBehind(bytes, at);
    return true;
  }

  /** An item of a call that was never opened would end the connection. */
  #voidBehind(bytes: Buffer, call: number): void {
    const id = bytes.readUInt32BE(call + idOffset);
    for (let at = call; at < this.#tail; at += prefixBytes + bytes.readUInt32BE(at + 1)) {
      if (bytes.readUInt32BE(at + idOffset) === id) bytes[at + kindOffset] = kinds.void;
    }
    this.dropParts(id);
  }

  /** Drops what waits of an id beside the line; false when nothing does. */
  dropParts(id: number): boolean {
    return this.#parts?.dropAll(id) === true;
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
    this.#parts?.clear();
  }

  #release(): void {
    countBuffered(this.#head - this.#tail);
    if (this.#bytes !== undefined) giveBuffer(this.#bytes);
    this.#bytes = undefined;
    this.#head = 0;
    this.#tail = 0;
  }
}
