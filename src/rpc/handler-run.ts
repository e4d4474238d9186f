import type { DeadlineEntry } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import { callFlags } from "../wire/message.ts";
import type { CallMessage, Metadata } from "../wire/message.ts";
import type { CallContext, NestedCaller } from "./context.ts";
import { createStubs } from "./remote.ts";
import type { Call, CallOptions, MakeStub, Services } from "./remote.ts";
import type { ServedMethod } from "./service.ts";

const noMetadata: Metadata = Object.freeze({});

/** Where handlers run: what all of one connection have in common. */
export interface RunHost {
  readonly peer: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Makes the calls that handlers make. */
  readonly nested: NestedCaller;
  /** The run's time is over. */
  onExpired(run: HandlerRun): void;
}

/**
 * One handler at work, and what it sees as its call context. The signal is made when it is first
 * asked for, because most handlers never look at it and making one costs more than a call.
 */
export class HandlerRun implements CallContext, DeadlineEntry {
  readonly id: number;
  readonly served: ServedMethod;
  /** Moved only while it is not among the deadlines. */
  deadlineAt: number;
  previous: DeadlineEntry | undefined = undefined;
  next: DeadlineEntry | undefined = undefined;
  readonly #call: CallMessage;
  readonly #host: RunHost;
  #controller: AbortController | undefined = undefined;
  #abortedWith: GeeError | undefined = undefined;
  /** Ends its waiting for another call with its key; undefined when it does not wait. */
  stopWaiting: (() => void) | undefined = undefined;
  /** What goes with the answer. */
  answerMetadata: Metadata | undefined = undefined;
  /** What goes behind it. */
  trailingMetadata: Metadata | undefined = undefined;

  constructor(call: CallMessage, served: ServedMethod, deadlineAt: number, host: RunHost) {
    this.id = call.id;
    this.served = served;
    this.deadlineAt = deadlineAt;
    this.#call = call;
    this.#host = host;
  }

  get peer(): string {
    return this.#host.peer;
  }

  get log(): Log {
    return this.#host.log;
  }

  get method(): string {
    return this.served.name;
  }

  get metadata(): Metadata {
    return this.#call.metadata ?? noMetadata;
  }

  get attempt(): number {
    return this.#call.attempt;
  }

  get args(): readonly unknown[] {
    return this.#call.args;
  }

  /** Nobody wants an answer. */
  get isOneWay(): boolean {
    return (this.#call.flags & callFlags.oneWay) !== 0;
  }

  /** The caller may come back for the answer. */
  get hasKey(): boolean {
    return this.#call.idempotencyKey !== undefined;
  }

  /** The deadline is for the whole of a stream as well. */
  get isWhole(): boolean {
    return (this.#call.flags & callFlags.wholeStream) !== 0 || this.served.timeoutMs !== undefined;
  }

  get idleMs(): number {
    return this.#call.idleMs ?? limits.streamIdleMs;
  }

  /** What goes with a single result, of which there is nothing behind. */
  get allMetadata(): Metadata | undefined {
    const { answerMetadata, trailingMetadata } = this;
    return answerMetadata === undefined
      ? trailingMetadata
      : trailingMetadata === undefined
        ? answerMetadata
        : { ...answerMetadata, ...trailingMetadata };
  }

  setMetadata(metadata: Metadata): void {
    this.answerMetadata = { ...this.answerMetadata, ...metadata };
  }

  setTrailing(metadata: Metadata): void {
    this.trailingMetadata = { ...this.trailingMetadata, ...metadata };
  }

  get service(): MakeStub<Services> {
    return createStubs((method, args, options) => this.call(method, args, options));
  }

  call(method: string, args: readonly unknown[] = [], options: CallOptions = {}): Call {
    return this.#host.nested.call(method, args, { ...options, context: this });
  }

  get remainingMs(): number | undefined {
    if (this.deadlineAt === Number.POSITIVE_INFINITY) return undefined;
    return Math.max(0, this.deadlineAt - this.#host.clock.now());
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#abortedWith !== undefined) this.#controller.abort(this.#abortedWith);
    return this.#controller.signal;
  }

  /** The call is over for its caller; the handler should stop. The first reason stays. */
  abort(why: GeeError): void {
    if (this.#abortedWith !== undefined) return;
    this.#abortedWith = why;
    this.#controller?.abort(why);
  }

  expired(): void {
    this.#host.onExpired(this);
  }
}
