import type { Address } from "../base/address.ts";
import type { Clock } from "../base/time.ts";
import type { EtcdApi, KeyValue } from "./etcd-api.ts";
import type { StoredMember } from "./store.ts";

/** Beats within so long are one request. */
const gatherMs = 10;

/** Leases that are kept alive by one request. */
const maxLeases = 128;

/** A header-only peer's lease is its own and no longer: it starts anew with every beat, or so. */
const oldGapMs = 1_000;

const never = Number.NEGATIVE_INFINITY;

/** A key of ours in etcd, and what this registry did for it. */
export interface HeldKey {
  readonly key: string;
  /** Of an instance, its id; of a header-only peer, its address. */
  readonly of: { readonly id: string } | { readonly address: Address };
  /** In which it was last written. */
  revision: number;
  /** What keeps it, decimal; `"0"` = nothing, it stays. */
  lease: string;
  /** The lease is over, whatever the key says. */
  isLost: boolean;
  /** The member's own lease. */
  leaseMs: number;
  /** Its lease in etcd starts anew with the first beat after this. */
  gapMs: number;
  /** When this registry last started the lease anew, at the latest. */
  keptAt: number;
  /** Under which leader that was. */
  term: number;
  /** The last beat that came here. */
  beatAt: number;
  /** A request for it is to be made, or under way. */
  isQueued: boolean;
}

/**
 * Our keys in etcd with the leases that they are under. Who is heard here is kept alive from here:
 * at least once in the member's own lease, so that other registries can see that it is heard.
 */
export class EtcdLeases implements Disposable {
  readonly #api: EtcdApi;
  readonly #clock: Clock;
  readonly #oldLeaseMs: number;
  readonly #onLost: (held: HeldKey) => void;
  readonly #held = new Map<string, HeldKey>();
  readonly #queue: HeldKey[] = [];
  #isGathering = false;
  #ended = false;

  /**
   * @param oldLeaseMs the lease of a header-only peer; 0 = for ever
   * @param onLost told when a lease turns out to be over whose key is still held
   */
  constructor(
    api: EtcdApi,
    clock: Clock,
    oldLeaseMs: number,
    onLost: (held: HeldKey) => void = () => {},
  ) {
    this.#api = api;
    this.#clock = clock;
    this.#oldLeaseMs = oldLeaseMs;
    this.#onLost = onLost;
  }

  get size(): number {
    return this.#held.size;
  }

  /** The lease that etcd is asked for: three of the member's; a header-only peer's own. 0 = none. */
  secondsOf(member: StoredMember): number {
    const ownMs = this.#leaseMsOf(member);
    return Math.ceil(("old" in member ? ownMs : 3 * ownMs) / 1_000);
  }

  /** Whether a key is under a lease that does for a member as it is now. */
  isFit(held: HeldKey, member: StoredMember): boolean {
    return !held.isLost && held.leaseMs === this.#leaseMsOf(member) && held.lease !== "0";
  }

  get(key: string): HeldKey | undefined {
    return this.#held.get(key);
  }

  /** All of them, as they are now. */
  all(): readonly HeldKey[] {
    return [...this.#held.values()];
  }

  /** Takes in a key as etcd has it. */
  hold({ key, revision, lease }: KeyValue, member: StoredMember): void {
    const leaseMs = this.#leaseMsOf(member);
    const gapMs = "old" in member ? oldGapMs : leaseMs / 2;
    const known = this.#held.get(key);
    if (known === undefined) {
      const fresh = { keptAt: never, term: 0, beatAt: never, isQueued: false, isLost: false };
      const of = "old" in member ? { address: member.address } : { id: member.announcement.id };
      this.#held.set(key, { key, of, revision, lease, leaseMs, gapMs, ...fresh });
      return;
    }
    if (known.lease !== lease) {
      known.isLost = false;
      known.keptAt = never;
    }
    known.lease = lease;
    known.revision = revision;
    known.leaseMs = leaseMs;
    known.gapMs = gapMs;
  }

  /** It is not in etcd any more. */
  drop(key: string): void {
    this.#held.delete(key);
  }

  /** None is: everything will be told anew. */
  clear(): void {
    this.#held.clear();
  }

  /** A lease began, or began anew, `at` this moment at the latest. */
  kept(key: string, lease: string, at: number, term: number): void {
    const held = this.#held.get(key);
    if (held?.lease !== lease) return;
    held.keptAt = at;
    held.term = term;
  }

  /** Its member was heard here. Its lease starts anew soon, unless that was a moment ago. */
  beat(held: HeldKey): void {
    const now = this.#clock.now();
    held.beatAt = now;
    // At every second beat: the time between stays below the lease, however the beats jitter.
    if (now - held.keptAt < held.gapMs || held.isQueued || held.lease === "0") return;
    held.isQueued = true;
    this.#queue.push(held);
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#clock.after(gatherMs, () => void this.#send(), { background: true });
  }

  /** Nothing is kept alive any more. */
  [Symbol.dispose](): void {
    this.#ended = true;
    this.#queue.length = 0;
  }

  #leaseMsOf(member: StoredMember): number {
    return "old" in member ? this.#oldLeaseMs : member.leaseMs;
  }

  async #send(): Promise<void> {
    this.#isGathering = false;
    const queue = this.#queue.splice(0);
    const batches: Promise<void>[] = [];
    for (let from = 0; from < queue.length && !this.#ended; from += maxLeases) {
      batches.push(this.#keepAlive(queue.slice(from, from + maxLeases)));
    }
    await Promise.all(batches);
  }

  /** What fails is not tried again: the next beats do that. The mirror says that etcd is away. */
  async #keepAlive(batch: readonly HeldKey[]): Promise<void> {
    const leases = batch.map(({ lease }) => lease);
    try {
      const { term, kept } = await this.#api.keepAlive(leases);
      const now = this.#clock.now();
      for (const [index, held] of batch.entries()) {
        if (held.lease !== leases[index]) continue;
        if (!kept.has(held.lease)) {
          held.isLost = true;
          if (this.#held.get(held.key) === held) this.#onLost(held);
          continue;
        }
        held.keptAt = now;
        held.term = term;
      }
    } catch {
      // As said above.
    } finally {
      for (const held of batch) held.isQueued = false;
    }
  }
}
