import type { Deadlines } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { sleep } from "../base/time.ts";
import type { Clock } from "../base/time.ts";
import type { Member } from "../discovery/member.ts";
import type { Resolver } from "../discovery/resolver.ts";
import type { Policy } from "../fleet/policy.ts";
import type { Canary } from "../fleet/preference.ts";
import type { ContractGuard } from "../rpc/contract-guard.ts";
import type { Pool } from "../rpc/pool.ts";
import { clientClosed } from "../rpc/refusals.ts";
import type { Call } from "../rpc/remote.ts";
import { AnswerClock } from "./answer-clock.ts";
import { Attempts } from "./attempts.ts";
import type { Metadata } from "../wire/message.ts";
import type { Backend } from "./backend.ts";
import type { MemberCall } from "./fan-out.ts";
import { Fleets, serves } from "./fleets.ts";
import { Hedging } from "./hedging.ts";
import { becomeReady } from "./ready.ts";
import { Retrying } from "./retrying.ts";
import type { AttemptMaker } from "./retrying.ts";
import type { ServiceFleet } from "./service-fleet.ts";
import { RoutedCall } from "./routed-call.ts";
import type { CallRouter, RoutedRequest } from "./routed-call.ts";
import type { Patience } from "./within.ts";
import { Strangers } from "./strangers.ts";
import { watchMembers } from "./watch-members.ts";
import { within } from "./within.ts";

/** What a router is made of. */
export interface RouterOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: (() => number) | undefined;
  readonly resolver: Resolver;
  readonly pool: Pool;
  readonly deadlines: Deadlines;
  /** How a server is chosen for calls that do not say it. */
  readonly policy: Policy;
  /** The user named the members' addresses; no registry did. */
  readonly named: boolean;
  readonly zone?: string | undefined;
  readonly canary?: Canary | undefined;
  /** Servers of one service that are called at most; 0 = all. Default `limits.subsetSize`. */
  readonly subsetSize?: number | undefined;
  /** Knows what must not be called where; undefined of a client that was built against no contract. */
  readonly guard?: ContractGuard | undefined;
}

/**
 * Finds a server for each call: resolver, fleet, policy, lane, connection. What becomes of a call
 * whose attempt fails is for {@link Retrying} to say.
 */
export class Router implements CallRouter, AttemptMaker {
  readonly #options: RouterOptions;
  readonly #strangers: Strangers;
  readonly #fleets: Fleets;
  readonly #answerClock: AnswerClock;
  readonly #attempts: Attempts;
  readonly #retrying: Retrying;
  readonly #hedging: Hedging;
  #active = 0;
  #idle: PromiseWithResolvers<void> | undefined;
  #closed: Promise<void> | undefined;
  readonly #closing = new AbortController();

