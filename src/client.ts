import { Deadlines } from "./base/deadlines.ts";
import { GeeError } from "./base/errors.ts";
import { limits } from "./base/limits.ts";
import { stderrLog } from "./base/log.ts";
import type { Log } from "./base/log.ts";
import { systemClock } from "./base/time.ts";
import type { Clock } from "./base/time.ts";
import type { Member } from "./discovery/member.ts";
import type { RegistryStatus } from "./discovery/registry-feed.ts";
import { resolverOf } from "./discovery/member-source.ts";
import type { PolicyName } from "./base/policy-name.ts";
import type { Canary } from "./fleet/preference.ts";
import { createDial } from "./net/dial.ts";
import { Pool } from "./rpc/pool.ts";
import { failedCall } from "./rpc/callable.ts";
import { interceptCalls, interceptWork } from "./rpc/interceptors.ts";
import type { ClientInterceptor, Invocation } from "./rpc/interceptors.ts";
import { createStubs, noOptions } from "./rpc/remote.ts";
import type { Call, CallOptions, MakeStub, Services } from "./rpc/remote.ts";
import { checkMaxMessageBytes } from "./wire/hello.ts";
import {
  everyAnswer,
  everyOutcome,
  firstAnswer,
  firstAnswers,
  quorumOf,
} from "./routing/fan-out.ts";
import type { MemberCall, Outcome } from "./routing/fan-out.ts";
import { checkCanary, checkSubset } from "./routing/fleet-options.ts";
import {
  createPatienceMaker,
  createRequestMaker,
  policyNamed,
  withSignal,
} from "./routing/request.ts";
import { memberOf } from "./routing/routed-call.ts";
import { Router } from "./routing/router.ts";

export type { CallOptions } from "./rpc/remote.ts";
export type { Outcome } from "./routing/fan-out.ts";

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
  /**
   * How a server is chosen. Default `"p2c"`: the better of two drawn at random, by what calls there
   * took of late and how many are under way; for streams `"least-in-flight"`. `"weighted-random"`,
   * `"random"` and `"round-robin"` heed the list alone, `"hash"` the call's `hashKey`.
   */
  readonly policy?: PolicyName;
  /**
   * Where this client is. Servers of the same zone get its calls, as long as at least 1 in 1.4 of
   * them is well; beyond that, other zones get their share. Default: zones are not heeded.
   */
  readonly zone?: string | undefined;
  /** Servers with these tags get this part of the calls (0 to 1), the others the rest. */
  readonly canary?: Canary;
  /**
   * How many servers of one service this client calls: of a larger fleet it keeps to a part of its
   * own, so that not everybody is connected to everybody. 0 = all. Default 64.
   */
  readonly subsetSize?: number;
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

