import { Accrual, stretchMs } from "./accrual.ts";
import type { Fault } from "./accrual.ts";
import type { Outcome } from "./endpoint.ts";
import { findOutliers } from "./outliers.ts";
import type { OutlierFault } from "./outliers.ts";

export { Accrual };

/** Why a member is not called for a while. */
export type EjectedFor = Fault | OutlierFault | "failed probe";

/** What a member's attempt has changed. */
export type Change = "ejected" | "returned";

/** What an {@link Ejection} needs of its owner. */
export interface EjectionOptions<M> {
  /** From 0 to 1, as `Math.random`. */
  readonly random: () => number;
  /** A member is not called for so long; for a failed probe as well. */
  readonly onEject?: ((member: M, forMs: number, why: EjectedFor) => void) | undefined;
  /** Its probe was answered: it is called as any other. */
  readonly onReturn?: ((member: M) => void) | undefined;
}

/** By its own failures a member is out for so long at first, and twice as long each further time. */
const firstOutMs = 5_000;
/** Beside the others it is out for so long, times how often it was (gRFC A50). */
const outlierOutMs = 30_000;
/** And never for longer. */
const maxOutMs = 300_000;

/**
 * Which members of a list are called. Who fails is left out for a while, and comes back when one
 * call, its probe, was answered.
 *
 * - By its own failures (Finagle's failure accrual): 5 in a row, or less than 80 % success over 20 to
 *   30 s with 5 calls or more. Out for 5 s, twice that the next time, half of it by chance, at most
 *   300 s; each 30 s in without going out make up for one time.
 * - Beside the others, every 10 s, for lists of 5 and more: see {@link findOutliers}. Out for 30 s,
 *   times how often, at most 300 s.
 *
 * Never more than half of the list are out. When more should be, fewer than half are healthy; then it
 * is not the members that are at fault, or nobody would be left, so health is ignored: everybody is
 * called (Envoy's panic threshold), nobody else goes out, and a failed probe makes no time longer.
 *
 * ```ts
 * const list = ejection.available(members, now);  // choose one of these
 * ejection.begin(member, now);                    // that is the one
 * ejection.note(member, outcome, now);            // its attempt has ended
 * ```
 *
 * It has no timer: time passes when it is asked or told something. `now` is monotonic, in ms. Clocks
 * that jump forward end times out early; those that jump back make none longer than it was; what is
 * no finite number counts as an earlier moment. There is one list, of all who may be called: what a
 * call wants of them is for later, or half would be half of a few. A list that has changed is another
 * array. Members that have left it, or are on it twice, take nobody's place.
 */
export class Ejection<M extends { readonly accrual: Accrual }> {
  readonly #options: EjectionOptions<M>;
  /** The list of the last look, and its number. */
  #members: readonly M[] = [];
  #listing = 0;
  /** Of those, who is out or sick. */
  #unhealthy = 0;
  /** What the last look came to, and from when until when that is right. */
  #found: readonly M[] = [];
  #foundFrom = 0;
  #foundUntil: number = Number.NEGATIVE_INFINITY;
  /** The stretch that runs: its number, when it began, when it ends. */
  #stretch = 0;
  #from = 0;
  #until = 0;
  readonly #ownMs: (times: number) => number;

