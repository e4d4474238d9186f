import type { DeadlineEntry, Deadlines } from "../base/deadlines.ts";
import { limits } from "../base/limits.ts";
import type { GeeError } from "../base/errors.ts";
import type { Clock } from "../base/time.ts";
import { IncomingItems } from "../streams/incoming-items.ts";
import type { IncomingHost } from "../streams/incoming-items.ts";
import type { ItemSource } from "../streams/item-source.ts";
import { OutgoingItems } from "../streams/outgoing-items.ts";
import type { Outlet } from "../streams/outgoing-items.ts";
import { bufferedBytes, countBuffered } from "../wire/buffered.ts";
import type { Channel } from "../wire/channel.ts";
import { headBytes } from "../wire/frame.ts";
import type { Metadata } from "../wire/message.ts";

/** How often an idle stream is looked at within its idle time. */
const looks = 4;

/** Whose streams these are: a call at its caller, or a handler at its server. */
export interface CallItemsOwner {
  /** Whether something else bounds the call when its streams are at their end. Default false. */
  readonly hasDeadline?: boolean;
  /** Nothing has come or gone for the idle time. */
  idle(): void;
  /** Whoever took the items has stopped before their end. */
  left(): void;
  /** So many bytes more of items wait to be taken, or fewer when it is negative. */
  queued(change: number): void;
  /** What goes with the first item. */
  firstMetadata(): Metadata | undefined;
  /** Every item has been sent. */
  sent(): void;
  /** What gave the items has failed, or an item cannot travel. */
  broke(error: unknown): void;
  /** An item cannot travel; returns what is said of that to the other side. */
  untravelled(error: unknown): unknown;
  /** What gave the items is at its end, one way or another, and will not run again. */
  finished(): void;
  /** Asks what gives the items for the next one. */
  step<T>(run: () => T): T;
}

/** Whether somebody may hold so much credit beside that of the start. */
export function isCredit(bytes: number): boolean {
  return bytes + limits.streamWindowBytes <= limits.maxCreditBytes;
}

/**
 * The streams of one call at one end of it: the items that come, the items that go, and the idle
 * time of both. It joins the halves, which know nothing of messages, to a channel.
 */
export class CallItems implements IncomingHost, Outlet, DeadlineEntry {
  deadlineAt = 0;
  previous: DeadlineEntry | undefined = undefined;
  next: DeadlineEntry | undefined = undefined;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  /** How long nothing may move; set before `attach`. */
  idleMs: number;
  readonly #owner: CallItemsOwner;
  #channel: Channel | undefined;
  #id = 0;
  #incoming: IncomingItems | undefined;
  #outgoing: OutgoingItems | undefined;
  /** The other side's end, or its error instead, has come. */
  #endCame = false;
  /** Something came or went since the last look. */
  #active = false;
  #idleLooks = 0;
  #closed = false;
  /** Why it was closed before its end. */
  #closedWith: GeeError | undefined;
  /** Bytes of items that wait to be taken, as the process counts them. */
  #queuedBytes = 0;
  /** Credit that came before there was anything to send. */
  #earlyCredit = 0;
  /** An item was sent. */
  #begun = false;

  constructor(
    owner: CallItemsOwner,
    parts: { readonly clock: Clock; readonly deadlines: Deadlines },
    idleMs: number,
  ) {
    this.#owner = owner;
    this.#clock = parts.clock;
    this.#deadlines = parts.deadlines;
    this.idleMs = idleMs;
  }

  /** Has items come: they are for whoever iterates what this returns. */
  receive(): IncomingItems {
    if (this.#incoming === undefined) {
      this.#incoming = new IncomingItems(this);
      // Whoever comes late finds what there is left to find.
      if (this.#closedWith !== undefined) this.#incoming.fail(this.#closedWith, true);
    }
    return this.#incoming;
  }

  /** The call has an id on a channel from now on, and its idle time runs. */
  attach(channel: Channel, id: number): void {
    this.#channel = channel;
    this.#id = id;
    this.#active = true;
    this.#look();
  }

  /** Sends the items of a source, from the first one that it still has. */
  send(source: ItemSource): void {
    const credit = limits.streamWindowBytes + this.#earlyCredit;
    this.#earlyCredit = 0;
    this.#outgoing = new OutgoingItems(source, this, credit);
    this.#outgoing.start();
  }

  // -------------------------------------------------------------- what comes

  /** An item has come; false when none is due, or none without credit. */
  item(value: unknown, bytes: number): boolean {
    this.#active = true;
    return this.isDue && this.#incoming?.push(value, bytes) === true;
  }

  /** The last item has come, or with `error` why there is none; false when none was due. */
  end(error?: GeeError): boolean {
    this.#active = true;
    if (!this.isDue) return false;
    this.#endCame = true;
    if (error === undefined) this.#incoming?.end();
    else this.#incoming?.fail(error, false);
    return true;
  }

  get #isSending(): boolean {
    return this.#outgoing !== undefined && !this.#outgoing.isOver;
  }

