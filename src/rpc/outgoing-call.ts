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

const ignore = (): void => {};

/** What a caller asks for. */
export interface CallRequest {
  /** `Service.Method`. */
  readonly method: string;
  readonly args: readonly unknown[];
  readonly deadlineAt: number;
  readonly metadata: Metadata | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * One call of a caller, through all its attempts. It owns the promise and the deadline, and settles
 * once: by an answer, by a failure that allows no further attempt, by its deadline or its signal.
 * Whoever routes calls extends it with what it must remember of each.
 */
export abstract class OutgoingCall implements DeadlineEntry, PendingEntry {
  readonly request: CallRequest;
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
  readonly #deadlines: Deadlines;
  #carrier: CallCarrier | undefined = undefined;
  #settled = false;
  #resolve: (value: unknown) => void = ignore;
  #reject: (error: unknown) => void = ignore;

  constructor(request: CallRequest, deadlines: Deadlines) {
    this.request = request;
    this.#deadlines = deadlines;
    this.deadlineAt = request.deadlineAt;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    deadlines.add(this);
  }

  /** Heeds the request's signal. */
  listen(): void {
    const { signal } = this.request;
    if (signal === undefined) return;
    if (signal.aborted)
      this.#end("CANCELLED", "the call was cancelled before it began", signal.reason);
    else signal.addEventListener("abort", this, { once: true });
  }

  /** This attempt failed; true means that another one is under way. */
  protected abstract again(error: GeeError): boolean;

  /** Called once, when the call has settled. */
  protected abstract onSettled(): void;

  get settled(): boolean {
    return this.#settled;
  }

  /** A connection has sent the call and waits for its answer. */
  carriedBy(carrier: CallCarrier, id: number, position: number): void {
    this.attempt++;
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
    if (this.again(error)) return;
    if (this.#finish()) this.#reject(error);
  }

  /** The deadline has passed. */
  expired(): void {
    this.#end("DEADLINE_EXCEEDED", `${this.request.method} was not done in time`);
  }

  /** The signal aborted. */
  handleEvent(): void {
    this.#end("CANCELLED", `${this.request.method} was cancelled`, this.request.signal?.reason);
  }

  #end(code: Code, message: string, cause?: unknown): void {
    if (!this.#finish()) return;
    const executed = this.#carrier?.abandon(this, code, message) ?? "no";
    this.#carrier = undefined;
    // An abort with a GeeError keeps its words: a broadcast cancels the rest with the first error.
    const why = cause instanceof GeeError ? cause.message : message;
    this.#reject(
      new GeeError(code, why, {
        executed,
        ...(cause === undefined ? {} : { cause }),
      }),
    );
  }

  #finish(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#deadlines.remove(this);
    this.request.signal?.removeEventListener("abort", this);
    this.onSettled();
    return true;
  }
}
