/** Buckets to each doubling: bounds are 9 % apart. */
const perDoubling = 8;
/** The first bucket holds all up to 2^-7 ms (8 us) ... */
const firstExponent = -7;
/** ... and the last all beyond 2^18 ms (4 minutes). */
const lastExponent = 18;
const bucketCount = (lastExponent - firstExponent) * perDoubling + 1;

/** How long one half takes in samples. */
const halfMs = 10_000;

/** Fewer samples say nothing of the slow ones among them. */
const leastSamples = 20;

function bucketOf(elapsedMs: number): number {
  const place = Math.ceil((Math.log2(elapsedMs) - firstExponent) * perDoubling);
  // What is no number at all is not told here: see `record`.
  return place > 0 ? Math.min(place, bucketCount - 1) : 0;
}

/** The upper bound of a bucket, in ms. */
function boundOf(bucket: number): number {
  return 2 ** (firstExponent + bucket / perDoubling);
}

/**
 * How long the calls of one method took in the last 10 to 20 seconds: a histogram with logarithmic
 * buckets (as HdrHistogram's, with fewer of them), in two halves. Every 10 s the older half is
 * emptied and takes in what comes. Exact to 9 %, in 1.6 KB whatever the number of calls.
 *
 * `now` is monotonic, in ms. When it goes back all the same, the half that takes in lasts 10 s from
 * there; what is no finite number is taken for the moment before.
 */
export class Latencies {
  #young: Uint32Array = new Uint32Array(bucketCount);
  #old: Uint32Array = new Uint32Array(bucketCount);
  #youngCount = 0;
  #oldCount = 0;
  /** When the younger half began. */
  #since: number;

  constructor(now: number) {
    this.#since = Number.isFinite(now) ? now : 0;
  }

  /** A call took so long. What is no length of time is left out. */
  record(now: number, elapsedMs: number): void {
    if (!(elapsedMs >= 0)) return;
    this.#turnTo(now);
    const bucket = bucketOf(elapsedMs);
    this.#young[bucket] = (this.#young[bucket] ?? 0) + 1;
    this.#youngCount++;
  }

  /** Samples that count now. */
  count(now: number): number {
    this.#turnTo(now);
    return this.#youngCount + this.#oldCount;
  }

  /**
   * The time within which this part (0 to 1) of the calls was done, in ms, up to 9 % above the true
   * one; undefined below 20 samples.
   */
  quantile(now: number, part: number): number | undefined {
    const count = this.count(now);
    if (count < leastSamples) return undefined;
    let left = part * count;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      left -= (this.#young[bucket] ?? 0) + (this.#old[bucket] ?? 0);
      if (left <= 0) return boundOf(bucket);
    }
    return boundOf(bucketCount - 1);
  }

  #turnTo(now: number): void {
    const ageMs = now - this.#since;
    if (ageMs >= 0 && ageMs < halfMs) return;
    if (!Number.isFinite(now)) return;
    if (ageMs < 0) {
      this.#since = now;
      return;
    }
    const emptied = this.#old.fill(0);
    this.#old = this.#young;
    this.#oldCount = this.#youngCount;
    this.#young = emptied;
    this.#youngCount = 0;
    if (ageMs >= 2 * halfMs) {
      this.#old.fill(0);
      this.#oldCount = 0;
    }
    this.#since = now;
  }
}
