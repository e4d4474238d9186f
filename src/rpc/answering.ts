import { GeeError } from "../base/errors.ts";
import type { Deadlines } from "../base/deadlines.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import type { Channel } from "../wire/channel.ts";
import { features } from "../wire/hello.ts";
import { callFlags } from "../wire/message.ts";
import type { CallMessage } from "../wire/message.ts";
import { hostOf } from "./admission.ts";
import type { AnsweringHost } from "./answering-host.ts";
import type { CallItems } from "./call-items.ts";
import { withContext } from "./context.ts";
import type { NestedCaller } from "./context.ts";
import { HandlerRun } from "./handler-run.ts";
import type { RunHost } from "./handler-run.ts";
import { discardItems, isItems, isThenable, StreamTable } from "./handler-streams.ts";
import type { HandlerStreamsHost } from "./handler-streams.ts";
import { answerOnce, workOf } from "./keyed-calls.ts";
import { itemsUntaken, noStreams, notInTime, saysItIsAStream, shuttingDown } from "./refusals.ts";
import { Replies } from "./replies.ts";
import { allowedMs, refusalOfCall } from "./start-rules.ts";
import type { StartConnection } from "./start-rules.ts";
import { errorForCaller } from "./thrown.ts";

/** Joins what a caller is told of a failure with its line in the log. */
function newLogId(): string {
  return crypto.randomUUID().slice(0, 8);
}

/**
 * Handlers at work for one connection, from a call that has come in whole to its one answer: a
 * result, a stream, a fault, or, when the call is given up, a fault while the handler is still told
 * to stop.
 */
export class Answering implements RunHost, HandlerStreamsHost, StartConnection {
  readonly channel: Channel;
  readonly #host: AnsweringHost;
  readonly #owner: { ended(): void };
  readonly #replies: Replies;
  /** Calls that are being handled and not yet answered. */
  #running: Map<number, HandlerRun> | undefined;
  /** Those of calls that have come and are not yet answered. */
  readonly #streams: StreamTable;
  /** Bytes of items that handlers have not taken. */
  #queuedBytes = 0;
  handlers = 0;
  /** Set when the greeting is over. */
  agreed = 0;

  /** The owner's `ended`: a call that did not end at once has ended. */
  constructor(channel: Channel, host: AnsweringHost, owner: { ended(): void }) {
    this.channel = channel;
    this.#host = host;
    this.#owner = owner;
    this.#replies = new Replies(channel, host.log);
    this.#streams = new StreamTable(this);
  }

  /** Calls that wait for their answer. */
  get inFlight(): number {
    return this.#running?.size ?? 0;
  }

  /** Whether a call of that id is being handled. */
  has(id: number): boolean {
    return this.#running?.has(id) === true;
  }

  /** The streams of a call; undefined when it has none (any more). */
  streamsOf(id: number): CallItems | undefined {
    return this.#streams.get(id)?.items;
  }

  /** A call has come whose argument follows item by item, perhaps before its handler is started. */
  expectItems(call: CallMessage): void {
    this.#streams.open(call.id).expectItems(call.idleMs);
  }

  /** More may be sent of a call's answer, which may yet turn out to be a stream. */
  credit(id: number, bytes: number): boolean {
    return this.#streams.open(id).items.credit(bytes);
  }

  /** Starts the handler of a call that arrived at `arrivedAt`, or answers why not. */
  start(call: CallMessage, arrivedAt: number): void {
    const host = this.#host;
    let run: HandlerRun;
    let kept: ReturnType<typeof answerOnce> | undefined;
    try {
      // Before the name is looked at: another server may know it.
      if (host.draining) throw shuttingDown();
      const served = host.table.find(call.method);
      const deadlineAt = arrivedAt + allowedMs(call, served);
      const refused = refusalOfCall(host, this, call, served, deadlineAt);
      if (refused !== undefined) throw refused;
      run = new HandlerRun(call, served, deadlineAt, this);
      if (call.idempotencyKey !== undefined) kept = this.#once(run, call.idempotencyKey);
    } catch (error) {
      const why = GeeError.from(error, "no");
      const isOneWay = (call.flags & callFlags.oneWay) !== 0;
      if (isOneWay && (this.agreed & features.oneway) !== 0) this.#streams.close(call.id, why);
      else this.fault(call.id, why);
      return;
    }
    let result: unknown = kept;
    let later = kept instanceof Promise;
    if (kept === undefined) {
      try {
        result = withContext(run, run.served.invoke, this.#argsOf(run, call));
        later = isThenable(result) || isItems(result);
      } catch (error) {
        this.#thrown(run, error);
        return;
      }
    }
    if (later) this.#handle(run, result);
    else this.#reply(run, result);
  }

  #argsOf(run: HandlerRun, call: CallMessage): readonly unknown[] {
    if (call.streamArgument === undefined) return call.args;
    const streams = this.#streams.open(call.id);
    streams.started(run);
    return call.args.with(call.streamArgument, streams.items.receive());
  }

  #once(run: HandlerRun, key: string): ReturnType<typeof answerOnce> {
    const { link, peerMaxMessageBytes } = this.channel;
    const errorOf = (thrown: unknown): GeeError =>
      errorForCaller(thrown, run.method, this.#host.log, newLogId);
    return answerOnce(
      this.#host.keys,
      workOf(run, key, hostOf(link), peerMaxMessageBytes, errorOf),
    );
  }

