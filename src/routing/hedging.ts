import { GeeError } from "../base/errors.ts";
import type { Clock } from "../base/time.ts";
import type { Metadata } from "../wire/message.ts";
import type { Backend } from "./backend.ts";
import type { Hedged, RoutedCall, RoutedRequest } from "./routed-call.ts";
import type { ServiceFleet } from "./service-fleet.ts";

/** What a second attempt needs of whoever makes calls. */
export interface CallMaker {
  /** Sends a call to this one member; it goes nowhere else. */
  callAt(
    request: RoutedRequest,
    fleet: ServiceFleet,
    backend: Backend,
    attempt: number,
  ): RoutedCall | undefined;
}

/** Why an attempt is taken back. */
const beaten = new GeeError("CANCELLED", "another attempt has answered");

/**
 * Second attempts of calls that take longer than most: the first answer that is no error is the
 * call's, and the other attempt is cancelled. When both fail, the first one's failure is.
 *
 * Only for calls that ask for it and methods that may run twice, within the method's budget of second
 * attempts and the service's of retries. (Dean and Barroso, "The tail at scale".)
 */
export class Hedging {
  readonly #clock: Clock;
  readonly #maker: CallMaker;

  constructor(clock: Clock, maker: CallMaker) {
    this.#clock = clock;
    this.#maker = maker;
  }

  /** A call that asks for it begins. */
  called(call: RoutedCall, fleet: ServiceFleet): void {
    const { method, stream, oneWay, to } = call.request;
    if (stream !== undefined || oneWay || to !== undefined || call.request.attempt > 0) return;
    const now = this.#clock.now();
    const hedge = fleet.methods.hedgeOf(method, now);
    hedge.called(now);
    const delayMs = hedge.delayMs(now);
    // Until it is known how long calls take, they are looked at and not helped.
    const timer =
      delayMs === undefined ? undefined : this.#clock.after(delayMs, () => this.#start(call));
    call.memory.hedge = { timer, second: undefined, failure: undefined, metadata: undefined };
  }

  #start(call: RoutedCall): void {
    const { backend, fleet, request } = call;
    const hedge = call.trail?.hedge;
    // Between two attempts there is nothing to be faster than.
    if (call.settled || hedge === undefined || fleet === undefined || backend === undefined) return;
    if (call.hasStreams || !backend.isIdempotent(request) || !call.wasSent) return;
    if (call.sends >= request.maxAttempts) return;
    const now = this.#clock.now();
    const other = fleet.chooseConnected(request, now, new Set([backend]));
    if (other === undefined) return;
    if (!fleet.methods.hedgeOf(request.method, now).withdraw(now, fleet.budget)) return;
    const over = new AbortController();
    const told: [Metadata, "response" | "trailing"][] = [];
    const second = this.#maker.callAt(
      // The caller's signal ends the first attempt, and that one ends this one.
      {
        ...request,
        hedge: false,
        signal: over.signal,
        onMetadata: (metadata, when) => void told.push([metadata, when]),
      },
      fleet,
      other,
      call.attempt + 1,
    );
    if (second === undefined) return;
    call.mayHaveRun = true;
    call.sends++;
    hedge.second = over;
    second.promise.then(
      (value) => {
        if (call.settled) return;
        const { onMetadata } = request;
        // What it throws is its own, and must not cost the call its answer.
        for (const [metadata, when] of told) queueMicrotask(() => onMetadata?.(metadata, when));
        call.answeredBeside(value, beaten);
      },
      () => {
        // It may have turned out to be a stream, and go on.
        over.abort(beaten);
        hedge.second = undefined;
        if (hedge.failure !== undefined) call.fail(hedge.failure, hedge.metadata);
      },
    );
  }

  /** A call has failed for good; true when its second attempt may still answer it. */
  holds(call: RoutedCall, error: GeeError, metadata: Metadata | undefined): boolean {
    const hedge = call.trail?.hedge;
    if (hedge?.second === undefined) return false;
    if (hedge.failure === undefined) hedge.metadata = metadata;
    hedge.failure ??= error;
    return true;
  }

  /** A call has settled. */
  settled(hedge: Hedged): void {
    hedge.timer?.cancel();
    hedge.second?.abort(beaten);
  }

  /** An attempt is over: how long the first of a call takes is what the delay is made of. */
  attemptOver(
    call: RoutedCall,
    fleet: ServiceFleet,
    error: GeeError | undefined,
    now: number,
  ): void {
    // One that was beaten would have taken longer still, and is counted where it belongs. Failures say
    // nothing of how long answers take.
    if (call.attempt > 0 || call.hasStreams || (error !== undefined && error !== beaten)) return;
    fleet.methods.hedgeOf(call.request.method, now).record(now, now - call.sentAt);
  }
}
