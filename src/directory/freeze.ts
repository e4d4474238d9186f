import { limits } from "../base/limits.ts";

/** How one class of members stands. */
export interface Lateness {
  /** All that are listed and have not left. */
  readonly total: number;
  /** Those of whom nothing was heard for a lease or more. */
  readonly late: number;
  /** The late ones that became so within the last lease, and in no freeze that is over. */
  readonly fresh: number;
}

function tooMany(count: number, total: number): boolean {
  return count >= limits.freezeLeast && count / total > limits.freezeShare;
}

/**
 * Whether removals of one class are held back. When many fall silent at once it is more likely that
 * the registry cannot hear them than that they are all dead. Eureka's self-preservation, but for
 * its end: a freeze lasts `limits.maxFreezeMs` at most, and who is silent still is believed dead.
 */
export class Freeze {
  #beganAt: number | undefined;

  get on(): boolean {
    return this.#beganAt !== undefined;
  }

  /** When it ends at the latest; infinite while there is none. */
  get endsAt(): number {
    return (this.#beganAt ?? Number.POSITIVE_INFINITY) + limits.maxFreezeMs;
  }

  /** Takes in how the class stands. Who is late at the end of a freeze is fresh no more. */
  update(now: number, { total, late, fresh }: Lateness): "began" | "ended" | undefined {
    if (this.#beganAt === undefined) {
      if (!tooMany(fresh, total)) return undefined;
      this.#beganAt = now;
      return "began";
    }
    if (tooMany(late, total) && now < this.endsAt) return undefined;
    this.#beganAt = undefined;
    return "ended";
  }
}