  /** Whether items are received, and the last has not come. */
  get isDue(): boolean {
    return this.#incoming !== undefined && !this.#endCame;
  }

  /** More may be sent; false when that is more than there may be. */
  credit(bytes: number): boolean {
    this.#active = true;
    if (this.#outgoing !== undefined) return this.#outgoing.grant(bytes);
    this.#earlyCredit += bytes;
    return isCredit(this.#earlyCredit);
  }

  /** Whether an item was sent. */
  get hasSent(): boolean {
    return this.#begun;
  }

  /** Nobody wants further items. */
  stopSending(): void {
    this.#outgoing?.stop();
  }

  /** Sends no more for now; the source keeps what it has for another attempt. */
  detach(): void {
    this.#outgoing?.detach();
    this.#outgoing = undefined;
    this.#channel = undefined;
  }

  /** The call is over: what still comes is dropped, and nothing more goes. */
  close(error: GeeError, dropQueued: boolean): void {
    if (this.#closed) return;
    this.#over();
    this.#closedWith = error;
    this.#incoming?.fail(error, dropQueued);
    this.#outgoing?.stop();
  }

  /** The call has been answered with all that there was. */
  done(): void {
    this.#over();
    this.#outgoing?.stop();
  }

  /** What is still queued is its consumer's from now on, who may never come for it. */
  #over(): void {
    this.#closed = true;
    this.#deadlines.remove(this);
    const bytes = this.#queuedBytes;
    this.#queuedBytes = 0;
    if (bytes === 0) return;
    countBuffered(-bytes);
    this.#owner.queued(-bytes);
  }

  // -------------------------------------------------------------- idle time

  #look(): void {
    if (this.#closed) return;
    this.#deadlines.remove(this);
    this.deadlineAt = this.#clock.now() + this.idleMs / looks;
    this.#deadlines.add(this);
  }

  expired(): void {
    if (this.#closed) return;
    // Who takes an item now and then lives, and the other side must hear of it too.
    this.#incoming?.grantTaken();
    const isOver = this.#owner.hasDeadline === true && !this.isDue && !this.#isSending;
    if (this.#active || isOver) this.#idleLooks = 0;
    else this.#idleLooks++;
    this.#active = false;
    if (this.#idleLooks >= looks) {
      this.#idleLooks = 0;
      this.#owner.idle();
    }
    // Also behind that: a call that has not been started cannot be ended yet.
    this.#look();
  }

  // -------------------------------------------------------------- for the half that takes

  now(): number {
    return this.#clock.now();
  }

  /** Windows grow only while there is room in the process. */
  mayGrow(): boolean {
    return bufferedBytes() < limits.maxBufferedBytes / 2;
  }

  queued(change: number): void {
    if (this.#closed) return;
    this.#queuedBytes += change;
    countBuffered(change);
    this.#owner.queued(change);
  }

  grant(bytes: number): void {
    if (this.#closed || this.#channel === undefined) return;
    this.#active = true;
    this.#channel.send({ kind: "credit", id: this.#id, bytes });
  }

  left(): void {
    if (!this.#closed) this.#owner.left();
  }

  // -------------------------------------------------------------- for the half that gives

  sendItem(value: unknown): number {
    const channel = this.#channel;
    if (channel === undefined) return headBytes;
    this.#active = true;
    const metadata = this.#begun ? undefined : this.#owner.firstMetadata();
    this.#begun = true;
    try {
      return channel.sendItem(this.#id, value, metadata);
    } catch (error) {
      throw this.#owner.untravelled(error);
    }
  }

  sendEnd(): void {
    this.#active = true;
    this.#owner.sent();
  }

  sendFailure(error: unknown): void {
    this.#active = true;
    this.#owner.broke(error);
  }

  get hasRoom(): boolean {
    return this.#channel?.hasRoom !== false;
  }

  whenRoom(task: () => void): void {
    this.#channel?.whenRoom(task);
  }

  forgetRoom(task: () => void): void {
    this.#channel?.forgetRoom(task);
  }

  nextPhase(task: () => void): void {
    this.#clock.nextPhase(task);
  }

  flush(): void {
    this.#channel?.flush();
  }

  step<T>(run: () => T): T {
    return this.#owner.step(run);
  }

  finished(): void {
    this.#owner.finished();
  }
}
