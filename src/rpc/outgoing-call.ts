import type { DeadlineEntry, Deadlines } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import type { Code } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/time.ts";
import type { Channel } from "../wire/channel.ts";
import type { Metadata } from "../wire/message.ts";
import { isCredit } from "./call-items.ts";
import type { CallCarrier, CallRequest } from "./call-request.ts";
import { OutgoingStreams } from "./outgoing-streams.ts";
import type { OutgoingStreamsOwner } from "./outgoing-streams.ts";
import { belongTo, isCall, rejectTaken, resolveTaken, take } from "./callable.ts";
import type { Callable } from "./callable.ts";
import type { PendingEntry } from "./pending.ts";
import type { Call } from "./remote.ts";
import { countUnclaimed } from "./unclaimed.ts";
import { itIsAStream, itIsNoStream, streamIdle } from "./refusals.ts";

const ignore = (): void => {};

/**
 * One call of a caller, through all its attempts. It owns the promise, the streams and the deadline,
 * and settles once: by an answer, by a failure that allows no further attempt, by its deadline or its
 * signal. Whoever routes calls extends it with what it must remember of each.
 *
 * Nobody says beforehand whether a method answers with one result or with a stream. The promise is
 * for the one and the iterator for the other; whichever is wrong rejects as soon as that is known.
 */
export abstract class OutgoingCall implements DeadlineEntry, PendingEntry, OutgoingStreamsOwner {
  readonly request: CallRequest;
  readonly deadlineAt: number;
  readonly promise: Callable;
  readonly deadlines: Deadlines;
  /** The id on the connection that carries it now. */
  id = 0;
  /** What stands for its frame in that connection's outbox. */
  position = 0;
  /** 0 for the first attempt, and one more for each that is a retry: the server gets to know it. */
  attempt = 0;
  /** How often it was sent. */
  sends = 0;
  /** An attempt that has failed may have run, so whatever becomes of the others it may have. */
  mayHaveRun = false;
  previous: DeadlineEntry | undefined = undefined;
  next: DeadlineEntry | undefined = undefined;
  #carrier: CallCarrier | undefined = undefined;
  #settled = false;
  /** Why it has settled, for whoever iterates it only then. */
  #outcome: GeeError | undefined = undefined;
  #streams: OutgoingStreams | undefined = undefined;
  /** The answer is known to be a stream. */
  isStream = false;
  /** A piece of the answer has come. */
  #begun = false;
  #isIterated = false;
  /** Bytes of its items, while nobody iterates them. */
  #unclaimedBytes = 0;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;

  constructor(request: CallRequest, deadlines: Deadlines) {
    this.request = request;
    this.deadlines = deadlines;
    this.deadlineAt = request.deadlineAt;
    const promise: Callable = new Promise(take);
    this.#resolve = resolveTaken;
    this.#reject = rejectTaken;
    belongTo(promise, this);
    this.promise = promise;
    deadlines.add(this);
  }

  get hasDeadline(): boolean {
    return this.request.limited;
  }

  get clock(): Clock {
    return this.deadlines.clock;
  }

  /** The call as its caller has it. */
  get call(): Call {
    const { promise } = this;
    if (!isCall(promise)) throw new TypeError("a call without an iterator");
    return promise;
  }

  /** Heeds the request's signal. */
  listen(): void {
    const { signal } = this.request;
    if (signal === undefined) return;
    if (signal.aborted)
      this.#end("CANCELLED", "the call was cancelled before it began", signal.reason);
    else signal.addEventListener("abort", this, { once: true });
  }

  /** This attempt failed, with metadata behind it; true means that another one is under way. */
  protected abstract again(error: GeeError, metadata: Metadata | undefined): boolean;

  /** Called once, when the call has settled, with its failure if it has failed. */
  protected abstract onSettled(error: GeeError | undefined): void;

  get settled(): boolean {
    return this.#settled;
  }

  /** Whether it has streams, or somebody waits for one. */
  get hasStreams(): boolean {
    return this.isStream || this.#streams !== undefined || this.request.stream !== undefined;
  }

