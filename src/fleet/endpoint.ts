import { hashOf } from "./hash.ts";

/** What a list says of one member. */
export interface EndpointFacts {
  /** What tells members apart (address and id). */
  readonly key: string;
  /** Share beside the others', 0 (none) to 10,000. What is absurd is made sane, see {@link saneWeight}. */
  readonly weight: number;
  readonly zone?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

/** What a policy reads of one member. */
export interface EndpointView {
  /** What tells members apart (address and id). */
  readonly key: string;
  /** 32 bits of the key. */
  readonly hash: number;
  /** Share beside the others' as the list has it: finite, 0..10,000. */
  readonly weight: number;
  readonly zone: string | undefined;
  readonly tags: Readonly<Record<string, string>> | undefined;
  /** Attempts of this client that are under way there. */
  readonly inFlight: number;
  /** What attempts took, in ms: an average that follows peaks at once. 0 = nothing is known yet. */
  readonly latencyMs: number;
  /** When that was last brought up to date. */
  readonly measuredAt: number;
  /** When it was last picked. */
  readonly pickedAt: number;
  /** Part of the attempts that went well, 0..1, as of `ratedAt`; 1 to begin with. */
  readonly successRate: number;
  /** When that was last brought up to date. */
  readonly ratedAt: number;
  /** When it was first seen beside others; -Infinity when it counts as warm. */
  readonly freshSince: number;
}

/**
 * How an attempt ended, as far as it says something of the member. `"ok"`: an answer, an
 * application's fault too. `"failed"`: a failure that is the server's. `"refused"`: it has too much
 * to do or drains, and did not start. `"left"`: the caller went away, so it took at least so long.
 */
export type Outcome = "ok" | "failed" | "refused" | "left";

/** Time in which what was learned fades to 1/e of its say (brpc's and Finagle's peak EWMA). */
export const fadeMs = 10_000;

/** No attempt counts as longer than this, and a failed one as no better. */
const maxSampleMs = 30_000;

/** No attempt counts as shorter, so that 0 keeps its meaning. */
const minSampleMs = 0.001;

/** What a failure or a refusal counts as at least, when nothing is known yet of who is so fast at it. */
const firstHarmMs = 100;

/** As member lists have it. */
const maxWeight = 10_000;

/** A weight from anywhere as 0..10,000: negative and NaN count as 0, more as 10,000. */
export function saneWeight(weight: number): number {
  return weight > 0 ? Math.min(weight, maxWeight) : 0;
}

/** What is left after so long: 1 at once and when the clock went back, towards 0 with time. */
export function faded(forMs: number): number {
  if (!(forMs > 0)) return 1;
  const part = forMs / fadeMs;
  // The first terms of the series: exact to 2e-7 there, and an exponential is most of a pick's time.
  return part < 0.01 ? 1 - part + (part * part) / 2 : Math.exp(-part);
}

/**
 * What one client knows of one member from its own calls. All times are of one monotonic clock, in
 * ms, and handed in; whatever they are, no average becomes NaN or infinite.
 */
export class Endpoint implements EndpointView {
  readonly key: string;
  readonly hash: number;
  // Policies read these many times a call. Nobody but this class writes them.
  weight: number;
  zone: string | undefined;
  tags: Readonly<Record<string, string>> | undefined;
  inFlight = 0;
  latencyMs = 0;
  measuredAt: number = Number.NEGATIVE_INFINITY;
  pickedAt: number;
  successRate = 1;
  ratedAt: number = Number.NEGATIVE_INFINITY;
  freshSince: number;
  /** When a refusal last counted. */
  #refusedAt = Number.NEGATIVE_INFINITY;

  /** `freshSince`: now for a member that joins others; -Infinity for those of the first list. */
  constructor(facts: EndpointFacts, freshSince: number = Number.NEGATIVE_INFINITY) {
    this.key = facts.key;
    this.hash = hashOf(facts.key);
    this.weight = saneWeight(facts.weight);
    this.zone = facts.zone;
    this.tags = facts.tags;
    this.freshSince = freshSince;
    this.pickedAt = freshSince;
  }

