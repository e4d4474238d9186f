import type { Address } from "../base/address.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import type { Announcement, Member } from "../discovery/member.ts";

/** What a registration returns. */
export interface Grant {
  readonly id: string;
  /** Proves the instance when it renews or withdraws. Known here only as a digest. */
  readonly secret: string;
  /** What it got, which need not be what it asked for. */
  readonly leaseMs: number;
  readonly index: number;
}

/** What rides along with a beat. Only a changed weight is a change; absent = as it was. */
export interface Report {
  /** Calls that it runs. */
  readonly load?: number | undefined;
  /** How late its event loop runs, in ms. */
  readonly lagMs?: number | undefined;
  readonly weight?: number | undefined;
}

/** What every answer says beside the members. */
export interface DirectoryStatus {
  /** Hex digits. An index of one epoch says nothing in another. */
  readonly epoch: string;
  /** Rises on every change of membership, state, weight, draining, services, address and tags. */
  readonly index: number;
  /** Of the whole list, as `hashText` writes it. */
  readonly hash: string;
  /** It started less than a lease ago and need not know everybody yet. */
  readonly warming: boolean;
  /** It holds removals back, as too many were due at once. */
  readonly frozen: boolean;
  /** Why the store is not well, in a few words; undefined when it is. */
  readonly trouble: string | undefined;
}

/** A member that is listed no more; without an id, a header-only peer. */
export interface Gone {
  readonly id?: string | undefined;
  readonly address: Address;
}

/** What turns the list of an earlier index into the list of now. */
export interface Delta {
  /** Those that changed, as they are now; what left is among them. */
  readonly instances: readonly Member[];
  readonly gone: readonly Gone[];
}

/** What every kind of directory is given. */
export interface DirectoryOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The lease of an instance that asks for none. */
  readonly leaseMs: number;
  /** The lease of a header-only peer; 0 = for ever. */
  readonly oldLeaseMs: number;
  /** Whether members that are kept at addresses of the own machine are listed again. */
  readonly allowLoopback: boolean;
}

/**
 * The members that a registry keeps, wherever it keeps them. The routes know nothing else. Reading
 * never waits and never fails; it is done from memory.
 */
export interface Directory extends AsyncDisposable {
  /** The lease of an instance that asks for none. */
  readonly leaseMs: number;

  /**
   * Registers an instance, or takes its next announcement. An announcement older than the one that
   * is known changes nothing and renews the lease.
   *
   * @param secret of the earlier registration; the first time one that the instance has made, 32 hex
   * digits; with anything else a newcomer gets one that is made here
   * @param owner whose token it came with, as `TokenRule.owner`; undefined where none is asked for
   * @throws GeeError PERMISSION_DENIED without the secret of a known instance; FAILED_PRECONDITION
   * when it has left since (reason LEFT), when another instance has taken its address (REPLACED), or
   * when the address is that of an instance of another owner that is up (ADDRESS_HELD);
   * RESOURCE_EXHAUSTED when the list is full; UNAVAILABLE, executed maybe, when the store must agree
   * and does not answer
   */
  put(announcement: Announcement, secret?: string, owner?: string): Promise<Grant>;

  /**
   * A beat.
   *
   * @throws GeeError NOT_FOUND when the instance, or this revision of it, is unknown: it registers
   * again; PERMISSION_DENIED with a wrong secret; UNAVAILABLE as for `put`
   */
  renew(id: string, secret: string, revision: number, report: Report): Promise<Grant>;

  /**
   * Withdraws an instance; it is listed as left for one lease. Twice is fine.
   *
   * @param revision of the withdrawal itself, so that it outweighs what other registries last heard
   * @throws GeeError NOT_FOUND, PERMISSION_DENIED; UNAVAILABLE as for `put`
   */
  leave(id: string, secret: string, revision?: number): Promise<void>;

  /** Registers or renews a header-only peer. @throws GeeError RESOURCE_EXHAUSTED, UNAVAILABLE */
  putAddress(address: Address): Promise<void>;

  /** What an instance said of itself last; undefined for one that is not listed here. */
  announced(id: string): Announcement | undefined;

  /** All members, suspects and those that left among them, in the order of `compareMembers`. */
  list(): readonly Member[];

  /**
   * GeeRPC's list: the addresses of all that are up, each once, sorted byte by byte; those of the
   * suspects when nobody is up.
   */
  addresses(): readonly Address[];

  /** As it is now. */
  readonly status: DirectoryStatus;

  /** What changed after an index; undefined when nobody knows any more, or not yet. */
  since(index: number): Delta | undefined;

  /**
   * Calls `listener` after each change of the index, of warming and of frozen. It runs while the
   * change is made: it must be quick, must not throw, and must not write.
   *
   * @returns ends that; twice is fine
   */
  onChange(listener: () => void): () => void;
}
