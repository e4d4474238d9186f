import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";

/** What ends a connection whose budget is spent. */
export function tooManyControls(): GeeError {
  return new GeeError(
    "RESOURCE_EXHAUSTED",
    `more than ${limits.maxControlFrames} pings and idle cancels in ${limits.controlWindowMs} ms`,
    { reason: "TOO_MANY_CONTROLS", executed: "no" },
  );
}

/**
 * How many frames that cost much and carry nothing (pings, pongs that nobody asked for, cancels of
 * calls that were never opened) a peer may send in a while.
 */
export class ControlBudget {
  #windowEnd = Number.NEGATIVE_INFINITY;
  #spent = 0;

  /** One more at `now`; false when that is too many. */
  spend(now: number): boolean {
    if (now >= this.#windowEnd) {
      this.#windowEnd = now + limits.controlWindowMs;
      this.#spent = 0;
    }
    return ++this.#spent <= limits.maxControlFrames;
  }
}
