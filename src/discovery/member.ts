import { randomBytes } from "node:crypto";
import { type Address, parseAddress, parsePeerAddress } from "../base/address.ts";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { isServiceName } from "../base/names.ts";
import {
  Fields,
  flag,
  integer,
  list,
  number,
  type Parse,
  record,
  text,
  word,
} from "../base/fields.ts";

/** What a server says of itself and may change while it runs. */
export interface Facts {
  /** Where it takes calls; behind HTTP (`http@`) from GeeRPC's clients alone. */
  readonly address: Address;
  /** Version of the program, for people to read. */
  readonly version?: string | undefined;
  /** Hash of all that it serves. */
  readonly contract?: string | undefined;
  /** Hash of each service's contract, by name, as far as they are known. */
  readonly contracts?: Readonly<Record<string, string>> | undefined;
  /** Where it stands: machines near one another share a zone. */
  readonly zone?: string | undefined;
  /** The same for servers that one supervisor has started: they share a machine and a fate. */
  readonly group?: string | undefined;
  /** Its share of the calls beside the others' (0 to 10,000; 1 when not said; 0 = none). */
  readonly weight: number;
  /** Calls that it runs, as last seen. */
  readonly load?: number | undefined;
  /** How late its event loop runs, in ms, as last seen. */
  readonly lagMs?: number | undefined;
  /** It finishes what it has and wants no new calls. */
  readonly draining: boolean;
  /** Anything else by name, for people and for choosing. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

/** What a server sends to a registry. */
export interface Announcement extends Facts {
  /** One process start: 32 hex digits, of 128 random bits that the server makes itself. */
  readonly id: string;
  /** Number of this announcement; the highest one of an instance holds, wherever it was heard. */
  readonly revision: number;
  readonly services: readonly string[];
  /** The lease that it asks for; the answer says what it got. */
  readonly leaseMs?: number | undefined;
}

/** One line of a member list. */
export interface Member extends Facts {
  /** Absent for a peer that announced itself by header only (GeeRPC). */
  readonly id?: string | undefined;
  /** Absent for such a peer: what it serves is known only from its hello. */
  readonly services?: readonly string[] | undefined;
  /** 0 for such a peer. */
  readonly revision: number;
  readonly state: MemberState;
  /** Since it registered, by the registry's clock. */
  readonly ageMs: number;
  /** Since its last beat, by the registry's clock. */
  readonly beatMs: number;
}

/**
 * `"up"`: its beats come in time. `"suspect"`: they have stopped for a lease or more; it is called
 * only when nobody is up. `"left"`: it withdrew, or another process took its address; said for one
 * lease. Append only: a client skips a member whose state it does not know.
 */
export type MemberState = "up" | "suspect" | "left";

/** A new instance id. */
export function newInstanceId(): string {
  return randomBytes(16).toString("hex");
}

/** What an instance proves itself with: 32 hex digits, of 128 random bits. */
export function newSecret(): string {
  return randomBytes(16).toString("hex");
}

/** A member of which only the address is known. */
export function memberAt(address: Address, ageMs = 0, beatMs = 0): Member {
  return { address, weight: 1, draining: false, revision: 0, state: "up", ageMs, beatMs };
}

/** Order of member lists: by address byte by byte, then by id, so that round robin is stable. */
export function compareMembers(
  left: Pick<Member, "id" | "address">,
  right: Pick<Member, "id" | "address">,
): number {
  if (left.address !== right.address) return left.address < right.address ? -1 : 1;
  const [a, b] = [left.id ?? "", right.id ?? ""];
  return a === b ? 0 : a < b ? -1 : 1;
}

/** An instance id from outside. */
export const instanceId: (value: unknown, path: string) => string = text(32, /^[0-9a-f]{32}$/);

/** A revision from outside. */
export const revision: (value: unknown, path: string) => number = integer(
  0,
  Number.MAX_SAFE_INTEGER,
);

/** A load from outside. */
export const load: (value: unknown, path: string) => number = number(0, 1e9);

/** A lag of the event loop from outside, in ms. */
export const lagMs: (value: unknown, path: string) => number = number(0, 1e9);

/** A weight from outside. */
export const weight: (value: unknown, path: string) => number = number(0, 10_000);

function addressBy(parse: (text: string) => Address): Parse<Address> {
  return (value, path) => {
    const written = text(300)(value, path);
    try {
      return parse(written);
    } catch (thrown) {
      const { message, reason, hint } = GeeError.from(thrown);
      const why = `${path}: ${message}`;
      throw new GeeError("INVALID_ARGUMENT", why, { reason, hint, executed: "no" });
    }
  };
}

const ownField = addressBy(parseAddress);

/** The address of a member from outside: GeeRPC's servers may be behind HTTP. */
export const peerField: Parse<Address> = addressBy(parsePeerAddress);

function serviceName(value: unknown, path: string): string {
  const name = text(64)(value, path);
  if (isServiceName(name)) return name;
  throw new GeeError("INVALID_ARGUMENT", `${path}: no service name: ${JSON.stringify(name)}`, {
    executed: "no",
  });
}

function serviceNames(value: unknown, path: string): readonly string[] {
  return [...new Set(list(limits.maxServices, serviceName)(value, path))].sort();
}

/** A zone from outside. */
export const zone: (value: unknown, path: string) => string = text(64);

/** A group from outside. */
export const group: (value: unknown, path: string) => string = text(64);

/** Tags from outside. */
export const tags: (value: unknown, path: string) => Readonly<Record<string, string>> = record(
  limits.maxTags,
  text(64, /^[A-Za-z][A-Za-z0-9_.-]*$/),
  text(256),
);

const contracts: Parse<Readonly<Record<string, string>>> = record(
  limits.maxServices,
  serviceName,
  text(32, /^[0-9a-f]{8,32}$/),
);

function parseFacts(fields: Fields, addressField: Parse<Address>): Facts {
  const known = fields.may("contracts", contracts);
  return {
    address: fields.need("address", addressField),
    version: fields.may("version", text(64)),
    contract: fields.may("contract", text(128)),
    // A registry holds many of those that have none.
    ...(known === undefined ? {} : { contracts: known }),
    zone: fields.may("zone", zone),
    group: fields.may("group", group),
    weight: fields.may("weight", weight) ?? 1,
    load: fields.may("load", load),
    lagMs: fields.may("lagMs", lagMs),
    draining: fields.may("draining", flag) ?? false,
    tags: fields.may("tags", tags),
  };
}

/** @throws GeeError INVALID_ARGUMENT, naming the field */
export function parseAnnouncement(value: unknown, path = "instance"): Announcement {
  const fields = new Fields(value, path);
  return {
    id: fields.need("id", instanceId),
    revision: fields.need("revision", revision),
    services: fields.need("services", serviceNames),
    // Any length may be asked for; the registry answers with the nearest that it grants.
    leaseMs: fields.may("leaseMs", number(0, Number.MAX_SAFE_INTEGER)),
    ...parseFacts(fields, ownField),
  };
}

/** @throws GeeError INVALID_ARGUMENT, naming the field */
export function parseMember(value: unknown, path = "instance"): Member {
  const fields = new Fields(value, path);
  const span = number(0, Number.MAX_SAFE_INTEGER);
  return {
    id: fields.may("id", instanceId),
    services: fields.may("services", serviceNames),
    revision: fields.may("revision", revision) ?? 0,
    state: fields.may("state", word("up", "suspect", "left")) ?? "up",
    ageMs: fields.may("ageMs", span) ?? 0,
    beatMs: fields.may("beatMs", span) ?? 0,
    ...parseFacts(fields, peerField),
  };
}
