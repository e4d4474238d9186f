import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/time.ts";
import { ValueEncoder } from "../wire/encode.ts";
import { Writer } from "../wire/writer.ts";

/** Answers that are over and are let go, at the most, with each call that begins. */
const letGoPerCall = 8;
/** The timer is so much late, so that a busy store is swept once in so long. */
const sweepLateMs = 1_000;

/** What tells one call with a key from another. */
export interface KeyedCall {
  /** `Service.Method`. */
  readonly method: string;
  /** Who calls, as the server knows it; callers share no keys. */
  readonly caller: string;
  /** The caller's own text. */
  readonly key: string;
  /** What {@link digestOf} says of the arguments. */
  readonly argsDigest: string;
}

/** Someone who waits for the answer of a call that another one has started. */
export interface KeyWaiter {
  /**
   * Called once: with the bytes of the answer's frame, or with undefined when the call was not
   * started after all. Then it may `begin` again, and the first to do so starts the call. It must
   * not throw.
   */
  answered(answer: Buffer | undefined): void;
}

/** A call with a key whose handler is at work. Whoever began it ends it: `finish` or `forget`. */
export class KeyEntry {
  /** Under which name the store has it. */
  readonly scope: string;
  readonly argsDigest: string;
  #waiters: Set<KeyWaiter> | undefined;

  constructor(scope: string, argsDigest: string) {
    this.scope = scope;
    this.argsDigest = argsDigest;
  }

  /** Has the waiter told when this call ends. */
  wait(waiter: KeyWaiter): void {
    this.#waiters ??= new Set();
    this.#waiters.add(waiter);
  }

  /** The waiter hears nothing any more, for its connection is closed. Twice is as good as once. */
  unwait(waiter: KeyWaiter): void {
    this.#waiters?.delete(waiter);
  }

  /** For the store. One whom an earlier one takes back is not told. */
  tell(answer: Buffer | undefined): void {
    for (const waiter of this.#waiters ?? []) waiter.answered(answer);
  }
}

/**
 * What to do with a call:
 *
 * - new: it is the first with its key. Start it, then `finish` or `forget` the entry.
 * - running: the first is at work. Wait for its answer with `entry.wait`.
 * - answered: the frame of its answer, with another call's id at `idOffset`. It stays the store's.
 */
export type Begun =
  | { readonly kind: "new"; readonly entry: KeyEntry }
  | { readonly kind: "running"; readonly entry: KeyEntry }
  | { readonly kind: "answered"; readonly answer: Buffer };

/** What a store keeps at the most. Defaults are those of `limits`. */
export interface KeyStoreLimits {
  /** How long an answer is kept, from the moment when it was there. */
  readonly windowMs?: number;
  /** Keys, of calls at work and of answers together. */
  readonly maxKeys?: number;
  /** Bytes of all answers together; what keys take comes on top. */
  readonly maxBytes?: number;
}

/**
 * The answer of a call that has ended, in the ring of all of them. It is undefined when it was too
 * large to be kept.
 */
class Kept {
  readonly scope: string;
  readonly argsDigest: string;
  readonly answer: Buffer | undefined;
  readonly expiresAt: number;
  previous: Kept = this;
  next: Kept = this;

  constructor(scope: string, argsDigest: string, answer: Buffer | undefined, expiresAt: number) {
    this.scope = scope;
    this.argsDigest = argsDigest;
    this.answer = answer;
    this.expiresAt = expiresAt;
  }
}

function precondition(reason: string, executed: "no" | "yes", message: string): GeeError {
  return new GeeError("FAILED_PRECONDITION", message, { reason, executed });
}

/**
 * What a server remembers of calls that carry an idempotency key, so that none of them is executed
 * twice within the window: which are at work, and the answers of those that have ended. What does
 * not fit pushes out the oldest answers; a call at work is never pushed out.
 *
 * Answers are in a ring in the order of their coming, which is that of their expiry. A Map has that
 * order as well, but its first entry is found only behind all that were deleted before it: 10 us for
 * each call with a full store, instead of less than one.
 */
export class KeyStore {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #maxKeys: number;
  readonly #maxBytes: number;
  readonly #running: Map<string, KeyEntry> = new Map();
  readonly #kept: Map<string, Kept> = new Map();
  /** The ring's head: the oldest answer is behind it, the newest before it. It never expires. */
  readonly #ring: Kept = new Kept("", "", undefined, Number.POSITIVE_INFINITY);
  #bytes = 0;
  /** Armed while there are answers, so that the last of them go although no call comes. */
  #timer: Timer | undefined;

  constructor(clock: Clock, keyLimits: KeyStoreLimits = {}) {
    this.#clock = clock;
    this.#windowMs = keyLimits.windowMs ?? limits.idempotencyWindowMs;
    this.#maxKeys = keyLimits.maxKeys ?? limits.maxIdempotencyKeys;
    this.#maxBytes = keyLimits.maxBytes ?? limits.maxIdempotencyBytes;
  }

  /** Keys held, of calls at work and of answers. */
  get size(): number {
    return this.#running.size + this.#kept.size;
  }

