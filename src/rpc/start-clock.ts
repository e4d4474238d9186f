import type { Clock } from "../base/time.ts";

/** Calls with so much time left share a look at the clock ... */
const sharedFromMs = 1_000;
/** ... with so many others that came with them: their handlers would have to take 125 ms each. */
const maxShared = 8;

/** Knows whether calls come too late to be started. A look for each is a tenth of what a call costs. */
export class StartClock {
  readonly #clock: Clock;
  #lookedAt = 0;
  /** How many more may share the look. */
  #left = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls that have come together are started from here on. */
  begin(): void {
    this.#left = 0;
  }

  /** Whether a call's time is over. */
  isLate(deadlineAt: number): boolean {
    if (this.#left > 0 && deadlineAt - this.#lookedAt >= sharedFromMs) {
      this.#left--;
      return false;
    }
    this.#lookedAt = this.#clock.now();
    this.#left = maxShared - 1;
    return deadlineAt <= this.#lookedAt;
  }
}
