import type { Address } from "../base/address.ts";
import type { AddressLeases } from "./address-leases.ts";
import { Freeze, type Lateness } from "./freeze.ts";
import type { Instance } from "./instance.ts";

/** How the registry as a whole stands now. */
export type Mode =
  /** A lease has passed since it started. */
  | { readonly kind: "warm" }
  /** Removals of a class of members stop, or go on. */
  | {
      readonly kind: "frozen" | "thawed";
      readonly of: "instances" | "old peers";
      readonly late: number;
      readonly total: number;
    };

/** What time has brought about. */
export interface Lapsed {
  /** Suspect from now on. */
  readonly suspects: readonly Instance[];
  /** Held by a store, and silent here. */
  readonly silent: readonly Instance[];
  /** They left a lease ago. */
  readonly forgotten: readonly Instance[];
  /** Nothing was heard of them for too long, and removals are not frozen. */
  readonly gone: readonly Instance[];
  readonly goneAddresses: readonly Address[];
  readonly modes: readonly Mode[];
}

const never = Number.POSITIVE_INFINITY;

/**
 * Decides whose time is over. Each class of members, instances and header-only peers, has a freeze
 * of its own, as the leases of one say nothing about the other's.
 */
export class Lapses {
  readonly #freezes = { instances: new Freeze(), "old peers": new Freeze() } as const;
  /** Undefined once it is warm. */
  #warmAt: number | undefined;
  /** Nothing lapses before this moment. */
  #nextAt: number;

  /** @param warmAt until when not everybody need be known; undefined: it begins warm */
  constructor(warmAt: number | undefined) {
    this.#warmAt = warmAt;
    this.#nextAt = warmAt ?? never;
  }

  get warming(): boolean {
    return this.#warmAt !== undefined;
  }

  get frozen(): boolean {
    return this.#freezes.instances.on || this.#freezes["old peers"].on;
  }

  /** When to sweep next; infinite when nothing is due. */
  get nextAt(): number {
    return this.#nextAt;
  }

  /** Something may lapse at this moment. */
  expect(at: number): void {
    this.#nextAt = Math.min(this.#nextAt, at);
  }

  /** Gives more time to warm up; the leases are not kept here. */
  postpone(byMs: number): void {
    if (this.#warmAt !== undefined) this.#warmAt += byMs;
  }

  /** Marks the suspects; all else is left to the caller, who owns the members. */
  sweep(now: number, instances: Iterable<Instance>, plain: AddressLeases): Lapsed {
    const modes: Mode[] = [];
    this.#nextAt = never;
    if (this.#warmAt !== undefined && now >= this.#warmAt) {
      this.#warmAt = undefined;
      modes.push({ kind: "warm" });
    }
    this.expect(this.#warmAt ?? never);
    const suspects: Instance[] = [];
    const silent: Instance[] = [];
    const forgotten: Instance[] = [];
    const overdue: Instance[] = [];
    let total = 0;
    let late = 0;
    let fresh = 0;
    const all = [...instances];
    for (const instance of all) {
      if (instance.state === "left") {
        if (now >= instance.forgottenAt) forgotten.push(instance);
        else this.expect(instance.forgottenAt);
        continue;
      }
      total += 1;
      if (instance.state === "up") {
        if (instance.held && !instance.awaited) continue;
        if (now < instance.lateAt) {
          this.expect(instance.lateAt);
          continue;
        }
        if (instance.held) {
          instance.asked = true;
          silent.push(instance);
          continue;
        }
        instance.enter("suspect", now);
        suspects.push(instance);
      }
      late += 1;
      if (instance.isFresh(now)) fresh += 1;
      if (instance.held) continue;
      if (now >= instance.goneAt) overdue.push(instance);
      else this.expect(instance.goneAt);
    }
    const { endsAt } = this.#freezes.instances;
    if (this.#judge("instances", { total, late, fresh }, now, modes)) {
      // When beats are heard again those of a few come last: they have a lease for that.
      const spareMs = now < endsAt ? 1 : 0;
      for (const instance of all) {
        if (instance.state !== "suspect") continue;
        instance.spent = true;
        instance.sparedUntil = now + spareMs * instance.leaseMs;
        this.expect(instance.goneAt);
      }
    }
    const old = plain.sweep(now);
    this.expect(old.nextAt);
    if (this.#judge("old peers", old, now, modes)) plain.spend();
    const gone = this.#freezes.instances.on ? [] : overdue.filter(({ goneAt }) => now >= goneAt);
    const goneAddresses = this.#freezes["old peers"].on ? [] : old.over;
    return { suspects, silent, forgotten, gone, goneAddresses, modes };
  }

  /** @returns whether a freeze has ended */
  #judge(of: "instances" | "old peers", stand: Lateness, now: number, modes: Mode[]): boolean {
    const freeze = this.#freezes[of];
    const turn = freeze.update(now, stand);
    if (freeze.on) this.expect(freeze.endsAt);
    if (turn === undefined) return false;
    const { late, total } = stand;
    modes.push({ kind: turn === "began" ? "frozen" : "thawed", of, late, total });
    return turn === "ended";
  }
}
