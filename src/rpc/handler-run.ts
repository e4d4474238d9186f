import type { DeadlineEntry } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import type { CallMessage, Metadata } from "../wire/message.ts";
import type { CallContext } from "./context.ts";
import type { ServedMethod } from "./service.ts";

const noMetadata: Metadata = Object.freeze({});

/**
 * One handler at work, and what it sees as its call context. The signal is made when it is first
 * asked for, because most handlers never look at it and making one costs more than a call.
 */
export class HandlerRun implements CallContext, DeadlineEntry {
  readonly id: number;
  readonly served: ServedMethod;
  readonly peer: string;
  readonly log: Log;
  readonly deadlineAt: number;
  previous: DeadlineEntry | undefined = undefined;
  next: DeadlineEntry | undefined = undefined;
  readonly #call: CallMessage;
  readonly #clock: Clock;
  readonly #onExpired: (run: HandlerRun) => void;
  #controller: AbortController | undefined;
  #abortedWith: GeeError | undefined;

  constructor(
    call: CallMessage,
    served: ServedMethod,
    deadlineAt: number,
    host: {
      readonly peer: string;
      readonly log: Log;
      readonly clock: Clock;
      readonly onExpired: (run: HandlerRun) => void;
    },
  ) {
    this.id = call.id;
    this.served = served;
    this.peer = host.peer;
    this.log = host.log;
    this.deadlineAt = deadlineAt;
    this.#call = call;
    this.#clock = host.clock;
    this.#onExpired = host.onExpired;
  }

  get method(): string {
    return this.served.name;
  }

  get metadata(): Metadata {
    return this.#call.metadata ?? noMetadata;
  }

  get remainingMs(): number | undefined {
    if (this.deadlineAt === Number.POSITIVE_INFINITY) return undefined;
    return Math.max(0, this.deadlineAt - this.#clock.now());
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
    this.#onExpired(this);
  }
}
