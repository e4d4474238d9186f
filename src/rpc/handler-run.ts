import type { DeadlineEntry } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import type { CallMessage, Metadata } from "../wire/message.ts";
import type { CallContext } from "./context.ts";
import type { ServedMethod } from "./service.ts";

const noMetadata: Metadata = Object.freeze({});

/** Where handlers run: what all of one connection have in common. */
export interface RunHost {
  readonly peer: string;
  readonly log: Log;
  readonly clock: Clock;
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
  readonly deadlineAt: number;
  previous: DeadlineEntry | undefined = undefined;
  next: DeadlineEntry | undefined = undefined;
  readonly #call: CallMessage;
  readonly #host: RunHost;
  #controller: AbortController | undefined = undefined;
  #abortedWith: GeeError | undefined = undefined;

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
