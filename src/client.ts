import { parseAddress } from "./base/address.ts";
import type { Address } from "./base/address.ts";
import { Deadlines } from "./base/deadlines.ts";
import { GeeError } from "./base/errors.ts";
import { limits } from "./base/limits.ts";
import { stderrLog } from "./base/log.ts";
import type { Log } from "./base/log.ts";
import { nearest, parseMethodName, splitList } from "./base/names.ts";
import { systemClock } from "./base/time.ts";
import type { Clock } from "./base/time.ts";
import type { Member } from "./discovery/member.ts";
import { createRegistryClient, parseRegistryUrls } from "./discovery/registry-client.ts";
import { createFixedResolver, createRegistryResolver } from "./discovery/resolver.ts";
import type { Resolver } from "./discovery/resolver.ts";
import { createPolicy, policyNames } from "./fleet/balancer.ts";
import type { PolicyName } from "./fleet/balancer.ts";
import { createDial } from "./net/dial.ts";
import { Pool } from "./rpc/pool.ts";
import { createRemote } from "./rpc/remote.ts";
import type { CallOptions, Remote } from "./rpc/remote.ts";
import { Router } from "./routing/router.ts";

export type { CallOptions } from "./rpc/remote.ts";

/** Settings of {@link connect}. Name a registry or addresses, not both. */
export interface ConnectOptions {
  /**
   * URL of a registry, or several: `http://127.0.0.1:9999`. The default is that one, which is where
   * `gee registry` listens.
   */
  readonly registry?: string | readonly string[];
  /** Servers by address, `tcp@127.0.0.1:4000`, without any registry. */
  readonly address?: string | readonly string[];
  /** The deadline of calls that name none. Default 10 s. */
  readonly timeoutMs?: number;
  /** How a server is chosen. Default `"round-robin"`. */
  readonly policy?: PolicyName;
  /** Where warnings go. Default: stderr. */
  readonly log?: Log;
  /** For tests: time by hand. */
  readonly clock?: Clock;
}

/** What one member answered in a broadcast. */
export type Outcome = {
  /** Who answered. */
  readonly member: Member;
} & (
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: GeeError }
);

/**
 * A client: services by name, calls to them, connections that it owns. Disposing it awaits the
 * calls in flight and then closes; `await using` does that by itself.
 */
export interface Gee extends AsyncDisposable {
  /**
   * A typed stub: `gee.service<Foo>("Foo").Sum(1, 2)`. Cheap to make; all stubs share the
   * connections. Options hold for every call made through it.
   */
  service<T>(name: string, options?: CallOptions): Remote<T>;
  /**
   * Calls `Service.Method` on one member and resolves with its result.
   *
   * Rejects with a {@link GeeError}: what the handler threw, DEADLINE_EXCEEDED, CANCELLED,
   * UNAVAILABLE when nobody could be reached, and INVALID_ARGUMENT when an argument cannot travel.
   * `executed` says whether the method may have run. A call that certainly was not started goes to
   * another member by itself, each at most once, within the deadline.
   */
  call(method: string, args?: readonly unknown[], options?: CallOptions): Promise<unknown>;
  /**
   * Calls every member of the service. Resolves with one of the results once all have answered;
   * rejects with the first error, and cancels the rest.
   */
  broadcast(method: string, args?: readonly unknown[], options?: CallOptions): Promise<unknown>;
  /** Calls every member of the service and resolves with what became of each. */
  broadcastAll(
    method: string,
    args?: readonly unknown[],
    options?: CallOptions,
  ): Promise<readonly Outcome[]>;
  /** The members in sight, all or those that serve `service`. */
  members(service?: string): Promise<readonly Member[]>;
}

function wrong(message: string, hint?: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", message, {
    reason: "BAD_OPTION",
    executed: "no",
    hint,
  });
}

function createResolver(options: ConnectOptions, clock: Clock, log: Log): Resolver {
  if (options.address !== undefined) {
    if (options.registry !== undefined) throw wrong("name a registry or addresses, not both");
    const addresses: Address[] = splitList(options.address).map(parseAddress);
    if (addresses.length === 0) throw wrong("no address is named");
    return createFixedResolver(addresses);
  }
  const urls = parseRegistryUrls(options.registry ?? "http://127.0.0.1:9999");
  if (urls.length === 0) throw wrong("no registry is named");
  const registries = urls.map((url) => createRegistryClient({ url, clock, log }));
  return createRegistryResolver({ registries, clock, log });
}

function checkTimeout(timeoutMs: number): number {
  if (!(timeoutMs > 0)) throw wrong(`timeoutMs is ${timeoutMs}, and must be above 0`);
  return Math.min(timeoutMs, limits.maxTimeoutMs);
}

/**
 * Makes a client. Nothing is opened before the first call.
 *
 * @throws GeeError INVALID_ARGUMENT for options that cannot be right
 */
export function connect(options: ConnectOptions = {}): Gee {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? stderrLog;
  const policy = options.policy ?? "round-robin";
  if (!policyNames.includes(policy)) {
    const near = nearest(policy, policyNames);
    throw wrong(
      `there is no policy ${policy}; there are ${policyNames.join(", ")}`,
      near === undefined ? undefined : `did you mean ${near}?`,
    );
  }
  const defaultTimeoutMs = checkTimeout(options.timeoutMs ?? limits.callTimeoutMs);
  const deadlines = new Deadlines(clock);
  const router = new Router({
    clock,
    log,
    resolver: createResolver(options, clock, log),
    pool: new Pool({ open: createDial(clock), clock, deadlines }),
    deadlines,
    policy: createPolicy(policy),
    named: options.address !== undefined,
  });

  const request = (method: string, args: readonly unknown[], own: CallOptions) => {
    const name = parseMethodName(method);
    if (name === undefined) {
      throw new GeeError("UNIMPLEMENTED", `${JSON.stringify(method)} is no name of a method`, {
        reason: "NO_SUCH_METHOD",
        executed: "no",
        hint: "methods are called Service.Method",
      });
    }
    const timeoutMs = own.timeoutMs === undefined ? defaultTimeoutMs : checkTimeout(own.timeoutMs);
    return {
      service: name.service,
      method,
      args,
      timeoutMs,
      deadlineAt: clock.now() + timeoutMs,
      metadata: own.metadata,
      signal: own.signal,
      to: own.to,
    };
  };

  // Not async functions: a call is one promise, and each layer of them would cost a turn.
  const call: Gee["call"] = (method, args = [], own = {}) => {
    try {
      return router.call(request(method, args, own));
    } catch (error) {
      return Promise.reject(error);
    }
  };

  const gee: Gee = {
    call,
    service: (name, own = {}) => createRemote(name, (method, args) => call(method, args, own)),
    async broadcast(method, args = [], own = {}) {
      const rest = new AbortController();
      const signal =
        own.signal === undefined ? rest.signal : AbortSignal.any([own.signal, rest.signal]);
      const calls = await router.callAll({ ...request(method, args, own), signal });
      try {
        const values = await Promise.all(calls.map(({ answer }) => answer));
        return values[0];
      } catch (error) {
        rest.abort(error);
        throw error;
      }
    },
    async broadcastAll(method, args = [], own = {}) {
      const calls = await router.callAll(request(method, args, own));
      return await Promise.all(
        calls.map(({ member, answer }) =>
          answer.then(
            (value): Outcome => ({ member, ok: true, value }),
            (error: unknown): Outcome => ({ member, ok: false, error: GeeError.from(error) }),
          ),
        ),
      );
    },
    members: (service) => router.members(service),
    [Symbol.asyncDispose]: () => router.close(),
  };
  return gee;
}
