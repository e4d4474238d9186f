import { type Endpoint, isLoopbackHost, isUnspecifiedHost } from "./base/address.ts";
import { GeeError } from "./base/errors.ts";
import { limits } from "./base/limits.ts";
import { bindError, checkExposure, parseListen } from "./base/listening.ts";
import { type Log, stderrLog } from "./base/log.ts";
import { type Clock, systemClock } from "./base/time.ts";
import { openDirectory } from "./directory/open-store.ts";
import {
  createRegistryRoutes,
  idleSeconds,
  type RegistryRoutes,
} from "./directory/registry-routes.ts";
import { parseTokens } from "./directory/token-rules.ts";

/** Settings of {@link serveRegistry}. */
export interface RegistryOptions {
  /** `host:port`; port 0 takes any free one. Default `127.0.0.1:9999`. */
  readonly listen?: string | undefined;
  /** Lease of servers that ask for none, in ms, 200 to 300,000. Default 9,000. */
  readonly leaseMs?: number | undefined;
  /** Lease of GeeRPC's servers, in ms; 0 = for ever. Default 300,000. */
  readonly oldLeaseMs?: number | undefined;
  /**
   * Where members are kept: `memory` (default); `sqlite:FILE`, so that the list survives a restart;
   * or `etcd://HOST:PORT,HOST:PORT`, so that several registries answer the same list.
   */
  readonly store?: string | undefined;
  /**
   * Bearer tokens, as the text of a file: a line each, `TOKEN read`, or `TOKEN write` with
   * `services=Foo,Bar` and `addresses=10.0.0.0/8,192.0.2.1` for those that it may register (absent:
   * all); empty lines, and `#` with what follows it, do not count. A token has 16 characters at
   * least. With tokens every request needs one, header-only peers' too, but those for `/livez` and
   * `/readyz`. Default: none, and everybody who can reach the registry may read and register.
   */
  readonly tokens?: string | undefined;
  /** How errors call where `tokens` is from, such as the name of its file. Default `tokens`. */
  readonly tokensFrom?: string | undefined;
  /**
   * Takes loopback addresses and unix paths although it listens beyond loopback, where they lead
   * elsewhere from every machine. Default false; a registry on loopback takes them anyway. What a
   * store holds is judged alike: registries over one etcd had better agree on this.
   */
  readonly allowLoopback?: boolean | undefined;
  /**
   * Names, without a port, by which it is asked: a request for another `Host` is refused, so that no
   * page in a browser can ask in somebody's name. IP addresses, `localhost` and the host in `listen`
   * are always fine. Default: no further ones.
   */
  readonly hosts?: readonly string[] | undefined;
  /** Listens beyond loopback without tokens: anybody may register anything. Default false. */
  readonly insecure?: boolean | undefined;
  /** Default: warnings and errors to stderr. */
  readonly log?: Log | undefined;
  /** Default: the process's own. */
  readonly clock?: Clock | undefined;
}

/**
 * A registry that runs. Disposing answers the watches, and gives requests under way a second to
 * end; twice is fine.
 */
export interface Registry extends AsyncDisposable {
  /** Base URL, such as `http://127.0.0.1:9999`; of a wildcard host, the one for this machine. */
  readonly url: string;
  /** The lease that servers get which ask for none. */
  readonly leaseMs: number;
  /** How many members GeeRPC's list has now, of both kinds. */
  memberCount(): number;
  /** How many watches are held now. */
  watcherCount(): number;
}

/** How long disposing waits for requests under way. */
const stopMs = 1_000;

function parsePlace(listen: string): Endpoint & { readonly kind: "tcp" } {
  const endpoint = parseListen(listen);
  if (endpoint.kind === "tcp") return endpoint;
  throw new GeeError("INVALID_ARGUMENT", `a registry listens on HOST:PORT, not on ${listen}`, {
    reason: "BAD_ADDRESS",
    executed: "no",
  });
}

function checkLease(name: string, valueMs: number, minMs: number, maxMs: number): number {
  if (valueMs >= minMs && valueMs <= maxMs) return valueMs;
  throw new GeeError("INVALID_ARGUMENT", `${name} is ${minMs} to ${maxMs} ms, not ${valueMs}`, {
    reason: "BAD_LEASE",
    executed: "no",
  });
}

