import type { DeadlineEntry, Deadlines } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import type { Code } from "../base/errors.ts";
import type { Metadata } from "../wire/message.ts";
import type { PendingEntry } from "./pending.ts";

/** Where a call is under way. */
export interface CallCarrier {
  /**
   * Lets go of a call that has ended here: takes it back if it has not left, else tells the server.
   * Returns whether it may have run.
   */
  abandon(call: OutgoingCall, code: Code, message: string): "no" | "maybe";
}

/** What a call needs from outside. */
export interface CallSetup {
  readonly method: string;
  readonly args: readonly unknown[];
  readonly deadlineAt: number;
  readonly timeoutMs: number;
  readonly deadlines: Deadlines;
  readonly metadata: Metadata | undefined;
  readonly signal: AbortSignal | undefined;
  /** Called once, when the call has settled. */
  readonly settled: () => void;
  /** Tried when an attempt failed; true means that another attempt is under way. */
  readonly again: (call: OutgoingCall, error: GeeError) => boolean;
}

/**
 * One call of a caller, through all its attempts. It owns the promise and the deadline, and settles
 * once: by an answer, by a failure that allows no further attempt, by its deadline or its signal.
 */
export class OutgoingCall implements DeadlineEntry, PendingEntry {
  readonly method: string;
  readonly args: readonly unknown[];
  readonly metadata: Metadata | undefined;
  readonly deadlineAt: number;
  readonly promise: Promise<unknown>;
  /** The id on the connection that carries it now. */
  id = 0;
  /** The frame's position in that connection's outbox. */
  position = 0;
  /** 0 for the first attempt that was sent, then 1, 2, ... */
  attempt = 0;
  previous: DeadlineEntry | undefined = undefined;
  next: DeadlineEntry | undefined = undefined;
  readonly #setup: CallSetup;
  #carrier: CallCarrier | undefined;
  #settled = false;
  #resolve: (value: unknown) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(setup: CallSetup) {
    this.#setup = setup;
    this.method = setup.method;
    this.args = setup.args;
    this.metadata = setup.metadata;
    this.deadlineAt = setup.deadlineAt;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { signal } = setup;
    if (signal?.aborted === true) {
      this.#end("CANCELLED", "the call was cancelled before it began", signal.reason);
      return;
    }
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    setup.deadlines.add(this);
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** A connection has sent the call and waits for its answer. */
  carriedBy(carrier: CallCarrier, id: number, position: number): void {
    this.#carrier = carrier;
    this.id = id;
    this.position = position;
  }

  /** The answer is here. */
  succeed(value: unknown): void {
    if (this.#finish()) this.#resolve(value);
  }

  /** This attempt failed; unless there is another, so did the call. */
  fail(error: GeeError): void {
    if (this.#settled) return;
    this.#carrier = undefined;
    if (this.#setup.again(this, error)) return;
    if (this.#finish()) this.#reject(error);
  }

  /** The deadline has passed. */
  expired(): void {
    this.#end("DEADLINE_EXCEEDED", `${this.method} was not done in time`);
  }

  readonly #onAbort = (): void => {
    this.#end("CANCELLED", `${this.method} was cancelled`, this.#setup.signal?.reason);
  };

  #end(code: Code, message: string, cause?: unknown): void {
    if (!this.#finish()) return;
    const executed = this.#carrier?.abandon(this, code, message) ?? "no";
    this.#carrier = undefined;
    // An abort with a GeeError keeps its words: a broadcast cancels the rest with the first error.
    const why = cause instanceof GeeError ? cause.message : message;
    this.#reject(new GeeError(code, why, { executed, ...(cause === undefined ? {} : { cause }) }));
  }

  #finish(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#setup.deadlines.remove(this);
    this.#setup.signal?.removeEventListener("abort", this.#onAbort);
    this.#setup.settled();
    return true;
  }
}
