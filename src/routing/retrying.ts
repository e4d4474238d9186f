import type { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/time.ts";
import type { Resolver } from "../discovery/resolver.ts";
import { classOf, decide, outcomeOf, retryDelayMs } from "../fleet/retry-rules.ts";
import type { Verdict } from "../fleet/retry-rules.ts";
import { clientClosed } from "../rpc/refusals.ts";
import type { Backend } from "./backend.ts";
import type { Fleets } from "./fleets.ts";
import type { OnlyOne, RoutedCall } from "./routed-call.ts";
import type { ServiceFleet } from "./service-fleet.ts";
import type { Strangers } from "./strangers.ts";
import { verdictOf } from "./verdict.ts";

/** What a further attempt needs of whoever makes attempts. */
export interface AttemptMaker {
  /** Goes to whoever is to be asked next. */
  next(call: RoutedCall): void;
  /** Goes to this one. */
  ask(call: RoutedCall, backend: Backend): void;
  /** Asks for the list anew, and goes to whoever is new on it. */
  lookAgain(call: RoutedCall): Promise<void>;
  /** Takes the list of now. */
  aim(call: RoutedCall): void;
}

/** What {@link Retrying} is made of. */
export interface RetryingOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly resolver: Resolver;
  readonly fleets: Fleets;
  readonly strangers: Strangers;
  readonly maker: AttemptMaker;
}

const noOne: ReadonlySet<Backend> = new Set();

/**
 * What becomes of a call whose attempt has failed. A call that nobody has started goes on to others
 * as long as there are any, and then waits for them; one that may have run, or that was turned away,
 * costs its service's budget. The rules are in `fleet/retry-rules.ts`; this does what they say.
 */
export class Retrying {
  readonly #options: RetryingOptions;
  /** Those that wait for their next attempt. */
  readonly #waiting: Set<RoutedCall> = new Set();
  #isClosed = false;

  constructor(options: RetryingOptions) {
    this.#options = options;
  }

  /** An attempt has failed; true when the call goes on all the same. */
  again(call: RoutedCall, error: GeeError): boolean {
    const { backend, fleet } = call;
    // Nobody is being asked: it is the verdict on the whole call.
    if (backend === undefined || fleet === undefined) return false;
    const now = this.#options.clock.now();
    const isSent = call.wasSent;
    this.over(call, fleet, backend, error, now);
    this.#options.strangers.noteFailure(backend.member, error);
    if (call.trail?.solo === true || this.#isClosed || now >= call.deadlineAt) return false;
    return this.#goOn(call, fleet, backend, error, this.#decide(call, backend, error, isSent), now);
  }

  /** An attempt is over: what it shows of its member is kept. */
  over(
    call: RoutedCall,
    fleet: ServiceFleet,
    backend: Backend,
    error: GeeError | undefined,
    now: number,
  ): void {
    // Whoever has settled keeps the one that was asked last.
    if (!call.settled) call.backend = undefined;
    const { trail, wasSent } = call;
    if (wasSent && trail !== undefined) trail.lostSince = undefined;
    // Of one that is compared with nobody nothing is learned.
    if (!wasSent || fleet.isLone) {
      backend.end(now, Number.NaN, "left", 0);
      fleet.note(backend, "left", now);
      return;
    }
    const { request, sentAt } = call;
    const elapsedMs = now - sentAt;
    const leftMs = call.deadlineAt - sentAt;
    // That it has left says nothing of who was to read it.
    const answered = request.oneWay ? "left" : "ok";
    const outcome =
      error === undefined ? answered : outcomeOf(error, elapsedMs, backend.latencyMs, leftMs);
    // How long a stream takes is its caller's doing, and how long it takes to send is nobody's.
    const isTimed = !call.hasStreams && !request.oneWay;
    backend.end(now, isTimed ? elapsedMs : Number.NaN, outcome, leftMs);
    fleet.note(backend, outcome, now);
    if (call.isStream) fleet.methods.noteStream(request.method);
  }

  #decide(call: RoutedCall, backend: Backend, error: GeeError, isSent: boolean): Verdict {
    const { request, trail } = call;
    const verdict = decide({
      failure: classOf(error, { sent: isSent }),
      idempotent: backend.isIdempotent(request),
      hasKey: request.idempotencyKey !== undefined,
      inherited: request.attempt > 0,
      sent: call.sends,
      movedOn: trail?.movedOn === true,
      pushedBackMs: error.retryAfterMs,
    });
    const isFree = verdict === "stop" || verdict === "elsewhere";
    return !isFree && call.sends >= request.maxAttempts ? "stop" : verdict;
  }

