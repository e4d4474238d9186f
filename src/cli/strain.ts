import type { Clock, Timer } from "../base/time.ts";
import { Histogram } from "./histogram.ts";

const tickMs = 10;

/** What a piece of work cost the process that did it. */
export interface StrainReport {
  /** CPU time of all its threads, in CPUs: 0.41 is 41 % of one. */
  readonly cpus: number;
  /** How late its loop's timers were, at most, but for one in a hundred. */
  readonly loopLagP99Ms: number;
}

/** CPU time of the process so far, in ms. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Watches what this process itself has to bear, from `begin` to `end`. */
export class Strain {
  readonly #clock: Clock;
  readonly #cpuMs: () => number;
  #lag: Histogram = new Histogram();
  #startedAt = 0;
  #cpuBeforeMs = 0;
  #timer: Timer | undefined;

  /** `usedMs`: for tests, the CPU time so far. */
  constructor(clock: Clock, usedMs: () => number = cpuMs) {
    this.#clock = clock;
    this.#cpuMs = usedMs;
  }

  /** Begins anew. */
  begin(): void {
    this.#timer?.cancel();
    this.#lag = new Histogram();
    this.#startedAt = this.#clock.now();
    this.#cpuBeforeMs = this.#cpuMs();
    this.#next();
  }

  #next(): void {
    const dueAt = this.#clock.now() + tickMs;
    this.#timer = this.#clock.after(
      tickMs,
      () => {
        this.#lag.add(this.#clock.now() - dueAt);
        this.#next();
      },
      { background: true },
    );
  }

  /** Ends, with what it has seen. */
  end(): StrainReport {
    this.#timer?.cancel();
    const passedMs = this.#clock.now() - this.#startedAt;
    return {
      cpus: passedMs > 0 ? (this.#cpuMs() - this.#cpuBeforeMs) / passedMs : 0,
      loopLagP99Ms: this.#lag.quantile(0.99),
    };
  }
}
