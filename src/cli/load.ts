import { GeeError } from "../base/errors.ts";
import type { Clock } from "../base/time.ts";
import type { Gee } from "../client.ts";
import { Histogram } from "./histogram.ts";
import { Pacer } from "./pacer.ts";

type Call = ReturnType<Gee["call"]>;

/** How calls are started: on a schedule whatever the answers do, or each when one before it has ended. */
export type LoadMode =
  | { readonly kind: "open"; readonly ratePerSecond: number }
  | { readonly kind: "closed"; readonly concurrency: number };

/** What a {@link Load} does. */
export interface LoadOptions {
  readonly clock: Clock;
  readonly mode: LoadMode;
  /** Starts before so much time has passed do not count. */
  readonly warmupMs: number;
  /** Starts in so much time behind it do. */
  readonly durationMs: number;
  /** Beyond so many calls in flight a start of an open loop is dropped, and counted as that. */
  readonly maxInFlight: number;
  /** Starts one call. */
  call(): Call;
  /** Told of each call that counts when it has ended. */
  ended?(call: Call): void;
}

/** A start that is further behind its time than any timer is by itself. */
export const lateMs = 10;

/**
 * Whether the time of a call says how long callers wait. Those that were refused are done at once, and
 * would make a server that is overrun look quick; one that ran out of time took at least so long.
 */
function hasLatency(error: GeeError | undefined): boolean {
  return error === undefined || error.executed !== "no" || error.code === "DEADLINE_EXCEEDED";
}

