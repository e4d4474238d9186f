import { limits } from "../base/limits.ts";
import type { Clock } from "../base/time.ts";
import type { Turns } from "../base/turns.ts";
import type { Channel } from "../wire/channel.ts";
import type { CallMessage } from "../wire/message.ts";

/** Stands for an empty list where an idle connection needs no list of its own. */
const none: never[] = [];

/**
 * The calls of one connection between being read and being started, in their order. They are started
 * when the whole read has been parsed, and only while the caller takes its answers: behind replies
 * that wait unsent, further calls wait too.
 */
export class Arrivals {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #turns: Turns;
  /** In the order of their coming, which is that of their ids; and when each arrived. */
  #calls: CallMessage[] = none;
  #arrivedAt: number[] = none;
  /** Which of them were cancelled. */
  #cancelled: Set<number> | undefined;
  /** When the calls of this read arrived; undefined before its first. */
  #readAt: number | undefined;
  /** Since when the link is, or was, not read; undefined once a read has come after that. */
  #pausedAt: number | undefined;

  constructor(channel: Channel, clock: Clock, turns: Turns) {
    this.#channel = channel;
    this.#clock = clock;
    this.#turns = turns;
  }

  get size(): number {
    return this.#calls.length - (this.#cancelled?.size ?? 0);
  }

  /** A call of the read that is being parsed; it began to come at `begunAt` if not in this read. */
  add(call: CallMessage, begunAt?: number): void {
    const at = begunAt ?? this.now();
    if (this.#calls.length === 0) {
      this.#calls = [];
      this.#arrivedAt = [];
    }
    // One that came in parts may be whole behind others with higher ids.
    let place = this.#calls.length;
    while (place > 0 && (this.#calls[place - 1]?.id ?? 0) > call.id) place--;
    if (place === this.#calls.length) {
      this.#calls.push(call);
      this.#arrivedAt.push(at);
    } else {
      this.#calls.splice(place, 0, call);
      this.#arrivedAt.splice(place, 0, at);
    }
  }

  /** When what is read now has arrived. */
  now(): number {
    this.#readAt ??= this.#arrivalOfThisRead();
    return this.#readAt;
  }

  /** What is read first after a pause may have waited as long as that lasted. */
  #arrivalOfThisRead(): number {
    const at = this.#turns.arrivalOf(this.#clock.now());
    const pausedAt = this.#pausedAt;
    if (pausedAt === undefined || this.#channel.isPaused) return at;
    this.#pausedAt = undefined;
    return Math.min(at, pausedAt);
  }

  /** The read has been parsed. */
  readEnd(): void {
    this.#readAt = undefined;
  }

  /** The link is not read from now on. */
  paused(): void {
    this.#pausedAt = this.#clock.now();
  }

  /** Takes a call out that waits; false when none of that id does. */
  cancel(id: number): boolean {
    if (!this.has(id)) return false;
    this.#cancelled ??= new Set();
    this.#cancelled.add(id);
    return true;
  }

  /** Hands calls over for as long as their answers find room. */
  start(start: (call: CallMessage, at: number) => void): void {
    const calls = this.#calls;
    const arrivedAt = this.#arrivedAt;
    let next = 0;
    while (next < calls.length && !this.#channel.finished && this.#hasRoom()) {
      const call = calls[next];
      const at = arrivedAt[next];
      next++;
      if (call === undefined || at === undefined) break;
      if (this.#cancelled?.delete(call.id) !== true) start(call, at);
    }
    // What a handler did may have taken the rest out.
    if (this.#calls !== calls) return;
    if (next === calls.length) this.#clear();
    else if (next > 0) {
      this.#calls = calls.slice(next);
      this.#arrivedAt = arrivedAt.slice(next);
    }
  }

  /** Whether a call of that id waits; ids rise, so it is found by halves. */
  has(id: number): boolean {
    if (this.#cancelled?.has(id) === true) return false;
    let low = 0;
    let high = this.#calls.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const at = this.#calls[middle]?.id ?? 0;
      if (at === id) return true;
      if (at < id) low = middle + 1;
      else high = middle - 1;
    }
    return false;
  }

  #hasRoom(): boolean {
    if (this.#channel.pressureBytes <= limits.pauseReadingBytes) return true;
    this.#channel.flush();
    return this.#channel.pressureBytes <= limits.pauseReadingBytes;
  }

  /** Takes all that wait. */
  takeAll(): readonly CallMessage[] {
    const calls = this.#calls.filter(({ id }) => this.#cancelled?.has(id) !== true);
    this.#clear();
    return calls;
  }

  #clear(): void {
    this.#calls = none;
    this.#arrivedAt = none;
    this.#cancelled = undefined;
  }
}
