import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/time.ts";
import type { MemberTable } from "./member-table.ts";

/** Sweeps are at least so far apart: many leases that end one by one are a few sweeps. */
const leastGapMs = 10;

/** How long a loop that stood still takes to read what came meanwhile. */
const catchUpMs = 50;

/**
 * Sweeps a table when something is due, and at no other time. A loop that stood still has heard
 * nobody; the beats of that time are read after it. So a sweep that comes late gives everybody the
 * time by which it is late, and a little more.
 */
export class Sweeper implements Disposable {
  readonly #clock: Clock;
  readonly #table: MemberTable;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #sweptAt = Number.NEGATIVE_INFINITY;
  #ended = false;

  constructor(clock: Clock, table: MemberTable) {
    this.#clock = clock;
    this.#table = table;
  }

  /** Called after each write to the table: something may be due earlier now. */
  arm(): void {
    const at = Math.max(this.#table.nextAt, this.#sweptAt + leastGapMs);
    if (this.#ended || at >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    const delayMs = Math.max(0, at - this.#clock.now());
    this.#timer = this.#clock.after(delayMs, this.#sweep, { background: true });
  }

  /** Nothing is swept any more. */
  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer?.cancel();
  }

  readonly #sweep = (): void => {
    const now = this.#clock.now();
    const lateMs = now - this.#timerAt;
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (lateMs > limits.lateTurnMs) this.#table.postpone(lateMs + catchUpMs);
    this.#table.sweep();
    this.#sweptAt = now;
    this.arm();
  };
}
