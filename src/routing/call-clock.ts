import type { Clock } from "../base/time.ts";

/** A call with less time than this has a look of its own. */
export const exactBelowMs = 1_000;

/** Calls that share a look at the most: whatever a program does between them, it is not for long. */
const maxShared = 16;

/**
 * The time at which calls begin. Those that are made in one go, as when many answers came together,
 * share a look at the clock: it is a twelfth of what a call costs.
 */
export class CallClock {
  readonly #clock: Clock;
  #lookedAt = 0;
  /** How many more may share the look. */
  #left = 0;
  #isForgetting = false;
  readonly #forget = (): void => {
    this.#isForgetting = false;
    this.#left = 0;
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    if (this.#left > 0) {
      this.#left--;
      return this.#lookedAt;
    }
    this.#lookedAt = this.#clock.now();
    this.#left = maxShared - 1;
    if (!this.#isForgetting) {
      this.#isForgetting = true;
      queueMicrotask(this.#forget);
    }
    return this.#lookedAt;
  }
}
