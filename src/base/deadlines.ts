import type { Clock, Timer } from "./time.ts";

/** Something that ends at a moment. The links belong to the {@link Deadlines} that holds it. */
export interface DeadlineEntry {
  /** By the clock of the `Deadlines`, in its milliseconds. Fixed while it is held. */
  readonly deadlineAt: number;
  previous: DeadlineEntry | undefined;
  next: DeadlineEntry | undefined;
  /** Called once, when the moment has come, after the entry was let go. */
  expired(): void;
}

const slotMs = 8;
const slotCount = 1_024;

/** The head of one slot's ring. */
class Slot implements DeadlineEntry {
  readonly deadlineAt: number = 0;
  previous: DeadlineEntry = this;
  next: DeadlineEntry = this;
  expired(): void {}
}

/**
 * Many deadlines behind one timer: a hashed timing wheel (Varghese and Lauck, 1987, scheme 6).
 * Adding and removing touch two neighbours and allocate nothing, because nearly every call is
 * answered long before its deadline. An entry more than a turn of the wheel ahead stays in its slot
 * and is passed over until its time. Exact to the timer's own precision, not to the slot.
 */
export class Deadlines {
  /** The clock that they go by. */
  readonly clock: Clock;
  readonly #slots: readonly Slot[] = Array.from({ length: slotCount }, () => new Slot());
  #size = 0;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  /** The wheel is swept up to this slot number (not yet taken modulo). */
  #sweptTo: number;

  constructor(clock: Clock) {
    this.clock = clock;
    this.#sweptTo = Math.floor(clock.now() / slotMs);
  }

  /** Entries held. */
  get size(): number {
    return this.#size;
  }

  #slotAt(number: number): Slot {
    const slot = this.#slots[number % slotCount];
    if (slot === undefined) throw new RangeError("a slot outside the wheel");
    return slot;
  }

  add(entry: DeadlineEntry): void {
    if (this.#size === 0) this.#sweptTo = Math.floor(this.clock.now() / slotMs);
    // What is due already goes where the next sweep begins.
    const slot = this.#slotAt(Math.max(Math.floor(entry.deadlineAt / slotMs), this.#sweptTo));
    const last = slot.previous;
    last.next = entry;
    entry.previous = last;
    entry.next = slot;
    slot.previous = entry;
    this.#size++;
    if (entry.deadlineAt < this.#timerAt) this.#arm(entry.deadlineAt);
  }

  /** Lets an entry go. Does nothing when it is not held. */
  remove(entry: DeadlineEntry): void {
    const { previous, next } = entry;
    if (previous === undefined || next === undefined) return;
    previous.next = next;
    next.previous = previous;
    entry.previous = undefined;
    entry.next = undefined;
    this.#size--;
  }

  #arm(at: number): void {
    this.#timer?.cancel();
    this.#timerAt = at;
    // In the background: what waits for an answer waits at a socket as well, which keeps the process
    // alive, and the timer stays armed when the answer is there.
    this.#timer = this.clock.after(Math.max(0, at - this.clock.now()), this.#sweep, {
      background: true,
    });
  }

  readonly #sweep = (): void => {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.clock.now();
    const due: DeadlineEntry[] = [];
    const upTo = Math.floor(now / slotMs);
    const first = Math.max(this.#sweptTo, upTo - slotCount + 1);
    for (let number = first; number <= upTo; number++) {
      const slot = this.#slotAt(number);
      for (let entry: DeadlineEntry | undefined = slot.next; entry !== slot;) {
        if (entry === undefined) break;
        const { next }: DeadlineEntry = entry;
        if (entry.deadlineAt <= now) {
          this.remove(entry);
          due.push(entry);
        }
        entry = next;
      }
    }
    this.#sweptTo = upTo;
    // First the timer, then the entries: what they do may add and remove.
    if (this.#size > 0) this.#arm(this.#nextAt(upTo));
    for (const entry of due) entry.expired();
  };

  /** The earliest deadline within a turn of the wheel, else the end of that turn. */
  #nextAt(from: number): number {
    for (let number = from; number < from + slotCount; number++) {
      const slot = this.#slotAt(number);
      let earliest = Number.POSITIVE_INFINITY;
      for (let entry: DeadlineEntry | undefined = slot.next; entry !== slot; entry = entry.next) {
        if (entry === undefined) break;
        if (entry.deadlineAt < (number + 1) * slotMs) {
          earliest = Math.min(earliest, entry.deadlineAt);
        }
      }
      if (earliest < Number.POSITIVE_INFINITY) return earliest;
    }
    return (from + slotCount) * slotMs;
  }
}
