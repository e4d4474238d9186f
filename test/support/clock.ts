import type { Clock, Timer } from "../../src/base/time.ts";

/** One turn of the real loop: every microtask that is due has run when it resolves. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** How long a condition may take to hold; a machine under load is slow, a failure is for ever. */
const untilMs = 4_000;

/** Turns the real loop until the condition holds; for what waits for sockets and not for time. */
export async function until(condition: () => boolean, what = "condition"): Promise<void> {
  const givenUpAt = performance.now() + untilMs;
  while (!condition()) {
    if (performance.now() > givenUpAt) throw new Error(`${what} never came to hold`);
    await turn();
  }
}

interface Due {
  readonly at: number;
  readonly order: number;
  readonly task: () => void;
  readonly background: boolean;
}

/** Time that moves only by `advance`. */
export class FakeClock implements Clock {
  #now = 1_000;
  #wall = 1_700_000_000_000;
  #order = 0;
  readonly #timers = new Set<Due>();

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wall;
  }

  /** The wall clock jumps; nothing that waits may notice. */
  /** Time passes and nothing runs, as when the loop stands still. */
  stall(byMs: number): void {
    this.#now += byMs;
  }

  jumpWall(byMs: number): void {
    this.#wall += byMs;
  }

  after(delayMs: number, task: () => void, options?: { readonly background?: boolean }): Timer {
    const due: Due = {
      at: this.#now + Math.max(delayMs, 0),
      order: this.#order++,
      task,
      background: options?.background ?? false,
    };
    this.#timers.add(due);
    return { cancel: () => this.#timers.delete(due) };
  }

  nextPhase(task: () => void): void {
    setImmediate(task);
  }

  /** How many timers wait; `foreground`: those alone that keep the process alive. */
  pending(only: "all" | "foreground" = "all"): number {
    return [...this.#timers].filter((due) => only === "all" || !due.background).length;
  }

  /** When the next timer is due, from now; undefined when none waits. */
  nextInMs(): number | undefined {
    const next = this.#next();
    return next === undefined ? undefined : next.at - this.#now;
  }

  /** Moves time; what falls due runs in order, and all that follows from it before the next. */
  async advance(byMs: number): Promise<void> {
    const end = this.#now + byMs;
    await turn();
    for (let due = this.#next(); due !== undefined && due.at <= end; due = this.#next()) {
      this.#timers.delete(due);
      this.#wall += Math.max(due.at - this.#now, 0);
      this.#now = Math.max(due.at, this.#now);
      due.task();
      await turn();
    }
    this.#wall += end - this.#now;
    this.#now = end;
  }

  #next(): Due | undefined {
    let first: Due | undefined;
    for (const due of this.#timers) {
      if (first === undefined || due.at < first.at) first = due;
      else if (due.at === first.at && due.order < first.order) first = due;
    }
    return first;
  }
}