  /** The handler goes on behind this turn of the loop: from here to `itemsFinished` it counts. */
  #handle(run: HandlerRun, result: unknown): void {
    this.handlers++;
    this.#host.running++;
    run.served.running++;
    this.#running ??= new Map();
    this.#running.set(run.id, run);
    if (run.deadlineAt !== Number.POSITIVE_INFINITY) this.#host.deadlines.add(run);
    if (!isThenable(result)) {
      this.#answerItems(run, result);
      return;
    }
    // A thenable that is no promise may throw, or call back twice; a promise around it does not.
    Promise.resolve(result).then(
      (value) => {
        if (isItems(value)) {
          this.#answerItems(run, value);
          return;
        }
        if (this.#running?.delete(run.id) === true) this.#reply(run, value);
        this.itemsFinished(run);
      },
      (error: unknown) => {
        // The handler has returned the call of another service, and that answers with a stream.
        if (isItems(result) && saysItIsAStream(error)) {
          this.#answerItems(run, result);
          return;
        }
        if (this.#running?.delete(run.id) === true) this.#thrown(run, error);
        this.itemsFinished(run);
      },
    );
  }

  /** A handler is at its end, whether or not its call was given up before. */
  itemsFinished(run: HandlerRun): void {
    this.handlers--;
    this.#host.running--;
    run.served.running--;
    this.#host.deadlines.remove(run);
    this.#host.detached.delete(run);
    this.#owner.ended();
  }

  #answerItems(run: HandlerRun, items: unknown): void {
    if (!isItems(items)) throw new TypeError("an answer that is neither a promise nor items");
    const { id } = run;
    const wanted = this.#running?.has(id) === true && !run.isOneWay;
    if (wanted && (this.agreed & features.streams) !== 0) {
      if (!run.isWhole) {
        this.#host.deadlines.remove(run);
        run.deadlineAt = Number.POSITIVE_INFINITY;
      }
      this.#streams.open(id).answer(run, items);
      return;
    }
    if (this.#running?.delete(id) === true && !run.isOneWay) this.fault(id, noStreams(run.method));
    void discardItems(run, items).then(() => this.itemsFinished(run));
  }

  get peer(): string {
    return this.channel.link.peer;
  }
  get log(): Log {
    return this.#host.log;
  }
  get clock(): Clock {
    return this.#host.clock;
  }
  get deadlines(): Deadlines {
    return this.#host.deadlines;
  }
  get nested(): NestedCaller {
    return this.#host.nested;
  }
  // -------------------------------------------------------------- answering

  #reply(run: HandlerRun, value: unknown): void {
    this.#replies.result(run, value);
    this.#streams.answered(run.id);
  }

  #thrown(run: HandlerRun, error: unknown): void {
    const why = errorForCaller(error, run.method, this.log, newLogId);
    if (!run.isOneWay) this.#replies.fault(run.id, why, run.allMetadata);
    this.#streams.close(run.id, why);
  }

  /** Answers a call with a fault, also one whose handler was not started. */
  fault(id: number, error: GeeError): void {
    this.#replies.fault(id, error);
    this.#streams.close(id, error);
  }

  itemsQueued(id: number, change: number): void {
    this.#queuedBytes += change;
    if (change > 0 && this.#queuedBytes > limits.maxQueuedItemBytes) {
      this.giveUp(id, itemsUntaken(limits.maxQueuedItemBytes));
    }
  }

  itemsSent(run: HandlerRun): void {
    if (this.#running?.delete(run.id) !== true) return;
    const hasSent = this.streamsOf(run.id)?.hasSent === true;
    this.#replies.end(run, hasSent ? run.trailingMetadata : run.allMetadata);
    this.#streams.answered(run.id);
  }

  itemsBroke(run: HandlerRun, error: unknown): void {
    if (this.#running?.delete(run.id) === true) this.#thrown(run, error);
  }

  // -------------------------------------------------------------- giving up

  /** A handler's time is over. */
  onExpired(run: HandlerRun): void {
    this.giveUp(run.id, notInTime(run.method));
  }

  /** Answers a call whose handler still runs, and tells the handler to stop; false if none does. */
  giveUp(id: number, why: GeeError): boolean {
    const run = this.#running?.get(id);
    if (run === undefined) return false;
    this.#running?.delete(id);
    this.#host.deadlines.remove(run);
    // Before the fault, or that would wait behind items that nobody wants.
    this.channel.dropUnsent(id);
    if (!run.isOneWay) this.#replies.fault(id, why);
    // The signal before the streams: what runs when they are left should know why.
    run.stopWaiting?.();
    run.abort(why);
    this.#streams.close(id, why);
    this.#owner.ended();
    return true;
  }

  /** Gives up all that runs. */
  giveUpAll(why: GeeError): void {
    for (const id of [...(this.#running?.keys() ?? [])]) this.giveUp(id, why);
  }

  /** The connection is gone: handlers are told to stop, and nobody hears of their results. */
  abandon(why: GeeError): void {
    for (const run of [...(this.#running?.values() ?? [])]) {
      // Whoever sent a key comes back for the answer, and of a one-way call nobody waits for one.
      if ((run.hasKey && run.stopWaiting === undefined) || run.isOneWay) {
        this.#host.detached.add(run);
        continue;
      }
      this.#running?.delete(run.id);
      this.#host.deadlines.remove(run);
      run.stopWaiting?.();
      run.abort(why);
    }
    this.#streams.closeAll(why);
  }
}
