import { drainMicrotasks } from "bun:jsc";
import type { Clock, Timer } from "../../src/base/time.ts";

/** Where virtual time begins: not at 0, which in some places stands for "never". */
const beginning = 1_000_000;

/** What is to happen at a moment. */
class Event implements Timer {
  readonly at: number;
  /** Events of one moment happen in the order in which they were asked for. */
  readonly order: number;
  task: (() => void) | undefined;

  constructor(at: number, order: number, task: () => void) {
    this.at = at;
    this.order = order;
    this.task = task;
  }

  cancel(): void {
    this.task = undefined;
  }

  isBefore(other: Event): boolean {
    return this.at === other.at ? this.order < other.order : this.at < other.at;
  }
}

/**
 * Time that passes only from one event to the next. Between two events every microtask runs, and all
 * that follows from it: the code under test waits for nothing but this clock and its own promises, so
 * nothing is left to happen by then. A binary heap holds the events; one that was cancelled stays in
 * it until its time.
 */
export class VirtualClock implements Clock {
  #now = beginning;
  #order = 0;
  readonly #heap: Event[] = [];

  now(): number {
    return this.#now;
  }

  wall(): number {
    return 1_700_000_000_000 + this.#now;
  }

  after(delayMs: number, task: () => void): Timer {
    // A delay that is no number would break the order of the heap, and every run with it.
    if (Number.isNaN(delayMs)) throw new RangeError("a delay that is no number");
    const event = new Event(this.#now + Math.max(delayMs, 0), this.#order++, task);
    this.#add(event);
    return event;
  }

  nextPhase(task: () => void): void {
    this.after(0, task);
  }

  /** Everything that happens in the next `byMs` happens now. What a task throws is thrown here. */
  run(byMs: number): void {
    const end = this.#now + byMs;
    const heap = this.#heap;
    drainMicrotasks();
    for (let event = heap[0]; event !== undefined && event.at <= end; event = heap[0]) {
      this.#takeFirst();
      const { task } = event;
      if (task === undefined) continue;
      this.#now = event.at;
      task();
      drainMicrotasks();
    }
    this.#now = end;
  }

  #add(event: Event): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex];
      if (parent === undefined || !event.isBefore(parent)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = event;
  }

  #takeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let childIndex = index * 2 + 1;
      let child = heap[childIndex];
      if (child === undefined) break;
      const right = heap[childIndex + 1];
      if (right !== undefined && right.isBefore(child)) {
        child = right;
        childIndex++;
      }
      if (!child.isBefore(last)) break;
      heap[index] = child;
      index = childIndex;
    }
    heap[index] = last;
  }
}

/** A timer of a process, which may fall due while the process is stopped. */
class ProcessTimer implements Timer {
  readonly #clock: ProcessClock;
  #task: (() => void) | undefined;

  constructor(clock: ProcessClock, task: () => void) {
    this.#clock = clock;
    this.#task = task;
  }

  readonly fire = (): void => {
    if (this.#clock.state === "runs") this.run();
    else this.#clock.hold(this);
  };

  run(): void {
    const task = this.#task;
    this.#task = undefined;
    task?.();
  }

  cancel(): void {
    this.#task = undefined;
  }
}

/**
 * Time as one process has it, which can be stopped (SIGSTOP): what falls due meanwhile happens when
 * it goes on, in order, and nothing ever when it is killed.
 */
export class ProcessClock implements Clock {
  readonly #clock: Clock;
  state: "runs" | "stopped" | "killed" = "runs";
  #stoppedAt = 0;
  #resumedAt = Number.NaN;
  #held: ProcessTimer[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  wall(): number {
    return this.#clock.wall();
  }

  after(delayMs: number, task: () => void): Timer {
    const timer = new ProcessTimer(this, task);
    this.#clock.after(delayMs, timer.fire);
    return timer;
  }

  nextPhase(task: () => void): void {
    this.after(0, task);
  }

  /** For a timer that fell due at a bad time. */
  hold(timer: ProcessTimer): void {
    if (this.state === "stopped") this.#held.push(timer);
  }

  /** When what the process reads now has come: before it was stopped, if it has just gone on. */
  arrivalOf(now: number): number {
    return now === this.#resumedAt ? this.#stoppedAt : now;
  }

  stop(): void {
    if (this.state !== "runs") return;
    this.state = "stopped";
    this.#stoppedAt = this.now();
  }

  kill(): void {
    this.state = "killed";
    this.#held = [];
  }

  /** The process goes on: first its timers, as in a real loop. */
  resume(): void {
    if (this.state !== "stopped") return;
    this.state = "runs";
    this.#resumedAt = this.now();
    const held = this.#held;
    this.#held = [];
    for (const timer of held) this.#clock.after(0, timer.fire);
  }
}
