import type { DeadlineEntry, Deadlines } from "./deadlines.ts";
import { limits } from "./limits.ts";
import type { Clock } from "./time.ts";

/**
 * A moment that may be moved: whoever made it sets it, sets it anew or clears it, as often as it
 * likes, and `ring` is called once when the moment comes. Setting costs no timer of its own, because
 * it is held by `deadlines`, which must go by the same clock. It is for time-outs of a peer that is
 * waited for, not for work that has to be done at its time: behind a loop that stood still it rings
 * later, so that what came meanwhile can be read first.
 */
export class Alarm implements DeadlineEntry {
  deadlineAt = 0;
  previous: DeadlineEntry | undefined = undefined;
  next: DeadlineEntry | undefined = undefined;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #ring: () => void;
  /** It rang late once since it was set, and was put off for that. */
  #excused = false;

  constructor(clock: Clock, deadlines: Deadlines, ring: () => void) {
    this.#clock = clock;
    this.#deadlines = deadlines;
    this.#ring = ring;
  }

  /** It rings at this moment of the clock, and no longer at the one that it was set to before. */
  set(at: number): void {
    this.#excused = false;
    this.#move(at);
  }

  #move(at: number): void {
    this.#deadlines.remove(this);
    this.deadlineAt = at;
    this.#deadlines.add(this);
  }

  /** It does not ring until it is set again. Does nothing when it is not set. */
  clear(): void {
    this.#deadlines.remove(this);
  }

  /** For the `Deadlines` that hold it, and nobody else. */
  expired(): void {
    // A loop that stood still has not read either, and that is not the peer's fault. It is made good
    // once: a loop that is late all the time must not put the alarm off for ever.
    const now = this.#clock.now();
    const lateMs = now - this.deadlineAt;
    if (lateMs <= limits.lateTurnMs || this.#excused) {
      this.#ring();
      return;
    }
    this.#excused = true;
    this.#move(now + lateMs);
  }
}