  constructor(options: RouterOptions) {
    const { clock, log, named, resolver, zone, canary, random = Math.random } = options;
    this.#options = options;
    this.#strangers = new Strangers(clock, log, named);
    this.#fleets = new Fleets({
      ...options,
      random,
      zone,
      canary,
      strangers: this.#strangers,
      subsetSize: options.subsetSize ?? limits.subsetSize,
      seed: Math.floor(random() * 2 ** 32),
    });
    this.#retrying = new Retrying({
      clock,
      random,
      resolver,
      fleets: this.#fleets,
      strangers: this.#strangers,
      maker: this,
    });
    this.#answerClock = new AnswerClock(clock);
    this.#attempts = new Attempts(clock, this.#strangers, this.#retrying, options.guard);
    this.#hedging = new Hedging(clock, this);
  }

  /** Starts a call. The promise is the call's own. @throws GeeError when the router is closed */
  call(request: RoutedRequest): Call {
    const call = this.#begin(request);
    if (call.settled) return call.call;
    const list = this.#options.resolver.current();
    if (list === undefined || list.length === 0) void this.#lookUp(call);
    else this.#start(call, list);
    return call.call;
  }

  /**
   * Starts the same call on every member that is asked first; none goes elsewhere. `check` hears
   * beforehand how many those are, and how many are listed, and throws when that is not right.
   */
  async callAll(
    request: RoutedRequest,
    check?: (called: number, listed: number) => void,
  ): Promise<readonly MemberCall[]> {
    this.#checkOpen();
    const { clock, resolver } = this.#options;
    this.#fleets.use(await within(clock, request, resolver.members()));
    if (this.#fleets.of(request).size === 0) {
      await within(clock, request, resolver.refresh());
      this.#fleets.use(resolver.current() ?? []);
    }
    const fleet = this.#fleets.of(request);
    const backends = fleet.everybody(request);
    this.#checkOpen();
    if (backends.length === 0) throw this.#fleets.nobody(request);
    check?.(backends.length, fleet.listed(request.tags));
    return backends.flatMap((backend): MemberCall[] => {
      const call = this.callAt(request, fleet, backend, 0);
      return call === undefined ? [] : [{ member: backend.member, answer: call.promise }];
    });
  }

  /** Connects to the members of a service, or to all; resolves when one of them takes calls. */
  async ready(service: string | undefined, patience: Patience): Promise<void> {
    this.#checkOpen();
    const { clock, resolver, random = Math.random } = this.#options;
    const fleetOf = (list: readonly Member[]): ServiceFleet => {
      this.#fleets.use(list);
      if (service === undefined) return this.#fleets.all();
      return this.#fleets.of({ service, to: undefined });
    };
    const { signal: closing } = this.#closing;
    await becomeReady({ clock, random, resolver, closing, fleetOf }, patience);
  }

  /** The members in sight. */
  async members(service?: string): Promise<readonly Member[]> {
    const list = await this.#options.resolver.members();
    if (service === undefined) return list;
    return list.filter((member) => serves(member, service));
  }

  /** The members in sight, now and whenever they change. */
  watchMembers(): AsyncIterable<readonly Member[]> {
    this.#checkOpen();
    return watchMembers(this.#options.resolver, this.#closing.signal);
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw clientClosed("FAILED_PRECONDITION");
  }

  #begin(request: RoutedRequest): RoutedCall {
    this.#checkOpen();
    this.#active++;
    const call = new RoutedCall(this, request, this.#options.deadlines);
    call.listen();
    return call;
  }

  // -------------------------------------------------------------- members

  async #lookUp(call: RoutedCall): Promise<void> {
    // From here on time has passed.
    void call.memory;
    try {
      const list = await this.#options.resolver.members();
      if (!call.settled) this.#start(call, list);
    } catch (thrown) {
      const error = GeeError.from(thrown, "no");
      call.memory.failure = error;
      if (call.request.waitForReady && error.code === "UNAVAILABLE") this.#retrying.nobody(call);
      else call.fail(error);
    }
  }

  #start(call: RoutedCall, list: readonly Member[]): void {
    const { request } = call;
    this.#fleets.use(list);
    const fleet = this.#fleets.of(request);
    call.fleet = fleet;
    // One that is itself a further attempt must not allow others.
    if (request.attempt === 0) fleet.budget.deposit(this.#nowOf(call));
    if (request.hedge) this.#hedging.called(call, fleet);
    this.next(call);
  }

  /** The time; while a call has waited for nothing it is that of its beginning. */
  #nowOf({ trail, request: { deadlineAt, timeoutMs } }: RoutedCall): number {
    return trail === undefined ? deadlineAt - timeoutMs : this.#options.clock.now();
  }

  /** Takes the list of now. */
  aim(call: RoutedCall): void {
    this.#fleets.use(this.#options.resolver.current() ?? []);
    call.fleet = this.#fleets.of(call.request);
  }

  /** Nobody that is left on the list serves this: the list may be older than the server. */
  async lookAgain(call: RoutedCall): Promise<void> {
    call.memory.refreshed = true;
    const { clock, resolver } = this.#options;
    const refreshed = resolver.refresh();
    // Who has somebody to try again does not wait for a registry that is slow.
    const hasOther = call.fleet?.hasOther(call.request, new Set()) === true;
    const wait = (): Promise<void> => sleep(clock, limits.backoffMinMs, { background: true });
    await Promise.race(hasOther ? [refreshed, wait()] : [refreshed]);
    if (call.settled) return;
    this.aim(call);
    this.next(call);
  }

  // -------------------------------------------------------------- attempts

  /** Goes to whoever is to be asked next. */
  next(call: RoutedCall): void {
    const { fleet, request, trail } = call;
    const now = this.#nowOf(call);
    const backend = fleet?.choose(request, now, trail?.tried);
    if (backend === undefined) this.#retrying.nobody(call);
    else this.#attempts.ask(call, backend, now);
  }

  /** Sends a call to this one member; it goes nowhere else. */
  callAt(
    request: RoutedRequest,
    fleet: ServiceFleet,
    backend: Backend,
    attempt: number,
  ): RoutedCall | undefined {
    if (this.#closed !== undefined) return undefined;
    const call = this.#begin(request);
    call.memory.solo = true;
    call.fleet = fleet;
    call.attempt = attempt;
    if (!call.settled) this.ask(call, backend);
    return call;
  }

  /** Goes to this one. */
  ask(call: RoutedCall, backend: Backend): void {
    this.#attempts.ask(call, backend, this.#options.clock.now());
  }

  /** An attempt has failed; true when the call goes on all the same. */
  again(call: RoutedCall, error: GeeError, metadata: Metadata | undefined): boolean {
    return this.#retrying.again(call, error) || this.#hedging.holds(call, error, metadata);
  }

  /** A call has settled. */
  settled(call: RoutedCall, error: GeeError | undefined): void {
    const { backend, fleet, trail } = call;
    if (fleet?.isLone === true && trail === undefined) {
      backend?.leave();
    } else if (backend !== undefined && fleet !== undefined) {
      const now = this.#answerClock.now();
      if (trail?.hedge !== undefined) this.#hedging.attemptOver(call, fleet, error, now);
      this.#retrying.over(call, fleet, backend, error, now);
    }
    if (trail !== undefined) {
      if (trail.hedge !== undefined) this.#hedging.settled(trail.hedge);
      this.#retrying.settled(call);
    }
    if (--this.#active === 0) this.#idle?.resolve();
  }

  // -------------------------------------------------------------- ending

  /**
   * Starts no further call, awaits those in flight for so long, and closes: what is still in flight
   * then fails.
   */
  close(drainTimeoutMs: number): Promise<void> {
    this.#closing.abort();
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
    this.#retrying.close();
    if (this.#active > 0) this.#options.pool.closeNow();
    await this.#options.resolver[Symbol.asyncDispose]();
    await this.#options.pool.close(limits.helloTimeoutMs);
  }
}
