import { parseAddress } from "./base/address.ts";
import type { Address } from "./base/address.ts";
import { Deadlines } from "./base/deadlines.ts";
import { GeeError } from "./base/errors.ts";
import { limits } from "./base/limits.ts";
import { stderrLog } from "./base/log.ts";
import type { Log } from "./base/log.ts";
import { nearest, splitList } from "./base/names.ts";
import { systemClock } from "./base/time.ts";
import type { Clock } from "./base/time.ts";
import { ListCache } from "./discovery/list-cache.ts";
import type { Member } from "./discovery/member.ts";
import { createRegistryClient } from "./discovery/registry-client.ts";
import { checkRegistryToken, parseRegistryUrls } from "./discovery/registry-url.ts";
import { createFixedResolver, createRegistryResolver } from "./discovery/resolver.ts";
import type { Resolver } from "./discovery/resolver.ts";
import { createPolicy, policyNames } from "./fleet/balancer.ts";
import type { PolicyName } from "./fleet/balancer.ts";
import { createDial } from "./net/dial.ts";
import { Pool } from "./rpc/pool.ts";
import { interceptCalls, interceptWork } from "./rpc/interceptors.ts";
import type { ClientInterceptor, Invocation } from "./rpc/interceptors.ts";
import { createRemote } from "./rpc/remote.ts";
import type { Call, CallOptions, OneWay, Remote } from "./rpc/remote.ts";
import { checkMaxMessageBytes } from "./wire/hello.ts";
import { createRequestMaker, noOptions, withSignal } from "./routing/request.ts";
import { Router } from "./routing/router.ts";

export type { CallOptions } from "./rpc/remote.ts";

/** Settings of {@link connect}. Name a registry or addresses, not both. */
export interface ConnectOptions {
  /**
   * URL of a registry, or several: `http://127.0.0.1:9999`. The default is that one, which is where
   * `gee registry` listens.
   */
  readonly registry?: string | readonly string[];
  /**
   * The bearer token that is shown to every registry named, and to nobody else. Over plain http to
   * another machine it can be read on the way, which is worth a warning. Default: none.
   */
  readonly registryToken?: string | undefined;
  /** Servers by address, `tcp@127.0.0.1:4000`, without any registry. */
  readonly address?: string | readonly string[];
  /**
   * A file that keeps the member list for a client that starts while no registry answers: readable
   * by its owner alone, used while it is at most 24 hours old, and never while a registry answers.
   * Default: none.
   */
  readonly cache?: string;
  /** The deadline of calls that name none. Default 10 s. */
  readonly timeoutMs?: number;
  /** How a server is chosen. Default `"round-robin"`. */
  readonly policy?: PolicyName;
  /** Run around every call, the first outermost. */
  readonly interceptors?: readonly ClientInterceptor[];
  /** The largest message that is accepted, 64 KiB at least. Default 4 MiB. */
  readonly maxMessageBytes?: number;
  /** How long disposing the client awaits calls and streams in flight. Default 25 s. */
  readonly drainTimeoutMs?: number;
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
 * calls in flight, for `drainTimeoutMs` at most, and then closes; `await using` does that by itself.
 */
export interface Gee extends AsyncDisposable {
  /**
   * A typed stub: `gee.service<Foo>("Foo").Sum(1, 2)`. Cheap to make; all stubs share the
   * connections. Options hold for every call made through it.
   */
  service<T>(name: string, options: CallOptions & { readonly oneWay: true }): OneWay<T>;
  service<T>(name: string, options?: CallOptions & { readonly oneWay?: false }): Remote<T>;
  /**
   * Calls `Service.Method` on one member. Awaited, it resolves with the result; iterated, it gives
   * the items of a method that answers with a stream. An argument that is an `AsyncIterable` is sent
   * item by item (one at most).
   *
   * Rejects with a {@link GeeError}: what the handler threw, DEADLINE_EXCEEDED, CANCELLED,
   * UNAVAILABLE when nobody could be reached, and INVALID_ARGUMENT when an argument cannot travel.
   * `executed` says whether the method may have run. A call that certainly was not started goes to
   * another member by itself, each at most once, within the deadline.
   */
  call(method: string, args?: readonly unknown[], options?: CallOptions): Call;
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
  /**
   * The members in sight, at once and then each new list as soon as a registry tells of it. Ends when
   * the client is disposed of; leaving the loop ends it earlier.
   */
  watchMembers(): AsyncIterable<readonly Member[]>;
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
    if (options.cache !== undefined) throw wrong("a cache keeps the list of a registry");
    const addresses: Address[] = splitList(options.address).map(parseAddress);
    if (addresses.length === 0) throw wrong("no address is named");
    return createFixedResolver(addresses);
  }
  const urls = parseRegistryUrls(options.registry ?? "http://127.0.0.1:9999");
  if (urls.length === 0) throw wrong("no registry is named");
  const token = options.registryToken;
  checkRegistryToken(urls, token, log);
  const registries = urls.map((url) => createRegistryClient({ url, token, clock, log }));
  if (options.cache === undefined) return createRegistryResolver({ registries, clock, log });
  if (options.cache === "") throw wrong("no file is named for the cache");
  const cache = new ListCache({ file: options.cache, registries: urls, clock, log });
  return createRegistryResolver({ registries, clock, log, cache });
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
  const { interceptors = [], maxMessageBytes = limits.maxMessageBytes } = options;
  checkMaxMessageBytes(maxMessageBytes);
  const deadlines = new Deadlines(clock);
  const router = new Router({
    clock,
    log,
    resolver: createResolver(options, clock, log),
    pool: new Pool({ open: createDial(clock), clock, deadlines, maxMessageBytes }),
    deadlines,
    policy: createPolicy(policy),
    named: options.address !== undefined,
  });

