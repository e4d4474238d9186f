import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { FrameError } from "./frame.ts";
import type { Link, LinkEvents } from "./link.ts";
import type { Message, Metadata } from "./message.ts";
import type { Ticket } from "./outbox.ts";
import { Receiver } from "./receiver.ts";
import type { ReceiverOwner } from "./receiver.ts";
import { Sender } from "./sender.ts";
import type { IdGiver, SenderOwner } from "./sender.ts";

/** What a channel tells its owner, the calling or the answering end of a connection. */
export interface ChannelOwner extends ReceiverOwner {
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
  /** The last event, exactly once. */
  closed(why: GeeError): void;
}

/**
 * Messages over one link. Reading: bytes, frame, message, owner; writing is the sender's. A frame
 * that breaks the protocol ends this connection, with a fault that says why, and no other.
 */
export class Channel implements LinkEvents, SenderOwner {
  readonly link: Link;
  readonly #owner: ChannelOwner;
  readonly #from: "caller" | "server";
  readonly #receiver: Receiver;
  readonly #sender: Sender;
  #paused = false;
  /** What runs when there is room. */
  #waiting: Set<() => void> | undefined;
  /** The owner is told with the first change, and nothing is read, sent or delivered from then on. */
  #state: "open" | "ending" | "closed" = "open";

  /** `from` is the side that the peer is. */
  constructor(link: Link, owner: ChannelOwner, from: "caller" | "server", maxHelloBytes: number) {
    this.link = link;
    this.#owner = owner;
    this.#from = from;
    this.#receiver = new Receiver(this, owner, from, maxHelloBytes);
    this.#sender = new Sender(link, this);
  }

  /** Whether the connection is over, or about to be: nothing more is read, sent or delivered. */
  get finished(): boolean {
    return this.#state !== "open";
  }

  /** What has come and is not whole. */
  get incoming(): Pick<
    Receiver,
    "incompleteFrame" | "incompleteBytes" | "unfinishedMessage" | "unfinishedBytes"
  > {
    return this.#receiver;
  }

  /** Whether a frame or a message in parts has come and is not whole. */
  get isIncomplete(): boolean {
    const { incompleteFrame, unfinishedMessage } = this.#receiver;
    return incompleteFrame !== undefined || unfinishedMessage !== undefined;
  }

  /** Whether the link is not read because of unsent bytes. */
  get isPaused(): boolean {
    return this.#paused;
  }

  get unsentBytes(): number {
    return this.#sender.unsentBytes;
  }

  /**
   * Unsent bytes as they count for the peer's pace: the largest message in parts is left out,
   * because it holds nobody up.
   */
  get pressureBytes(): number {
    return this.#sender.unsentBesideLargest;
  }

  /**
   * The hello is over: from now on messages of up to `maxMessageBytes` are accepted, the peer accepts
   * such of up to `peerMaxMessageBytes`, and `parts` when both sides know them.
   */
  greeted(maxMessageBytes: number, peerMaxMessageBytes: number, parts: boolean): void {
    this.#receiver.maxBodyBytes = maxMessageBytes;
    this.#sender.greeted(peerMaxMessageBytes, parts);
  }

  // -------------------------------------------------------------- writing

  /**
   * Sends one message, with the next flush, and returns what stands for it in `hasLeft` and
   * `withdraw`. `giver` gives the id in place of the message's own, at the moment when the frame takes
   * its place in line: what is encoded may send by itself, and ids must rise in the order of the
   * frames.
   *
   * @throws GeeError as `encodeMessage`; nothing is sent then. On a closed channel it does nothing.
   */
  send(message: Message, giver?: IdGiver): Ticket {
    return this.#sender.send(message, giver);
  }

  /**
   * Sends an item of a stream, and returns what it takes of the credit. It leaves with the next
   * `flush`, which is for whoever sends items to call.
   *
   * @throws GeeError as `encodeMessage`; nothing is sent then. On a closed channel it does nothing.
   */
  sendItem(id: number, value: unknown, metadata?: Metadata): number {
    return this.finished ? 0 : this.#sender.sendItem(id, value, metadata);
  }

  /** Sends a frame that was encoded before, with another id. */
  sendEncoded(frame: Buffer, id: number): void {
    if (!this.finished) this.#sender.sendEncoded(frame, id);
  }

  /** The largest message that the peer accepts. */
  get peerMaxMessageBytes(): number {
    return this.#sender.peerMaxMessageBytes;
  }

