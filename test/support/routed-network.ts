import { parseAddress } from "../../src/base/address.ts";
import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import { memberAt } from "../../src/discovery/member.ts";
import type { Member } from "../../src/discovery/member.ts";
import type { Resolver } from "../../src/discovery/resolver.ts";
import type { EndpointView } from "../../src/fleet/endpoint.ts";
import type { Policy } from "../../src/fleet/policy.ts";
import { Router } from "../../src/routing/router.ts";
import type { RouterOptions } from "../../src/routing/router.ts";
import type { RoutedRequest } from "../../src/routing/routed-call.ts";
import type { ServiceContract } from "../../src/contract/contract.ts";
import { ContractGuard } from "../../src/rpc/contract-guard.ts";
import { Pool } from "../../src/rpc/pool.ts";
import { Session } from "../../src/rpc/session.ts";
import { routedRequest } from "./calls.ts";
import { FakeClock, turn } from "./clock.ts";
import { hostOf } from "./ends.ts";
import { linkPair } from "./links.ts";
import type { MemoryLink } from "./links.ts";
import { memoryLog } from "./memory-log.ts";
import { ScriptedPeer } from "./scripted-peer.ts";
import { instanceAt, ScriptedServer } from "./scripted-site.ts";
import type { HeardCall, ScriptedSite } from "./scripted-site.ts";

/** Whoever comes behind the one that was picked last, in the order of their keys. */
function oneAfterAnother(seen: Set<EndpointView>): Policy {
  let last = "";
  return (endpoints) => {
    for (const endpoint of endpoints) seen.add(endpoint);
    const next = endpoints.findIndex(({ key }) => key > last);
    const index = Math.max(next, 0);
    last = endpoints[index]?.key ?? last;
    return index;
  };
}

/** What stands at an address. */
type Site =
  "server" | "refused" | "silent" | "hung" | "http" | "wordless" | "draining" | ScriptedSite;

/** What stands where, and what has happened there. */
export interface RoutedWorld {
  list: readonly Member[] | undefined;
  /** What a refresh brings. */
  next: readonly Member[] | undefined;
  refreshes: number;
  /** A refresh never ends. */
  hung: boolean;
  /** Who asks for the list waits until this resolves; nobody has it in memory before. */
  listed: Promise<void> | undefined;
  /** The ports that were dialled. */
  readonly dials: number[];
  /** What ran, and where. */
  readonly ran: string[];
  readonly open: PromiseWithResolvers<unknown>[];
  readonly sessions: Session[];
  readonly sites: Record<number, Site>;
  /** The calls that scripted sites have heard, in order. */
  readonly heard: HeardCall[];
  /** The members that the policy has chosen from. */
  readonly seen: ReadonlySet<EndpointView>;
  /** Links at the callers' side, by port. */
  readonly links: { readonly port: number; readonly link: MemoryLink }[];
}

/** A router and all that it knows of. */
export interface RoutedNetwork {
  readonly clock: FakeClock;
  readonly lines: readonly string[];
  readonly world: RoutedWorld;
  readonly router: Router;
  request(method: string, changes?: Partial<RoutedRequest>): RoutedRequest;
  /** Its promise may reject unseen. */
  call(method: string, changes?: Partial<RoutedRequest>): Promise<unknown>;
  /** What the policy has seen under way, all members together. */
  inFlight(): number;
}

/** What a test may say of the router, and what that was built against. */
export interface NetworkOptions extends Partial<RouterOptions> {
  readonly contracts?: readonly ServiceContract[];
}

/**
 * A network in memory: a site at each port, all of class Foo and, from the port 5000 on, of Bar. A
 * list of members that a test sets, and a router that takes one after the
 * other, from the first.
 */
