import { type Code, GeeError } from "../base/errors.ts";
import type { Address } from "../base/address.ts";
import { type Announcement, newSecret } from "../discovery/member.ts";
import { grantedLeaseMs, type Instance } from "./instance.ts";
import { digestOf, isSecret, matches } from "./secret.ts";
import type { StoredInstance } from "./store.ts";

/** What a registration comes to, before anything is changed. */
export interface Prepared {
  /** The instance as it is from now on. */
  readonly record: StoredInstance;
  /** For the instance alone. */
  readonly secret: string;
  /** Whether the instance has shown this secret, so that it certainly has it. */
  readonly proven: boolean;
  /** Whether the record is another one than before; if not, this is a beat and no more. */
  readonly news: boolean;
}

/** A refusal; nothing was changed. */
export function refused(code: Code, message: string, reason: string): GeeError {
  return new GeeError(code, message, { reason, executed: "no" });
}

/** What tells an instance to register again. */
export function unknownInstance(id: string): GeeError {
  return refused("NOT_FOUND", `instance ${id} is unknown in this revision`, "REGISTER_AGAIN");
}

/** @throws GeeError PERMISSION_DENIED unless it is the secret of the instance */
export function prove(instance: Instance, secret: string | undefined): string {
  if (secret !== undefined && matches(secret, instance.digest)) {
    instance.proven = true;
    return secret;
  }
  const message = `instance ${instance.id} is registered with another secret`;
  throw refused("PERMISSION_DENIED", message, "WRONG_SECRET");
}

/**
 * The answer to a first registration can be lost, and with it a secret that was made here. So until
 * that was shown once, the same announcement from the same address gets another.
 */
function answerWasLost(known: Instance, next: Announcement, secret: string | undefined): boolean {
  const { address, revision } = known.announcement;
  const again = next.address === address && next.revision >= revision;
  return secret === undefined && !known.proven && known.state !== "left" && again;
}

/** Who else has to do with a registration. */
export interface Others {
  /** Whose token it came with; undefined where none is asked for. */
  readonly owner?: string | undefined;
  /** Who stands at its address now; it may be the same instance. */
  readonly holder?: Instance | undefined;
}

/** Why an instance that is listed as left does not come back. */
function hasLeft({ id }: Instance, address: Address, holder: Instance | undefined): GeeError {
  if (holder === undefined)
    return refused("FAILED_PRECONDITION", `instance ${id} has left`, "LEFT");
  const message = `instance ${holder.id} has taken the address ${address} of instance ${id}`;
  return refused("FAILED_PRECONDITION", message, "REPLACED");
}

/**
 * Two processes cannot hold one port, so who registers at an address has it from then on: a restart
 * is listed at once. But another token's instance keeps its address while it is heard.
 */
function checkHolder({ id, address }: Announcement, { owner, holder }: Others): void {
  if (holder === undefined || holder.id === id || holder.state !== "up") return;
  if (holder.owner === undefined || holder.owner === owner) return;
  const message =
    `${address} is the address of instance ${holder.id}, which was registered with another ` +
    "token and is up: it is free once that has left, or has been silent for its lease";
  throw refused("FAILED_PRECONDITION", message, "ADDRESS_HELD");
}

/**
 * What becomes of an announcement, given what is known of its instance. The highest revision holds;
 * an older one is a beat.
 *
 * @param secret of the instance; a newcomer's becomes its own when it looks like one, so that no
 * answer has to arrive, and registries that share a store never give it two
 * @param others may have something against it
 * @throws GeeError PERMISSION_DENIED, FAILED_PRECONDITION as `Directory.put`
 */
export function prepareClaim(
  known: Instance | undefined,
  announcement: Announcement,
  secret: string | undefined,
  defaultLeaseMs: number,
  others: Others = {},
): Prepared {
  const leaseMs = grantedLeaseMs(announcement.leaseMs ?? defaultLeaseMs);
  const isKnown = known !== undefined && !answerWasLost(known, announcement, secret);
  const own = secret !== undefined && isSecret(secret) ? secret : undefined;
  const proven = isKnown || own !== undefined;
  const proof = isKnown ? prove(known, secret) : (own ?? newSecret());
  const digest = isKnown ? known.digest : digestOf(proof);
  const { owner, holder } = others;
  const next: StoredInstance = { announcement, digest, leaseMs, state: "up", owner };
  const revision = known?.announcement.revision ?? -1;
  if (known?.state === "left" && announcement.revision <= revision) {
    throw hasLeft(known, announcement.address, holder);
  }
  // An older one says where it was, and not where it is.
  if (announcement.revision >= revision) checkHolder(announcement, others);
  if (known === undefined) return { record: next, secret: proof, proven, news: true };
  const record: StoredInstance =
    announcement.revision < revision ? { ...known.record(), digest, state: "up", owner } : next;
  const same = record.announcement.revision === revision && record.leaseMs === known.leaseMs;
  const isAsBefore = digest === known.digest && owner === known.owner && known.state === "up";
  const news = !same || !isAsBefore;
  return { record, secret: proof, proven, news };
}

/**
 * What becomes of a withdrawal.
 *
 * @throws GeeError NOT_FOUND, PERMISSION_DENIED as `Directory.leave`
 */
export function prepareLeave(
  known: Instance | undefined,
  id: string,
  secret: string,
  revision: number,
): StoredInstance {
  if (known === undefined) throw unknownInstance(id);
  prove(known, secret);
  const { announcement } = known;
  const highest = Math.max(revision, announcement.revision);
  return { ...known.record(), announcement: { ...announcement, revision: highest }, state: "left" };
}
