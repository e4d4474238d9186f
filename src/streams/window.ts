/** The numbers of a stream's flow control. Bytes are those of frames, heads included. */
export const windowLimits = {
  /** What either direction of a stream may send before the first credit. Part of the protocol. */
  initialWindowBytes: 262_144,
  /** A window that nobody fills in time shrinks to this and no further. */
  minWindowBytes: 65_536,
  /** The largest window of one stream: what a consumer that stops may leave in memory, and an item. */
  maxStreamWindowBytes: 16_777_216,
  /** The most credit that a sender may hold. Part of the protocol. */
  maxCreditBytes: 2_147_483_647,
} as const;

/** A round that took longer than the shortest by more than this was not one of waiting for credit. */
const heldBackRatio = 1.5;
/** Rounds in a row in which the sender was held back before the window grows, after the start. */
const heldBackRounds = 3;
/** What the window keeps at least in one round of shrinking. */
const shrinkRatio = 0.9;
/** Rounds shorter than this count as this long: below it the turns of two loops decide, not a link. */
const minRoundMs = 0.1;

/** What a {@link ReceiveWindow} asks of its owner. */
export interface WindowHost {
  /** Milliseconds, with fractions, of a clock that never goes back. Asked twice a round. */
  now(): number;
  /** Whether the process has memory for larger windows. Asked each time before one grows. */
  mayGrow(): boolean;
}

/**
 * How much the sender of a stream may have on its way: granted, travelling or in the queue of the
 * consumer. Credit is granted when the consumer has taken items, in few grants of at least a quarter
 * of the window, so a consumer that stops also stops the sender.
 *
 * The window adapts as that of TCP does (Linux' receive buffer tuning and its `rcv_rtt_est`, QUIC's
 * flow control), because the receiver alone can see what is needed. A round lasts from a grant to
 * the first item that cannot have been sent without it. That is never less than the round trip, and
 * it is the round trip when the sender had to wait for the grant. So:
 *
 * - The consumer waited for items, and the round was about as short as any: the sender was held back
 *   by the window, which doubles. It ends at two to four times what the link holds. From the first
 *   round that was not so on, it takes three such rounds in a row: one is short by chance.
 * - All credit was used up before the grant, and when the next item came more than half a window was
 *   still in the queue: the consumer is the slow one, and the window shrinks by a tenth.
 *
 * Cap'n Web's rule (bandwidth times shortest round trip times a gain) was not taken. Where the window
 * limits the bandwidth, every round trip that is longer than the shortest makes the product smaller
 * than the window, so the window shrinks, then the bandwidth, and so on to the least.
 */
export class ReceiveWindow {
  readonly #host: WindowHost;
  #windowBytes: number = windowLimits.initialWindowBytes;
  /** Granted and not used; below 0 when the last item took more than there was. */
  #available: number = windowLimits.initialWindowBytes;
  /** What the sender is owed: the window less what is available and what is queued. */
  #owed = 0;
  /** Whether a round is under way. With several grants on their way, one of them is watched. */
  #inRound = false;
  #roundStartedAt = 0;
  /** What may still come in this round without its grant. */
  #untilFresh = 0;
  /** All credit was used up when this round's grant was made. */
  #usedUp = false;
  /** The consumer has waited in this round. */
  #starved = false;
  /**
   * The window has grown since the last grant. The next one carries that and starts no round: until
   * it is used the sender has the old window, whose rounds are shorter.
   */
  #hasGrown = false;
  /** Every round so far was one in which the sender was held back. */
  #starting = true;
  #heldBackRounds = 0;
  /** Never forgotten: a full pipe makes rounds longer, and would look like a longer link. */
  #shortestMs = Number.POSITIVE_INFINITY;

  constructor(host: WindowHost) {
    this.#host = host;
  }

  /** The window's size now. */
  get windowBytes(): number {
    return this.#windowBytes;
  }

  /**
   * An item of so many bytes has come. False when no credit was left before it, which the protocol
   * forbids; it may take more than was left.
   */
  spend(bytes: number): boolean {
    if (this.#available <= 0) return false;
    if (this.#inRound) {
      if (this.#untilFresh <= 0) this.#endRound();
      else this.#untilFresh -= bytes;
    }
    this.#available -= bytes;
    return true;
  }

  /** The consumer waits, and nothing is queued. */
  starved(): void {
    this.#starved = true;
  }

  /** The consumer took an item. Returns the credit to be granted now, in bytes; 0 for none. */
  consumed(bytes: number): number {
    const credit = this.#owed + bytes;
    if (credit < this.#windowBytes / 4) {
      this.#owed = credit;
      return 0;
    }
    if (this.#hasGrown) {
      this.#hasGrown = false;
    } else if (!this.#inRound) {
      this.#inRound = true;
      this.#roundStartedAt = this.#host.now();
      this.#untilFresh = this.#available;
      this.#usedUp = this.#available <= 0;
      this.#starved = false;
    }
    this.#owed = 0;
    this.#available += credit;
    return credit;
  }

  /** What the sender is owed so far, to be granted now although it is little; 0 for nothing. */
  flush(): number {
    const credit = Math.max(0, this.#owed);
    this.#owed -= credit;
    this.#available += credit;
    return credit;
  }

  #endRound(): void {
    this.#inRound = false;
    const roundMs = Math.max(this.#host.now() - this.#roundStartedAt, minRoundMs);
    if (roundMs < this.#shortestMs) this.#shortestMs = roundMs;
    const size = this.#windowBytes;
    if (this.#starved && roundMs <= heldBackRatio * this.#shortestMs) {
      this.#heldBackRounds++;
      if (this.#starting || this.#heldBackRounds >= heldBackRounds) this.#grow();
      return;
    }
    this.#starting = false;
    this.#heldBackRounds = 0;
    if (this.#usedUp && size - this.#available - this.#owed > size / 2) {
      this.#resize(Math.max(Math.floor(size * shrinkRatio), windowLimits.minWindowBytes));
    }
  }

  #grow(): void {
    this.#heldBackRounds = 0;
    const bytes = Math.min(this.#windowBytes * 2, windowLimits.maxStreamWindowBytes);
    if (bytes === this.#windowBytes || !this.#host.mayGrow()) return;
    this.#hasGrown = true;
    this.#resize(bytes);
  }

  /** The difference is granted, or kept back, with the next grant. */
  #resize(bytes: number): void {
    this.#owed += bytes - this.#windowBytes;
    this.#windowBytes = bytes;
  }
}