export function network(
  sites: Readonly<Record<number, Site>>,
  members: readonly Member[],
  { contracts, ...options }: NetworkOptions = {},
): RoutedNetwork {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const seen = new Set<EndpointView>();
  const world: RoutedWorld = {
    list: members,
    next: undefined,
    refreshes: 0,
    hung: false,
    listed: undefined,
    dials: [],
    ran: [],
    open: [],
    sessions: [],
    sites: { ...sites },
    heard: [],
    seen,
    links: [],
  };
  const scriptAt = (port: number): ScriptedSite | undefined => {
    const site = world.sites[port];
    return typeof site === "object" ? site : undefined;
  };
  const serve = (port: number): Session["channel"] => {
    const pair = linkPair();
    const methods = {
      Who: (): number => {
        world.ran.push(`Who ${port}`);
        return port;
      },
      Hold: (): Promise<unknown> => {
        world.ran.push(`Hold ${port}`);
        const held = Promise.withResolvers<unknown>();
        world.open.push(held);
        return held.promise;
      },
      Fail: (only: number): number => {
        world.ran.push(`Fail ${port}`);
        if (only === port) throw new GeeError("ABORTED", `no ${port}`);
        return port;
      },
      Full: (): never => {
        throw new GeeError("RESOURCE_EXHAUSTED", "full", { executed: "no" });
      },
    };
    const host = hostOf({ [port < 5_000 ? "Foo" : "Bar"]: methods }, { clock, log });
    host.draining = world.sites[port] === "draining";
    const session = new Session(pair.server, host);
    world.sessions.push(session);
    pair.server.open(session.channel);
    links.push(pair.caller);
    return session.channel;
  };
  const links: ReturnType<typeof linkPair>["caller"][] = [];
  const deadlines = new Deadlines(clock);
  const guard = contracts === undefined ? undefined : new ContractGuard(contracts, deadlines, log);
  const pool = new Pool({
    clock,
    deadlines,
    greeted: guard === undefined ? undefined : (connection) => guard.greeted(connection),
    random: () => 1,
    async open(endpoint, { signal }, attach) {
      const port = endpoint.kind === "tcp" ? endpoint.port : 0;
      const site = world.sites[port];
      world.dials.push(port);
      await turn();
      signal?.throwIfAborted();
      if (site === undefined || site === "refused") {
        throw new GeeError("UNAVAILABLE", `refused ${port}`, {
          reason: "CONNECT_FAILED",
          executed: "no",
        });
      }
      if (site === "hung") {
        await new Promise((_resolve, reject) => {
          signal?.addEventListener("abort", () => reject(signal.reason));
        });
      }
      if (site === "server" || site === "draining") {
        serve(port);
      } else if (typeof site === "object") {
        const pair = linkPair();
        links.push(pair.caller);
        const heard = (call: HeardCall): void => void world.heard.push(call);
        void new ScriptedServer(pair.server, port, () => scriptAt(port), heard).greet();
      } else {
        const pair = linkPair();
        const peer = new ScriptedPeer(pair.server, "server");
        if (site === "http") peer.send(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"));
        if (site === "wordless") peer.end();
        links.push(pair.caller);
      }
      const link = links.pop();
      if (link === undefined) return;
      world.links.push({ port, link });
      link.open(attach(link));
    },
  });
  const resolver: Resolver = {
    async members() {
      await world.listed;
      if (world.list !== undefined) return world.list;
      throw new GeeError("UNAVAILABLE", "no registry", { reason: "NO_REGISTRY", executed: "no" });
    },
    current: () => (world.listed === undefined ? world.list : undefined),
    async refresh() {
      world.refreshes++;
      if (world.hung) await new Promise(() => {});
      await turn();
      world.list = world.next ?? world.list;
    },
    watch: () => () => {},
    registries: () => [],
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const router = new Router({
    clock,
    log,
    random: () => 0.5,
    resolver,
    pool,
    guard,
    deadlines,
    policy: oneAfterAnother(seen),
    named: false,
    ...options,
  });
  const request = (method: string, changes: Partial<RoutedRequest> = {}): RoutedRequest => {
    const timeoutMs = changes.timeoutMs ?? 10_000;
    const deadlineAt = clock.now() + timeoutMs;
    return routedRequest({ method, timeoutMs, deadlineAt, ...changes });
  };
  const call = (method: string, changes: Partial<RoutedRequest> = {}): Promise<unknown> => {
    const promise = router.call(request(method, changes));
    promise.catch(() => {});
    return promise;
  };
  const inFlight = (): number => [...seen].reduce((sum, endpoint) => sum + endpoint.inFlight, 0);
  return { clock, lines, world, router, request, call, inFlight };
}

/** A member of which all is known. */
export function foo(port: number, changes: Partial<Member> = {}): Member {
  const id = instanceAt(port);
  const services = [port < 5_000 ? "Foo" : "Bar"];
  return { ...memberAt(parseAddress(`tcp@127.0.0.1:${port}`)), id, services, ...changes };
}

/** A member of which only the address is known. */
export function old(port: number): Member {
  return memberAt(parseAddress(`tcp@127.0.0.1:${port}`));
}

/** The sessions of these tests say "served" to whoever asks; so nobody is asked for by its id. */
export function any(port: number, changes: Partial<Member> = {}): Member {
  return foo(port, { id: undefined, ...changes });
}
