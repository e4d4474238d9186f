import type { Deadlines } from "../base/deadlines.ts";
import type { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { describeThrown } from "../base/errors.ts";
import type { Clock } from "../base/time.ts";
import { ItemSource } from "../streams/item-source.ts";
import type { Items } from "../streams/item-source.ts";
import type { Channel } from "../wire/channel.ts";
import type { Metadata } from "../wire/message.ts";
import { CallItems } from "./call-items.ts";
import type { CallItemsOwner } from "./call-items.ts";
import { withContext } from "./context.ts";
import type { HandlerRun } from "./handler-run.ts";
import { callOver, streamIdle } from "./refusals.ts";
import { untravelled } from "./thrown.ts";

/** Who answers the call that the streams belong to. */
export interface HandlerStreamsHost {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly log: Log;
  readonly channel: Channel;
  /** Answers the call with an error, and has its handler stop. */
  giveUp(id: number, why: GeeError): boolean;
  /** So many bytes more of a call's argument wait to be taken, or fewer when it is negative. */
  itemsQueued(id: number, change: number): void;
  /** The last item of the answer was sent. */
  itemsSent(run: HandlerRun): void;
  /** What gave the answer's items has failed, or one of them cannot travel. */
  itemsBroke(run: HandlerRun, error: unknown): void;
  /** What gave the answer's items will not run again. */
  itemsFinished(run: HandlerRun): void;
}

/** Whether a handler has returned something to be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value instanceof Promise ||
    (typeof value === "object" &&
      value !== null &&
      "then" in value &&
      typeof value.then === "function")
  );
}

/** Whether a handler has returned items instead of a value. Whatever it is, this does not throw. */
export function isItems(value: unknown): value is Items {
  if (typeof value !== "object" || value === null) return false;
  try {
    if (Symbol.asyncIterator in value) return true;
    // An iterator, and not a list: a list is a value, and what has a function is none.
    return "next" in value && typeof value.next === "function";
  } catch {
    return false;
  }
}

/**
 * The streams of one call at its server: the argument that comes item by item, from the moment when
 * the call has come, and the answer that goes so, from the moment when the handler has returned it.
 */
export class HandlerStreams implements CallItemsOwner {
  readonly items: CallItems;
  readonly #id: number;
  readonly #host: HandlerStreamsHost;
  #run: HandlerRun | undefined;
  #flows = false;

  constructor(host: HandlerStreamsHost, id: number) {
    this.#host = host;
    this.#id = id;
    this.items = new CallItems(this, host, limits.streamIdleMs);
  }

  /** The call's argument follows item by item. */
  expectItems(idleMs: number = limits.streamIdleMs): void {
    this.#flow(idleMs);
    this.items.receive();
  }

  /** Something may move from now on, and has to. */
  #flow(idleMs: number): void {
    if (this.#flows) return;
    this.#flows = true;
    this.items.idleMs = idleMs;
    this.items.attach(this.#host.channel, this.#id);
  }

  /** The handler is at work. */
  started(run: HandlerRun): void {
    this.#run = run;
  }

  /** The handler has returned what the answer's items come from. */
  answer(run: HandlerRun, items: Items): void {
    this.#run = run;
    this.#flow(run.idleMs);
    const { log } = this.#host;
    const source = new ItemSource(items, (error) =>
      log.error("a stream failed when it was left", {
        method: run.method,
        error: describeThrown(error),
      }),
    );
    source.commit();
    this.items.send(source);
  }

  idle(): void {
    this.#host.giveUp(this.#id, streamIdle(this.#run?.method ?? "the call", this.items.idleMs));
  }

  /** The handler takes no more of its argument: whoever sends it should stop. */
  left(): void {
    this.#host.channel.send({
      kind: "cancel",
      id: this.#id,
      code: "CANCELLED",
      message: undefined,
    });
  }

  /** A caller's items are held for as long as handlers leave them, so they have a limit. */
  queued(change: number): void {
    this.#host.itemsQueued(this.#id, change);
  }

  firstMetadata(): Metadata | undefined {
    return this.#run?.answerMetadata;
  }

  sent(): void {
    if (this.#run !== undefined) this.#host.itemsSent(this.#run);
  }

  broke(error: unknown): void {
    if (this.#run !== undefined) this.#host.itemsBroke(this.#run, error);
  }

  untravelled(error: unknown): unknown {
    return untravelled(error, this.#run?.method ?? "the call", this.#host.log);
  }

  finished(): void {
    if (this.#run !== undefined) this.#host.itemsFinished(this.#run);
  }

  get hasDeadline(): boolean {
    return this.#run?.deadlineAt !== Number.POSITIVE_INFINITY;
  }

  /** The source's code sees the call's context, and so each time before its next item. */
  step<T>(run: () => T): T {
    return this.#run === undefined ? run() : withContext(this.#run, run, undefined);
  }
}

/** Closes items that nobody gets; resolves when what gives them will not run again. */
export function discardItems(run: HandlerRun, items: Items): Promise<void> {
  const source = new ItemSource(items, () => {});
  return withContext(run, () => source.close(), undefined);
}

/** The streams of the calls of one connection, by id. Most connections have none. */
export class StreamTable {
  readonly #host: HandlerStreamsHost;
  #streams: Map<number, HandlerStreams> | undefined;

  constructor(host: HandlerStreamsHost) {
    this.#host = host;
  }

  get(id: number): HandlerStreams | undefined {
    return this.#streams?.get(id);
  }

  /** Those of a call, made when it has none yet. */
  open(id: number): HandlerStreams {
    this.#streams ??= new Map();
    let streams = this.#streams.get(id);
    if (streams === undefined) {
      streams = new HandlerStreams(this.#host, id);
      this.#streams.set(id, streams);
    }
    return streams;
  }

  /** The call is answered; what its handler still takes ends. */
  answered(id: number): void {
    if (this.#streams?.has(id) === true) this.close(id, callOver());
  }

  /** The call is at its end. */
  close(id: number, why: GeeError): void {
    if (this.#streams === undefined) return;
    const streams = this.#streams.get(id);
    if (streams === undefined) return;
    this.#streams.delete(id);
    // An item that has come in part is nobody's now.
    this.#host.channel.dropUnfinished(id);
    streams.items.close(why, true);
  }

  /** The connection is gone. */
  closeAll(why: GeeError): void {
    for (const id of [...(this.#streams?.keys() ?? [])]) this.close(id, why);
  }
}
