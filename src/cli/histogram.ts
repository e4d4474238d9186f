/** Buckets for each doubling: a bucket is 1.1 % wide, and its middle at most 0.6 % from what is in it. */
const perDoubling = 64;
/** From 1 us to 71 minutes. */
const doublings = 32;
const size = perDoubling * doublings;

/** A bucket that holds something. */
export interface Bucket {
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
}

/** The lower end of a bucket. The first one also holds all that is below it. */
function startMs(index: number): number {
  return 2 ** (index / perDoubling) / 1_000;
}

/**
 * How often what took how long: counts in buckets that grow with the time, so that any number of
 * durations take 16 KiB, and a quantile is right to 0.6 %. The least and the greatest are exact.
 */
export class Histogram {
  readonly #counts: Float64Array = new Float64Array(size);
  #count = 0;
  #sumMs = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** The greatest; 0 when there is none. */
  get maxMs(): number {
    return this.#maxMs;
  }

  /** The mean; 0 when there is none. */
  get meanMs(): number {
    return this.#count === 0 ? 0 : this.#sumMs / this.#count;
  }

  /** Counts one. What is negative or no number counts as 0, what is longer than 71 minutes as that. */
  add(durationMs: number): void {
    const ms = durationMs > 0 ? durationMs : 0;
    const place = ms > 0.001 ? Math.floor(Math.log2(ms * 1_000) * perDoubling) : 0;
    const index = place < size ? place : size - 1;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#count++;
    this.#sumMs += ms;
    if (ms < this.#minMs) this.#minMs = ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  /** What a part of them, 0 to 1, did not exceed: `quantile(0.99)` is the p99. 0 when there is none. */
  quantile(part: number): number {
    if (this.#count === 0) return 0;
    const rank = Math.min(Math.max(Math.ceil(part * this.#count), 1), this.#count);
    if (rank === this.#count) return this.#maxMs;
    let below = 0;
    for (let index = 0; index < size; index++) {
      below += this.#counts[index] ?? 0;
      if (below < rank) continue;
      const middle = Math.sqrt(startMs(index) * startMs(index + 1));
      return Math.min(Math.max(middle, this.#minMs), this.#maxMs);
    }
    return this.#maxMs;
  }

  /** The buckets that hold something, rising. */
  buckets(): readonly Bucket[] {
    const found: Bucket[] = [];
    for (const [index, count] of this.#counts.entries()) {
      if (count === 0) continue;
      const fromMs = index === 0 ? 0 : startMs(index);
      found.push({ fromMs, toMs: startMs(index + 1), count });
    }
    return found;
  }
}
