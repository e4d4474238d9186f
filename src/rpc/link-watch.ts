import { Alarm } from "../base/alarm.ts";
import type { Deadlines } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/time.ts";
import type { Channel } from "../wire/channel.ts";

/**
 * Ends connections whose peer takes for ever: to finish a frame that it has begun, or to take bytes
 * that wait for it. How much else it says meanwhile makes no difference.
 */
export class LinkWatch {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  /** Both alarms are made when they are first set: an idle connection needs neither. */
  #frame: Alarm | undefined;
  #stall: Alarm | undefined;
  /** The frame that is incomplete, by its number on the connection, and since when. */
  #frameNumber = -1;
  #frameSince = 0;
  #pausedAt: number | undefined;

  constructor(channel: Channel, clock: Clock, deadlines: Deadlines) {
    this.#channel = channel;
    this.#clock = clock;
    this.#deadlines = deadlines;
  }

  #setFrame(at: number): void {
    this.#frame ??= new Alarm(this.#clock, this.#deadlines, () => {
      this.#channel.refuse(
        new GeeError("DEADLINE_EXCEEDED", "a frame was begun and not finished in time", {
          reason: "FRAME_TIMEOUT",
          executed: "no",
        }),
      );
    });
    this.#frame.set(at);
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
    const { incompleteFrame } = this.#channel;
    if (incompleteFrame === undefined) {
      this.#frame?.clear();
      this.#frameNumber = -1;
      return;
    }
    if (incompleteFrame !== this.#frameNumber) {
      this.#frameNumber = incompleteFrame;
      this.#frameSince = this.#clock.now();
    }
    if (this.#pausedAt === undefined) this.#arm();
  }

  /** We read again: the peer has as much time left as it had when we stopped. */
  resumed(): void {
    if (this.#pausedAt === undefined) return;
    this.#frameSince += this.#clock.now() - this.#pausedAt;
    this.#pausedAt = undefined;
    this.#arm();
  }

  #arm(): void {
    if (this.#channel.incompleteFrame === undefined) return;
    const allowedMs =
      limits.frameBaseMs + (1_000 * this.#channel.incompleteBytes) / limits.frameBytesPerSecond;
    this.#setFrame(this.#frameSince + allowedMs);
  }

  /** We do not read for a while; what the peer sends meanwhile cannot be seen. */
  paused(): void {
    this.#pausedAt ??= this.#clock.now();
    this.#frame?.clear();
  }

  /** Bytes wait for the peer, or it has just taken some of those that do. */
  waiting(): void {
    if (this.#channel.unsentBytes > 0) this.#setStall(limits.stalledWriteMs);
    else this.#stall?.clear();
  }

  /** The connection is over; what still waits may be taken for a moment. */
  closed(): void {
    this.#frame?.clear();
    if (this.#channel.unsentBytes > 0) this.#setStall(limits.lameDuckMs);
    else this.#stall?.clear();
  }
}
