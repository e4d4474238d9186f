import type { Address } from "../base/address.ts";
import { type Member, memberAt } from "../discovery/member.ts";
import type { Lateness } from "./freeze.ts";

interface Lease {
  readonly bornAt: number;
  beatAt: number;
  /** When somebody noticed that it is over; it is still listed while removals are frozen. */
  lateAt: number | undefined;
  /** It was late in a freeze that is over: it does not begin another one. */
  spent: boolean;
  /** A store says when it ends, not the time. */
  held: boolean;
  /** The store has let it go. */
  ended: boolean;
}

/**
 * Header-only peers under GeeRPC's lease: an address is listed while less than `leaseMs` passed
 * since its last POST, for ever with 0. It has no id, so it is never suspect: it is there or gone.
 */
export class AddressLeases {
  readonly leaseMs: number;
  readonly #leases = new Map<Address, Lease>();
  /**
   * Those that went within the last lease, and when. Old peers beat seldom and go one by one: the
   * first ones are gone before it shows that many are going.
   */
  readonly #lost = new Map<Address, number>();

  constructor(leaseMs: number) {
    this.leaseMs = leaseMs > 0 ? leaseMs : Number.POSITIVE_INFINITY;
  }

  get size(): number {
    return this.#leases.size;
  }

  has(address: Address): boolean {
    return this.#leases.has(address);
  }

  /** Registers or renews. @param held a store keeps it, and {@link vanish} says when it does not */
  put(address: Address, now: number, held = false): void {
    this.#lost.delete(address);
    const known = this.#leases.get(address);
    const bornAt = known?.bornAt ?? now;
    const fresh = { beatAt: now, lateAt: undefined, spent: false, ended: false };
    this.#leases.set(address, { bornAt, held, ...fresh });
  }

  /** The store holds it no more: its lease is over, whatever was heard of it. */
  vanish(address: Address): void {
    const known = this.#leases.get(address);
    if (known === undefined) return;
    known.held = false;
    known.ended = true;
  }

  /** Another one has its address. */
  drop(address: Address): void {
    this.#leases.delete(address);
  }

  /** Its lease is over and nothing holds it back. */
  expire(address: Address, now: number): void {
    if (this.#leases.get(address)?.spent === false) this.#lost.set(address, now);
    this.#leases.delete(address);
  }

  /** How they stand, and whose lease is over. Forgets nobody who is listed. */
  sweep(now: number): Lateness & { readonly over: readonly Address[]; readonly nextAt: number } {
    for (const [address, at] of this.#lost) {
      if (now - at >= this.leaseMs) this.#lost.delete(address);
    }
    const over: Address[] = [];
    let fresh = this.#lost.size;
    let nextAt = Number.POSITIVE_INFINITY;
    for (const [address, lease] of this.#leases) {
      if (lease.held) continue;
      const endsAt = lease.beatAt + this.leaseMs;
      if (now < endsAt && !lease.ended) {
        nextAt = Math.min(nextAt, endsAt);
        continue;
      }
      lease.lateAt ??= now;
      over.push(address);
      if (!lease.spent && now - lease.lateAt < this.leaseMs) fresh += 1;
    }
    const lost = this.#lost.size;
    return { total: this.size + lost, late: over.length + lost, fresh, over, nextAt };
  }

  /** A freeze is over: who is late now does not begin the next one. */
  spend(): void {
    this.#lost.clear();
    for (const lease of this.#leases.values()) lease.spent ||= lease.lateAt !== undefined;
  }

  /** Gives everybody more time, as for so long nobody could have been heard. */
  postpone(byMs: number, now: number): void {
    for (const lease of this.#leases.values()) lease.beatAt = Math.min(now, lease.beatAt + byMs);
  }

  addresses(): Iterable<Address> {
    return this.#leases.keys();
  }

  /** One line of the list; undefined when it is not here. */
  member(address: Address, now: number): Member | undefined {
    const lease = this.#leases.get(address);
    if (lease === undefined) return undefined;
    return memberAt(address, Math.round(now - lease.bornAt), Math.round(now - lease.beatAt));
  }
}