  /** Bytes of the answers that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * A call with a key has come; what is to be done with it.
   *
   * @throws GeeError FAILED_PRECONDITION, reason KEY_REUSED, executed no: the key came before with
   *   other arguments. FAILED_PRECONDITION, reason ANSWER_NOT_KEPT, executed yes: the call has ended
   *   and its answer was too large to be kept; no attempt brings it back, so it is no shortage that
   *   passes, and no data were lost. RESOURCE_EXHAUSTED, reason KEYS_FULL, executed no: the calls of
   *   all keys are at work.
   */
  begin(call: KeyedCall): Begun {
    const now = this.#clock.now();
    for (let count = 0; count < letGoPerCall; count++) {
      if (this.#ring.next.expiresAt > now) break;
      this.#letGo(this.#ring.next);
    }
    const { method, caller, key, argsDigest } = call;
    // Neither a method nor a number has a colon, so no two calls share a text.
    const scope = `${method}:${caller.length}:${caller}${key}`;
    const running = this.#running.get(scope);
    let kept = running === undefined ? this.#kept.get(scope) : undefined;
    if (kept !== undefined && kept.expiresAt <= now) {
      this.#letGo(kept);
      kept = undefined;
    }
    const before = running ?? kept;
    if (before !== undefined && before.argsDigest !== argsDigest) {
      throw precondition(
        "KEY_REUSED",
        "no",
        `the idempotency key of this ${method} came before with other arguments`,
      );
    }
    if (running !== undefined) return { kind: "running", entry: running };
    if (kept !== undefined) {
      if (kept.answer !== undefined) return { kind: "answered", answer: kept.answer };
      throw precondition(
        "ANSWER_NOT_KEPT",
        "yes",
        `this ${method} was done before, and its answer was too large to be kept`,
      );
    }
    this.#makeRoom();
    const entry = new KeyEntry(scope, argsDigest);
    this.#running.set(scope, entry);
    return { kind: "new", entry };
  }

  #makeRoom(): void {
    if (this.size < this.#maxKeys) return;
    if (this.#kept.size === 0) {
      throw new GeeError(
        "RESOURCE_EXHAUSTED",
        `calls with ${this.#maxKeys} idempotency keys are at work`,
        { reason: "KEYS_FULL", executed: "no" },
      );
    }
    this.#letGo(this.#ring.next);
  }

  /**
   * The handler of a call has ended (not: its caller gave it up). Keeps the answer and tells those
   * who wait. `answer` is the frame of a result or a fault, as `encodeMessage` makes it; it is the
   * store's from here on, and has memory of its own, for its length is what counts. When it alone is
   * larger than all answers may be, only those who wait get it. Does nothing for an entry that has
   * ended.
   */
  finish(entry: KeyEntry, answer: Buffer): void {
    if (!this.#end(entry)) return;
    const fits = answer.length <= this.#maxBytes;
    if (fits) {
      while (this.#bytes + answer.length > this.#maxBytes) this.#letGo(this.#ring.next);
      this.#bytes += answer.length;
    }
    const expiresAt = this.#clock.now() + this.#windowMs;
    const { scope, argsDigest } = entry;
    const kept = new Kept(scope, argsDigest, fits ? answer : undefined, expiresAt);
    this.#kept.set(scope, kept);
    kept.previous = this.#ring.previous;
    kept.next = this.#ring;
    kept.previous.next = kept;
    this.#ring.previous = kept;
    if (this.#timer === undefined) this.#arm(this.#windowMs);
    // Last, since those who are told may come with further calls.
    entry.tell(answer);
  }

  /**
   * The call was not started: its key is free, and those who wait are told so. Does nothing for an
   * entry that has ended.
   */
  forget(entry: KeyEntry): void {
    if (this.#end(entry)) entry.tell(undefined);
  }

  #end(entry: KeyEntry): boolean {
    if (this.#running.get(entry.scope) !== entry) return false;
    return this.#running.delete(entry.scope);
  }

  #letGo(kept: Kept): void {
    this.#kept.delete(kept.scope);
    kept.previous.next = kept.next;
    kept.next.previous = kept.previous;
    this.#bytes -= kept.answer?.length ?? 0;
  }

  #arm(inMs: number): void {
    this.#timer = this.#clock.after(inMs + sweepLateMs, this.#sweep, { background: true });
  }

  readonly #sweep = (): void => {
    this.#timer = undefined;
    const now = this.#clock.now();
    while (this.#ring.next.expiresAt <= now) this.#letGo(this.#ring.next);
    if (this.#kept.size > 0) this.#arm(this.#ring.next.expiresAt - now);
  };
}

/** Taken while it is in use: encoding runs the getters of what is encoded. */
let spare: Writer | undefined;

/**
 * What tells a call's arguments from others: SHA-256 over them as they would travel, in base64. So
 * bytes, dates and bigints count exactly, and how a number was encoded does not. The order of an
 * object's keys counts; whoever sends a call again sends the same one.
 *
 * @throws CannotTravel for values that did not come from a connection and could not go over one
 */
export function digestOf(args: readonly unknown[]): string {
  const writer = spare ?? new Writer();
  spare = undefined;
  try {
    new ValueEncoder(writer).args(args);
    return Bun.CryptoHasher.hash("sha256", writer.bytes.subarray(0, writer.length), "base64");
  } finally {
    // Now and not before the next use, or it would keep what a large call grew until then.
    writer.reset(Number.POSITIVE_INFINITY);
    spare = writer;
  }
}
