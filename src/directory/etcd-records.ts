import { GeeError } from "../base/errors.ts";
import type { Address } from "../base/address.ts";
import type { KeyValue } from "./etcd-api.ts";
import { parseStored, type StoredMember } from "./store.ts";

/** Everything of ours is under this. */
export const prefix = "gee/";

const instances = `${prefix}i/`;
const addresses = `${prefix}a/`;

/** The key of an instance. */
export function instanceKey(id: string): string {
  return instances + id;
}

/** The key of a header-only peer. */
export function addressKey(address: Address): string {
  return addresses + address;
}

/** The key of a member. */
export function keyOf(member: StoredMember): string {
  return "old" in member ? addressKey(member.address) : instanceKey(member.announcement.id);
}

/** What is written of a member. */
export function encodeRecord(member: StoredMember): string {
  return JSON.stringify(member);
}

function wrong(why: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", why, { reason: "BAD_RECORD" });
}

function parseJson(value: string): unknown {
  try {
    const bytes = Buffer.from(value, "base64");
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw wrong("it is no JSON text in UTF-8");
  }
}

/**
 * The member that a key holds, read as strictly as if a stranger had sent it: whoever may write to
 * etcd may have written it. An instance has to be under a lease, or it would stay for ever.
 *
 * @param allowLoopback whether addresses of the own machine are fine
 * @throws GeeError INVALID_ARGUMENT, PERMISSION_DENIED, saying what is wrong
 */
export function decodeRecord(
  { key, value, lease }: KeyValue,
  allowLoopback: boolean,
): StoredMember {
  if (value === undefined) throw wrong("it is larger than any record");
  const record = parseStored(parseJson(value), allowLoopback);
  if (keyOf(record) !== key) throw wrong("it is the record of another key");
  if (!("old" in record) && lease === "0") throw wrong("it is under no lease");
  return record;
}