  #goOn(
    call: RoutedCall,
    fleet: ServiceFleet,
    backend: Backend,
    error: GeeError,
    verdict: Verdict,
    now: number,
  ): boolean {
    if (verdict === "stop") return false;
    const trail = call.memory;
    const isLost = error.code === "UNAVAILABLE";
    if (trail.failure === undefined || (trail.failure.code === "UNAVAILABLE" && !isLost)) {
      trail.failure = error;
    }
    if (isLost) {
      trail.lostSince ??= now;
      // The list that named it may be out of date; whoever comes next should have a newer one.
      void this.#options.resolver.refresh();
    }
    if (trail.only !== undefined) return this.#stay(call, fleet, error, now, verdict, trail.only);
    trail.tried.add(backend);
    trail.failed = Math.max(trail.failed, trail.tried.size);
    switch (verdict) {
      case "elsewhere":
        if (!this.givesUp(call, now)) this.#options.maker.next(call);
        return true;
      case "other":
        return this.#moveOn(call, fleet, error, now);
      case "same":
        trail.only = { backend, instance: trail.instance, failure: error };
        return this.#repeat(call, fleet, error, now, verdict);
      case "again":
        return this.#repeat(call, fleet, error, now, verdict);
    }
  }

  /** Fails a call that could reach nobody for so long as calls try; true when it has. */
  givesUp(call: RoutedCall, now: number): boolean {
    const trail = call.memory;
    const { lostSince = Number.POSITIVE_INFINITY, only, rounds } = trail;
    // In the first round everybody has a turn, however long it takes.
    if (rounds === 0 || call.request.waitForReady || only !== undefined) return false;
    if (now < lostSince + limits.unreachableMs) return false;
    // Whoever is being asked is no more: the call may go on with its second attempt, and what this one
    // was dialled for must not send it.
    if (call.backend !== undefined && call.fleet !== undefined) {
      this.over(call, call.fleet, call.backend, undefined, now);
      trail.dials++;
    }
    call.fail(verdictOf(call, this.#options.fleets));
    return true;
  }

  /** To one other member, which may know the method or have less to do. */
  #moveOn(call: RoutedCall, fleet: ServiceFleet, error: GeeError, now: number): boolean {
    const trail = call.memory;
    const delayMs = error.retryAfterMs ?? 0;
    if (now + delayMs >= call.deadlineAt) return false;
    if (!fleet.hasOther(call.request, trail.tried)) return false;
    if (!fleet.budget.withdraw(now)) return false;
    trail.movedOn = true;
    call.attempt++;
    if (delayMs > 0) this.#wait(call, delayMs);
    else this.#options.maker.next(call);
    return true;
  }

  /** Once more, after a while: anywhere, or where the call is known by its key. */
  #repeat(
    call: RoutedCall,
    fleet: ServiceFleet,
    error: GeeError,
    now: number,
    verdict: Verdict,
  ): boolean {
    const trail = call.memory;
    const delayMs = error.retryAfterMs ?? retryDelayMs(trail.retries + 1, this.#options.random);
    if (now + delayMs >= call.deadlineAt) return false;
    if (verdict === "elsewhere") {
      // It may have run there and nowhere else: it waits for that one, as long as others wait.
      trail.lostSince ??= now;
      const isOver = now + delayMs >= trail.lostSince + limits.unreachableMs;
      if (isOver && !call.request.waitForReady) return false;
    } else {
      if (!fleet.budget.withdraw(now)) return false;
      call.attempt++;
    }
    trail.retries++;
    call.mayHaveRun ||= error.executed !== "no";
    this.#wait(call, delayMs);
    return true;
  }

  /** Where the call is known by its key and nowhere else; what may have run there is what counts. */
  #stay(
    call: RoutedCall,
    fleet: ServiceFleet,
    error: GeeError,
    now: number,
    verdict: Verdict,
    only: OnlyOne,
  ): boolean {
    // Waiting does not bring back a process that another has taken the place of.
    const isGone = error.reason === "WRONG_INSTANCE";
    if (!isGone && this.#repeat(call, fleet, error, now, verdict)) return true;
    if (error.executed !== "no") return false;
    call.fail(only.failure);
    return true;
  }

  #wait(call: RoutedCall, delayMs: number): void {
    this.#waiting.add(call);
    call.memory.timer = this.#options.clock.after(delayMs, () => this.#resume(call));
  }

  #resume(call: RoutedCall): void {
    this.#waiting.delete(call);
    const { maker } = this.#options;
    const { only, tried } = call.memory;
    if (only !== undefined) {
      maker.ask(call, only.backend);
      return;
    }
    maker.aim(call);
    // Others first; when there are none, those who have failed had their time, the last one least.
    if (call.fleet?.hasOther(call.request, tried) !== true) {
      const last = [...tried].at(-1);
      tried.clear();
      if (last !== undefined) tried.add(last);
      if (call.fleet?.hasOther(call.request, tried) !== true) tried.clear();
    }
    maker.next(call);
  }

  /** A call that waits has settled. */
  settled(call: RoutedCall): void {
    call.trail?.timer?.cancel();
    this.#waiting.delete(call);
  }

  /** There is nobody whom the call could ask now. */
  nobody(call: RoutedCall): void {
    const { maker } = this.#options;
    const trail = call.memory;
    const { failure } = trail;
    const isLost = failure === undefined || failure.code === "UNAVAILABLE";
    if (isLost && !trail.refreshed) {
      void maker.lookAgain(call);
      return;
    }
    if (this.#awaitsRound(call, isLost)) return;
    call.fail(verdictOf(call, this.#options.fleets));
  }

  /** Everybody is asked once more after a while; false when that is over. */
  #awaitsRound(call: RoutedCall, isLost: boolean): boolean {
    const { clock, random } = this.#options;
    const { deadlineAt, request } = call;
    const trail = call.memory;
    if (this.#isClosed || trail.solo || !isLost) return false;
    // Nobody serves it, or what is there is no gee server: that is an answer.
    if (!request.waitForReady && call.fleet?.hasOther(request, noOne) !== true) return false;
    const now = clock.now();
    trail.lostSince ??= now;
    const delayMs = retryDelayMs(++trail.rounds, random);
    const until = Math.min(deadlineAt, trail.lostSince + limits.unreachableMs);
    if (now + delayMs >= until && !request.waitForReady) return false;
    trail.absence = verdictOf(call, this.#options.fleets);
    trail.tried.clear();
    trail.refreshed = false;
    this.#wait(call, delayMs);
    return true;
  }

  /** No further attempts: those that wait for one fail. */
  close(): void {
    this.#isClosed = true;
    for (const call of [...this.#waiting]) call.fail(clientClosed("UNAVAILABLE"));
  }
}
