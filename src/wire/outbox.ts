import { limits } from "../base/limits.ts";
import { fieldsAt, idOffset, kindOffset, kinds, prefixBytes } from "./frame.ts";
import { Line } from "./line.ts";
import { firstPartBytes, layOut } from "./part-blocks.ts";
import type { FrameBytes } from "./part-blocks.ts";
import { PartsOut } from "./parts-out.ts";

/**
 * A large frame is gathered with what waits up to so many bytes, and flushes it first beyond. Few
 * large writes wake the other side less often than one a frame, which is worth more than the copy.
 */
const gatheredBytes = 1_048_576;
/** From here on a frame is large. */
const largeBytes = 16_384;
/** The largest frame that leaves whole on a link that takes all at once. */
const mostWholeBytes = 2_097_152;
/** So many bytes of such a frame go with its head, which alone would be a packet of its own. */
const edgeBytes = 65_536;
/** A call with so many fields or more may have a stream, whose items follow it. */
const streamCallFields = 8;

/**
 * What stands for a frame that was given to an {@link Outbox}: its position among the bytes that
 * leave in order, or a number below 0 for one that waits beside the line.
 */
export type Ticket = number;

/**
 * Frames on their way out of one connection. Positions count every byte of the connection's life, so
 * "has a byte of this frame left?" is a comparison. Messages in parts wait beside the line, and a
 * block of one leaves whenever the line is empty. Of a large frame nothing waits while the link
 * takes all at once.
 */
export class Outbox extends Line {
  /** The link took less than it was given, and has not drained since. */
  #blocked = false;
  /** Positions from the first up to the second were discarded: nothing of them left, or ever will. */
  #discardedFrom = 0;
  #discardedTo = 0;
  /** What waits beside the line. Made with the first message in parts. */
  #parts: PartsOut | undefined;
  /** How large the contents may be together of messages in parts that are begun and not whole. */
  maxBegunBytes: number = limits.maxUnfinishedBytes;

  /** Bytes that wait. */
  get unsentBytes(): number {
    return this.tail - this.head + (this.#parts?.unsentBytes ?? 0);
  }

  /** Bytes that wait, without those of the one message in parts that has the most of them. */
  get unsentBesideLargest(): number {
    return this.tail - this.head + (this.#parts?.unsentBesideLargest ?? 0);
  }

  /** Whether the link took less than it was given, and has not drained since. */
  get isBlocked(): boolean {
    return this.#blocked;
  }

  /**
   * Whether a byte of that frame has left. Of a message in parts: whether its last part is leaving,
   * because without that its receiver can do nothing with it.
   */
  hasLeft(ticket: Ticket): boolean {
    if (ticket < 0) return this.#parts?.waits(ticket) !== true;
    if (ticket >= this.#discardedFrom && ticket < this.#discardedTo) return false;
    return this.taken > ticket;
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
    if (length >= largeBytes && this.tail - this.head + length > gatheredBytes) this.flush();
    this.put(from, length, tail);
  }

  /**
   * Whether a large frame may leave whole: nothing waits beside the line, and the link has lately
   * taken twice as much without a stop, so that others will hardly wait for it.
   */
  takesWhole(length: number): boolean {
    return (
      length <= mostWholeBytes &&
      this.easyBytes >= 2 * length &&
      (this.#parts === undefined || this.#parts.unsentBytes === 0)
    );
  }

  /**
   * Writes a frame at once, from where the bytes of its tail stand: only what the link leaves is
   * copied. All are the caller's again on return.
   */
  writeWhole(from: Buffer, length: number, tail: Uint8Array): void {
    const edge = Math.min(edgeBytes, tail.length);
    this.put(from, length - tail.length + edge, tail.subarray(0, edge));
    const taken = this.writeLine() ? this.write(tail, edge, tail.length) : 0;
    this.taken += taken;
    const rest = tail.subarray(edge + taken);
    this.#blocked = rest.length > 0;
    if (this.#blocked) this.put(from, rest.length, rest);
  }

  /**
   * Takes a frame that is to leave in parts; its bytes are the caller's again on return. With
   * `inLine`, its first part takes its place in line at once: the ids of calls rise in the order in
   * which they leave.
   */
  appendParts(id: number, frame: FrameBytes, inLine: boolean): Ticket {
    this.#parts ??= new PartsOut(this, this.maxBegunBytes);
    const blocks = layOut(frame, id);
    const contentBytes = frame.length - prefixBytes;
    if (!inLine) return this.#parts.add(id, blocks, contentBytes, undefined);
    const { position } = this;
    const [first] = blocks;
    if (first !== undefined) this.put(first, firstPartBytes, undefined);
    return this.#parts.add(id, blocks, contentBytes, position);
  }

  /** Takes a frame over that must not overtake another of its id that waits beside the line. */
  appendBehind(id: number, frame: Buffer): Ticket {
    this.#parts ??= new PartsOut(this, this.maxBegunBytes);
    return this.#parts.addWhole(id, frame);
  }

  /** Gives the link what it takes. Does nothing while it is full: `drained` comes first. */
  flush(): void {
    if (this.#blocked) return;
    const parts = this.#parts;
    if (parts === undefined) {
      this.#blocked = !this.writeLine();
      return;
    }
    // A part that was begun is finished first; behind each turn, the line has its own.
    for (;;) {
      this.#blocked = !parts.finishPart() || !this.writeLine();
      if (this.#blocked) return;
      const turn = parts.writeTurn();
      this.#blocked = turn === "full";
      if (turn !== "written") return;
    }
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
    const { id, begun, firstPart: first } = waited;
    if (!begun) return "unsent";
    this.dropParts(id);
    return first !== undefined && this.#void(first) ? "unsent" : "cut";
  }

  /** Makes of a frame in line, when none of its bytes has left, one that its receiver skips. */
  #void(position: number): boolean {
    const bytes = this.bytes;
    if (bytes === undefined || this.taken > position) return false;
    const at = this.head + (position - this.taken);
    const isCall = bytes[at + kindOffset] === kinds.call;
    bytes[at + kindOffset] = kinds.void;
    if (isCall && fieldsAt(bytes, at) >= streamCallFields) this.#voidBehind(bytes, at);
    return true;
  }

  /** An item of a call that was never opened would end the connection. */
  #voidBehind(bytes: Buffer, call: number): void {
    const id = bytes.readUInt32BE(call + idOffset);
    for (let at = call; at < this.tail; at += prefixBytes + bytes.readUInt32BE(at + 1)) {
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
    this.#discardedFrom = this.taken;
    this.#discardedTo = this.position;
    this.taken = this.#discardedTo;
    this.clear();
    return true;
  }

  /** Drops what waits; the link is gone. */
  clear(): void {
    this.release();
    this.#parts?.clear();
  }
}
