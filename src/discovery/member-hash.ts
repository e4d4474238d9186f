import { createHash } from "node:crypto";
import type { Member } from "./member.ts";

/**
 * What one member adds to the hash of a list: the first 8 bytes of SHA-256 over all that watchers
 * are told of. Load, lag, ages, the revision, hashes of contracts and the words for people are left
 * out, as a change of those alone is told to nobody. The hash of a list is the XOR (`^`) over its members, 0n when it
 * is empty: so a change is taken in by the old and the new value of one member, in any order.
 *
 * It finds lists that have come apart by mistake. It is no proof against somebody who forges one.
 */
export function memberHash(
  member: Pick<Member, "id" | "address" | "state" | "services" | "weight" | "draining" | "tags">,
): bigint {
  const { id, address, state, services, weight, draining, tags } = member;
  const pairs = Object.entries(tags ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const told = [id ?? null, address, state, services ?? null, weight, draining, pairs];
  return createHash("sha256").update(JSON.stringify(told)).digest().readBigUInt64BE(0);
}

/** A hash as it is written in an answer: 16 hex digits. */
export function hashText(hash: bigint): string {
  return hash.toString(16).padStart(16, "0");
}
