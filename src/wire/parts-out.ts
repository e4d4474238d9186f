import { countBuffered } from "./buffered.ts";
import { headBytes, kinds, prefixBytes, writeHead } from "./frame.ts";
import type { Link } from "./link.ts";

/** What one part carries of its message at most. */
export const partBytes = 65_536;

/**
 * The largest frame that leaves uncut. Below two parts' worth, cutting would make others wait for
 * hardly less and cost both sides a copy.
 */
export const maxUncutBytes: number = 2 * partBytes;

/** A part's head: that of its frame, and `5a` with the length of its bytes. */
const partHeadBytes = headBytes + 5;

/** Where the bytes begin that the first part has left over. */
const restOffset = prefixBytes + partBytes;

/** A message, or the rest of one, that waits to leave. */
export interface Waiting {
  /** Below 0, and never that of another. */
  readonly ticket: number;
  readonly id: number;
  readonly bytes: Buffer;
  /** The next byte that leaves. */
  at: number;
  readonly end: number;
  /** It leaves as it is, in one frame, and waits only because it must not overtake. */
  readonly whole: boolean;
  /** The position in line of its first part, which is not among what waits here. */
  readonly firstPart: number | undefined;
}

/**
 * Messages that leave in parts, so that others leave between them. Each is a buffer of its own, and
 * the head of each part is written over bytes that have left already: nothing is copied. Messages of
 * one id keep their order; those of different ids take turns, and one is begun only when what is
 * begun then is no more than the other side takes.
 */
export class PartsOut {
  readonly #link: Link;
  readonly #maxBegunBytes: number;
  /** By id, in the order of their turns; no list is empty. */
  readonly #lanes: Map<number, Waiting[]> = new Map();
  readonly #waiting: Map<number, Waiting> = new Map();
  /** Tickets of what waited when all was dropped: it has not left, and never will. */
  readonly #lost: Set<number> = new Set();
  #lastTicket = 0;
  /** Bytes of those that wait: what they take in memory, less what has left. */
  #unsentBytes = 0;
  /** Contents of the messages of which a part has left, and of those that are to leave in parts. */
  #begunBytes = 0;
  #cutBytes = 0;
  /** The part that is being written: these bytes of this buffer. */
  #part: Buffer | undefined;
  #partAt = 0;
  #partEnd = 0;

  /** `maxBegunBytes` is how large the contents may be together of messages that are not whole. */
  constructor(link: Link, maxBegunBytes: number) {
    this.#link = link;
    this.#maxBegunBytes = maxBegunBytes;
  }

  /** Bytes that wait. */
  get unsentBytes(): number {
    return this.#unsentBytes + this.#partEnd - this.#partAt;
  }

  /** Bytes that wait, without those of the message in parts that has the most of them. */
  get unsentBesideLargest(): number {
    let largest = 0;
    for (const { at, end, whole } of this.#waiting.values()) {
      if (!whole) largest = Math.max(largest, end - at);
    }
    return this.unsentBytes - largest;
  }

  /** Whether one more frame of so many bytes may be begun, and all that waits as well. */
  takes(frameBytes: number): boolean {
    return this.#cutBytes + frameBytes - prefixBytes <= this.#maxBegunBytes;
  }

  /** Whether something of this id waits. */
  has(id: number): boolean {
    return this.#lanes.has(id);
  }

  /** Whether that of this ticket waits, or waited when all was dropped. */
  waits(ticket: number): boolean {
    return this.#waiting.has(ticket) || this.#lost.has(ticket);
  }

  /**
   * Takes over a frame that leaves in parts; of one whose first part is a frame in line, at position
   * `inLine`, the rest. Returns its ticket.
   */
  add(id: number, bytes: Buffer, end: number, inLine: number | undefined): number {
    const at = inLine === undefined ? prefixBytes : restOffset;
    this.#cutBytes += end - prefixBytes;
    if (inLine !== undefined) this.#begunBytes += end - prefixBytes;
    return this.#add(id, bytes, at, end, false, inLine);
  }

  /** Takes over a frame that leaves as it is, behind what waits of its id. Returns its ticket. */
  addWhole(id: number, bytes: Buffer, end: number): number {
    return this.#add(id, bytes, 0, end, true, undefined);
  }