  const request = createRequestMaker(clock, options.timeoutMs);

  // Not async functions: a call is one promise, and each layer of them would cost a turn.
  const makeCall = interceptCalls((method, args, own) => {
    try {
      return router.call(request(method, args, own));
    } catch (error) {
      return failedCall(error);
    }
  }, interceptors);
  const call: Gee["call"] = (method, args = [], own = noOptions) => makeCall(method, args, own);

  function service<T>(name: string, own: CallOptions & { readonly oneWay: true }): OneWay<T>;
  function service<T>(name: string, own?: CallOptions & { readonly oneWay?: false }): Remote<T>;
  function service(name: string, own: CallOptions = noOptions): object {
    return createRemote(name, (method, args) => makeCall(method, args, own));
  }

  /** Calls every member, and cancels what is left when `work` is done with the answers. */
  async function callAll<T>(
    { method, args, options: own }: Invocation,
    work: (calls: Awaited<ReturnType<Router["callAll"]>>) => Promise<T>,
  ): Promise<T> {
    const wanted = request(method, args, own);
    if (wanted.stream !== undefined) throw wrong("a stream can be sent to one server only");
    const rest = new AbortController();
    const signal =
      wanted.signal === undefined ? rest.signal : AbortSignal.any([wanted.signal, rest.signal]);
    const calls = await router.callAll(withSignal(wanted, signal));
    let why: unknown;
    try {
      return await work(calls);
    } catch (error) {
      why = error;
      throw error;
    } finally {
      rest.abort(why);
    }
  }

  return {
    call,
    service,
    async broadcast(method, args = [], own = {}) {
      return await interceptWork(interceptors, { method, args, options: own }, (invocation) =>
        callAll(invocation, async (calls) => {
          const values = await Promise.all(calls.map(({ answer }) => answer));
          return values[0];
        }),
      );
    },
    async broadcastAll(method, args = [], own = {}) {
      const outcomes = (invocation: Invocation): Promise<readonly Outcome[]> =>
        callAll(invocation, (calls) =>
          Promise.all(
            calls.map(({ member, answer }) =>
              answer.then(
                (value): Outcome => ({ member, ok: true, value }),
                (error: unknown): Outcome => ({ member, ok: false, error: GeeError.from(error) }),
              ),
            ),
          ),
        );
      let found: readonly Outcome[] = [];
      // What an interceptor makes of the outcomes is its own; the caller gets them as they are.
      await interceptWork(interceptors, { method, args, options: own }, async (invocation) => {
        found = await outcomes(invocation);
        return found;
      });
      return found;
    },
    members: (wanted) => router.members(wanted),
    watchMembers: () => router.watchMembers(),
    [Symbol.asyncDispose]: () => router.close(options.drainTimeoutMs ?? limits.drainTimeoutMs),
  };
}

/** A call that could not be made. */
function failedCall(thrown: unknown): Call {
  const failed = Promise.reject(thrown);
  return Object.assign(failed, {
    [Symbol.asyncIterator]: () => {
      // Whoever iterates hears of it from the iterator.
      failed.catch(() => {});
      return { next: () => failed };
    },
  });
}
