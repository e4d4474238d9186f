import { countBuffered } from "./buffered.ts";
import { prefixBytes } from "./frame.ts";
import type { Link } from "./link.ts";
import { firstPartBytes, giveBlock, partBytes, partEndAt } from "./part-blocks.ts";

/**
 * The largest frame that leaves uncut. Below two parts' worth, cutting would make others wait for
 * hardly less and cost both sides a copy.
 */
export const maxUncutBytes: number = 2 * partBytes;

/** A message, or the rest of one, that waits to leave. */
export interface Waiting {
  /** Below 0, and never that of another. */
  readonly ticket: number;
  readonly id: number;
  /** What waits: blocks of parts, or one frame that leaves as it is. */
  readonly blocks: Buffer[];
  /** The next byte that leaves, in the first of these. */
  at: number;
  /** Whether that is the block that begins with the first part. */
  inFirstBlock: boolean;
  /** Whether a part has left, or stands in line. */
  begun: boolean;
  /** Bytes that have not left. */
  unsentBytes: number;
  /** What its receiver puts together again. */
  readonly contentBytes: number;
  /** It leaves as it is, in one frame, and waits only because it must not overtake. */
  readonly whole: boolean;
  /** The position in line of its first part, which is not among what waits here. */
  readonly firstPart: number | undefined;
}

/**
 * Messages that leave in parts, so that others leave between them. Messages of one id keep their
 * order; those of different ids take turns of a block, and one is begun only when what is begun then
 * is no more than the other side takes. Where the link takes no more, the part at which it stops is
 * finished first when it has room again, and then whatever is small goes before the rest.
 */
export class PartsOut {
  readonly #link: Pick<Link, "write">;
  readonly #maxBegunBytes: number;
  /** By id, in the order of their turns; no list is empty. */
  readonly #lanes: Map<number, Waiting[]> = new Map();
  readonly #waiting: Map<number, Waiting> = new Map();
  /** Tickets of what waited when all was dropped: it has not left, and never will. */
  readonly #lost: Set<number> = new Set();
  #lastTicket = 0;
  /** Bytes of those that wait, heads included, less what has left or is being written. */
  #unsentBytes = 0;
  /** Contents of the messages of which a part has left, and of those that are to leave in parts. */
  #begunBytes = 0;
  #cutBytes = 0;
  /** The part, or the frames, at which the link stopped: these bytes of this buffer. */
  #part: Buffer | undefined;
  #partAt = 0;
  #partEnd = 0;

