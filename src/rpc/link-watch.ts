import { Alarm } from "../base/alarm.ts";
import type { Deadlines } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/time.ts";
import type { Channel } from "../wire/channel.ts";

/** Holds something that comes in pieces to its time: 2 s, and 1 s for each 16 KiB. */
class Completion {
  readonly #alarm: Alarm;
  readonly #clock: Clock;
  /** What is incomplete, by its number on the connection, its size, and since when. */
  #number: number | undefined;
  #bytes = 0;
  #since = 0;

  constructor(clock: Clock, deadlines: Deadlines, late: () => void) {
    this.#clock = clock;
    this.#alarm = new Alarm(clock, deadlines, late);
  }

  /** A read is over, and so much of this is incomplete. */
  look(number: number | undefined, bytes: number, paused: boolean): void {
    this.#bytes = bytes;
    if (number !== this.#number) {
      this.#number = number;
      this.#since = this.#clock.now();
    }
    if (number === undefined) this.#alarm.clear();
    else if (!paused) this.#arm();
  }

  #arm(): void {
    this.#alarm.set(
      this.#since + limits.frameBaseMs + (1_000 * this.#bytes) / limits.frameBytesPerSecond,
    );
  }

  clear(): void {
    this.#alarm.clear();
  }

  /** There is as much time left as there was so many milliseconds ago. */
  resumed(pausedMs: number): void {
    this.#since += pausedMs;
    if (this.#number !== undefined) this.#arm();
  }
}

/**
 * Ends connections whose peer takes for ever: to finish a frame or a message in parts that it has
 * begun, or to take bytes that wait for it. How much else it says meanwhile makes no difference.
 */
export class LinkWatch {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  /** All three are made when they are first needed: an idle connection needs none. */
  #frame: Completion | undefined;
  #message: Completion | undefined;
  #stall: Alarm | undefined;
  #pausedAt: number | undefined;

  constructor(channel: Channel, clock: Clock, deadlines: Deadlines) {
    this.#channel = channel;
    this.#clock = clock;
    this.#deadlines = deadlines;
  }

  #completion(): Completion {
    return new Completion(this.#clock, this.#deadlines, () => {
      this.#channel.refuse(
        new GeeError("DEADLINE_EXCEEDED", "a frame was begun and not finished in time", {
          reason: "FRAME_TIMEOUT",
          executed: "no",
        }),
      );
    });
  }

  #setStall(inMs: number): void {
    this.#stall ??= new Alarm(this.#clock, this.#deadlines, () => {
      // All of it was taken behind the end: what the kernel holds is not to be cut off by a reset.
      if (this.#channel.unsentBytes === 0) return;
      this.#channel.close(
        new GeeError("UNAVAILABLE", `${this.#channel.link.peer} takes nothing that is sent to it`, {
          reason: "STALLED",
        }),
      );
    });
    this.#stall.set(this.#clock.now() + inMs);
  }

  /** A read is over. */
  read(): void {
    const { incoming } = this.#channel;
    const { incompleteFrame, unfinishedMessage } = incoming;
    const paused = this.#pausedAt !== undefined;
    if (incompleteFrame !== undefined) this.#frame ??= this.#completion();
    this.#frame?.look(incompleteFrame, incoming.incompleteBytes, paused);
    if (unfinishedMessage !== undefined) this.#message ??= this.#completion();
    this.#message?.look(unfinishedMessage, incoming.unfinishedBytes, paused);
  }

  /** We read again: the peer has as much time left as it had when we stopped. */
  resumed(): void {
    if (this.#pausedAt === undefined) return;
    const pausedMs = this.#clock.now() - this.#pausedAt;
    this.#pausedAt = undefined;
    this.#frame?.resumed(pausedMs);
    this.#message?.resumed(pausedMs);
  }

  /** We do not read for a while; what the peer sends meanwhile cannot be seen. */
  paused(): void {
    this.#pausedAt ??= this.#clock.now();
    this.#frame?.clear();
    this.#message?.clear();
  }

  /** Bytes wait for the peer, or it has just taken some of those that do. */
  waiting(): void {
    if (this.#channel.unsentBytes > 0) this.#setStall(limits.stalledWriteMs);
    else this.#stall?.clear();
  }

  /** The connection is over; what still waits may be taken for a moment. */
  closed(): void {
    this.#frame?.clear();
    this.#message?.clear();
    if (this.#channel.unsentBytes > 0) this.#setStall(limits.lameDuckMs);
    else this.#stall?.clear();
  }
}
