import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { Malformed, ValueReader } from "./decode.ts";
import { faultOf } from "./fault.ts";
import { firstSkippableKind, FrameError, FrameReader, idOffset, kinds } from "./frame.ts";
import type { FrameSink } from "./frame.ts";
import type { Link, LinkEvents } from "./link.ts";
import { isKnownKind, readMessage } from "./message-reader.ts";
import { encodeMessage } from "./message-writer.ts";
import type { Message } from "./message.ts";
import { Outbox } from "./outbox.ts";

/** What a channel tells its owner, the calling or the answering end of a connection. */
export interface ChannelOwner {
  /** A whole, valid message. */
  message(message: Message): void;
  /** A frame for a call whose body is malformed; the connection is sound. */
  badBody(kind: number, id: number, why: string): void;
  /** Every message of one read was delivered; replies that are sent now leave with the next flush. */
  readEnd(): void;
  /** The link has not taken all that there was. */
  blocked(): void;
  /** Unsent bytes have gone down. */
  drained(): void;
  /** The link is not read until unsent bytes have gone down. */
  paused(): void;
  /** The link is read again. */
  resumed(): void;
  /**
   * Whether there is no room for a call whose frame has come, and it has been told so: then its body
   * is not even looked at.
   */
  turnsAway(id: number): boolean;
  /** The last event, exactly once. */
  closed(why: GeeError): void;
}

/** Gives the next call its id. */
export interface IdGiver {
  giveId(): number;
}

/** Channels that have something to write when this turn's work is done. */
let planned: Channel[] = [];

function flushPlanned(): void {
  const channels = planned;
  planned = [];
  for (const channel of channels) channel.flush();
}

const reader = new ValueReader();
const bodyKinds: ReadonlySet<number> = new Set([
  kinds.call,
  kinds.part,
  kinds.result,
  kinds.fault,
  kinds.item,
  kinds.end,
]);

/**
 * Messages over one link. Reading: bytes, frame, message, owner. Writing: message, frame, outbox,
 * and one flush per turn of the loop: at the end of the read for what is sent during it, in a
 * microtask for the rest. A frame that breaks the protocol ends this connection, with a fault that
 * says why, and no other.
 */
export class Channel implements LinkEvents, FrameSink {
  readonly link: Link;
  readonly #owner: ChannelOwner;
  readonly #from: "caller" | "server";
  readonly #frames: FrameReader = new FrameReader(this);
  readonly #outbox: Outbox;
  #maxBodyBytes: number;
  /** What the other side accepts; ours until its hello says. */
  peerMaxMessageBytes: number = limits.maxMessageBytes;
  #flushPlanned = false;
  #reading = false;
  #paused = false;
  #closed = false;
  #ending = false;
  #told = false;

  /** `from` is the side that the peer is. */
  constructor(link: Link, owner: ChannelOwner, from: "caller" | "server", maxHelloBytes: number) {
    this.link = link;
    this.#owner = owner;
    this.#from = from;
    this.#maxBodyBytes = maxHelloBytes;
    this.#outbox = new Outbox(link);
  }

  /** Whether the connection is over, or about to be: nothing more is read, sent or delivered. */
  get finished(): boolean {
    return this.#closed || this.#ending;
  }

  /** The number of the frame of which only a part has come; undefined when none is. */
  get incompleteFrame(): number | undefined {
    return this.#frames.incompleteFrame;
  }

  /** How large that frame is, as far as it is known. */
  get incompleteBytes(): number {
    return this.#frames.incompleteBytes;
  }

  /** Whether the link is not read because of unsent bytes. */
  get isPaused(): boolean {
    return this.#paused;
  }

  get unsentBytes(): number {
    return this.#outbox.unsentBytes;
  }

  /** The hello is over: messages up to this size are accepted from now on. */
  acceptMessages(maxMessageBytes: number): void {
    this.#maxBodyBytes = maxMessageBytes;
  }

  maxBodyBytes(): number {
    return this.#maxBodyBytes;
  }

  // -------------------------------------------------------------- writing

  /**
   * Sends one message, with the next flush, and returns its position for `hasLeft` and `withdraw`.
   * `giver` gives the id in place of the message's own, at the moment when the frame takes its place
   * in line: what is encoded may send by itself, and ids must rise in the order of the frames.
   *
   * @throws GeeError as `encodeMessage`; nothing is sent then. On a closed channel it does nothing.
   */
  send(message: Message, giver?: IdGiver): number {
    if (this.finished) return this.#outbox.position;
    const { bytes, length } = encodeMessage(message, this.peerMaxMessageBytes);
    // Only now: a getter that ran during the encoding may have sent a frame of its own before this
    // one, or closed the channel.
    const { position } = this.#outbox;
    if (this.finished) return position;
    if (giver !== undefined) bytes.writeUInt32BE(giver.giveId(), idOffset);
    this.#outbox.append(bytes, length);
    if (!this.#reading && !this.#flushPlanned) {
      this.#flushPlanned = true;
      if (planned.push(this) === 1) queueMicrotask(flushPlanned);
    }
    return position;
  }