  #open(): OutgoingStreams {
    const { stream, idleMs } = this.request;
    this.#streams ??= new OutgoingStreams(this, stream, idleMs);
    return this.#streams;
  }

  // -------------------------------------------------------------- attempts

  /** A connection has sent the call and waits for its answer. */
  carriedBy(carrier: CallCarrier, id: number, position: number): void {
    this.sends++;
    this.#carrier = carrier;
    this.id = id;
    this.position = position;
  }

  /** The call is open on a channel, so its streams may flow. */
  openedOn(channel: Channel): void {
    // From here on what holds for a stream is its idle time, also for one that is an argument.
    if (this.request.stream !== undefined && !this.request.limited) this.deadlines.remove(this);
    this.#open().openedOn(channel);
  }

  /** The method is known to answer with a stream: then the deadline is another one. */
  streams(): void {
    if (!this.request.limited) this.deadlines.remove(this);
    if (this.isStream) return;
    this.isStream = true;
    // Whoever iterates does not look at the promise, and nobody has to.
    this.promise.catch(ignore);
    this.#reject(itIsAStream(this.request.method));
  }

  // -------------------------------------------------------------- answers

  /** The answer is here. */
  succeed(value: unknown, metadata?: Metadata): void {
    if (metadata !== undefined) this.#tell(metadata, "response");
    if (this.#finish()) this.#answered(value, undefined);
  }

  /** Another call has answered in place of this one, which is taken back because of `why`. */
  answeredBeside(value: unknown, why: GeeError): void {
    if (!this.#finish()) return;
    this.#carrier?.abandon(this, "CANCELLED", why.message);
    this.#answered(value, why);
  }

  #answered(value: unknown, why: GeeError | undefined): void {
    this.onSettled(why);
    this.#resolve(value);
    this.#streams?.close(itIsNoStream(this.request.method), true);
  }

  /** An item of the answer, from `channel`; false when it breaks the protocol. */
  item(channel: Channel, value: unknown, metadata: Metadata | undefined, bytes: number): boolean {
    this.streams();
    this.#begun = true;
    if (metadata !== undefined) this.#tell(metadata, "response");
    return this.#open().item(channel, value, bytes);
  }

  /** The last item was here. */
  ended(metadata: Metadata | undefined): void {
    this.streams();
    if (metadata !== undefined) this.#tell(metadata, "trailing");
    if (!this.#finish()) return;
    this.onSettled(undefined);
    this.#open().answered();
  }

  /** More of the argument's items may be sent; false when that is more than there may be. */
  credit(bytes: number): boolean {
    return this.#streams?.credit(bytes) ?? isCredit(bytes);
  }

  /** The server wants no more of the argument's items. */
  stopSending(): void {
    this.#streams?.stopSending();
  }

  /** This attempt failed; unless there is another, so did the call. */
  fail(error: GeeError, metadata?: Metadata): void {
    if (this.#settled) return;
    this.#carrier = undefined;
    const canBegin = this.#streams?.rewind() !== false && !this.#begun;
    // Until another server has it, a stream has the deadline of any call.
    this.deadlines.remove(this);
    this.deadlines.add(this);
    if (canBegin && this.again(error, metadata)) return;
    if (metadata !== undefined) this.#tell(metadata, "trailing");
    if (!this.#finish()) return;
    const isSure = error.executed !== "no" || !this.mayHaveRun;
    const failure = isSure ? error : error.withExecuted("maybe");
    this.#fails(this.#streams?.explained(failure) ?? failure, false);
  }

  #fails(error: GeeError, dropQueued: boolean): void {
    this.onSettled(error);
    this.#outcome = error;
    this.#reject(error);
    // A source that was never opened may hold something all the same.
    if (this.request.stream !== undefined) this.#open().close(error, dropQueued);
    else this.#streams?.close(error, dropQueued);
  }

  #tell(metadata: Metadata, when: "response" | "trailing"): void {
    const { onMetadata } = this.request;
    // What it throws is its own, and must not end up in the reading of this connection.
    if (onMetadata !== undefined) queueMicrotask(() => onMetadata(metadata, when));
  }

  // -------------------------------------------------------------- the caller's own doing

  /** For whoever iterates the call. */
  iterate(): AsyncIterator<unknown> {
    this.#isIterated = true;
    countUnclaimed(-this.#unclaimedBytes);
    this.#unclaimedBytes = 0;
    // Whoever iterates hears of a failure from the iterator.
    this.promise.catch(ignore);
    const isLate = this.#settled && this.#streams === undefined;
    const streams = this.#open();
    const items = streams.receive();
    if (isLate) streams.close(this.#outcome ?? itIsNoStream(this.request.method), true);
    return items;
  }

  /** The deadline has passed. */
  expired(): void {
    this.#end("DEADLINE_EXCEEDED", `${this.request.method} was not done in time`);
  }

  /** The signal aborted. */
  handleEvent(): void {
    const reason: unknown = this.request.signal?.reason;
    // The call that this one is made for may learn of the deadline that they share a moment earlier.
    if (reason instanceof GeeError && reason.code === "DEADLINE_EXCEEDED") this.expired();
    else this.#end("CANCELLED", `${this.request.method} was cancelled`, reason);
  }

  /** Its streams have stood still. */
  idle(): void {
    const { code, message, reason } = streamIdle(this.request.method, this.request.idleMs);
    this.#end(code, message, undefined, reason);
  }

  /** Items that nobody iterates are not held without end: somebody may have awaited a stream. */
  queued(change: number): void {
    if (this.#isIterated) return;
    this.#unclaimedBytes += change;
    const sum = countUnclaimed(change);
    if (change > 0 && sum > limits.maxQueuedItemBytes) {
      this.#end("CANCELLED", `nobody iterates the items of ${this.request.method}`);
    }
  }

  /** Whoever iterates has left the loop. */
  left(): void {
    this.#end("CANCELLED", `the caller took no more of ${this.request.method}`);
  }

  #end(code: Code, message: string, cause?: unknown, reason?: string): void {
    if (!this.#finish()) return;
    const fate = this.#carrier?.abandon(this, code, message) ?? "no";
    const executed = this.mayHaveRun ? "maybe" : fate;
    this.#carrier = undefined;
    // An abort with a GeeError keeps its words: a broadcast cancels the rest with the first error.
    const why = cause instanceof GeeError ? cause.message : message;
    this.#fails(
      new GeeError(code, why, {
        executed,
        reason,
        ...(cause === undefined ? {} : { cause }),
      }),
      true,
    );
  }

  #finish(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.deadlines.remove(this);
    this.request.signal?.removeEventListener("abort", this);
    return true;
  }
}
