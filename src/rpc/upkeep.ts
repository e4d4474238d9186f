import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/time.ts";

/** Sessions that are looked at in one phase of the loop. */
const sliceSize = 500;

/** A sweep that is later than this was not held up by a busy loop: the process stood still. */
const stoodStillMs = limits.sweepMs / 10;

/** Ages at which connections are replaced, as parts of the largest age: from 0.9 to 1.1. */
const leastAge = 0.9;
const ageRange = 0.2;

/** Multiples of this, modulo 1, lie evenly in every stretch of them (a Weyl sequence). */
const goldenRatio = (Math.sqrt(5) - 1) / 2;

/** A session as it is looked at. */
export interface UpkeepSession {
  /** Whether the greeting is over and the connection is not; others are left alone. */
  readonly isOpen: boolean;
  /** When it is to be retired; Infinity when it never is, or was. Upkeep's own, kept here. */
  retireAt: number;
  /**
   * Whether anything was read since the last look, which is forgotten by that. True as well for a
   * session that we have not read ourselves, and at the first look, because its hello was read.
   */
  takeHeard(): boolean;
  /** Asks the caller for a sign of life. */
  ping(): void;
  /** The caller is gone. Called once; the session is let go of. */
  giveUp(): void;
  /** The connection is old: the caller is asked to open another one. Called once. */
  retire(): void;
}

/** What {@link Upkeep} needs. */
export interface UpkeepOptions {
  readonly clock: Clock;
  /**
   * Age at which a connection is replaced, give or take a tenth. Default 30 min; 0 or Infinity:
   * never.
   */
  readonly maxConnectionAgeMs?: number | undefined;
  /** From 0 up to 1; where in that tenth the first session lies. Default Math.random. */
  readonly random?: (() => number) | undefined;
}

/**
 * Looks at all sessions of a server every `limits.sweepMs` (15 s), behind one timer that runs in the
 * background and only while there are any. A session that was not heard since the sweep before is
 * pinged; when it was not heard in the next sweep either, it is given up. One that is too old is
 * retired. A sweep takes as many phases of the loop as it needs, so that it holds nobody up.
 */
export class Upkeep<Session extends UpkeepSession> {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #sessions: Set<Session> = new Set();
  /** Those that were pinged in the last sweep. */
  readonly #asked: Set<Session> = new Set();
  /** The next session's age, from 0 up to 1 within its range. */
  #ageTurn: number;
  #timer: Timer | undefined;
  #dueAt = 0;
  /** What is left of the sweep that is under way. */
  #rest: Iterator<Session> | undefined;
  /** The sweep that is under way, or else the last one, came late and gives nobody up. */
  #excused = false;

  constructor(options: UpkeepOptions) {
    this.#clock = options.clock;
    this.#maxAgeMs = options.maxConnectionAgeMs ?? limits.maxConnectionAgeMs;
    this.#ageTurn = (options.random ?? Math.random)();
  }

  /** Those that were taken in and not let go, in the order of their coming. */
  get sessions(): ReadonlySet<Session> {
    return this.#sessions;
  }

  /** Takes a session in whose connection was just opened; `remove` follows when it is closed. */
  add(session: Session): void {
    session.retireAt = this.#nextRetirement();
    this.#sessions.add(session);
    if (this.#timer === undefined && this.#rest === undefined) this.#arm();
  }

  /** Lets a session go; false when it was not held. */
  remove(session: Session): boolean {
    const held = this.#sessions.delete(session);
    this.#asked.delete(session);
    if (this.#sessions.size > 0) return held;
    this.#timer?.cancel();
    this.#timer = undefined;
    return held;
  }

  /**
   * Callers that came together, because a server was restarted or a network was, must not leave
   * together. Chance alone would leave gaps and crowds; it only keeps servers apart from each other.
   */
  #nextRetirement(): number {
    if (this.#maxAgeMs === 0) return Number.POSITIVE_INFINITY;
    this.#ageTurn = (this.#ageTurn + goldenRatio) % 1;
    return this.#clock.now() + this.#maxAgeMs * (leastAge + ageRange * this.#ageTurn);
  }

  #arm(): void {
    this.#dueAt = this.#clock.now() + limits.sweepMs;
    this.#timer = this.#clock.after(limits.sweepMs, this.#sweep, { background: true });
  }

  readonly #sweep = (): void => {
    this.#timer = undefined;
    // Timers run before sockets are read: a loop that stood still has not heard what came meanwhile.
    // One that is a little late at every sweep is excused once, or callers that are gone would keep
    // their handlers for ever under load.
    const lateMs = this.#clock.now() - this.#dueAt;
    this.#excused = lateMs > (this.#excused ? stoodStillMs : limits.lateTurnMs);
    // Live, and in the order of their coming: who leaves meanwhile is not met, who comes is.
    this.#rest = this.#sessions.values();
    this.#slice();
  };

  readonly #slice = (): void => {
    const rest = this.#rest;
    if (rest === undefined) return;
    const now = this.#clock.now();
    for (let count = 0; count < sliceSize; count++) {
      const { done, value } = rest.next();
      if (done === true) {
        this.#rest = undefined;
        // Only now, so that everybody has a whole period to answer, however long the sweep took.
        if (this.#sessions.size > 0) this.#arm();
        return;
      }
      this.#look(value, now);
    }
    this.#clock.nextPhase(this.#slice);
  };

  #look(session: Session, now: number): void {
    if (!session.isOpen) return;
    if (session.takeHeard()) {
      this.#asked.delete(session);
    } else if (this.#asked.has(session) && !this.#excused) {
      session.giveUp();
      this.remove(session);
      return;
    } else {
      this.#asked.add(session);
      session.ping();
    }
    if (now < session.retireAt || !this.#sessions.has(session)) return;
    session.retireAt = Number.POSITIVE_INFINITY;
    session.retire();
  }
}
