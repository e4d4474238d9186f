import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import { BeatLoop, type BeatState } from "./beat-loop.ts";
import type { Announcement } from "./member.ts";
import type { RegistryClient } from "./registry-client.ts";

/** An announcement before the heartbeat has numbered it. */
export type Description = Omit<Announcement, "revision">;

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

/** Starts nothing yet. */
export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { registries, announcement, clock, log, random = Math.random, onState } = options;
  const first = Promise.withResolvers<string | undefined>();
  let revision = 1;
  let started = false;
  let withdrawn: Promise<void> | undefined;

  const loops = registries.map(
    (registry) =>
      new BeatLoop({
        registry,
        announcement: () => ({ ...announcement(), revision }),
        clock,
        log,
        random,
        onState: (state) => {
          if (state.kind === "registered") first.resolve(state.url);
          onState?.(state);
        },
      }),
  );

  const withdraw = async (): Promise<void> => {
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
      for (const loop of loops) loop.start();
    },
    update() {
      if (withdrawn !== undefined) return;
      revision += 1;
      for (const loop of loops) loop.wake();
    },
    registered: () => first.promise,
    withdraw: () => (withdrawn ??= withdraw()),
    [Symbol.asyncDispose]: () => heartbeat.withdraw(),
  };
  return heartbeat;
}