/**
 * Serves a registry over HTTP: GeeRPC's protocol for GeeRPC's peers, and its JSON superset.
 *
 * @throws GeeError INVALID_ARGUMENT for options that cannot be right, reason BAD_ADDRESS, BAD_LEASE,
 * BAD_STORE, BAD_HOST or BAD_TOKENS (with the number of the line); FAILED_PRECONDITION, reason
 * INSECURE_BIND, for a host beyond loopback without `tokens` and without `insecure`; UNAVAILABLE,
 * reason ADDRESS_IN_USE, ADDRESS_DENIED, ADDRESS_NOT_AVAILABLE or BIND_FAILED, when it cannot listen
 */
export async function serveRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const { log = stderrLog, clock = systemClock } = options;
  const listen = parsePlace(options.listen ?? "127.0.0.1:9999");
  const tokens =
    options.tokens === undefined ? undefined : parseTokens(options.tokens, options.tokensFrom);
  const isProtected = tokens !== undefined || options.insecure === true;
  checkExposure(listen, isProtected, "hand in tokens with --token-file, ");
  const leaseMs = checkLease(
    "leaseMs",
    options.leaseMs ?? limits.leaseMs,
    limits.minLeaseMs,
    limits.maxLeaseMs,
  );
  const oldLeaseMs = checkLease(
    "oldLeaseMs",
    options.oldLeaseMs ?? limits.oldLeaseMs,
    0,
    Number.MAX_SAFE_INTEGER,
  );
  const host = listen.host.includes(":") ? `[${listen.host}]` : listen.host;
  const allowLoopback = options.allowLoopback === true || isLoopbackHost(listen.host);
  const directory = await openDirectory(options.store ?? "memory", {
    clock,
    log,
    leaseMs,
    oldLeaseMs,
    allowLoopback,
  });
  let routes: RegistryRoutes;
  let server: Bun.Server<undefined>;
  try {
    routes = createRegistryRoutes({
      directory,
      clock,
      log,
      tokens,
      allowLoopback,
      // Whoever has it listen on a name has others ask for that name.
      hosts: [...(options.hosts ?? []), ...(listen.host.includes(":") ? [] : [listen.host])],
    });
    server = bind(listen, `${host}:${listen.port}`, routes);
  } catch (thrown) {
    await directory[Symbol.asyncDispose]();
    throw thrown;
  }

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    routes[Symbol.dispose]();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const limit = clock.after(stopMs, resolve);
    await Promise.race([server.stop(), late]);
    limit.cancel();
    // Never awaited: it need not end while a handler hangs, and nothing is left that could wait.
    void server.stop(true);
    await directory[Symbol.asyncDispose]();
  };

  const self = listen.host.includes(":") ? "[::1]" : "127.0.0.1";
  const reachable = isUnspecifiedHost(listen.host) ? self : host;
  return {
    url: `http://${reachable}:${server.port}`,
    leaseMs,
    memberCount: () => directory.addresses().length,
    watcherCount: () => routes.watchers,
    [Symbol.asyncDispose]: () => (stopped ??= stop()),
  };
}

function bind(
  listen: { readonly host: string; readonly port: number },
  at: string,
  routes: RegistryRoutes,
): Bun.Server<undefined> {
  try {
    return Bun.serve({
      hostname: listen.host,
      port: listen.port,
      development: false,
      // Without this Bun takes development: false for leave to share the port with anybody.
      reusePort: false,
      // Twice our own limit: a body a little over it gets our answer, a huge one Bun's short one.
      maxRequestBodySize: 2 * limits.maxRegistryBodyBytes,
      idleTimeout: idleSeconds,
      fetch: (request, server) =>
        routes.answer(request, {
          sourceAddress: server.requestIP(request)?.address,
          setIdleTimeout: (seconds) => server.timeout(request, seconds),
        }),
      error: () => new Response("the registry failed\n", { status: 500 }),
    });
  } catch (thrown) {
    throw bindError(at, thrown);
  }
}