/** Calls in a loop, and what became of them. Those that started in the warm-up leave no trace. */
export class Load {
  /** From the moment at which the start was due; of a closed loop the same as `service`. Not of the refused. */
  readonly latency: Histogram = new Histogram();
  /** From the moment at which the call was started. */
  readonly service: Histogram = new Histogram();
  /** Calls that failed, by their code. */
  readonly failures: Map<string, number> = new Map();
  /** An error of each code. */
  readonly examples: Map<string, GeeError> = new Map();
  ok = 0;
  failed = 0;
  /** Items of streams that answered. */
  items = 0;
  /** Starts that were later than {@link lateMs}. */
  late = 0;
  /** Starts that were due while too many calls were in flight: they were not made. */
  dropped = 0;
  /** Calls that are counted and have not ended. */
  unfinished = 0;
  readonly #options: LoadOptions;
  readonly #warmupStarts: number;
  readonly #pacer: Pacer | undefined;
  readonly #over = Promise.withResolvers<void>();
  readonly #measuring = Promise.withResolvers<void>();
  #isMeasuring = false;
  #hasEnded = false;
  #isStopped = false;
  #inFlight = 0;
  #measuredFrom = 0;
  #answersUntil = 0;
  #startsUntil = 0;
  #stoppedAt = Number.POSITIVE_INFINITY;
  /** In the time that counts, whenever they were started. */
  #answered = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    const { clock, mode, warmupMs, durationMs } = options;
    if (mode.kind === "closed") {
      this.#warmupStarts = 0;
      return;
    }
    const starts = (spanMs: number): number => Math.round((mode.ratePerSecond * spanMs) / 1_000);
    this.#warmupStarts = starts(warmupMs);
    this.#pacer = new Pacer({
      clock,
      ratePerSecond: mode.ratePerSecond,
      count: this.#warmupStarts + Math.max(starts(durationMs), 1),
      start: (index, dueAt) => this.#due(index >= this.#warmupStarts, dueAt),
      done: () => this.#end(),
    });
  }

  /** Resolves when the first start that counts is made. */
  get measuring(): Promise<void> {
    return this.#measuring.promise;
  }

  /** How many calls were answered well in a second of the time that counts. */
  get answeredPerSecond(): number {
    if (!this.#isMeasuring) return 0;
    const spentMs = Math.min(this.#stoppedAt - this.#measuredFrom, this.#options.durationMs);
    return spentMs > 0 ? (this.#answered * 1_000) / spentMs : 0;
  }

  /** Runs, and resolves when every call that was started has ended, or it was stopped. To be called once. */
  run(): Promise<void> {
    const { clock, mode, warmupMs, durationMs } = this.#options;
    if (mode.kind === "open") {
      this.#pacer?.begin();
    } else {
      const now = clock.now();
      this.#measuredFrom = now + warmupMs;
      this.#startsUntil = now + warmupMs + durationMs;
      for (let index = 0; index < mode.concurrency; index++) this.#again();
    }
    return this.#over.promise;
  }

  /** Starts no further call and waits for none: what is in flight stays unfinished. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#stoppedAt = this.#options.clock.now();
    this.#pacer?.stop();
    this.#over.resolve();
  }

  /** The last call was started: when none is in flight, it is over. */
  #end(): void {
    this.#hasEnded = true;
    if (this.#inFlight === 0) this.#over.resolve();
  }

  #measureFrom(at: number): void {
    if (this.#isMeasuring) return;
    this.#isMeasuring = true;
    this.#measuredFrom = at;
    this.#answersUntil = at + this.#options.durationMs;
    this.#measuring.resolve();
  }

  /** A start of the schedule. */
  #due(isCounted: boolean, dueAt: number): void {
    const now = this.#options.clock.now();
    if (isCounted) {
      this.#measureFrom(dueAt);
      if (now - dueAt > lateMs) this.late++;
    }
    if (this.#inFlight < this.#options.maxInFlight) this.#start(dueAt, now, isCounted);
    else if (isCounted) this.dropped++;
  }

  /** The next call of a closed loop, unless its time is over. */
  #again(): void {
    if (this.#isStopped) return;
    const now = this.#options.clock.now();
    if (now >= this.#startsUntil) {
      this.#end();
      return;
    }
    const isCounted = now >= this.#measuredFrom;
    if (isCounted) this.#measureFrom(this.#measuredFrom);
    this.#start(now, now, isCounted);
  }

  #start(dueAt: number, startedAt: number, isCounted: boolean): void {
    this.#inFlight++;
    if (isCounted) this.unfinished++;
    const call = this.#options.call();
    call.then(
      () => this.#settled(call, dueAt, startedAt, isCounted, undefined),
      (thrown: unknown) => {
        const error = GeeError.from(thrown);
        if (error.reason === "IS_A_STREAM") void this.#take(call, dueAt, startedAt, isCounted);
        else this.#settled(call, dueAt, startedAt, isCounted, error);
      },
    );
  }

  /** A method that answers with a stream is done with its last item. */
  async #take(call: Call, dueAt: number, startedAt: number, isCounted: boolean): Promise<void> {
    let error: GeeError | undefined;
    try {
      for await (const _ of call) {
        if (this.#isStopped) return;
        if (isCounted) this.items++;
      }
    } catch (thrown) {
      error = GeeError.from(thrown);
    }
    this.#settled(call, dueAt, startedAt, isCounted, error);
  }

  #settled(
    call: Call,
    dueAt: number,
    startedAt: number,
    isCounted: boolean,
    error: GeeError | undefined,
  ): void {
    if (this.#isStopped) return;
    const now = this.#options.clock.now();
    this.#inFlight--;
    if (error === undefined && this.#isMeasuring && now < this.#answersUntil) this.#answered++;
    if (isCounted) {
      this.unfinished--;
      if (hasLatency(error)) {
        this.latency.add(now - dueAt);
        this.service.add(now - startedAt);
      }
      if (error === undefined) this.ok++;
      else this.#count(error);
      this.#options.ended?.(call);
    }
    if (this.#hasEnded) this.#end();
    else if (this.#pacer !== undefined) this.#pacer.look(now);
    else if (error === undefined) this.#again();
    // What fails at once would leave the loop no turn in which an answer could come.
    else this.#options.clock.nextPhase(() => this.#again());
  }

  #count(error: GeeError): void {
    this.failed++;
    this.failures.set(error.code, (this.failures.get(error.code) ?? 0) + 1);
    if (!this.examples.has(error.code)) this.examples.set(error.code, error);
  }
}