  /** Writes what waits now, not at the end of the turn. */
  flush(): void {
    if (this.#state !== "closed") this.#sender.flush();
  }

  blocked(): void {
    this.#owner.blocked();
  }

  /**
   * Whether the link takes what is written, and little waits to be. Who can wait, as a stream can,
   * waits until that is so.
   */
  get hasRoom(): boolean {
    return !this.#sender.isBlocked && this.#sender.unsentBytes <= limits.pauseReadingBytes;
  }

  /** Runs the task once when the link takes what is written again; never if it is closed before. */
  whenRoom(task: () => void): void {
    this.#waiting ??= new Set();
    this.#waiting.add(task);
  }

  /** Takes such a task back. */
  forgetRoom(task: () => void): void {
    this.#waiting?.delete(task);
  }

  flushed(): void {
    if (this.finished) return;
    if (this.#from === "caller") this.#heedPressure();
    if (this.#waiting === undefined || this.#sender.isBlocked) return;
    const tasks = this.#waiting;
    this.#waiting = undefined;
    for (const task of tasks) task();
  }

  /**
   * A caller that does not take its answers is not heard until it has taken half of what may wait.
   * Only the answering side does so: two sides that both stop would wait for each other for ever.
   */
  #heedPressure(): void {
    const bytes = this.#sender.unsentBesideLargest;
    if (!this.#paused && bytes > limits.pauseReadingBytes) {
      this.#paused = true;
      this.link.pause();
      this.#owner.paused();
    } else if (this.#paused && bytes <= limits.pauseReadingBytes / 2) {
      this.#paused = false;
      this.link.resume();
      this.#owner.resumed();
    }
  }

  /** Whether a byte of that frame has been taken by the link; of a message in parts, its last. */
  hasLeft(ticket: Ticket): boolean {
    return this.#sender.hasLeft(ticket);
  }

  /**
   * Takes a frame back: "unsent" when nothing of it has left, "cut" when the rest of it never will,
   * "sent" when it cannot be taken back.
   */
  withdraw(ticket: Ticket): "unsent" | "cut" | "sent" {
    return this.#sender.withdraw(ticket);
  }

  /** Drops what waits of an id's messages in parts; false when nothing does. */
  dropUnsent(id: number): boolean {
    return this.#sender.dropParts(id);
  }

  /** Whether a message of this id has come in part. */
  isUnfinished(id: number): boolean {
    return this.#receiver.isUnfinished(id);
  }

  /** Drops what has come of an id's message in parts; false when nothing has. */
  dropUnfinished(id: number): boolean {
    return this.#receiver.dropUnfinished(id);
  }

  // -------------------------------------------------------------- reading

  data(bytes: Uint8Array): boolean {
    if (this.finished) return false;
    let usedUp = false;
    this.#sender.reading = true;
    try {
      usedUp = this.#receiver.push(bytes);
      this.#owner.readEnd();
    } catch (error) {
      this.refuse(
        error instanceof FrameError
          ? new GeeError(error.code, error.message, { reason: error.reason })
          : new GeeError("INTERNAL", "a fault while reading", { cause: error }),
      );
    } finally {
      this.#sender.reading = false;
    }
    this.flush();
    return usedUp;
  }

  drain(): void {
    if (this.#state === "closed") return;
    this.#sender.drained();
    if (!this.finished) this.#owner.drained();
    else if (this.#sender.unsentBytes === 0) this.link.end();
  }

  // -------------------------------------------------------------- closing

  /** Ends the connection because of what the peer did, and tells it why where it can. */
  refuse(why: GeeError): void {
    if (this.finished) return;
    // Bytes of another protocol get no answer in ours.
    if (this.#sender.sendLast(why, why.reason !== "NOT_A_FRAME")) this.end(why);
    else this.close(why);
  }

  /** Ends the connection once what waits is written. The owner is told now. */
  end(why: GeeError): void {
    if (this.finished) return;
    this.#state = "ending";
    this.#receiver.clear();
    this.#sender.flush();
    if (this.#sender.unsentBytes === 0) this.link.end();
    this.#tell(why);
  }

  /** Closes at once; what waits is lost. */
  close(why: GeeError): void {
    if (this.#state === "closed") return;
    this.closed(why);
    this.link.close();
  }

  /** The link's last event. */
  closed(why: GeeError): void {
    const { finished } = this;
    this.#state = "closed";
    if (!finished) this.#tell(why);
    this.#sender.clear();
    this.#receiver.clear();
  }

  /** Once, and at once: what is pending must not wait for the socket's last word. */
  #tell(why: GeeError): void {
    this.#waiting = undefined;
    this.#owner.closed(why);
  }
}
