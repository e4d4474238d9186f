import type { Clock, Timer } from "../base/time.ts";

/** The worst lag in ms since it was asked last, that of a sign that is missing now included. */
export type LagReader = () => number;

/** How often a loop is looked at: a stall is measured this much too short at the most. */
const tickMs = 100;

/** Settings of {@link LoopSigns}. */
export interface LoopSignsOptions {
  readonly clock: Clock;
  /** A sign is due so long after the one before. */
  readonly periodMs: number;
  /** Silence for so long means that the loop hangs. Default: it is never taken for hung. */
  readonly hungAfterMs?: number | undefined;
}

/**
 * What is known of a loop by its signs of life. Each says how late the loop ran; while the next one
 * is missing, the loop is as late as that sign is.
 */
export class LoopSigns {
  /** Called at the first sign after a silence in which the loop counted as hung. */
  onRevival: (silentMs: number) => void = () => {};
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #hungAfterMs: number;
  /** Of each reader, since it was asked last. */
  readonly #worst: number[] = [];
  #heardAt: number;

  constructor({ clock, periodMs, hungAfterMs }: LoopSignsOptions) {
    this.#clock = clock;
    this.#periodMs = periodMs;
    this.#hungAfterMs = hungAfterMs ?? Number.POSITIVE_INFINITY;
    this.#heardAt = clock.now();
  }

  /** Whether the loop gave no sign for too long. */
  get isHung(): boolean {
    return this.#silentMs() >= this.#hungAfterMs;
  }

  /** A sign of life, from a loop that ran so late since the sign before. */
  heard(lagMs: number): void {
    const silentMs = this.#silentMs();
    this.#heardAt = this.#clock.now();
    for (const [index, worst] of this.#worst.entries()) {
      this.#worst[index] = Math.max(worst, lagMs);
    }
    if (silentMs >= this.#hungAfterMs) this.onRevival(silentMs);
  }

  /** For one who asks now and then, and misses nothing in between. */
  reader(): LagReader {
    const own = this.#worst.push(0) - 1;
    return () => {
      const worst = this.#worst[own] ?? 0;
      this.#worst[own] = 0;
      return Math.max(worst, this.#silentMs() - this.#periodMs);
    };
  }

  #silentMs(): number {
    return this.#clock.now() - this.#heardAt;
  }
}

/** Looks at the loop that it runs in, by a timer that should run every 100 ms. */
export class LoopTicks {
  readonly #clock: Clock;
  readonly #onTick: (lagMs: number) => void;
  #timer: Timer | undefined;
  #dueAt = 0;

  /** `onTick` is told how late each tick is. */
  constructor(clock: Clock, onTick: (lagMs: number) => void) {
    this.#clock = clock;
    this.#onTick = onTick;
  }

  /** Starts to tick; the timer keeps no process alive. */
  start(): void {
    this.#timer?.cancel();
    this.#next();
  }

  /** Ends the ticks. Twice is fine. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #next(): void {
    this.#dueAt = this.#clock.now() + tickMs;
    this.#timer = this.#clock.after(tickMs, this.#tick, { background: true });
  }

  readonly #tick = (): void => {
    const lagMs = Math.max(0, this.#clock.now() - this.#dueAt);
    this.#next();
    this.#onTick(lagMs);
  };
}

/** A loop that looks at itself: its own signs, and what makes them. */
export function ownSigns(clock: Clock): { readonly signs: LoopSigns; readonly ticks: LoopTicks } {
  const signs = new LoopSigns({ clock, periodMs: tickMs });
  return { signs, ticks: new LoopTicks(clock, (lagMs) => signs.heard(lagMs)) };
}
