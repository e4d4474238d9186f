import { limits } from "./limits.ts";
import type { Clock, Timer } from "./time.ts";

const tickMs = 20;
/** Phases of the loop after a late tick in which sockets still deliver what waited meanwhile. */
const latePhases = 3;

/**
 * Knows since when bytes that are read now may have been waiting. While the loop is blocked, or the
 * whole process is stopped, requests lie in the kernel's buffers and nothing says when they came.
 * So a tick runs while anybody watches: when it is late, what is read in that turn counts as
 * arrived at the tick before, which is the earliest that it can have come unseen.
 */
export class Turns {
  readonly #clock: Clock;
  #watchers = 0;
  #timer: Timer | undefined;
  #tickAt = 0;
  /** The tick before a late one, while the turn of the late one lasts. */
  #lateSince: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Starts to watch; `unwatch` once for each. */
  watch(): void {
    if (this.#watchers++ > 0) return;
    this.#tickAt = this.#clock.now();
    this.#lateSince = undefined;
    this.#next();
  }

  unwatch(): void {
    if (--this.#watchers > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #next(): void {
    this.#timer = this.#clock.after(tickMs, this.#tick, { background: true });
  }

  readonly #tick = (): void => {
    const now = this.#clock.now();
    if (now - this.#tickAt > tickMs + limits.lateTurnMs) {
      this.#lateSince = this.#tickAt;
      this.#forget(latePhases);
    }
    this.#tickAt = now;
    this.#next();
  };

  /** The timer runs before the sockets of a turn are read, and a read may take several phases. */
  #forget(phases: number): void {
    if (phases === 0) this.#lateSince = undefined;
    else this.#clock.nextPhase(() => this.#forget(phases - 1));
  }

  /** When bytes that are read at `now` have arrived: now, or before the turn that was late. */
  arrivalOf(now: number): number {
    if (this.#watchers === 0) return now;
    if (this.#lateSince !== undefined) return this.#lateSince;
    return now - this.#tickAt > tickMs + limits.lateTurnMs ? this.#tickAt : now;
  }
}
