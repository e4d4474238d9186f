import type { DeadlineEntry, Deadlines } from "../base/deadlines.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/time.ts";

/** Periods in a row without a byte after which a connection is stale. */
const staleAfter = 2;

/** A look that is later than this was not held up by a busy loop: the process stood still. */
const stoodStillMs = limits.pingIntervalMs / 10;

/** What a keepalive needs, and whom it tells. It is kept as it is and not copied. */
export interface KeepaliveOptions {
  /** The clock that `deadlines` go by. */
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Sends a ping. Tokens count up from 1 and stay below 2^32. */
  send(token: number): void;
  /**
   * The peer has been silent for two periods: no new call for this connection. It may close the
   * keepalive. Called again only if the peer was heard in between.
   */
  stale(): void;
  /** A stale connection's peer was heard again. Called at the next look, not at the read. */
  revived(): void;
}

/**
 * Finds out whether the peer of a connection still lives, for the calling end. It begins when it is
 * made, which is when the greeting is over, and looks every `limits.pingIntervalMs` (5 s) whether
 * anything was read: if not, it sends a ping; if not for two looks in a row, the connection is stale.
 * Pings go on then, so that a peer that comes back is heard.
 *
 * A read leaves a mark and no time, because it has to cost nothing. So a peer has been silent for
 * one to two periods when it is pinged, and for two to three when it counts as stale; for exactly one
 * and two when it never said anything.
 */
export class Keepalive implements DeadlineEntry {
  deadlineAt: number;
  previous: DeadlineEntry | undefined = undefined;
  next: DeadlineEntry | undefined = undefined;
  readonly #options: KeepaliveOptions;
  /** Anything was read since the last look. */
  #heard = false;
  /** Periods in a row without a byte. */
  #silent = 0;
  /** A look came late since the peer was heard, and counted for nothing. */
  #excused = false;
  #token = 0;
  #closed = false;

  constructor(options: KeepaliveOptions) {
    this.#options = options;
    this.deadlineAt = options.clock.now() + limits.pingIntervalMs;
    options.deadlines.add(this);
  }

  /** Something was read. */
  heard(): void {
    this.#heard = true;
  }

  /** The connection is over: no further ping, and nobody is told anything. */
  close(): void {
    this.#closed = true;
    this.#options.deadlines.remove(this);
  }

  /** For the `Deadlines` that hold it, and nobody else. */
  expired(): void {
    // What fell due at the same moment may have closed it, and could not take it back any more.
    if (this.#closed) return;
    const now = this.#options.clock.now();
    const lateMs = now - this.deadlineAt;
    this.deadlineAt = now + limits.pingIntervalMs;
    this.#options.deadlines.add(this);
    if (this.#heard) this.#alive();
    else if (!this.#excuse(lateMs)) this.#silence();
  }

  /**
   * Whether the look came so late that silence says nothing: timers run before sockets are read, so
   * a loop that stood still has not heard what came meanwhile. A loop that is a little late at every
   * look is excused once, or a dead peer would never be found under load.
   */
  #excuse(lateMs: number): boolean {
    if (lateMs <= (this.#excused ? stoodStillMs : limits.lateTurnMs)) return false;
    this.#excused = true;
    return true;
  }

  #alive(): void {
    const wasStale = this.#silent >= staleAfter;
    this.#heard = false;
    this.#silent = 0;
    this.#excused = false;
    if (wasStale) this.#options.revived();
  }

  #silence(): void {
    // Told first: who closes a stale connection at once needs no ping on it.
    if (++this.#silent === staleAfter) this.#options.stale();
    if (this.#closed) return;
    this.#token = (this.#token + 1) >>> 0;
    this.#options.send(this.#token);
  }
}
