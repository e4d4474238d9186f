/** Seconds that count: what is older neither allows nor forbids anything. */
const slotCount = 10;
const slotMs = 1_000;

/**
 * How many attempts a client may make beyond the first of each call: a share of its calls of the
 * last 10 seconds and some a second besides, so that a client that makes few calls may try again as
 * well. One per service, shared by all that makes further attempts; it keeps a bad day from getting
 * worse, since servers that fail get at most so much more to do.
 *
 * After Finagle's RetryBudget: a call deposits, an attempt costs what 1 / share calls deposit, and
 * both are forgotten after 10 s. Finagle has a whole window's reserve from the first moment on, and
 * again when that is forgotten, so that over 11 s there could be twice 10 s' worth. Here the reserve
 * comes second by second: up to any moment, attempts <= share * calls + perSecond * seconds.
 *
 * `now` is monotonic, in ms. When it goes back all the same, the second that counts then begins anew;
 * what is no finite number is taken for the moment before.
 */
export class RetryBudget {
  /** What one further attempt costs, in deposits. */
  readonly #cost: number;
  /** What each second gives, in deposits. */
  readonly #reserve: number;
  /** Deposits of the current second that are not in its slot yet: most seconds see nothing else. */
  #deposits = 0;
  /** Deposits less costs of each second, as a ring. */
  readonly #slots: Float64Array = new Float64Array(slotCount);
  #current = 0;
  /** Of all slots. */
  #sum: number;
  /** When the current second began and ends. */
  #from: number;
  #until: number;

  /** By default 20 % of the calls, and 10 a second. `share` is above 0. */
  constructor(now: number, share = 0.2, perSecond = 10) {
    this.#cost = 1 / share;
    this.#reserve = perSecond * this.#cost;
    this.#slots[0] = this.#reserve;
    this.#sum = this.#reserve;
    this.#from = Number.isFinite(now) ? now : 0;
    this.#until = this.#from + slotMs;
  }

  /** A call begins; not for its further attempts, nor for a call that is itself a further attempt. */
  deposit(now: number): void {
    if (!(now < this.#until && now >= this.#from)) this.#turnTo(now);
    this.#deposits++;
  }

  /**
   * Takes what one further attempt costs; false when there is not so much. To be asked when the
   * attempt is decided on and not when it is sent, or all who wait would be allowed the same one.
   */
  withdraw(now: number): boolean {
    this.#turnTo(now);
    if (this.#sum < this.#cost) return false;
    this.#add(-this.#cost);
    return true;
  }

  /** How many further attempts there may be now, rounded down. */
  balance(now: number): number {
    this.#turnTo(now);
    return Math.max(0, Math.floor(this.#sum / this.#cost));
  }

  #add(amount: number): void {
    this.#slots[this.#current] = (this.#slots[this.#current] ?? 0) + amount;
    this.#sum += amount;
  }

  /** Time goes on: what was deposited belongs to the second that was. */
  #turnTo(now: number): void {
    this.#add(this.#deposits);
    this.#deposits = 0;
    if (now >= this.#until) this.#turn(now);
    else if (now < this.#from && Number.isFinite(now)) this.#begin(now);
  }

  #turn(now: number): void {
    if (!Number.isFinite(now)) return;
    const passed = Math.floor((now - this.#from) / slotMs);
    for (let count = Math.min(passed, slotCount); count > 0; count--) {
      this.#current = (this.#current + 1) % slotCount;
      this.#slots[this.#current] = this.#reserve;
    }
    // Summed up anew, so that what rounding leaves does not add up.
    this.#sum = 0;
    for (const slot of this.#slots) this.#sum += slot;
    this.#begin(passed > slotCount ? now : this.#from + passed * slotMs);
  }

  #begin(from: number): void {
    this.#from = from;
    this.#until = from + slotMs;
  }
}