  #add(
    id: number,
    bytes: Buffer,
    at: number,
    end: number,
    whole: boolean,
    inLine: number | undefined,
  ): number {
    const ticket = --this.#lastTicket;
    const waiting: Waiting = { ticket, id, bytes, at, end, whole, firstPart: inLine };
    const lane = this.#lanes.get(id);
    if (lane === undefined) this.#lanes.set(id, [waiting]);
    else lane.push(waiting);
    this.#waiting.set(ticket, waiting);
    this.#unsentBytes += end - at;
    countBuffered(end - at);
    return ticket;
  }

  /**
   * Drops what waits of this ticket, and returns what it was; undefined when nothing does. A part
   * that is being written still is.
   */
  drop(ticket: number): Waiting | undefined {
    const waiting = this.#waiting.get(ticket);
    if (waiting === undefined) return undefined;
    const lane = this.#lanes.get(waiting.id) ?? [];
    lane.splice(lane.indexOf(waiting), 1);
    if (lane.length === 0) this.#lanes.delete(waiting.id);
    this.#forget(waiting);
    const bytes = waiting.end - waiting.at;
    this.#unsentBytes -= bytes;
    countBuffered(-bytes);
    return waiting;
  }

  /** Drops all that waits of an id; false when nothing does. */
  dropAll(id: number): boolean {
    const lane = this.#lanes.get(id);
    if (lane === undefined) return false;
    for (const { ticket } of lane.toReversed()) this.drop(ticket);
    return true;
  }

  /** It waits no longer. */
  #forget(waiting: Waiting): void {
    this.#waiting.delete(waiting.ticket);
    if (waiting.whole) return;
    this.#cutBytes -= waiting.end - prefixBytes;
    if (waiting.at > prefixBytes) this.#begunBytes -= waiting.end - prefixBytes;
  }

  /** Writes what is left of the part that is being written; false when the link is full. */
  finishPart(): boolean {
    const part = this.#part;
    if (part === undefined) return true;
    const taken = this.#link.write(part, this.#partAt, this.#partEnd);
    this.#partAt += taken;
    countBuffered(-taken);
    if (this.#partAt < this.#partEnd) return false;
    this.#part = undefined;
    return true;
  }

  /** Makes the next part, or the next whole frames, ready to be written; false when none waits. */
  nextPart(): boolean {
    if (this.#lanes.size === 0) return false;
    let heldBack = false;
    for (const [id, lane] of this.#lanes) {
      const [first] = lane;
      if (first === undefined) continue;
      if (!first.whole && first.at === prefixBytes) {
        // Nothing else is begun before it, or it might wait for ever.
        heldBack ||= this.#begunBytes + first.end - prefixBytes > this.#maxBegunBytes;
        if (heldBack) continue;
      }
      // Whoever had a turn goes to the end.
      this.#lanes.delete(id);
      if (first.whole) this.#beginWhole(lane);
      else this.#beginPart(first, lane);
      if (lane.length > 0) this.#lanes.set(id, lane);
      return true;
    }
    return false;
  }

  /** Small frames that follow each other leave with one write. */
  #beginWhole(lane: Waiting[]): void {
    let count = 0;
    let bytes = 0;
    for (const { whole, end } of lane) {
      if (!whole || (count > 0 && bytes + end > partBytes)) break;
      bytes += end;
      count++;
    }
    const frames = lane.splice(0, count);
    for (const waiting of frames) this.#forget(waiting);
    const [only] = frames;
    const part =
      count === 1 && only !== undefined
        ? only.bytes
        : Buffer.concat(frames.map((waiting) => waiting.bytes.subarray(0, waiting.end)));
    this.#begin(part, 0, bytes, bytes);
  }

  #beginPart(waiting: Waiting, lane: Waiting[]): void {
    const { bytes, at, end, id } = waiting;
    if (at === prefixBytes) {
      const part = firstPart(bytes, end, id);
      this.#begunBytes += end - prefixBytes;
      waiting.at = restOffset;
      this.#begin(part, 0, part.length, partBytes);
      return;
    }
    const length = Math.min(partBytes, end - at);
    const start = at - partHeadBytes;
    writeHead(bytes, start, kinds.part, id, 1, partHeadBytes - prefixBytes + length);
    bytes[start + headBytes] = 0x5a;
    bytes.writeUInt32BE(length, start + headBytes + 1);
    this.#begin(bytes, start, at + length, length);
    waiting.at += length;
    if (waiting.at < end) return;
    lane.shift();
    this.#forget(waiting);
  }

  /** So many of the bytes that waited are to be written, and with them perhaps a head. */
  #begin(part: Buffer, start: number, end: number, waited: number): void {
    this.#part = part;
    this.#partAt = start;
    this.#partEnd = end;
    this.#unsentBytes -= waited;
    countBuffered(end - start - waited);
  }

  /** Drops all: nothing of it leaves any more. Which tickets waited is still known. */
  clear(): void {
    countBuffered(-this.unsentBytes);
    for (const ticket of this.#waiting.keys()) this.#lost.add(ticket);
    this.#waiting.clear();
    this.#lanes.clear();
    this.#unsentBytes = 0;
    this.#begunBytes = 0;
    this.#cutBytes = 0;
    this.#part = undefined;
    this.#partAt = 0;
    this.#partEnd = 0;
  }
}

/**
 * The first part of a frame, with the size of the whole content. It is a copy: there is nothing yet
 * that its head could be written over.
 */
export function firstPart(frame: Buffer, length: number, id: number): Buffer {
  const part = Buffer.allocUnsafeSlow(partHeadBytes + partBytes + 5);
  writeHead(part, 0, kinds.part, id, 2, part.length - prefixBytes);
  part[headBytes] = 0x5a;
  part.writeUInt32BE(partBytes, headBytes + 1);
  frame.copy(part, partHeadBytes, prefixBytes, restOffset);
  part[partHeadBytes + partBytes] = 0x1a;
  part.writeUInt32BE(length - prefixBytes, partHeadBytes + partBytes + 1);
  return part;
}
