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
  /** A timer of another process. */
  readonly elsewhere: boolean;
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

  /** Time passes and nothing runs, as when the loop stands still. */
  stall(byMs: number): void {
    this.#now += byMs;
  }

  /** The wall clock jumps; nothing that waits may notice. */
  jumpWall(byMs: number): void {
    this.#wall += byMs;
  }

  after(delayMs: number, task: () => void, options?: { readonly background?: boolean }): Timer {
    return this.#add(delayMs, task, options?.background ?? false, false);
  }

  /** The same time for another process: its timers run, and are not counted here. */
  elsewhere(): Clock {
    return {
      now: () => this.now(),
      wall: () => this.wall(),
      after: (delayMs, task) => this.#add(delayMs, task, true, true),
      nextPhase: (task) => this.nextPhase(task),
    };
  }

  #add(delayMs: number, task: () => void, background: boolean, elsewhere: boolean): Timer {
    const at = this.#now + Math.max(delayMs, 0);
    const due: Due = { at, order: this.#order++, task, background, elsewhere };
    this.#timers.add(due);
    return { cancel: () => this.#timers.delete(due) };
  }

  nextPhase(task: () => void): void {
    setImmediate(task);
  }

  /** How many timers wait; `foreground`: those alone that keep the process alive. */
  pending(only: "all" | "foreground" = "all"): number {
    const counts = (due: Due): boolean => !due.elsewhere && (only === "all" || !due.background);
    return [...this.#timers].filter(counts).length;
  }

  /** When the next timer is due, from now; undefined when none waits. */
  nextInMs(): number | undefined {
    const next = this.#next((due) => !due.elsewhere);
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

  #next(counts: (due: Due) => boolean = () => true): Due | undefined {
    let first: Due | undefined;
    for (const due of this.#timers) {
      if (!counts(due)) continue;
      if (first === undefined || due.at < first.at) first = due;
      else if (due.at === first.at && due.order < first.order) first = due;
    }
    return first;
  }
}

/** Lets time pass, in steps of 10 ms, until a promise settles; what it settles to. */
export async function inTime<T>(clock: FakeClock, promise: Promise<T>): Promise<T> {
  const state = { isOver: false };
  const mark = (): void => {
    state.isOver = true;
  };
  promise.then(mark, mark);
  for (let steps = 0; !state.isOver; steps++) {
    if (steps > 10_000) throw new Error("it did not settle within 100 s");
    await clock.advance(10);
    await turn();
  }
  return await promise;
}
