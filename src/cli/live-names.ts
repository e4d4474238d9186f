import { silentLog } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import { connect, type ConnectOptions, type Gee } from "../client.ts";
import type { LiveNames } from "./candidates.ts";
import { parseListedServices, type ListedService } from "./listed-services.ts";
import type { NamesCache, SeenNames } from "./names-cache.ts";
import { within } from "./within.ts";

type Member = Awaited<ReturnType<Gee["members"]>>[number];

/** What {@link seeNames} needs. */
export interface LiveNamesOptions {
  /** Where the servers are: registries, or addresses. */
  readonly connect: Pick<ConnectOptions, "registry" | "registryToken" | "address">;
  readonly cache: NamesCache;
  readonly clock: Clock;
  /** Until when there has to be an answer, by the clock. */
  readonly until: number;
}

/** As many as anybody reads through; a cache of all would take its time. */
const maxInstances = 500;
/** Of the servers of one service, as many as one of them is sure to be reached. */
const maxAddresses = 3;

const nothing: SeenNames = { services: {}, methods: {}, instances: [] };

/** What a registry's list says, the servers first that were heard of last. */
function namesOf(members: readonly Member[]): SeenNames {
  const services: Record<string, string[]> = {};
  const up = members.filter(({ state }) => state === "up");
  for (const { address, services: own = [] } of up.toSorted((a, b) => a.beatMs - b.beatMs)) {
    for (const service of own) {
      const addresses = (services[service] ??= []);
      if (addresses.length < maxAddresses) addresses.push(address);
    }
  }
  const ids = up.flatMap(({ id }) => id ?? []);
  return { services, methods: {}, instances: ids.slice(0, maxInstances) };
}

/** What a server says of itself. */
function namesIn(listed: readonly ListedService[], addresses: readonly string[]): SeenNames {
  return {
    services: Object.fromEntries(listed.map(({ name }) => [name, addresses])),
    methods: Object.fromEntries(listed.map(({ name, methods }) => [name, methods])),
    instances: [],
  };
}

/**
 * The names of running services, methods and instances: from the cache where it has them, else from
 * the registries and, for methods, from a server of the service. What is not there in time, or is not
 * to be had, is missing, and no error. Disposing it waits for nothing.
 */
export function seeNames(options: LiveNamesOptions): LiveNames & AsyncDisposable {
  const { cache, clock, until } = options;
  const clients = new AsyncDisposableStack();
  const open = (own: LiveNamesOptions["connect"]): Gee =>
    clients.use(connect({ ...own, log: silentLog, drainTimeoutMs: 0 }));
  const intime = <T>(work: Promise<T>): Promise<T | undefined> =>
    within(Math.max(until - clock.now(), 1), "no answer", work, clock).catch(() => undefined);

  async function listed(addresses: readonly string[]): Promise<readonly ListedService[]> {
    const gee = open({ address: addresses });
    const timeoutMs = Math.max(until - clock.now(), 1);
    return parseListedServices(await gee.call("gee.Reflection.Services", [], { timeoutMs }));
  }

  async function look(): Promise<SeenNames> {
    const { address } = options.connect;
    if (address === undefined) return namesOf(await open(options.connect).members());
    const addresses = [address].flat();
    return namesIn(await listed(addresses), addresses);
  }

  let seen: Promise<SeenNames> | undefined;
  function see(): Promise<SeenNames> {
    seen ??= (async () => {
      const known = cache.load();
      if (known !== undefined) return known;
      const found = await intime(look());
      if (found !== undefined) cache.save(found);
      return found ?? nothing;
    })();
    return seen;
  }

  return {
    services: async () => Object.keys((await see()).services).sort(),
    instances: async () => (await see()).instances,
    addresses: async () => [...new Set(Object.values((await see()).services).flat())].sort(),
    async methods(service) {
      const known = await see();
      const methods = known.methods[service];
      if (methods !== undefined) return methods;
      const addresses = known.services[service] ?? [];
      if (addresses.length === 0) return [];
      const own = await intime(listed(addresses));
      const found = own?.find(({ name }) => name === service)?.methods;
      if (found === undefined) return [];
      const more: SeenNames = { ...known, methods: { ...known.methods, [service]: found } };
      cache.save(more);
      seen = Promise.resolve(more);
      return found;
    },
    [Symbol.asyncDispose]: () => clients.disposeAsync(),
  };
}
