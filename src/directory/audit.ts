import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";

/** Lines in each second; more would make the log another thing to attack. */
const maxLines = 10;
const windowMs = 1_000;

/** Who tried to write what it may not write. */
export interface Attempt {
  readonly method: string;
  readonly source: string | undefined;
  /** As a person finds it among the tokens; undefined without one. */
  readonly token: string | undefined;
  readonly why: string;
}

/** A line in the log for every refused write, and one for many of them when there are many. */
export class Audit {
  readonly #clock: Clock;
  readonly #log: Log;
  #windowAt = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #untold = 0;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  refused(attempt: Attempt): void {
    const now = this.#clock.now();
    if (now - this.#windowAt >= windowMs) {
      this.#windowAt = now;
      this.#lines = 0;
    }
    if (this.#lines >= maxLines) {
      this.#untold += 1;
      return;
    }
    const untold = this.#untold > 0 ? this.#untold : undefined;
    this.#untold = 0;
    this.#lines += 1;
    this.#log.warn("registry write refused", { ...attempt, untold });
  }
}
