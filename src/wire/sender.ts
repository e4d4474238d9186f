import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { faultOf } from "./fault.ts";
import { contentHeadBytes, headBytes, idOffset } from "./frame.ts";
import type { Link } from "./link.ts";
import { encodeMessage } from "./message-writer.ts";
import type { EncodedFrame } from "./message-writer.ts";
import type { Message, Metadata } from "./message.ts";
import { Outbox } from "./outbox.ts";
import type { Ticket } from "./outbox.ts";
import { maxUncutBytes } from "./parts-out.ts";

/** Gives the next call its id; 0 when the call is not to be sent after all. */
export interface IdGiver {
  giveId(): number;
}

/** What a sender tells the channel that it belongs to. */
export interface SenderOwner {
  /** Whether nothing more is to be sent. */
  readonly finished: boolean;
  /** The link has not taken all that there was. */
  blocked(): void;
  /** What waits has been written, or has not. */
  flushed(): void;
}

/**
 * Of many frames that are sent in one turn, the first leave while the others are still made, so that
 * both ends are at work: half as many as the turn before has sent, within these bounds.
 */
const leastPieceFrames = 24;
const mostPieceFrames = 96;
/** Frames above this are gathered: few large writes are better than many. */
const pieceFrameBytes = 1_024;

/** Senders that have something to write when this turn's work is done. */
let planned: Sender[] = [];

function flushPlanned(): void {
  const senders = planned;
  planned = [];
  for (const sender of senders) sender.flush();
}

/**
 * The writing half of a channel: message, frame, outbox, and a flush at the end of each turn of the
 * loop: at the end of the read for what is sent during it, in a microtask for the rest. Small frames
 * that are many leave in pieces before that.
 */
export class Sender {
  readonly #outbox: Outbox;
  readonly #owner: SenderOwner;
  /** What the other side accepts; ours until its hello says. */
  peerMaxMessageBytes: number = limits.maxMessageBytes;
  /** Whether the other side takes messages in parts. */
  #peerTakesParts = false;
  /** Whether a read is being handled, at whose end everything is flushed. */
  reading = false;
  #flushPlanned = false;
  #blocked = false;
  /** So many small frames are written at once. */
  #pieceFrames = mostPieceFrames;
  /** Those of this turn, and those of them that wait. */
  #turnFrames = 0;
  #waitingFrames = 0;

  constructor(link: Link, owner: SenderOwner) {
    this.#outbox = new Outbox(link);
    this.#owner = owner;
  }

  /** What the other side accepts from now on: messages of so many bytes, and maybe in parts. */
  greeted(peerMaxMessageBytes: number, peerTakesParts: boolean): void {
    this.peerMaxMessageBytes = peerMaxMessageBytes;
    this.#peerTakesParts = peerTakesParts;
    const largest = peerMaxMessageBytes + contentHeadBytes;
    this.#outbox.maxBegunBytes = Math.max(limits.maxUnfinishedBytes, largest);
  }

  /** Whether the link took less than it was given, and has not drained since. */
  get isBlocked(): boolean {
    return this.#outbox.isBlocked;
  }

  /** Bytes that wait. */
  get unsentBytes(): number {
    return this.#outbox.unsentBytes;
  }

  /** Bytes that wait, without those of the one message in parts that has the most of them. */
  get unsentBesideLargest(): number {
    return this.#outbox.unsentBesideLargest;
  }

