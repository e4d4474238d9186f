import { type Endpoint, isUnspecifiedHost } from "./base/address.ts";
import { GeeError } from "./base/errors.ts";
import { limits } from "./base/limits.ts";
import { bindError, checkExposure, parseListen } from "./base/listening.ts";
import { type Log, stderrLog } from "./base/log.ts";
import { type Clock, systemClock, type Timer } from "./base/time.ts";
import { type Change, LeaseTable } from "./discovery/lease-table.ts";
import { createRegistryRoutes } from "./discovery/registry-routes.ts";

/** Settings of {@link serveRegistry}. */
export interface RegistryOptions {
  /** `host:port`; port 0 takes any free one. Default `127.0.0.1:9999`. */
  readonly listen?: string | undefined;
  /** Lease of servers that ask for none, in ms, 200 to 300,000. Default 9,000. */
  readonly leaseMs?: number | undefined;
  /** Lease of GeeRPC's servers, in ms; 0 = for ever. Default 300,000. */
  readonly oldLeaseMs?: number | undefined;
  /** Listens beyond loopback, where anybody may then register anything. Default false. */
  readonly insecure?: boolean | undefined;
  /** Default: warnings and errors to stderr. */
  readonly log?: Log | undefined;
  /** Default: the process's own. */
  readonly clock?: Clock | undefined;
}

/** A registry that runs. Disposing gives requests under way a second to end; twice is fine. */
export interface Registry extends AsyncDisposable {
  /** Base URL, such as `http://127.0.0.1:9999`; of a wildcard host, the one for this machine. */
  readonly url: string;
  /** The lease that servers get which ask for none. */
  readonly leaseMs: number;
  /** How many members are up now, of both kinds. */
  memberCount(): number;
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

function say(log: Log, { kind, address, id }: Change): void {
  log.info(`member ${kind}`, { address, id });
}

/**
 * Serves a registry over HTTP: GeeRPC's protocol for GeeRPC's peers, and its JSON superset.
 *
 * @throws GeeError INVALID_ARGUMENT for options that cannot be right; FAILED_PRECONDITION, reason
 * INSECURE_BIND, for a host beyond loopback without `insecure`; UNAVAILABLE, reason ADDRESS_IN_USE,
 * ADDRESS_DENIED, ADDRESS_NOT_AVAILABLE or BIND_FAILED, when it cannot listen
 */
export async function serveRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const { log = stderrLog, clock = systemClock } = options;
  const listen = parsePlace(options.listen ?? "127.0.0.1:9999");
  checkExposure(listen, options.insecure === true);
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
  const table = new LeaseTable({
    clock,
    leaseMs,
    oldLeaseMs,
    onChange: (change) => say(log, change),
  });
  const answer = createRegistryRoutes({ table, log });
  const server = bind(listen, `${host}:${listen.port}`, answer);

  // Reading sweeps as well. This is for a registry that nobody reads: its log and its memory.
  let timer: Timer;
  const sweepLater = (): void => {
    timer = clock.after(leaseMs / 3, sweepLater, { background: true });
    table.sweep();
  };
  timer = clock.after(leaseMs / 3, sweepLater, { background: true });

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    timer.cancel();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const limit = clock.after(stopMs, resolve);
    await Promise.race([server.stop(), late]);
    limit.cancel();
    // Never awaited: it need not end while a handler hangs, and nothing is left that could wait.
    void server.stop(true);
  };

  const self = listen.host.includes(":") ? "[::1]" : "127.0.0.1";
  const reachable = isUnspecifiedHost(listen.host) ? self : host;
  return {
    url: `http://${reachable}:${server.port}`,
    leaseMs,
    memberCount: () => table.addresses().length,
    [Symbol.asyncDispose]: () => (stopped ??= stop()),
  };
}

function bind(
  listen: { readonly host: string; readonly port: number },
  at: string,
  answer: ReturnType<typeof createRegistryRoutes>,
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
      idleTimeout: 10,
      fetch: (request, server) => answer(request, server.requestIP(request)?.address),
      error: () => new Response("the registry failed\n", { status: 500 }),
    });
  } catch (thrown) {
    throw bindError(at, thrown);
  }
}
