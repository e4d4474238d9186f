import type { Deadlines } from "../base/deadlines.ts";
import type { GeeError } from "../base/errors.ts";
import type { Clock } from "../base/time.ts";
import type { IncomingItems } from "../streams/incoming-items.ts";
import { ItemSource } from "../streams/item-source.ts";
import type { Channel } from "../wire/channel.ts";
import { faultOf } from "../wire/fault.ts";
import { CallItems } from "./call-items.ts";
import type { CallItemsOwner } from "./call-items.ts";
import type { StreamArgument } from "./call-request.ts";
import { errorForServer, sourceFailed } from "./thrown.ts";

const ignore = (): void => {};

/** The call that the streams belong to. */
export interface OutgoingStreamsOwner {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Whether the call has a deadline of its own, whatever its streams do. */
  readonly hasDeadline: boolean;
  /** The id on the connection that carries the call now. */
  readonly id: number;
  /** Nothing has moved for the idle time. */
  idle(): void;
  /** So many bytes more of the answer wait to be taken, or fewer when it is negative. */
  queued(change: number): void;
  /** Whoever iterates has left the loop. */
  left(): void;
}

/**
 * The streams of one call at its caller: the argument that goes item by item, and the answer that
 * comes so. Made when somebody iterates, when an argument is a stream, or when an item comes: most
 * calls have none.
 */
export class OutgoingStreams implements CallItemsOwner {
  readonly #owner: OutgoingStreamsOwner;
  readonly #items: CallItems;
  readonly #source: ItemSource | undefined;
  #channel: Channel | undefined;
  /** The argument's end was sent, or its error. */
  #ended = false;
  /** What the source of the argument has thrown, which the server is not told in full. */
  #sourceError: unknown;

  constructor(owner: OutgoingStreamsOwner, argument: StreamArgument | undefined, idleMs: number) {
    this.#owner = owner;
    this.#items = new CallItems(this, owner, idleMs);
    if (argument !== undefined) this.#source = new ItemSource(argument.items, ignore);
  }

  /** What comes, for whoever iterates it. */
  receive(): IncomingItems {
    return this.#items.receive();
  }

  /** The call is open on a channel: the argument's items go, from the first. */
  openedOn(channel: Channel): void {
    this.#flowOn(channel);
    this.#ended = false;
    if (this.#source !== undefined) this.#items.send(this.#source);
  }

  #flowOn(channel: Channel): void {
    if (this.#channel === channel) return;
    this.#channel = channel;
    this.#items.attach(channel, this.#owner.id);
  }

  /** The attempt has failed; returns whether another one can begin with the first item again. */
  rewind(): boolean {
    this.#items.detach();
    this.#channel = undefined;
    return this.#source?.rewind() !== false;
  }

  // -------------------------------------------------------------- what comes

  /** An item of the answer; false when it breaks the protocol. */
  item(channel: Channel, value: unknown, bytes: number): boolean {
    this.#source?.commit();
    this.#flowOn(channel);
    this.#items.receive();
    return this.#items.item(value, bytes);
  }

  /** The answer is whole. */
  answered(): void {
    this.#items.receive();
    this.#items.end();
    this.#items.done();
  }

  /** More of the argument may be sent; false when that is more than there may be. */
  credit(bytes: number): boolean {
    this.#source?.commit();
    return this.#items.credit(bytes);
  }

  /** The server wants no more of the argument. */
  stopSending(): void {
    if (this.#source === undefined) return;
    this.#source.commit();
    this.#items.stopSending();
    this.sent();
  }

  /** The call has failed, or has answered with something else. */
  close(error: GeeError, dropQueued: boolean): void {
    this.#items.close(error, dropQueued);
    void this.#source?.close();
  }

  /** The error of a server that was told only that the source has failed, with what it threw. */
  explained(error: GeeError): GeeError {
    return error.reason === sourceFailed ? error.withCause(this.#sourceError) : error;
  }

  // -------------------------------------------------------------- for the items

  idle(): void {
    this.#owner.idle();
  }

  left(): void {
    this.#owner.left();
  }

  queued(change: number): void {
    this.#owner.queued(change);
  }

  firstMetadata(): undefined {}

  sent(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#channel?.send({ kind: "end", id: this.#owner.id, metadata: undefined });
  }

  broke(error: unknown): void {
    this.#ended = true;
    this.#sourceError = error;
    const why = errorForServer(error);
    this.#channel?.send(faultOf(this.#owner.id, why, why.details));
  }

  untravelled(error: unknown): unknown {
    return error;
  }

  finished(): void {}

  get hasDeadline(): boolean {
    return this.#owner.hasDeadline;
  }

  step<T>(run: () => T): T {
    return run();
  }
}
