import type { Clock, Timer } from "../base/time.ts";

/** What a {@link Pacer} starts, and how often. */
export interface PacerOptions {
  readonly clock: Clock;
  readonly ratePerSecond: number;
  /** How many starts there are. */
  readonly count: number;
  /** Called for each, with its number from 0 on and the moment at which it was due. */
  start(index: number, dueAt: number): void;
  /** Called behind the last one. */
  done(): void;
}

/**
 * Starts things on a schedule, whatever becomes of them: start k is due k / rate after the first, and
 * what is due when the timer runs is started then. Timers run every millisecond at best, so a start is
 * up to that much behind its time; nothing of that adds up, and nothing spins. Whoever happens to know
 * the time in between calls {@link Pacer.look}.
 */
export class Pacer {
  readonly #options: PacerOptions;
  #startedAt = 0;
  #next = 0;
  #nextAt = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(options: PacerOptions) {
    this.#options = options;
  }

  /** Begins: the first start is due now. */
  begin(): void {
    this.#startedAt = this.#options.clock.now();
    this.#nextAt = this.#startedAt;
    this.#tick();
  }

  /** Starts what is due at this moment. */
  look(now: number): void {
    const { count, ratePerSecond, start } = this.#options;
    while (this.#nextAt <= now) {
      const [index, dueAt] = [this.#next, this.#nextAt];
      this.#next += 1;
      this.#nextAt =
        this.#next < count
          ? // From the number and not from the start before it: roundings do not add up.
            this.#startedAt + (this.#next * 1_000) / ratePerSecond
          : Number.POSITIVE_INFINITY;
      start(index, dueAt);
    }
  }

  readonly #tick = (): void => {
    const { clock, done } = this.#options;
    this.look(clock.now());
    this.#timer = undefined;
    if (this.#nextAt === Number.POSITIVE_INFINITY) done();
    else this.#timer = clock.after(this.#nextAt - clock.now(), this.#tick);
  };

  /** Starts no more; `done` is not called. */
  stop(): void {
    this.#nextAt = Number.POSITIVE_INFINITY;
    this.#timer?.cancel();
  }
}
