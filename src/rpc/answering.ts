import { GeeError } from "../base/errors.ts";
import type { Deadlines } from "../base/deadlines.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import type { Channel } from "../wire/channel.ts";
import { faultOf } from "../wire/fault.ts";
import type { CallMessage } from "../wire/message.ts";
import { withContext } from "./context.ts";
import { HandlerRun } from "./handler-run.ts";
import type { RunHost } from "./handler-run.ts";
import type { ServiceTable } from "./service.ts";
import { refusalOfCall } from "./start-rules.ts";
import { errorForCaller } from "./thrown.ts";

/** What the answering ends of one server share. */
export interface AnsweringHost {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly log: Log;
  readonly table: ServiceTable;
  /** Handlers that run now, on all connections, given-up ones included. */
  running: number;
  /** New calls are answered UNAVAILABLE. */
  draining: boolean;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value instanceof Promise ||
    (typeof value === "object" &&
      value !== null &&
      "then" in value &&
      typeof value.then === "function")
  );
}

/** Joins what a caller is told of a failure with its line in the log. */
function newLogId(): string {
  return crypto.randomUUID().slice(0, 8);
}

/**
 * Handlers at work for one connection, from a call that has come in whole to its one answer: a
 * result, a fault, or, when the call is given up, a fault while the handler is still told to stop.
 */
export class Answering implements RunHost {
  readonly #channel: Channel;
  readonly #host: AnsweringHost;
  readonly #onEnded: () => void;
  /** Calls that are being handled and not yet answered. */
  #running: Map<number, HandlerRun> | undefined;
  /** Handlers that have not ended: those of calls that were given up count until they do. */
  #handlers = 0;

  /** `onEnded` is called whenever a call that did not end at once has ended. */
  constructor(channel: Channel, host: AnsweringHost, onEnded: () => void) {
    this.#channel = channel;
    this.#host = host;
    this.#onEnded = onEnded;
  }

  /** Calls that wait for their answer. */
  get inFlight(): number {
    return this.#running?.size ?? 0;
  }

  /** Starts the handler of a call that arrived at `arrivedAt`, or answers why not. */
  start(call: CallMessage, arrivedAt: number): void {
    const host = this.#host;
    let run: HandlerRun;
    let result: unknown;
    try {
      const served = host.table.find(call.method);
      const allowedMs = Math.min(
        call.timeoutMs ?? Number.POSITIVE_INFINITY,
        served.timeoutMs ?? Number.POSITIVE_INFINITY,
      );
      const deadlineAt = arrivedAt + allowedMs;
      const refused = refusalOfCall(host, call, served, deadlineAt, this.#handlers);
      if (refused !== undefined) throw refused;
      run = new HandlerRun(call, served, deadlineAt, this);
    } catch (error) {
      this.fault(call.id, GeeError.from(error, "no"));
      return;
    }
    host.running++;
    try {
      result = withContext(run, run.served.invoke, call.args);
      if (isThenable(result)) {
        // A thenable that is no promise may throw, or call back twice; a promise around it does not.
        const ending = Promise.resolve(result);
        this.#handlers++;
        this.#running ??= new Map();
        this.#running.set(run.id, run);
        if (run.deadlineAt !== Number.POSITIVE_INFINITY) host.deadlines.add(run);
        ending.then(
          (value) => this.#ended(run, () => this.#reply(run, value)),
          (error: unknown) => this.#ended(run, () => this.#thrown(run, error)),
        );
        return;
      }
    } catch (error) {
      host.running--;
      this.#thrown(run, error);
      return;
    }
    host.running--;
    this.#reply(run, result);
  }

  /** A handler is at its end; it answers unless its call was given up. */
  #ended(run: HandlerRun, answer: () => void): void {
    this.#handlers--;
    this.#host.running--;
    this.#host.deadlines.remove(run);
    if (this.#running?.delete(run.id) === true) answer();
    this.#onEnded();
  }

  get peer(): string {
    return this.#channel.link.peer;
  }

  get log(): Log {
    return this.#host.log;
  }

  get clock(): Clock {
    return this.#host.clock;
  }

  /** A handler's time is over. */
  onExpired(run: HandlerRun): void {
    this.giveUp(
      run.id,
      new GeeError("DEADLINE_EXCEEDED", `${run.method} was not done in time`, {
        executed: "maybe",
      }),
    );
  }

  /** Answers a call whose handler still runs, and tells the handler to stop. */
  giveUp(id: number, why: GeeError): void {
    const run = this.#running?.get(id);
    if (run === undefined) return;
    this.#running?.delete(id);
    this.#host.deadlines.remove(run);
    this.fault(id, why);
    run.abort(why);
    this.#onEnded();
  }

  #reply(run: HandlerRun, value: unknown): void {
    if (this.#channel.unsentBytes > limits.maxUnsentReplyBytes) {
      this.fault(
        run.id,
        new GeeError("RESOURCE_EXHAUSTED", `answers to ${this.#channel.link.peer} wait unread`, {
          reason: "REPLIES_UNREAD",
          executed: "yes",
        }),
      );
      return;
    }
    try {
      this.#channel.send({ kind: "result", id: run.id, value, metadata: undefined });
    } catch (error) {
      const why = GeeError.from(error);
      const code = why.code === "RESOURCE_EXHAUSTED" ? why.code : "INTERNAL";
      this.#host.log.warn("result cannot travel", { method: run.method, why: why.message });
      this.fault(
        run.id,
        new GeeError(code, `${run.method}: ${why.message}`, {
          reason: why.reason,
          executed: "yes",
        }),
      );
    }
  }

  #thrown(run: HandlerRun, error: unknown): void {
    this.fault(run.id, errorForCaller(error, run.method, this.#host.log, newLogId));
  }

  /** Answers a call with a fault. */
  fault(id: number, error: GeeError): void {
    try {
      this.#channel.send(faultOf(id, error, error.details));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.#host.log.warn("details of a fault cannot travel", { why });
      this.#channel.send(faultOf(id, error, undefined));
    }
  }

  /** Gives up all that runs. */
  giveUpAll(why: GeeError): void {
    for (const id of [...(this.#running?.keys() ?? [])]) this.giveUp(id, why);
  }

  /** The connection is gone: handlers are told to stop, and nobody hears of their results. */
  abandon(why: GeeError): void {
    for (const run of this.#running?.values() ?? []) {
      this.#host.deadlines.remove(run);
      run.abort(why);
    }
    this.#running?.clear();
  }
}
