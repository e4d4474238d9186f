import type { Clock } from "../../src/base/time.ts";

/** A piece of work, from its beginning on. */
class Job {
  readonly #place: Workplace;
  readonly serviceMs: number;
  readonly done: () => void;

  constructor(place: Workplace, serviceMs: number, done: () => void) {
    this.#place = place;
    this.serviceMs = serviceMs;
    this.done = done;
  }

  readonly end = (): void => {
    this.#place.ended();
    this.done();
  };
}

/** Where a server works: so many jobs at once, the others in line behind them. */
export class Workplace {
  readonly #clock: Clock;
  readonly #slots: number;
  #busy = 0;
  #line: Job[] = [];
  /** Where the line begins. */
  #first = 0;

  constructor(clock: Clock, slots: number) {
    this.#clock = clock;
    this.#slots = slots;
  }

  /** `done` is called when so much work has been done, which may have to wait for its turn. */
  add(serviceMs: number, done: () => void): void {
    const job = new Job(this, serviceMs, done);
    if (this.#busy < this.#slots) this.#begin(job);
    else this.#line.push(job);
  }

  #begin(job: Job): void {
    this.#busy++;
    this.#clock.after(job.serviceMs, job.end);
  }

  /** For a job that is at its end. */
  ended(): void {
    this.#busy--;
    const next = this.#line[this.#first];
    if (next === undefined) return;
    this.#first++;
    if (this.#first > 1_000 && this.#first * 2 > this.#line.length) {
      this.#line = this.#line.slice(this.#first);
      this.#first = 0;
    }
    this.#begin(next);
  }
}
