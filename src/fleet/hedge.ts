import { Latencies } from "./latency.ts";
import { RetryBudget } from "./retry-budget.ts";

/** A second attempt starts when a call takes longer than so many of the others. */
const hedgedFrom = 0.95;
/** It waits at least so long, for timers are no more exact than that (Finagle's floor). */
const leastDelayMs = 1;
/** How much more a method's servers have to do at the most, over 10 s and without a reserve (brpc). */
const extraShare = 0.1;
/** The delay is worked out so often at the most. */
const refreshMs = 500;

/**
 * When a call of one method is sent a second time although the first attempt may still be answered,
 * and whether it may be. For idempotent methods whose caller wants it.
 *
 * The delay is what 95 % of the calls of the last 10 to 20 s stayed below, so about 5 % are sent
 * twice; when a method gets slower all at once, it is the budget that holds, until the delay is
 * right again.
 *
 * ```ts
 * hedge.called(now);                          // every call of the method
 * const delayMs = hedge.delayMs(now);         // undefined: it is not known yet
 * if (hedge.withdraw(now, retryBudget)) ...   // when that time is over and no answer is there
 * hedge.record(now, elapsedMs);               // once a call: what its first attempt took
 * ```
 */
export class Hedge {
  readonly #latencies: Latencies;
  readonly #budget: RetryBudget;
  #delayMs: number | undefined;
  /** When that was worked out. */
  #delayAt = Number.NEGATIVE_INFINITY;

  constructor(now: number) {
    this.#latencies = new Latencies(now);
    this.#budget = new RetryBudget(now, extraShare, 0);
  }

  /** A call begins. */
  called(now: number): void {
    this.#budget.deposit(now);
  }

  /**
   * What the first attempt of a call took: until its answer, or until it was cancelled because the
   * second one won. That is less than it would have taken and more than the delay, so it counts among
   * the slow ones, where it belongs. Neither a failure nor what a second attempt took: these are short,
   * and would draw the delay down until every call is sent twice.
   */
  record(now: number, elapsedMs: number): void {
    this.#latencies.record(now, elapsedMs);
  }

  /** How long to wait for the first attempt, 1 ms or more; undefined with less than 20 samples. */
  delayMs(now: number): number | undefined {
    if (this.#delayMs === undefined || !(Math.abs(now - this.#delayAt) < refreshMs)) {
      const quantileMs = this.#latencies.quantile(now, hedgedFrom);
      this.#delayMs = quantileMs === undefined ? undefined : Math.max(quantileMs, leastDelayMs);
      this.#delayAt = now;
    }
    return this.#delayMs;
  }

  /**
   * Takes what one second attempt costs from this method's budget and from the one that the service
   * shares with its retries; false, and nothing is taken, when either has too little.
   */
  withdraw(now: number, shared: RetryBudget): boolean {
    return this.#budget.balance(now) >= 1 && shared.withdraw(now) && this.#budget.withdraw(now);
  }
}