  /**
   * Sends one message with the next flush, and returns what stands for it in `hasLeft` and
   * `withdraw`.
   *
   * @throws GeeError as `encodeMessage`; nothing is sent then. When the owner is finished it does
   *   nothing.
   */
  send(message: Message, giver: IdGiver | undefined): Ticket {
    const outbox = this.#outbox;
    if (this.#owner.finished) return outbox.position;
    const encoded = encodeMessage(message, this.peerMaxMessageBytes);
    // Only now: a getter that ran during the encoding may have sent a frame of its own before this
    // one, or closed the channel.
    if (this.#owner.finished) {
      encoded.forgetTail();
      return outbox.position;
    }
    let { id } = message;
    if (giver !== undefined) {
      id = giver.giveId();
      if (id === 0) {
        encoded.forgetTail();
        return outbox.position;
      }
      encoded.bytes.writeUInt32BE(id, idOffset);
    }
    const { bytes, length, tail } = encoded;
    // Nearly every frame is small, and nothing waits beside the line.
    if (length <= maxUncutBytes && outbox.hasNoParts) {
      const ticket = outbox.position;
      outbox.append(bytes, length, tail);
      if (tail !== undefined) encoded.forgetTail();
      if (++this.#waitingFrames >= this.#pieceFrames && length <= pieceFrameBytes) {
        this.#writePiece();
      }
      this.#plan();
      return ticket;
    }
    const ticket = this.#place(message.kind, id, encoded);
    this.#plan();
    return ticket;
  }

  /**
   * Sends an item of a stream and returns the bytes of its frame. It leaves with the next flush, for
   * which it does not ask.
   *
   * @throws GeeError as `encodeMessage`; nothing is sent then
   */
  sendItem(id: number, value: unknown, metadata: Metadata | undefined): number {
    const message: Message = { kind: "item", id, value, metadata, bytes: 0 };
    const encoded = encodeMessage(message, this.peerMaxMessageBytes);
    const { length } = encoded;
    if (this.#owner.finished) encoded.forgetTail();
    else this.#place("item", id, encoded);
    return length;
  }

  /**
   * Sends a result or fault that was encoded before, with another id; the frame stays its owner's.
   *
   * @throws GeeError RESOURCE_EXHAUSTED, reason MESSAGE_TOO_LARGE
   */
  sendEncoded(frame: Buffer, id: number): void {
    const { length } = frame;
    if (length > this.peerMaxMessageBytes + headBytes) {
      throw new GeeError(
        "RESOURCE_EXHAUSTED",
        `the answer would be larger than maxMessageBytes, ${this.peerMaxMessageBytes}`,
        { reason: "MESSAGE_TOO_LARGE", executed: "no" },
      );
    }
    frame.writeUInt32BE(id, idOffset);
    const copy = (): Buffer => Buffer.from(frame);
    const kept = { bytes: frame, length, tail: undefined, copy, forgetTail() {} };
    this.#place("result", id, kept);
    this.#plan();
  }

  /** Gives a frame its place: in line, or beside it. Nothing of it is used any more then. */
  #place(kind: Message["kind"], id: number, encoded: EncodedFrame): Ticket {
    const ticket = this.#put(kind, id, encoded);
    encoded.forgetTail();
    return ticket;
  }

  #put(kind: Message["kind"], id: number, encoded: EncodedFrame): Ticket {
    const outbox = this.#outbox;
    const { bytes, length, tail } = encoded;
    const isCall = kind === "call";
    const { position } = outbox;
    if (length > maxUncutBytes && tail !== undefined && outbox.takesWhole(length)) {
      outbox.writeWhole(bytes, length, tail);
      return position;
    }
    if (
      length > maxUncutBytes &&
      this.#peerTakesParts &&
      // A call must not wait to be begun, because none with a higher id could leave before it.
      (!isCall || outbox.mayBegin(length))
    ) {
      return outbox.appendParts(id, encoded, isCall);
    }
    if (kind !== "credit" && outbox.holds(id)) {
      return outbox.appendBehind(id, encoded.copy());
    }
    outbox.append(bytes, length, tail);
    return position;
  }

  /** Sends a fault about the connection in the place of all that waits; false when it cannot be. */
  sendLast(why: GeeError, told: boolean): boolean {
    if (!this.#outbox.discard()) return false;
    if (told) this.send(faultOf(0, why, undefined), undefined);
    return true;
  }

  #plan(): void {
    if (this.reading || this.#flushPlanned) return;
    this.#flushPlanned = true;
    if (planned.push(this) === 1) queueMicrotask(flushPlanned);
  }

  /** Writes what waits in the midst of a turn; at its end whoever has to know is told. */
  #writePiece(): void {
    this.#turnFrames += this.#waitingFrames;
    this.#waitingFrames = 0;
    this.#outbox.flush();
  }

  /** Writes what waits now, not at the end of the turn. */
  flush(): void {
    this.#flushPlanned = false;
    const half = (this.#turnFrames + this.#waitingFrames) >> 1;
    this.#pieceFrames = Math.min(Math.max(half, leastPieceFrames), mostPieceFrames);
    this.#turnFrames = 0;
    this.#waitingFrames = 0;
    this.#outbox.flush();
    this.#heed();
  }

  /** The link has room again. */
  drained(): void {
    this.#blocked = false;
    this.#outbox.drained();
    this.#heed();
  }

  #heed(): void {
    const { isBlocked } = this.#outbox;
    if (isBlocked && !this.#blocked && !this.#owner.finished) this.#owner.blocked();
    this.#blocked = isBlocked;
    this.#owner.flushed();
  }

  /** Whether a byte of that frame has left; of a message in parts, its last. */
  hasLeft(ticket: Ticket): boolean {
    return this.#outbox.hasLeft(ticket);
  }

  /** Takes a frame back; see {@link Outbox.withdraw}. */
  withdraw(ticket: Ticket): "unsent" | "cut" | "sent" {
    return this.#outbox.withdraw(ticket);
  }

  /** Drops what waits in parts of an id; false when nothing does. */
  dropParts(id: number): boolean {
    return this.#outbox.dropParts(id);
  }

  /** Nothing more is written. */
  clear(): void {
    this.#outbox.clear();
  }
}