/** Settings of {@link Gee.ready}. */
export interface ReadyOptions {
  /** How long to wait. Default: the client's `timeoutMs`. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * A client: services by name, calls to them, connections that it owns. Disposing it awaits the
 * calls in flight, for `drainTimeoutMs` at most, and then closes; `await using` does that by itself.
 */
export interface Gee extends AsyncDisposable {
  /**
   * A typed stub: `gee.service<Foo>("Foo").Sum(1, 2)`. Cheap to make; all stubs share the
   * connections. Options hold for every call made through it. What {@link Services} names needs no
   * type: `gee.service("Foo")`.
   */
  readonly service: MakeStub<Services>;
  /**
   * Calls `Service.Method` on one member. Awaited, it resolves with the result; iterated, it gives
   * the items of a method that answers with a stream. An argument that is an `AsyncIterable` is sent
   * item by item (one at most).
   *
   * Rejects with a {@link GeeError}: what the handler threw, DEADLINE_EXCEEDED, CANCELLED,
   * UNAVAILABLE when nobody could be reached, and INVALID_ARGUMENT when an argument cannot travel.
   * `executed` says whether the method may have run. A call that certainly was not started goes to
   * another member by itself, and one that may run again is sent again, within the deadline.
   */
  call(method: string, args?: readonly unknown[], options?: CallOptions): Call;
  /**
   * Calls every member of the service that takes new calls: as long as there are such, none that is
   * suspect, drains or has weight 0. Resolves with one of the results once all have answered; rejects
   * with the first error, and cancels the rest.
   */
  broadcast(method: string, args?: readonly unknown[], options?: CallOptions): Promise<unknown>;
  /** Calls the same members as `broadcast` and resolves with what became of each. */
  broadcastAll(
    method: string,
    args?: readonly unknown[],
    options?: CallOptions,
  ): Promise<readonly Outcome[]>;
  /**
   * Calls the same members as `broadcast`. Resolves with the first result, and cancels the rest;
   * rejects when all have failed.
   */
  fork(method: string, args?: readonly unknown[], options?: CallOptions): Promise<unknown>;
  /**
   * Calls the same members as `broadcast`. Resolves with the first `count` results in the order in
   * which they came, and cancels the rest; rejects as soon as there cannot be so many. `"majority"` is
   * more than half of all that are listed, called or not. When fewer than that are to be called, none
   * is: FAILED_PRECONDITION, reason NO_QUORUM.
   */
  quorum(
    count: number | "majority",
    method: string,
    args?: readonly unknown[],
    options?: CallOptions,
  ): Promise<readonly unknown[]>;
  /**
   * Connects to the servers of a service, or to all, before there is a call for them. Resolves when one
   * of them takes calls, and goes on with the others. While there is none it keeps trying.
   *
   * Rejects with a {@link GeeError}: DEADLINE_EXCEEDED with what was in the way, CANCELLED.
   */
  ready(service?: string, options?: ReadyOptions): Promise<void>;
  /** Who answered a call; undefined of one that failed, or went through interceptors. */
  answeredBy(call: Promise<unknown>): Member | undefined;
  /** How the registries stand, as this client last heard of each: none is asked for it. */
  registries(): readonly RegistryStatus[];
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

/**
 * Makes a client. Nothing is opened before the first call.
 *
 * @throws GeeError INVALID_ARGUMENT for options that cannot be right
 */
export function connect(options: ConnectOptions = {}): Gee {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? stderrLog;
  const policy = policyNamed(options.policy ?? "p2c");
  const { interceptors = [], maxMessageBytes = limits.maxMessageBytes } = options;
  checkMaxMessageBytes(maxMessageBytes);
  const deadlines = new Deadlines(clock);
  const resolver = resolverOf(options, clock, log);
  const router = new Router({
    clock,
    log,
    resolver,
    pool: new Pool({ open: createDial(clock), clock, deadlines, maxMessageBytes }),
    deadlines,
    policy,
    named: options.address !== undefined,
    zone: options.zone,
    canary: checkCanary(options.canary),
    subsetSize: checkSubset(options.subsetSize),
  });

  const request = createRequestMaker(clock, options.timeoutMs);
  const patience = createPatienceMaker(clock, options.timeoutMs);

  // Not async functions: a call is one promise, and each layer of them would cost a turn.
  const makeCall = interceptCalls((method, args, own) => {
    try {
      return router.call(request(method, args, own));
    } catch (error) {
      return failedCall(error);
    }
  }, interceptors);
  const call: Gee["call"] = (method, args = [], own = noOptions) => makeCall(method, args, own);

  /** Calls every member, and cancels what is left when `work` is done with the answers. */
  async function callAll<T>(
    { method, args, options: own }: Invocation,
    work: (calls: readonly MemberCall[]) => Promise<T>,
    check?: (called: number, listed: number) => void,
  ): Promise<T> {
    const wanted = request(method, args, own);
    if (wanted.stream !== undefined) throw wrong("a stream can be sent to one server only");
    const rest = new AbortController();
    const signal =
      wanted.signal === undefined ? rest.signal : AbortSignal.any([wanted.signal, rest.signal]);
    const calls = await router.callAll(withSignal(wanted, signal), check);
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

  /**
   * The same behind the interceptors. What one of them makes of the values of a single answer is what
   * the caller gets; lists of answers are handed on as they are.
   */
  async function callAllAs<T>(
    invocation: Invocation,
    work: (calls: readonly MemberCall[]) => Promise<readonly T[]>,
    check?: (called: number, listed: number) => void,
  ): Promise<readonly T[]> {
    let found: readonly T[] = [];
    await interceptWork(interceptors, invocation, async (made) => {
      found = await callAll(made, work, check);
      return found;
    });
    return found;
  }

  return {
    call,
    service: createStubs(makeCall),
    broadcast: (method, args = [], own = {}) =>
      interceptWork(interceptors, { method, args, options: own }, (invocation) =>
        callAll(invocation, everyAnswer),
      ),
    broadcastAll: (method, args = [], own = {}) =>
      callAllAs({ method, args, options: own }, everyOutcome),
    fork: (method, args = [], own = {}) =>
      interceptWork(interceptors, { method, args, options: own }, (invocation) =>
        callAll(invocation, firstAnswer),
      ),
    quorum(count, method, args = [], own = {}) {
      let needed = 0;
      return callAllAs(
        { method, args, options: own },
        (calls) => firstAnswers(calls, needed),
        (called, listed) => {
          needed = quorumOf(count, called, listed);
        },
      );
    },
    async ready(name, { timeoutMs, signal } = {}) {
      await router.ready(name, patience(name, timeoutMs, signal));
    },
    answeredBy: memberOf,
    registries: () => resolver.registries(),
    members: (wanted) => router.members(wanted),
    watchMembers: () => router.watchMembers(),
    [Symbol.asyncDispose]: () => router.close(options.drainTimeoutMs ?? limits.drainTimeoutMs),
  };
}
