import type { Deadlines } from "./base/deadlines.ts";
import { GeeError } from "./base/errors.ts";
import type { Code } from "./base/errors.ts";
import { limits } from "./base/limits.ts";
import type { Log } from "./base/log.ts";
import { nearest } from "./base/names.ts";
import type { Clock } from "./base/time.ts";
import type { Member } from "./discovery/member.ts";
import type { Resolver } from "./discovery/resolver.ts";
import type { Policy } from "./fleet/balancer.ts";
import { mayGoElsewhere } from "./fleet/retry.ts";
import type { Connection } from "./rpc/connection.ts";
import { OutgoingCall } from "./rpc/outgoing-call.ts";
import type { Pool } from "./rpc/pool.ts";
import type { Metadata } from "./wire/message.ts";

/** A call before it has a server. */
export interface CallRequest {
  readonly service: string;
  /** `Service.Method`. */
  readonly method: string;
  readonly args: readonly unknown[];
  readonly timeoutMs: number;
  readonly deadlineAt: number;
  readonly metadata: Metadata | undefined;
  readonly signal: AbortSignal | undefined;
  /** The one instance that may answer, by id. */
  readonly to: string | undefined;
}

/** A call's way through the candidates. */
interface Route {
  readonly request: CallRequest;
  candidates: readonly Member[];
  /** Where among the candidates it began. */
  start: number;
  /** Who was tried, by {@link keyOf}. Made when the first attempt has failed. */
  tried: Set<string> | undefined;
  current: Member | undefined;
  /** The list was asked for anew because everybody on it had failed. */
  refreshed: boolean;
  /** The failure that says most: the first that is not "unreachable", else the first. */
  failure: GeeError | undefined;
}

/** What a router is made of. */
export interface RouterOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly resolver: Resolver;
  readonly pool: Pool;
  readonly deadlines: Deadlines;
  readonly policy: Policy;
}

/** An address that did not answer as a gee server does. */
interface Stranger {
  strikes: number;
  /** Left alone until then. */
  until: number;
  error: GeeError;
}

/** Connections that end without a hello until an address counts as a stranger's. */
const maxStrikes = 3;

function keyOf(member: Member): string {
  return `${member.address} ${member.id ?? ""}`;
}

/**
 * Finds a server for each call: resolver, candidates, policy, pool, connection. A call that was
 * certainly not started goes on to the next candidate, each at most once; when all have failed, the
 * list is asked for once more, and those who are new on it are tried too.
 */
export class Router {
  readonly #options: RouterOptions;
  /** Candidates by service, for the list that they were made from. */
  #from: readonly Member[] | undefined;
  #candidates: Map<string, readonly Member[]> = new Map();
  /** Members of that list of which nobody knows what they serve. */
  #old: readonly Member[] = [];
  /** By address. */
  readonly #strangers: Map<string, Stranger> = new Map();
  #active = 0;
  #idle: PromiseWithResolvers<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** Starts a call. The promise is the call's own. */
  call(request: CallRequest): Promise<unknown> {
    const { resolver } = this.#options;
    const list = resolver.current();
    const { call, route } = this.#begin(request, []);
    if (call.settled) return call.promise;
    if (list === undefined || list.length === 0) {
      void this.#lookUp(call, route);
      return call.promise;
    }
    this.#aim(route, list);
    if (route.candidates.length === 0) void this.#lookAgain(call, route);
    else this.#next(call, route);
    return call.promise;
  }

  /** Starts the same call on every candidate; none goes elsewhere. */
  async callAll(
    request: CallRequest,
  ): Promise<readonly { readonly member: Member; readonly answer: Promise<unknown> }[]> {
    this.#checkOpen();
    const { resolver } = this.#options;
    const list = await this.#within(request, resolver.members());
    let candidates = this.#candidatesOf(list, request);
    if (candidates.length === 0) {
      await this.#within(request, resolver.refresh());
      candidates = this.#candidatesOf(resolver.current() ?? [], request);
    }
    if (candidates.length === 0) throw this.#nobody(request);
    return candidates.map((member) => {
      const { call, route } = this.#begin(request, [member]);
      route.refreshed = true;
      if (!call.settled) this.#next(call, route);
      return { member, answer: call.promise };
    });
  }

