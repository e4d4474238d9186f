import type { Deadlines } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { nearest } from "../base/names.ts";
import type { Clock } from "../base/time.ts";
import type { Member } from "../discovery/member.ts";
import type { Resolver } from "../discovery/resolver.ts";
import type { Policy } from "../fleet/balancer.ts";
import { mayGoElsewhere } from "../fleet/retry.ts";
import type { Connection } from "../rpc/connection.ts";
import type { Pool } from "../rpc/pool.ts";
import type { Call } from "../rpc/remote.ts";
import { Candidates } from "./candidates.ts";
import { keyOf, RoutedCall } from "./routed-call.ts";
import type { CallRouter, RoutedRequest } from "./routed-call.ts";
import { watchMembers } from "./watch-members.ts";
import { within } from "./within.ts";

/** What a router is made of. */
export interface RouterOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly resolver: Resolver;
  readonly pool: Pool;
  readonly deadlines: Deadlines;
  readonly policy: Policy;
  /** The user named the members' addresses; no registry did. */
  readonly named: boolean;
}

/**
 * Finds a server for each call: resolver, candidates, policy, pool, connection. A call that was
 * certainly not started goes on to the next candidate, each at most once; when all have failed, the
 * list is asked for once more, and those who are new on it are tried too.
 */
