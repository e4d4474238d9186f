import type { Address } from "../base/address.ts";
import { Fields, flag, number, text, word } from "../base/fields.ts";
import {
  type Announcement,
  type MemberState,
  parseAnnouncement,
  peerField,
} from "../discovery/member.ts";
import { limits } from "../base/limits.ts";
import { GeeError } from "../base/errors.ts";
import { checkAddress, checkHeaderAddress } from "./address-rules.ts";

/** An instance as a store keeps it. */
export interface StoredInstance {
  readonly announcement: Announcement;
  /** SHA-256 of its secret, in 64 hex digits. The secret itself is kept nowhere. */
  readonly digest: string;
  /** The lease that it was granted. */
  readonly leaseMs: number;
  readonly state: MemberState;
  /** Whose it is, as `TokenRule.owner`; undefined where no token was asked for. */
  readonly owner?: string | undefined;
}

/** A header-only peer (GeeRPC) as a store keeps it: an address and nothing else. */
export interface StoredAddress {
  readonly address: Address;
  readonly old: true;
}

/** What a store keeps of a member: what the next start needs, and no beats. */
export type StoredMember = StoredInstance | StoredAddress;

/**
 * Where a table survives a restart. It is written behind: the registry never waits for it, and what
 * is lost on the way is soft state, which comes back with the next beats. No method throws; what is
 * wrong is said in `trouble`, and the registry goes on from memory.
 */
export interface Store {
  /** Everything that was kept. Called once, before all else. What cannot be read is left out. */
  load(): Promise<readonly StoredMember[]>;
  /** Keeps a member as it is now, in place of what was kept under its {@link storeKey}. */
  put(member: StoredMember): void;
  /** Keeps the member of a {@link storeKey} no longer. */
  remove(key: string): void;
  /** Why nothing is kept at present, in a few words; undefined when all is well. */
  readonly trouble: string | undefined;
  /** Writes what still waits, then lets the store go. Nothing is called after it. */
  close(): Promise<void>;
}

/** The key of a member: its id (32 hex digits), or the address (which has an `@`) of an old peer. */
export function storeKey(member: StoredMember): string {
  return "old" in member ? member.address : member.announcement.id;
}

const digest = text(64, /^[0-9a-f]{64}$/);
const owner = text(16, /^[0-9a-f]{16}$/);

/**
 * A value from a store, read as strictly as one from the network: others may have written it, or the
 * registry itself while it served this machine alone.
 *
 * @param allowLoopback as for {@link checkAddress}
 * @throws GeeError INVALID_ARGUMENT, naming the field; as {@link checkAddress} for an address to
 * which nobody may be sent
 */
export function parseStored(value: unknown, allowLoopback: boolean, path = "record"): StoredMember {
  const fields = new Fields(value, path);
  if (fields.has("old")) {
    if (!fields.need("old", flag)) {
      throw new GeeError("INVALID_ARGUMENT", `${path}.old: it must be true`, { executed: "no" });
    }
    const address = fields.need("address", peerField);
    checkHeaderAddress(address, allowLoopback);
    return { address, old: true };
  }
  const announcement = fields.need("announcement", parseAnnouncement);
  checkAddress(announcement.address, allowLoopback);
  return {
    announcement,
    digest: fields.need("digest", digest),
    leaseMs: fields.need("leaseMs", number(limits.minLeaseMs, limits.maxLeaseMs)),
    state: fields.need("state", word("up", "suspect", "left")),
    owner: fields.may("owner", owner),
  };
}

/** Keeps nothing: a registry that starts empty is full again within one beat of everybody. */
export class MemoryStore implements Store {
  readonly trouble = undefined;

  async load(): Promise<readonly StoredMember[]> {
    return [];
  }

  put(): void {}

  remove(): void {}

  async close(): Promise<void> {}
}