  constructor(options: EjectionOptions<M>) {
    this.#options = options;
    this.#ownMs = (times) => {
      const ms = Math.min(firstOutMs * 2 ** (times - 1), maxOutMs);
      const chance = options.random();
      return (ms / 2) * (1 + (chance >= 0 && chance <= 1 ? chance : 0.5));
    };
  }

  /** Who of these may be called, in their order: the same array when that is everybody. */
  available(members: readonly M[], now: number): readonly M[] {
    return members === this.#members && now < this.#foundUntil && now >= this.#foundFrom
      ? this.#found
      : this.#look(members, now);
  }

  #look(members: readonly M[], now: number): readonly M[] {
    const at = this.#goOnTo(now);
    if (members !== this.#members) {
      this.#members = members;
      this.#listing++;
      for (const { accrual } of members) accrual.listing = this.#listing;
    }
    let unhealthy = 0;
    let passedBy = 0;
    let until = this.#until;
    for (const { accrual } of members) {
      if (!accrual.isIn || accrual.isSick) unhealthy++;
      const changeAt = accrual.passedByUntil(at);
      if (changeAt <= at) continue;
      passedBy++;
      until = Math.min(until, changeAt);
    }
    this.#unhealthy = unhealthy;
    this.#found =
      passedBy === 0 || this.#isPanic
        ? members
        : members.filter(({ accrual }) => accrual.passedByUntil(at) <= at);
    this.#foundFrom = at;
    this.#foundUntil = until;
    return this.#found;
  }

  /** Fewer than half are healthy. */
  get #isPanic(): boolean {
    return this.#unhealthy * 2 > this.#members.length;
  }

  /** A call goes to a member; when that is its probe, others pass it by until it has ended. */
  begin(member: M, now: number): void {
    const { accrual } = member;
    if (accrual.isIn) return;
    const at = this.#goOnTo(now);
    if (accrual.passedByUntil(at) > at) return;
    accrual.probe(at);
    this.#forget();
  }

  /**
   * An attempt at a member has ended. Refused and left ones count for nothing; of a member that is
   * out, neither does what began before.
   */
  note(member: M, outcome: Outcome, now: number): Change | undefined {
    const at = this.#goOnTo(now);
    const { accrual } = member;
    if (accrual.isIn) return this.#count(member, outcome, at);
    if (!accrual.isDue(at)) return undefined;
    if (outcome === "ok") {
      accrual.comeBack(at);
      this.#forget();
      this.#options.onReturn?.(member);
      return "returned";
    }
    if (outcome === "failed") {
      accrual.stayOut(at, this.#ownMs, !this.#isPanic);
      return this.#ejected(member, "failed probe");
    }
    accrual.endProbe();
    this.#forget();
    return undefined;
  }

  #count(member: M, outcome: Outcome, at: number): Change | undefined {
    const { accrual } = member;
    accrual.goOnTo(this.#stretch);
    if (outcome === "ok") {
      accrual.ok++;
      accrual.failuresInARow = 0;
      if (accrual.isSick && accrual.fault === undefined) this.#heal(accrual);
      return undefined;
    }
    if (outcome !== "failed") return undefined;
    accrual.failed++;
    accrual.failuresInARow++;
    const why = accrual.fault;
    // Who is not on the list is nobody's choice.
    if (why === undefined || accrual.listing !== this.#listing) return undefined;
    if (this.#mayGoOut(accrual, at)) {
      accrual.goOut(at, this.#ownMs);
      return this.#ejected(member, why);
    }
    if (!accrual.isSick) {
      accrual.isSick = true;
      this.#forget();
    }
    return undefined;
  }

  /** Whether half of the list are left without this one. */
  #mayGoOut(accrual: Accrual, at: number): boolean {
    if (this.#foundUntil === Number.NEGATIVE_INFINITY) this.#look(this.#members, at);
    const others = this.#unhealthy - (accrual.isSick ? 1 : 0);
    return (others + 1) * 2 <= this.#members.length;
  }

  #ejected(member: M, why: EjectedFor): Change {
    this.#forget();
    this.#options.onEject?.(member, member.accrual.outForMs, why);
    return "ejected";
  }

  #heal(accrual: Accrual): void {
    accrual.isSick = false;
    this.#forget();
  }

  /** What was found is no more right. */
  #forget(): void {
    this.#foundUntil = Number.NEGATIVE_INFINITY;
  }

  // -------------------------------------------------------------- stretches

  /** Time goes on, maybe to another stretch; returns it, or a moment before when it is no number. */
  #goOnTo(now: number): number {
    return now >= this.#from && now < this.#until ? now : this.#turn(now);
  }

  #turn(now: number): number {
    if (!Number.isFinite(now)) return this.#from;
    const passed = Math.floor((now - this.#from) / stretchMs);
    if (passed >= 1) this.#stretch += Math.min(passed, 3);
    this.#from = passed >= 1 && passed <= 3 ? this.#from + passed * stretchMs : now;
    this.#until = this.#from + stretchMs;
    this.#forget();
    if (passed < 1) return now;
    for (const { accrual } of this.#members) {
      accrual.goOnTo(this.#stretch);
      if (accrual.calls > 0) continue;
      // What is so old says nothing any more.
      accrual.failuresInARow = 0;
      if (accrual.isSick) this.#heal(accrual);
    }
    // Of the stretch that has just ended, and no older one.
    if (passed === 1) this.#compare(now);
    return now;
  }

  #compare(now: number): void {
    const members = this.#members.filter(({ accrual }) => accrual.isIn);
    const tallies = members.map(({ accrual }) => ({
      ok: accrual.okBefore,
      failed: accrual.failedBefore,
    }));
    for (const { index, why } of findOutliers(tallies)) {
      const member = members[index];
      if (member === undefined || !member.accrual.isIn) continue;
      if (!this.#mayGoOut(member.accrual, now)) return;
      member.accrual.goOut(now, (times) => Math.min(outlierOutMs * times, maxOutMs));
      this.#ejected(member, why);
    }
  }
}
