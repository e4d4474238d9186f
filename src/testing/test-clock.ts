import { systemClock } from "../base/time.ts";
import type { Clock, Timer } from "../base/time.ts";

/** One turn of the real loop: every microtask that is due has run when it resolves. */
function turn(): Promise<void> {
  return new Promise((resolve) => systemClock.nextPhase(resolve));
}

interface Due {
  readonly at: number;
  readonly order: number;
  readonly task: () => void;
  readonly background: boolean;
  /** A timer of another process. */
  readonly elsewhere: boolean;
}

/**
 * Time that stands still until a test moves it: a {@link Clock} for what is to be tested without
 * waiting. It begins at 1,000 ms, and its wall clock in November 2023.
 */
export class TestClock implements Clock {
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

  /** Time passes and nothing runs, as when the loop stands still; what fell due runs later. */
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

  /** The same time for another process: what waits by it runs as well, and is not counted here. */
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
    systemClock.nextPhase(task);
  }

  /** How many timers wait; `foreground`: those alone that would keep a process alive. */
  pending(only: "all" | "foreground" = "all"): number {
    const counts = (due: Due): boolean => !due.elsewhere && (only === "all" || !due.background);
    return [...this.#timers].filter(counts).length;
  }

  /** When the next timer is due, from now; undefined when none waits. */
  nextInMs(): number | undefined {
    const next = this.#next((due) => !due.elsewhere);
    return next === undefined ? undefined : next.at - this.#now;
  }

  /**
   * Moves time; what falls due runs in order, and all that follows from it before the next. Resolves
   * when that is done.
   *
   * Rejects with RangeError for what is no finite number of milliseconds from 0 on.
   */
  async advance(byMs: number): Promise<void> {
    if (!Number.isFinite(byMs) || byMs < 0) throw new RangeError(`time cannot move by ${byMs} ms`);
    const end = this.#now + byMs;
    await turn();
    for (let due = this.#next(); due !== undefined && due.at <= end; due = this.#next()) {
      this.#timers.delete(due);
      this.#wall += Math.max(due.at - this.#now, 0);
      this.#now = Math.max(due.at, this.#now);
      due.task();
      await turn();
    }
    // Somebody else may have moved it further meanwhile, and it never goes back.
    const restMs = Math.max(end - this.#now, 0);
    this.#wall += restMs;
    this.#now += restMs;
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