  /**
   * Takes a newer record of the same member; its key stays. What was made from lists that hold this
   * member has to be made anew: policies and preferences remember things of a list as it was.
   */
  update(facts: EndpointFacts): void {
    this.weight = saneWeight(facts.weight);
    this.zone = facts.zone;
    this.tags = facts.tags;
  }

  /**
   * Forgets what was measured: the member is back and begins as a fresh one. Attempts that are still
   * under way go on being counted.
   */
  renew(now: number): void {
    this.latencyMs = 0;
    this.measuredAt = Number.NEGATIVE_INFINITY;
    this.successRate = 1;
    this.ratedAt = Number.NEGATIVE_INFINITY;
    this.freshSince = now;
    this.pickedAt = now;
    this.#refusedAt = Number.NEGATIVE_INFINITY;
  }

  /** An attempt is over that says nothing of it. */
  leave(): void {
    if (this.inFlight > 0) this.inFlight--;
  }

  /** An attempt is sent there. */
  begin(now: number): void {
    this.inFlight++;
    this.pickedAt = now;
  }

  /**
   * An attempt has ended, `elapsedMs` after it began; NaN when that says nothing of how long calls
   * take, as with a stream. `timeoutMs` is what it had left when it began; Infinity or NaN when it had
   * all the time.
   *
   * - ok: averaged in; a sample above the average replaces it at once (Finagle's peak EWMA). Without a
   *   sample only `successRate` is touched.
   * - failed: counts as the longest of its time, its timeout and twice the average, so that who fails
   *   fast does not look fast (brpc). Averaged in: as a peak, one failure in a thousand would send a
   *   member's load to the others for a minute. Time that it really took is a peak as any other.
   * - refused: the average doubles, once for all attempts that were under way together.
   * - left: a lower bound, so it counts only when it is above the average.
   */
  end(now: number, elapsedMs: number, outcome: Outcome, timeoutMs: number): void {
    this.leave();
    const sample = elapsedMs >= 0 ? Math.min(Math.max(elapsedMs, minSampleMs), maxSampleMs) : 0;
    switch (outcome) {
      case "ok":
        if (sample > 0) this.#measure(now, sample, sample);
        this.#rate(now, 1);
        return;
      case "failed": {
        const limit = timeoutMs < maxSampleMs ? timeoutMs : maxSampleMs;
        this.#measure(now, sample, this.#harm(Math.max(sample, limit)));
        this.#rate(now, 0);
        return;
      }
      case "refused":
        if (!this.#hasCounted(now, sample)) {
          this.#replace(now, this.#harm(sample));
          this.#refusedAt = now;
        }
        return;
      case "left":
        if (sample > this.latencyMs) this.#replace(now, sample);
        return;
    }
  }

  /** At least so long, and worse than what is known. */
  #harm(leastMs: number): number {
    const known = this.latencyMs > 0 ? 2 * this.latencyMs : firstHarmMs;
    return Math.min(Math.max(leastMs, known), maxSampleMs);
  }

  /** Whether a refusal came of the same burst as the one before: it began before that was known. */
  #hasCounted(now: number, sample: number): boolean {
    // Without a sample it is taken to have been under way as long as others are.
    const beganAt = now - (sample > 0 ? sample : Math.max(this.latencyMs, firstHarmMs));
    return beganAt <= this.#refusedAt && this.#refusedAt <= now;
  }

  /** Averages a value in, above what is known or the peak, whichever is more. */
  #measure(now: number, peak: number, value: number): void {
    const known = Math.max(this.latencyMs, peak);
    const old = this.latencyMs > 0 ? faded(now - this.measuredAt) : 0;
    this.#replace(now, known + (value - known) * (1 - old));
  }

  #replace(now: number, latencyMs: number): void {
    this.latencyMs = Math.max(latencyMs, minSampleMs);
    this.measuredAt = now;
  }

  #rate(now: number, value: number): void {
    const old = faded(now - this.ratedAt);
    this.successRate = this.successRate * old + value * (1 - old);
    this.ratedAt = now;
  }
}
