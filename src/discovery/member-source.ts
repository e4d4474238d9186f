import { parseAddress } from "../base/address.ts";
import type { Address } from "../base/address.ts";
import { GeeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { splitList } from "../base/names.ts";
import type { Clock } from "../base/time.ts";
import { ListCache } from "./list-cache.ts";
import { createRegistryClient } from "./registry-client.ts";
import { checkRegistryToken, parseRegistryUrls } from "./registry-url.ts";
import { createFixedResolver, createRegistryResolver } from "./resolver.ts";
import type { Resolver } from "./resolver.ts";

/** Where a client learns of members: from registries, or by their addresses. */
export interface MemberSource {
  readonly registry?: string | readonly string[] | undefined;
  readonly registryToken?: string | undefined;
  readonly address?: string | readonly string[] | undefined;
  readonly cache?: string | undefined;
}

function wrong(message: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", message, { reason: "BAD_OPTION", executed: "no" });
}

/**
 * What answers where the members are.
 *
 * @throws GeeError INVALID_ARGUMENT for what cannot be right together
 */
export function resolverOf(source: MemberSource, clock: Clock, log: Log): Resolver {
  if (source.address !== undefined) {
    if (source.registry !== undefined) throw wrong("name a registry or addresses, not both");
    if (source.cache !== undefined) throw wrong("a cache keeps the list of a registry");
    const addresses: Address[] = splitList(source.address).map(parseAddress);
    if (addresses.length === 0) throw wrong("no address is named");
    return createFixedResolver(addresses);
  }
  const urls = parseRegistryUrls(source.registry ?? "http://127.0.0.1:9999");
  if (urls.length === 0) throw wrong("no registry is named");
  const token = source.registryToken;
  checkRegistryToken(urls, token, log);
  const registries = urls.map((url) => createRegistryClient({ url, token, clock, log }));
  if (source.cache === undefined) return createRegistryResolver({ registries, clock, log });
  if (source.cache === "") throw wrong("no file is named for the cache");
  const cache = new ListCache({ file: source.cache, registries: urls, clock, log });
  return createRegistryResolver({ registries, clock, log, cache });
}
