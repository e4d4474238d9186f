import { limits } from "../base/limits.ts";
import type { Clock } from "../base/time.ts";
import type { Turns } from "../base/turns.ts";
import type { Channel } from "../wire/channel.ts";
import type { CallMessage } from "../wire/message.ts";

/** A call that was read and not yet started. */
interface Arrival {
  readonly call: CallMessage;
  readonly at: number;
}

/**
 * The calls of one connection between being read and being started, in their order. They are started
 * when the whole read has been parsed, and only while the caller takes its answers: behind replies
 * that wait unsent, further calls wait too.
 */
export class Arrivals {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #turns: Turns;
  /** By id, in the order of their coming. */
  #waiting: Map<number, Arrival> | undefined;
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
    return this.#waiting?.size ?? 0;
  }

  /** A call of the read that is being parsed. */
  add(call: CallMessage): void {
    this.#readAt ??= this.#arrivalOfThisRead();
    this.#waiting ??= new Map();
    this.#waiting.set(call.id, { call, at: this.#readAt });
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
    return this.#waiting?.delete(id) ?? false;
  }

  /** Hands calls over for as long as their answers find room. */
  start(start: (call: CallMessage, at: number) => void): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    for (const { call, at } of waiting.values()) {
      if (this.#channel.finished || !this.#hasRoom()) break;
      waiting.delete(call.id);
      start(call, at);
    }
  }

  #hasRoom(): boolean {
    if (this.#channel.unsentBytes <= limits.pauseReadingBytes) return true;
    this.#channel.flush();
    return this.#channel.unsentBytes <= limits.pauseReadingBytes;
  }

  /** Takes all that wait. */
  takeAll(): readonly CallMessage[] {
    const calls = [...(this.#waiting?.values() ?? [])].map(({ call }) => call);
    this.#waiting = undefined;
    return calls;
  }
}
