import type { Address } from "../base/address.ts";
import type { Clock } from "../base/time.ts";
import type { Grant } from "./directory.ts";
import type { Mode } from "./lapses.ts";
import type { StoredInstance } from "./store.ts";

/** What happened to a member. */
export interface Change {
  /**
   * `"replaced"`: another process registered at its address. `"expired"`: nothing was heard of it
   * for too long. `"forgotten"`: it left a lease ago, and is not even listed as left.
   */
  readonly kind:
    "joined" | "changed" | "suspect" | "recovered" | "left" | "replaced" | "expired" | "forgotten";
  readonly address: Address;
  /** Absent for a header-only peer. */
  readonly id: string | undefined;
}

/** Settings of a `MemberTable`. */
export interface MemberTableOptions {
  readonly clock: Clock;
  /** The lease of an instance that asks for none; default `limits.leaseMs`. */
  readonly leaseMs?: number | undefined;
  /** The lease of a header-only peer; default `limits.oldLeaseMs`; 0 = for ever. */
  readonly oldLeaseMs?: number | undefined;
  /** Whether it says for its first lease that it need not know everybody. Default true. */
  readonly warms?: boolean | undefined;
  /** False when every index comes from outside, with {@link Adoption}. Default true. */
  readonly countsChanges?: boolean | undefined;
  /** Told of each change of a member after it is made; must not throw and must not write. */
  readonly onChange?: ((change: Change) => void) | undefined;
  /** Told when it is warm, and when removals stop and go on; as `onChange` otherwise. */
  readonly onMode?: ((mode: Mode) => void) | undefined;
  /**
   * Told once when the beats that came here of a held instance have stopped. Whoever holds it finds
   * out whether they go elsewhere, and then calls `touch`, or adopts it as a suspect.
   */
  readonly onSilent?: ((id: string) => void) | undefined;
}

/** Where a record comes from. */
export interface Adoption {
  /** The index of the change, when the table does not count by itself. An older one is no news. */
  readonly index?: number | undefined;
  /** A store that others write to holds it: until it vanishes there, time changes nothing. */
  readonly held?: boolean | undefined;
  /** It spoke to this registry just now. */
  readonly here?: boolean | undefined;
  /** As prepared; absent, a secret that is not known yet counts as shown. */
  readonly proven?: boolean | undefined;
}

/** What a registration came to. */
export interface Registered extends Grant {
  /** A store has to know. */
  readonly news: boolean;
}

/** What a beat comes to. */
export interface Beat {
  readonly leaseMs: number;
  /** What the store that holds the instance has to take before it is true; else undefined. */
  readonly write: StoredInstance | undefined;
}