  /** `maxBegunBytes` is how large the contents may be together of messages that are not whole. */
  constructor(link: Pick<Link, "write">, maxBegunBytes: number) {
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
    for (const { unsentBytes, whole } of this.#waiting.values()) {
      if (!whole) largest = Math.max(largest, unsentBytes);
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
   * Takes over the blocks of a message of so many bytes; of one whose first part stands in line, at
   * position `inLine`, all behind that. Returns its ticket.
   */
  add(id: number, blocks: Buffer[], contentBytes: number, inLine: number | undefined): number {
    this.#cutBytes += contentBytes;
    if (inLine !== undefined) this.#begunBytes += contentBytes;
    return this.#add(id, blocks, contentBytes, false, inLine);
  }

  /** Takes over a frame that leaves as it is, behind what waits of its id. Returns its ticket. */
  addWhole(id: number, frame: Buffer): number {
    return this.#add(id, [frame], frame.length, true, undefined);
  }

  #add(
    id: number,
    blocks: Buffer[],
    contentBytes: number,
    whole: boolean,
    firstPart: number | undefined,
  ): number {
    const ticket = --this.#lastTicket;
    const begun = firstPart !== undefined;
    const at = begun ? firstPartBytes : 0;
    let unsentBytes = -at;
    for (const { length } of blocks) unsentBytes += length;
    const waiting: Waiting = {
      ...{ ticket, id, blocks, at, begun, unsentBytes, contentBytes, whole, firstPart },
      inFirstBlock: true,
    };
    const lane = this.#lanes.get(id);
    if (lane === undefined) this.#lanes.set(id, [waiting]);
    else lane.push(waiting);
    this.#waiting.set(ticket, waiting);
    this.#unsentBytes += unsentBytes;
    countBuffered(unsentBytes);
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
    this.#unsentBytes -= waiting.unsentBytes;
    countBuffered(-waiting.unsentBytes);
    for (const block of waiting.blocks) if (block !== this.#part) giveBlock(block);
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
    this.#cutBytes -= waiting.contentBytes;
    if (waiting.begun) this.#begunBytes -= waiting.contentBytes;
  }

  /** Writes what is left of the part at which the link stopped; false when it is full again. */
  finishPart(): boolean {
    const part = this.#part;
    if (part === undefined) return true;
    const taken = this.#link.write(part, this.#partAt, this.#partEnd);
    this.#partAt += taken;
    countBuffered(-taken);
    if (this.#partAt < this.#partEnd) return false;
    this.#part = undefined;
    // Of any other block, parts wait or have been dropped.
    if (this.#partEnd === part.length) giveBlock(part);
    return true;
  }

  /**
   * Writes a block, or the next whole frames, of whoever's turn it is: "none" when nothing waits that
   * may leave, "full" when the link has not taken all of it.
   */
  writeTurn(): "none" | "written" | "full" {
    let heldBack = false;
    for (const [id, lane] of this.#lanes) {
      const [first] = lane;
      if (first === undefined) continue;
      if (!first.whole && !first.begun) {
        // Nothing else is begun before it, or it might wait for ever.
        heldBack ||= this.#begunBytes + first.contentBytes > this.#maxBegunBytes;
        if (heldBack) continue;
      }
      // Whoever had a turn goes to the end.
      this.#lanes.delete(id);
      this.#lanes.set(id, lane);
      const all = first.whole ? this.#writeWhole(lane) : this.#writeBlock(first, lane);
      if (lane.length === 0) this.#lanes.delete(id);
      return all ? "written" : "full";
    }
    return "none";
  }

  /** Small frames that follow each other leave with one write. */
  #writeWhole(lane: Waiting[]): boolean {
    let count = 0;
    let size = 0;
    for (const { whole, unsentBytes } of lane) {
      if (!whole || (count > 0 && size + unsentBytes > partBytes)) break;
      size += unsentBytes;
      count++;
    }
    const waiting = lane.splice(0, count);
    for (const one of waiting) this.#forget(one);
    const [only, ...others] = waiting.flatMap(({ blocks }) => blocks);
    if (only === undefined) return true;
    this.#unsentBytes -= size;
    this.#part = others.length === 0 ? only : Buffer.concat([only, ...others]);
    this.#partAt = 0;
    this.#partEnd = size;
    return this.finishPart();
  }

  /** Writes the block that is next; where the link stops, the part is begun and no other. */
  #writeBlock(waiting: Waiting, lane: Waiting[]): boolean {
    const { blocks, at } = waiting;
    const [block] = blocks;
    if (block === undefined) return true;
    const takenTo = at + this.#link.write(block, at, block.length);
    const end = partEndAt(block, waiting.inFirstBlock, takenTo);
    countBuffered(at - takenTo);
    this.#unsentBytes -= end - at;
    waiting.unsentBytes -= end - at;
    waiting.at = end;
    if (end > 0 && !waiting.begun) {
      waiting.begun = true;
      this.#begunBytes += waiting.contentBytes;
    }
    if (takenTo < end) {
      this.#part = block;
      this.#partAt = takenTo;
      this.#partEnd = end;
    }
    if (end < block.length) return false;
    blocks.shift();
    waiting.at = 0;
    waiting.inFirstBlock = false;
    if (blocks.length === 0) {
      lane.shift();
      this.#forget(waiting);
    }
    if (takenTo < end) return false;
    giveBlock(block);
    return true;
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