export class Router implements CallRouter {
  readonly #options: RouterOptions;
  readonly #candidates: Candidates;
  #active = 0;
  #idle: PromiseWithResolvers<void> | undefined;
  #closed: Promise<void> | undefined;
  readonly #closing: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#candidates = new Candidates(options.clock, options.log, options.named);
  }

  /** Starts a call. The promise is the call's own. @throws GeeError when the router is closed */
  call(request: RoutedRequest): Call {
    const call = this.#begin(request, [], false);
    if (call.settled) return call.call;
    const list = this.#options.resolver.current();
    if (list === undefined || list.length === 0) {
      void this.#lookUp(call);
      return call.call;
    }
    this.#aim(call, list);
    if (call.candidates.length === 0) void this.#lookAgain(call);
    else this.#next(call);
    return call.call;
  }

  /** Starts the same call on every candidate; none goes elsewhere. */
  async callAll(
    request: RoutedRequest,
  ): Promise<readonly { readonly member: Member; readonly answer: Promise<unknown> }[]> {
    this.#checkOpen();
    const { clock, resolver } = this.#options;
    this.#use(await within(clock, request, resolver.members()));
    if (this.#candidates.of(request).length === 0) {
      await within(clock, request, resolver.refresh());
      this.#use(resolver.current() ?? []);
    }
    const candidates = this.#candidates.of(request);
    if (candidates.length === 0) throw this.#candidates.nobody(request);
    return candidates.map((member) => {
      const call = this.#begin(request, [member], true);
      if (!call.settled) this.#next(call);
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

  /** The members in sight, now and whenever they change. */
  watchMembers(): AsyncIterable<readonly Member[]> {
    this.#checkOpen();
    return watchMembers(this.#options.resolver, this.#closing.promise);
  }

  #checkOpen(): void {
    if (this.#closed === undefined) return;
    throw new GeeError("FAILED_PRECONDITION", "the client is closed", {
      reason: "CLOSED",
      executed: "no",
    });
  }

  #begin(request: RoutedRequest, candidates: readonly Member[], refreshed: boolean): RoutedCall {
    this.#checkOpen();
    this.#active++;
    const { deadlines } = this.#options;
    const call = new RoutedCall(this, request, deadlines, candidates, refreshed);
    call.listen();
    return call;
  }

  /** A call has settled. */
  settled(): void {
    if (--this.#active === 0) this.#idle?.resolve();
  }

  // -------------------------------------------------------------- members

  async #lookUp(call: RoutedCall): Promise<void> {
    call.fresh = false;
    try {
      const list = await this.#options.resolver.members();
      if (call.settled) return;
      this.#aim(call, list);
      if (call.candidates.length === 0) await this.#lookAgain(call);
      else this.#next(call);
    } catch (error) {
      // No further attempt: there is nobody to try.
      call.refreshed = true;
      call.fail(GeeError.from(error, "no"));
    }
  }

  /** Nobody that is left on the list serves this: the list may be older than the server. */
  async #lookAgain(call: RoutedCall): Promise<void> {
    call.refreshed = true;
    call.fresh = false;
    await this.#options.resolver.refresh();
    if (call.settled) return;
    const before = call.candidates;
    this.#aim(call, this.#options.resolver.current() ?? []);
    call.candidates = call.untried();
    if (call.candidates.length > 0) {
      this.#next(call);
      return;
    }
    call.candidates = before;
    call.fail(this.#verdict(call));
  }

  #use(list: readonly Member[]): void {
    if (this.#candidates.use(list)) this.#options.pool.keepOnly(list);
  }

  /** Takes the candidates of a list as the call's, and a place among them to begin. */
  #aim(call: RoutedCall, list: readonly Member[]): void {
    this.#use(list);
    call.candidates = this.#candidates.of(call.request);
    const count = call.candidates.length;
    call.start = count > 1 ? this.#options.policy(count) : 0;
  }

  // -------------------------------------------------------------- attempts

  /** Sends the call to its next candidate, or has the list asked for once more, or gives up. */
  #next(call: RoutedCall): void {
    const member = this.#choose(call);
    if (member !== undefined) this.#attempt(call, member);
    else if (!call.refreshed) void this.#lookAgain(call);
    else call.fail(this.#verdict(call));
  }

  #attempt(call: RoutedCall, member: Member): void {
    call.current = member;
    const connection = this.#options.pool.connection(member);
    if (!(connection instanceof Promise)) {
      this.#send(call, member, connection);
      return;
    }
    call.fresh = false;
    connection.then(
      (ready) => {
        if (!call.settled) this.#send(call, member, ready);
      },
      (error: unknown) => call.fail(GeeError.from(error, "no")),
    );
  }

  /** The next candidate from the start on that was not tried; one that is failing comes last. */
  #choose(call: RoutedCall): Member | undefined {
    const { candidates, start, tried } = call;
    const { pool } = this.#options;
    let waiting: Member | undefined;
    for (let step = 0; step < candidates.length; step++) {
      const member = candidates[(start + step) % candidates.length];
      if (member === undefined || tried?.has(keyOf(member)) === true) continue;
      if (this.#candidates.strangerError(member) !== undefined) continue;
      if (!pool.isFailing(member)) return member;
      // No call is sent there to find out whether it is back; a dial of its own does that.
      pool.retry(member, (error) => this.#candidates.noteFailure(member, error));
      waiting ??= member;
    }
    return waiting;
  }

  #send(call: RoutedCall, member: Member, connection: Connection): void {
    const { service } = call.request;
    const { hello } = connection;
    this.#candidates.noteHello(member);
    if (member.services === undefined && hello?.complete === true && !hello.services.has(service)) {
      // An old member's hello is the first word on what it serves.
      const near = nearest(service, hello.services.keys());
      call.fail(
        new GeeError("UNIMPLEMENTED", `there is no service ${service}`, {
          reason: "NO_SUCH_METHOD",
          executed: "no",
          hint: near === undefined ? undefined : `did you mean ${near}?`,
        }),
      );
      return;
    }
    if (call.fresh) connection.start(call, call.request.timeoutMs);
    else connection.start(call);
  }

  /** An attempt has failed; true when another is under way. */
  again(call: RoutedCall, error: GeeError): boolean {
    const { current, failure } = call;
    const { clock, resolver } = this.#options;
    if (current !== undefined) this.#candidates.noteFailure(current, error);
    if (current === undefined || clock.now() >= call.deadlineAt) return false;
    if (!mayGoElsewhere(error)) return false;
    const lost = error.code === "UNAVAILABLE";
    if (failure === undefined || (failure.code === "UNAVAILABLE" && !lost)) call.failure = error;
    call.tried ??= new Set();
    call.tried.add(keyOf(current));
    call.current = undefined;
    call.fresh = false;
    // The list that named it may be out of date; whoever comes next should have a newer one.
    if (lost) void resolver.refresh();
    const next = this.#choose(call);
    if (next !== undefined) {
      this.#attempt(call, next);
      return true;
    }
    if (lost && !call.refreshed) {
      void this.#lookAgain(call);
      return true;
    }
    const verdict = this.#verdict(call);
    if (verdict === error) return false;
    call.fail(verdict);
    return true;
  }

  /** What is said of a call that has nobody left to try. */
  #verdict(call: RoutedCall): GeeError {
    const { candidates, failure, request } = call;
    const [first] = candidates;
    const error =
      failure ?? (first === undefined ? undefined : this.#candidates.strangerError(first));
    // That guesses failed is beside the point: nobody lists the service.
    if (error === undefined || this.#candidates.areGuesses(candidates)) {
      return this.#candidates.nobody(request);
    }
    const count = call.tried?.size ?? 0;
    if (count < 2 || error.code !== "UNAVAILABLE") return error;
    return new GeeError(
      "UNAVAILABLE",
      `none of ${count} servers of ${request.service} takes the call; the first: ${error.message}`,
      { reason: error.reason, executed: "no", hint: error.hint, cause: error },
    );
  }

  /**
   * Starts no further call, awaits those in flight for so long, and closes: what is still in flight
   * then fails.
   */
  close(drainTimeoutMs: number): Promise<void> {
    this.#closing.resolve();
    return (this.#closed ??= this.#close(drainTimeoutMs));
  }

  async #close(drainTimeoutMs: number): Promise<void> {
    if (this.#active > 0) {
      const idle = Promise.withResolvers<void>();
      this.#idle = idle;
      const timer = this.#options.clock.after(drainTimeoutMs, idle.resolve);
      await idle.promise;
      timer.cancel();
    }
    if (this.#active > 0) this.#options.pool.closeNow();
    await this.#options.resolver[Symbol.asyncDispose]();
    await this.#options.pool.close(limits.helloTimeoutMs);
  }
}