  /** The members in sight. */
  async members(service?: string): Promise<readonly Member[]> {
    const list = await this.#options.resolver.members();
    return service === undefined
      ? list
      : list.filter((member) => member.services?.includes(service) === true);
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) {
      throw new GeeError("FAILED_PRECONDITION", "the client is closed", {
        reason: "CLOSED",
        executed: "no",
      });
    }
  }

  #begin(
    request: CallRequest,
    candidates: readonly Member[],
  ): { readonly call: OutgoingCall; readonly route: Route } {
    this.#checkOpen();
    const route: Route = {
      request,
      candidates,
      start: 0,
      tried: undefined,
      current: undefined,
      refreshed: false,
      failure: undefined,
    };
    this.#active++;
    const call = new OutgoingCall({
      method: request.method,
      args: request.args,
      deadlineAt: request.deadlineAt,
      timeoutMs: request.timeoutMs,
      deadlines: this.#options.deadlines,
      metadata: request.metadata,
      signal: request.signal,
      again: (failed, error) => this.#again(failed, route, error),
      settled: this.#onSettled,
    });
    return { call, route };
  }

  readonly #onSettled = (): void => {
    if (--this.#active === 0) this.#idle?.resolve();
  };

  // -------------------------------------------------------------- members

  /** Waits for what a request needs before it has a server: no longer than it may take itself. */
  async #within<T>(request: CallRequest, work: Promise<T>): Promise<T> {
    const { clock } = this.#options;
    const { signal } = request;
    const { promise: over, reject } = Promise.withResolvers<never>();
    const end = (code: Code, message: string): void =>
      reject(new GeeError(code, message, { executed: "no", cause: signal?.reason }));
    const timer = clock.after(request.deadlineAt - clock.now(), () =>
      end("DEADLINE_EXCEEDED", `no registry answered in ${request.timeoutMs} ms`),
    );
    const onAbort = (): void => end("CANCELLED", `${request.method} was cancelled`);
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([over, work]);
    } finally {
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
    }
  }

  async #lookUp(call: OutgoingCall, route: Route): Promise<void> {
    try {
      const list = await this.#options.resolver.members();
      if (call.settled) return;
      this.#aim(route, list);
      if (route.candidates.length === 0) await this.#lookAgain(call, route);
      else this.#next(call, route);
    } catch (error) {
      // No further attempt: there is nobody to try.
      route.refreshed = true;
      call.fail(GeeError.from(error, "no"));
    }
  }

  /** Nobody on the list serves this: the list may be older than the server. */
  async #lookAgain(call: OutgoingCall, route: Route): Promise<void> {
    route.refreshed = true;
    await this.#options.resolver.refresh();
    if (call.settled) return;
    const { candidates, tried } = route;
    this.#aim(route, this.#options.resolver.current() ?? []);
    if (tried !== undefined) {
      route.candidates = route.candidates.filter((member) => !tried.has(keyOf(member)));
    }
    if (route.candidates.length > 0) {
      this.#next(call, route);
      return;
    }
    route.candidates = candidates;
    call.fail(this.#verdict(route));
  }

  /** Takes the candidates of a list as the route's, and a place among them to begin. */
  #aim(route: Route, list: readonly Member[]): void {
    route.candidates = this.#candidatesOf(list, route.request);
    const count = route.candidates.length;
    route.start = count > 1 ? this.#options.policy(count) : 0;
  }

  /**
   * Who may answer: the members that list the service, else the old members, of which nobody knows
   * yet what they serve. One that drains is asked only when there is no other.
   */
  #candidatesOf(list: readonly Member[], request: CallRequest): readonly Member[] {
    if (request.to !== undefined) return list.filter((member) => member.id === request.to);
    if (list !== this.#from) {
      this.#from = list;
      this.#candidates = new Map();
      this.#old = list.filter((member) => member.services === undefined);
      this.#options.pool.keepOnly(list);
    }
    const known = this.#candidates.get(request.service);
    if (known !== undefined) return known;
    if (this.#old.length === list.length) return this.#old;
    const listed = list.filter((member) => member.services?.includes(request.service) === true);
    const staying = listed.filter((member) => !member.draining && member.weight > 0);
    const found = staying.length > 0 ? staying : listed;
    if (found.length === 0) return this.#old;
    // Only what is listed is remembered: a caller's own names must not fill the map.
    this.#candidates.set(request.service, found);
    return found;
  }

  #nobody(request: CallRequest): GeeError {
    const list = this.#options.resolver.current() ?? [];
    if (request.to !== undefined) {
      return new GeeError("UNAVAILABLE", `no instance ${request.to} is registered`, {
        reason: "NO_INSTANCE",
        executed: "no",
        hint: "gee list SERVICE shows the instances",
      });
    }
    const services = new Set(list.flatMap((member) => member.services ?? []));
    const near = nearest(request.service, services);
    return new GeeError("UNAVAILABLE", `no server of ${request.service} is registered`, {
      reason: "NO_SERVER",
      executed: "no",
      hint: near === undefined ? "gee list shows what is there" : `did you mean ${near}?`,
    });
  }

  // -------------------------------------------------------------- attempts

  /** Sends the call to the route's next candidate. */
  #next(call: OutgoingCall, route: Route): void {
    const member = this.#choose(route);
    if (member === undefined) {
      if (route.refreshed) call.fail(this.#verdict(route));
      else void this.#lookAgain(call, route);
      return;
    }
    route.current = member;
    const connection = this.#options.pool.connection(member);
    if (!(connection instanceof Promise)) {
      this.#send(call, route, member, connection);
      return;
    }
    connection.then(
      (ready) => {
        if (!call.settled) this.#send(call, route, member, ready);
      },
      (error: unknown) => call.fail(GeeError.from(error, "no")),
    );
  }

  /** The next candidate from the start on that was not tried; one that is failing comes last. */
  #choose(route: Route): Member | undefined {
    const { candidates, start, tried } = route;
    let waiting: Member | undefined;
    for (let step = 0; step < candidates.length; step++) {
      const member = candidates[(start + step) % candidates.length];
      if (member === undefined || tried?.has(keyOf(member)) === true) continue;
      if (this.#isStranger(member)) continue;
      if (!this.#options.pool.isFailing(member)) return member;
      // No call is sent there to find out whether it is back; a dial of its own does that.
      this.#options.pool.retry(member, (error) => this.#noteStranger(member, error));
      waiting ??= member;
    }
    return waiting;
  }

  #send(call: OutgoingCall, route: Route, member: Member, connection: Connection): void {
    const { hello } = connection;
    const { service } = route.request;
    if (member.services === undefined && hello?.complete === true && !hello.services.has(service)) {
      // An old member's hello is the first word on what it serves.
      call.fail(
        new GeeError("UNIMPLEMENTED", `there is no service ${service}`, {
          reason: "NO_SUCH_METHOD",
          executed: "no",
          hint: didYouMean(nearest(service, hello.services.keys())),
        }),
      );
      return;
    }
    connection.start(call);
  }

  /** An attempt has failed; true when another is under way. */
  #again(call: OutgoingCall, route: Route, error: GeeError): boolean {
    const { current, request } = route;
    const { clock, resolver } = this.#options;
    if (current !== undefined) this.#noteStranger(current, error);
    if (!mayGoElsewhere(error) || clock.now() >= request.deadlineAt) return false;
    if (route.failure === undefined || route.failure.code === "UNAVAILABLE") {
      if (route.failure === undefined || error.code !== "UNAVAILABLE") route.failure = error;
    }
    if (current === undefined) return false;
    route.tried ??= new Set();
    route.tried.add(keyOf(current));
    route.current = undefined;
    // The list that named it may be out of date; whoever comes next should have a newer one.
    const lost = error.code === "UNAVAILABLE";
    if (lost) void resolver.refresh();
    if (this.#choose(route) !== undefined) {
      this.#next(call, route);
      return true;
    }
    if (lost && !route.refreshed) {
      void this.#lookAgain(call, route);
      return true;
    }
    const verdict = this.#verdict(route);
    if (verdict === error) return false;
    call.fail(verdict);
    return true;
  }

  /** What is said of a call that has nobody left to try. */
  #verdict(route: Route): GeeError {
    const { candidates, failure, request } = route;
    const [first] = candidates;
    const stranger = first === undefined ? undefined : this.#strangers.get(first.address);
    const error = failure ?? stranger?.error;
    if (error === undefined) return this.#nobody(request);
    // Old members were asked because nobody lists the service; that they failed is beside the point.
    const guessed = candidates.every((member) => member.services === undefined);
    const list = this.#options.resolver.current() ?? [];
    if (guessed && list.some((member) => member.services !== undefined)) {
      return this.#nobody(request);
    }
    const count = route.tried?.size ?? 0;
    if (count < 2 || error.code !== "UNAVAILABLE") return error;
    return new GeeError(
      "UNAVAILABLE",
      `none of ${count} servers of ${request.service} takes the call; the first: ${error.message}`,
      { reason: error.reason, executed: "no", hint: error.hint, cause: error },
    );
  }

  #isStranger(member: Member): boolean {
    if (this.#strangers.size === 0) return false;
    const stranger = this.#strangers.get(member.address);
    return stranger !== undefined && this.#options.clock.now() < stranger.until;
  }

  /**
   * An old member that speaks something else is no gee server; nor is one that closes every
   * connection without a hello, as a GeeRPC server does (once may be a server that stops).
   */
  #noteStranger(member: Member, error: GeeError): void {
    if (member.services !== undefined) return;
    const wordless = error.reason === "NO_HELLO";
    if (error.reason !== "NOT_A_FRAME" && !wordless) return;
    const { clock, log } = this.#options;
    const stranger = this.#strangers.get(member.address) ?? { strikes: 0, until: 0, error };
    this.#strangers.set(member.address, stranger);
    stranger.strikes++;
    if (wordless && stranger.strikes < maxStrikes) return;
    stranger.strikes = 0;
    stranger.error = error;
    stranger.until = clock.now() + limits.strangerMs;
    log.warn("no gee server answers there; left alone for 5 minutes", {
      address: member.address,
      why: error.message,
    });
  }

  // -------------------------------------------------------------- ending

  /** Starts no further call, awaits those in flight, and closes. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#active > 0) {
      this.#idle = Promise.withResolvers();
      await this.#idle.promise;
    }
    await this.#options.resolver[Symbol.asyncDispose]();
    await this.#options.pool.close(limits.helloTimeoutMs);
  }
}

function didYouMean(name: string | undefined): string | undefined {
  return name === undefined ? undefined : `did you mean ${name}?`;
}
