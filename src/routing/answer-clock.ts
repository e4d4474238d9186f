import type { Clock } from "../base/time.ts";

/**
 * The time at which answers are read. Those that are read together, before anything else runs, share
 * a look at the clock: for calls that come by the dozen it is a good part of what they cost.
 */
export class AnswerClock {
  readonly #clock: Clock;
  /** NaN when none are being read. */
  #readAt: number = Number.NaN;
  readonly #forget = (): void => {
    this.#readAt = Number.NaN;
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    if (Number.isNaN(this.#readAt)) {
      this.#readAt = this.#clock.now();
      queueMicrotask(this.#forget);
    }
    return this.#readAt;
  }
}
