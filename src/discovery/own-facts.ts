import { createHash } from "node:crypto";
import { group, tags, weight, zone } from "./member.ts";
import type { Facts } from "./member.ts";

/** What a server says of itself beside its address and services, for clients to choose by. */
export interface OwnFacts {
  /** Its share of the calls beside the others', 0 to 10,000: 2 gets twice the calls of 1. Default 1. */
  readonly weight?: number | undefined;
  /** Where it is, up to 64 characters: clients of the same zone prefer it. Default: nowhere. */
  readonly zone?: string | undefined;
  /** Servers that belong together say the same, up to 64 characters, for people. Default: nothing. */
  readonly group?: string | undefined;
  /** Up to 32 texts by name, for people, for `tags` of a call and for a client's `canary`. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

/**
 * The same, as it is announced.
 *
 * @throws GeeError INVALID_ARGUMENT, naming what cannot be
 */
export function ownFacts(facts: OwnFacts): Pick<Facts, "weight" | "zone" | "group" | "tags"> {
  return {
    weight: facts.weight === undefined ? 1 : weight(facts.weight, "weight"),
    ...(facts.zone === undefined ? {} : { zone: zone(facts.zone, "zone") }),
    ...(facts.group === undefined ? {} : { group: group(facts.group, "group") }),
    ...(facts.tags === undefined ? {} : { tags: tags(facts.tags, "tags") }),
  };
}

/**
 * The hashes of what a server serves, as they are announced: of each service whose contract is known,
 * and one over them all.
 */
export function contractFacts(
  services: readonly { readonly name: string; readonly contract?: string }[],
): Pick<Facts, "contract" | "contracts"> {
  const known = services
    .flatMap(({ name, contract }) => (contract === undefined ? [] : [[name, contract] as const]))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  if (known.length === 0) return {};
  const all = createHash("sha256").update(JSON.stringify(known)).digest("hex");
  return { contract: all.slice(0, 16), contracts: Object.fromEntries(known) };
}
