import type { Address } from "../base/address.ts";
import { type Member, memberAt } from "./member.ts";

interface Lease {
  readonly bornAt: number;
  beatAt: number;
}

/**
 * Header-only peers under GeeRPC's lease: an address lives while less than `leaseMs` passed since
 * its last POST, for ever with 0, and leaves when somebody looks after that.
 */
export class AddressLeases {
  readonly #leaseMs: number;
  readonly #leases = new Map<Address, Lease>();

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** Those that nobody looked at since they expired count as well. */
  get size(): number {
    return this.#leases.size;
  }

  has(address: Address): boolean {
    return this.#leases.has(address);
  }

  /** Registers or renews. */
  put(address: Address, now: number): void {
    const known = this.#leases.get(address);
    if (known !== undefined && this.#lives(known, now)) known.beatAt = now;
    else this.#leases.set(address, { bornAt: now, beatAt: now });
  }

  drop(address: Address): void {
    this.#leases.delete(address);
  }

  /** Forgets the expired ones and returns them. */
  sweep(now: number): readonly Address[] {
    const expired: Address[] = [];
    for (const [address, lease] of this.#leases) {
      if (this.#lives(lease, now)) continue;
      this.#leases.delete(address);
      expired.push(address);
    }
    return expired;
  }

  addresses(): Iterable<Address> {
    return this.#leases.keys();
  }

  members(now: number): readonly Member[] {
    return [...this.#leases].map(([address, { bornAt, beatAt }]) =>
      memberAt(address, Math.round(now - bornAt), Math.round(now - beatAt)),
    );
  }

  #lives(lease: Lease, now: number): boolean {
    return this.#leaseMs === 0 || now - lease.beatAt < this.#leaseMs;
  }
}