  /** Writes what waits now, not at the end of the turn. */
  flush(): void {
    this.#flushPlanned = false;
    if (this.#closed) return;
    const { isBlocked } = this.#outbox;
    this.#outbox.flush();
    if (!isBlocked && this.#outbox.isBlocked && !this.finished) this.#owner.blocked();
    this.#heedPressure();
  }

  /**
   * A caller that does not take its answers is not heard until it has taken half of what may wait.
   * Only the answering side does so: two sides that both stop would wait for each other for ever.
   */
  #heedPressure(): void {
    if (this.#from !== "caller" || this.finished) return;
    const { unsentBytes } = this.#outbox;
    if (!this.#paused && unsentBytes > limits.pauseReadingBytes) {
      this.#paused = true;
      this.link.pause();
      this.#owner.paused();
    } else if (this.#paused && unsentBytes <= limits.pauseReadingBytes / 2) {
      this.#paused = false;
      this.link.resume();
      this.#owner.resumed();
    }
  }

  /** Whether a byte of the frame at `position` has been taken by the link. */
  hasLeft(position: number): boolean {
    return this.#outbox.hasLeft(position);
  }

  /** Takes the frame at `position` back; false when a byte of it has left. */
  withdraw(position: number): boolean {
    return this.#outbox.withdraw(position);
  }

  // -------------------------------------------------------------- reading

  data(bytes: Uint8Array): void {
    if (this.finished) return;
    this.#reading = true;
    try {
      this.#frames.push(bytes);
      this.#owner.readEnd();
    } catch (error) {
      this.refuse(
        error instanceof FrameError
          ? new GeeError(error.code, error.message, { reason: error.reason })
          : new GeeError("INTERNAL", "a fault while reading", { cause: error }),
      );
    } finally {
      this.#reading = false;
    }
    this.flush();
  }

  frame(
    kind: number,
    id: number,
    fields: number,
    bytes: Buffer,
    view: DataView,
    start: number,
    end: number,
  ): void {
    if (!isKnownKind(kind)) {
      if (kind >= firstSkippableKind) return;
      throw new FrameError("UNIMPLEMENTED", "UNKNOWN_KIND", `kind ${kind} is not known`);
    }
    if (kind === kinds.call && this.#owner.turnsAway(id)) return;
    let message: Message;
    try {
      reader.open(bytes, view, start, end);
      message = readMessage(reader, kind, id, fields, this.#from);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      if (id === 0 || !bodyKinds.has(kind)) {
        throw new FrameError("INVALID_ARGUMENT", "BAD_MESSAGE", error.message);
      }
      this.#owner.badBody(kind, id, error.message);
      return;
    }
    this.#owner.message(message);
  }

  drain(): void {
    if (this.#closed) return;
    this.#outbox.drained();
    if (this.#ending) {
      if (this.#outbox.unsentBytes === 0) this.link.end();
      return;
    }
    this.#heedPressure();
    this.#owner.drained();
  }

  // -------------------------------------------------------------- closing

  /** Ends the connection because of what the peer did, and tells it why where it can. */
  refuse(why: GeeError): void {
    if (this.finished) return;
    const told = this.#outbox.discard();
    // Bytes of another protocol get no answer in ours.
    if (told && why.reason !== "NOT_A_FRAME") {
      this.send(faultOf(0, why, undefined));
    }
    if (told) this.end(why);
    else this.close(why);
  }

  /** Ends the connection once what waits is written. The owner is told now. */
  end(why: GeeError): void {
    if (this.finished) return;
    this.#ending = true;
    this.#frames.clear();
    this.#outbox.flush();
    if (this.#outbox.unsentBytes === 0) this.link.end();
    this.#tell(why);
  }

  /** Closes at once; what waits is lost. */
  close(why: GeeError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#tell(why);
    this.#outbox.clear();
    this.#frames.clear();
    this.link.close();
  }

  /** The link's last event. */
  closed(why: GeeError): void {
    this.#closed = true;
    this.#tell(why);
    this.#outbox.clear();
    this.#frames.clear();
  }

  /** Once, and at once: what is pending must not wait for the socket's last word. */
  #tell(why: GeeError): void {
    if (this.#told) return;
    this.#told = true;
    this.#owner.closed(why);
  }
}
