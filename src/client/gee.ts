import type { Log } from "../base/log.ts";
import type { PolicyName } from "../base/policy-name.ts";
import type { Clock } from "../base/time.ts";
import type { ServiceContract } from "../contract/contract.ts";
import type { Member } from "../discovery/member.ts";
import type { RegistryStatus } from "../discovery/registry-feed.ts";
import type { Canary } from "../fleet/preference.ts";
import type { Outcome } from "../routing/fan-out.ts";
import type { ClientInterceptor } from "../rpc/interceptors.ts";
import type { Call, CallOptions, MakeStub, Services } from "../rpc/remote.ts";

/** Settings of `connect`. Name a registry or addresses, not both. */
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
  /**
   * What the client was built against: the contracts of services, as `gee types SERVICE --json` writes
   * them. A server on which a method has become something else does not get calls to it: they go to
   * another one, and when there is none they are FAILED_PRECONDITION, reason CONTRACT_MISMATCH, executed
   * no. What a server has more breaks nobody. Default: none, and nothing is compared.
   */
  readonly contract?: ServiceContract | readonly ServiceContract[];
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
