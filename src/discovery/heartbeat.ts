import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import { BeatLoop, type BeatState, type Claim } from "./beat-loop.ts";
import { type LagReader, type LoopSigns, ownSigns } from "./loop-signs.ts";
import { type Announcement, newSecret } from "./member.ts";
import type { RegistryClient } from "./registry-client.ts";

/** An announcement before the heartbeat has numbered it and measured the loop. */
export type Description = Omit<Announcement, "revision" | "lagMs">;

/** How far a heartbeat has got, so that another one of the same instance can go on from there. */
export interface Progress {
  readonly revision: number;
  /** The instance's own, which every registry is told. */
  readonly secret: string;
  /** By the URL of the registry. */
  readonly claims: ReadonlyMap<string, Claim>;
}

/** Settings of {@link createHeartbeat}. */
export interface HeartbeatOptions {
  /** Each has a loop of its own: one that hangs holds up no other. */
  readonly registries: readonly RegistryClient[];
  /** What the server says of itself now; asked before every beat, as load changes. */
  readonly announcement: () => Description;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to 1, for stagger and jitter. */
  readonly random?: (() => number) | undefined;
  readonly onState?: ((state: BeatState) => void) | undefined;
  /** Signs of the loop that answers the calls. Default: this loop, which then looks at itself. */
  readonly signs?: LoopSigns | undefined;
  /** Default: the first announcement is number 1, its secret a new one, and nobody has heard of it. */
  readonly progress?: Progress | undefined;
  readonly onClaim?: ((url: string, claim: Claim) => void) | undefined;
}

/** Keeps a server announced at all its registries. */
export interface Heartbeat extends AsyncDisposable {
  /** Starts to beat, each registry after a random wait of at most 250 ms. Twice is fine. */
  start(): void;
  /** The description has changed: announces it now, under the next revision. */
  update(): void;
  /**
   * Resolves with the URL of the first registry that took the announcement, at once when one has,
   * and with undefined when the heartbeat was withdrawn before. Never rejects.
   */
  registered(): Promise<string | undefined>;
  /**
   * Ends the beats, then takes the announcement back at every registry that has it, all at once.
   * No beat follows the withdrawal. Resolves after `limits.registryTimeoutMs` at the latest; never
   * rejects: what a registry missed ends with the lease. Disposing does the same. Twice is fine.
   */
  withdraw(): Promise<void>;
}

/**
 * An announcement as the loop allows it. One that stood still for over a second is given no calls
 * until it has run a whole period without; the calls that it has are answered late enough.
 */
function honest(description: Description, lagMs: number, revision: number): Announcement {
  const weight = lagMs > limits.maxLoopLagMs ? 0 : description.weight;
  return { ...description, weight, lagMs: Math.round(lagMs), revision };
}

/**
 * A heartbeat that beats from the loop it is made in. Starts nothing yet.
 *
 * Every beat carries how late the loop ran since the beat before. With `signs` of another loop
 * there is no beat while that one hangs: a process that does nothing any more leaves the lists.
 */
export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { registries, announcement, clock, log, random = Math.random, onState, onClaim } = options;
  const { signs, ticks } =
    options.signs === undefined ? ownSigns(clock) : { signs: options.signs, ticks: undefined };
  const first = Promise.withResolvers<string | undefined>();
  const secret = options.progress?.secret ?? newSecret();
  let revision = options.progress?.revision ?? 1;
  let started = false;
  let withdrawn: Promise<void> | undefined;

  const loops = registries.map((registry) => {
    const worstLag: LagReader = signs.reader();
    return new BeatLoop({
      registry,
      announcement: () => honest(announcement(), worstLag(), revision),
      revision: () => revision,
      isHeld: () => signs.isHung,
      clock,
      log,
      random,
      onState: (state) => {
        if (state.kind === "registered") first.resolve(state.url);
        onState?.(state);
      },
      secret,
      claim: options.progress?.claims.get(registry.url),
      onClaim: (claim) => onClaim?.(registry.url, claim),
    });
  });
  const wake = (): void => {
    for (const loop of loops) loop.wake();
  };
  signs.onRevival = (silentMs) => {
    log.warn("the server gave no sign of life, and was announced no more; it is again", {
      silentMs: Math.round(silentMs),
    });
    wake();
  };

  const withdraw = async (): Promise<void> => {
    ticks?.stop();
    // The withdrawal has a revision of its own: a beat that is still on its way somewhere is older,
    // and a registry that hears both, in any order, believes the withdrawal.
    revision += 1;
    const controller = new AbortController();
    const timer = clock.after(limits.registryTimeoutMs, () => {
      controller.abort(new Error(`not done within ${limits.registryTimeoutMs} ms`));
    });
    await Promise.all(loops.map((loop) => loop.withdraw(revision, controller.signal)));
    timer.cancel();
    first.resolve(undefined);
  };

  const heartbeat: Heartbeat = {
    start() {
      if (started || withdrawn !== undefined) return;
      started = true;
      // What went before is nobody's lag.
      signs.heard(0);
      ticks?.start();
      for (const loop of loops) loop.start();
    },
    update() {
      if (withdrawn !== undefined) return;
      revision += 1;
      wake();
    },
    registered: () => first.promise,
    withdraw: () => (withdrawn ??= withdraw()),
    [Symbol.asyncDispose]: () => heartbeat.withdraw(),
  };
  return heartbeat;
}
