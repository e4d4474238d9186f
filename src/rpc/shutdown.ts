import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { sleep } from "../base/time.ts";
import type { Clock } from "../base/time.ts";
import type { HandlerRun } from "./handler-run.ts";
import type { Session } from "./session.ts";

/** How long the phases of a shutdown may take. */
export interface ShutdownTimes {
  /** How long new calls are still accepted, only to be sent elsewhere. */
  readonly lameDuckMs: number;
  /** How long running handlers may take to finish. */
  readonly drainTimeoutMs: number;
}

/** What a shutdown does that is not about calls. */
export interface ShutdownSteps {
  /** Withdraws from every registry. */
  withdraw(): Promise<void>;
  /** Accepts no further connection. */
  stopListening(): void;
  /** Lets go of what the handlers used. */
  dispose(): Promise<void>;
}

/** What a shutdown looks at in a server. */
export interface ShutdownHost {
  readonly running: number;
  /** Handlers that run on although their connections have ended. */
  readonly detached: ReadonlySet<Pick<HandlerRun, "abort">>;
  draining: boolean;
}

/** Ends a server without losing a call: its phases, one behind the other. */
export class Shutdown {
  readonly #clock: Clock;
  readonly #host: ShutdownHost;
  readonly #sessions: ReadonlySet<Session>;
  /** Resolved when nothing is in flight and nothing unsent; made when that is waited for. */
  #quiet: PromiseWithResolvers<void> | undefined;
  /** Resolved when no handler runs any more; made when those that did were told to stop. */
  #ended: PromiseWithResolvers<void> | undefined;

  constructor(clock: Clock, host: ShutdownHost, sessions: ReadonlySet<Session>) {
    this.#clock = clock;
    this.#host = host;
    this.#sessions = sessions;
  }

  /** A session has changed: whoever waits looks again. */
  look(): void {
    if (this.#host.running === 0) this.#ended?.resolve();
    const quiet = this.#quiet;
    // Behind the flush with which the answer that ended a call leaves.
    if (quiet !== undefined) queueMicrotask(() => this.#isQuiet() && quiet.resolve());
  }

  #isQuiet(): boolean {
    if (this.#host.detached.size > 0) return false;
    for (const session of this.#sessions) {
      if (session.inFlight > 0 || session.channel.unsentBytes > 0) return false;
    }
    return true;
  }

  /** Resolves when it is over. To be called once. */
  async run(times: ShutdownTimes, steps: ShutdownSteps): Promise<void> {
    await steps.withdraw();
    // Only now: until the last registry has let go of it, callers are still sent here.
    this.#host.draining = true;
    for (const session of this.#sessions) session.announceDrain();
    await sleep(this.#clock, times.lameDuckMs);
    await this.#acceptQueued();
    steps.stopListening();

    this.#quiet = Promise.withResolvers();
    await this.#waitFor(this.#quiet, times.drainTimeoutMs);

    const why = new GeeError("UNAVAILABLE", "the server has shut down", {
      reason: "SHUT_DOWN",
      executed: "maybe",
    });
    // A peer that does not take its last bytes is not waited for; its session's watch cuts it off.
    for (const session of [...this.#sessions]) session.end(why);
    for (const run of [...this.#host.detached]) run.abort(why);
    // Handlers that were told to stop have a moment to do so.
    this.#ended = Promise.withResolvers();
    await this.#waitFor(this.#ended, limits.lameDuckMs);
    await steps.dispose();
  }

  async #waitFor(event: PromiseWithResolvers<void>, timeoutMs: number): Promise<void> {
    this.look();
    const timer = this.#clock.after(timeoutMs, event.resolve);
    await event.promise;
    timer.cancel();
  }

  /** Lets the loop turn a few times, so that connections in the kernel's queue get their answer. */
  async #acceptQueued(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) {
      await new Promise<void>((resolve) => this.#clock.nextPhase(resolve));
    }
  }
}
