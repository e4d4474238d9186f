import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/time.ts";
import type { Channel } from "../wire/channel.ts";

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

/**
 * What either end of a connection does about frames that cost much and carry nothing. Made with the
 * first of them: most peers send none, and an idle connection is to be small.
 */
export class Controls {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #budget: ControlBudget = new ControlBudget();

  constructor(channel: Channel, clock: Clock) {
    this.#channel = channel;
    this.#clock = clock;
  }

  /** One more has come; false when that was too many, and the connection is at its end. */
  spend(): boolean {
    if (this.#budget.spend(this.#clock.now())) return true;
    this.#channel.refuse(tooManyControls());
    return false;
  }

  /** A ping has come. */
  answer(token: number): void {
    if (this.spend()) this.#channel.send({ kind: "pong", id: 0, token });
  }
}
