import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Claim } from "./beat-loop.ts";
import { type FromBeatThread, signAfterMs } from "./beat-messages.ts";
import { type BeatThread, startBeatThread, type StartBeatThread } from "./beat-thread.ts";
import { createHeartbeat, type Heartbeat, type HeartbeatOptions } from "./heartbeat.ts";
import { LoopTicks } from "./loop-signs.ts";
import { newSecret } from "./member.ts";

/** Settings of {@link createThreadedHeartbeat}. */
export interface ThreadedHeartbeatOptions extends Pick<
  HeartbeatOptions,
  "registries" | "announcement" | "clock" | "log" | "random"
> {
  /** What the thread shows to the registries, as `registries` do. Default: nothing. */
  readonly token?: string | undefined;
  /** Default `limits.hungAfterMs`. */
  readonly hungAfterMs?: number | undefined;
  /** What beats in this loop's place. Default: a thread of this process. */
  readonly startThread?: StartBeatThread | undefined;
}

/** How much longer than a withdrawal may take the thread is waited for to say that it is done. */
const graceMs = 250;

/**
 * A heartbeat that beats from a thread of its own, so that a server whose loop is busy stays listed
 * (with weight 0 after a second of that), and one whose loop gives no sign for `hungAfterMs` does
 * not. When the thread fails, this loop beats in its place, and says so once; a withdrawal that the
 * thread began and did not finish is then begun again, with a time of its own.
 *
 * Starts nothing yet. `announcement` is asked a few times a second and must not throw.
 */
export function createThreadedHeartbeat(options: ThreadedHeartbeatOptions): Heartbeat {
  return new ThreadedHeartbeat(options);
}

class ThreadedHeartbeat implements Heartbeat {
  readonly #options: ThreadedHeartbeatOptions;
  readonly #ticks: LoopTicks;
  readonly #registered = Promise.withResolvers<string | undefined>();
  /** The thread has withdrawn, or has ended. */
  readonly #over = Promise.withResolvers<void>();
  /** As the thread has it, which counts the same updates. */
  #revision = 1;
  readonly #secret = newSecret();
  readonly #claims = new Map<string, Claim>();
  #started = false;
  #thread: BeatThread | undefined;
  /** Beats in the thread's place once that has failed. */
  #standIn: Heartbeat | undefined;
  #withdrawn: Promise<void> | undefined;
  #isDone = false;
  /** Of the ticks since the last sign. */
  #worstLagMs = 0;
  #signedAt = 0;

  constructor(options: ThreadedHeartbeatOptions) {
    this.#options = options;
    this.#ticks = new LoopTicks(options.clock, (lagMs) => this.#tick(lagMs));
  }

  start(): void {
    if (this.#started || this.#withdrawn !== undefined) return;
    this.#started = true;
    // Behind what the program says when it is up: to start a thread takes some ms.
    this.#options.clock.nextPhase(() => this.#begin());
  }

  #begin(): void {
    if (this.#withdrawn !== undefined) return;
    const { registries, token, announcement, hungAfterMs = limits.hungAfterMs } = this.#options;
    const { startThread = startBeatThread } = this.#options;
    try {
      this.#thread = startThread({
        onMessage: (message) => this.#hear(message),
        onEnd: (why) => this.#standInFor(why),
      });
    } catch (thrown) {
      this.#standInFor(GeeError.from(thrown).message);
      return;
    }
    const urls = registries.map(({ url }) => url);
    this.#thread.post({
      kind: "start",
      urls,
      token,
      description: announcement(),
      revision: this.#revision,
      secret: this.#secret,
      hungAfterMs,
    });
    this.#signedAt = this.#options.clock.now();
    this.#ticks.start();
  }

  #tick(lagMs: number): void {
    const now = this.#options.clock.now();
    this.#worstLagMs = Math.max(this.#worstLagMs, lagMs);
    if (now - this.#signedAt < signAfterMs) return;
    const description = this.#options.announcement();
    this.#thread?.post({ kind: "sign", description, lagMs: this.#worstLagMs });
    this.#signedAt = now;
    this.#worstLagMs = 0;
  }

  #hear(message: FromBeatThread): void {
    switch (message.kind) {
      case "registered":
        this.#registered.resolve(message.url);
        return;
      case "claim":
        this.#claims.set(message.url, message.claim);
        return;
      case "log":
        this.#options.log[message.level](message.message, message.fields);
        return;
      case "withdrawn":
        this.#isDone = true;
        this.#over.resolve();
    }
  }

  /** The thread is gone: unless it had done its work, this loop goes on where it was. */
  #standInFor(why: string | undefined): void {
    if (this.#isDone || this.#standIn !== undefined) return;
    const { registries, announcement, clock, log, random } = this.#options;
    log.warn("what beats for this server has ended; beats come from the main loop from here on", {
      why,
    });
    this.#ticks.stop();
    this.#standIn = createHeartbeat({
      registries,
      announcement,
      clock,
      log,
      random,
      progress: { revision: this.#revision, secret: this.#secret, claims: this.#claims },
    });
    void this.#standIn.registered().then(this.#registered.resolve);
    if (this.#withdrawn === undefined) this.#standIn.start();
    this.#over.resolve();
  }

  update(): void {
    if (this.#withdrawn !== undefined) return;
    this.#revision += 1;
    if (this.#standIn !== undefined) this.#standIn.update();
    else this.#thread?.post({ kind: "update", description: this.#options.announcement() });
  }

  registered(): Promise<string | undefined> {
    return this.#registered.promise;
  }

  withdraw(): Promise<void> {
    return (this.#withdrawn ??= this.#withdraw());
  }

  async #withdraw(): Promise<void> {
    this.#ticks.stop();
    if (this.#thread !== undefined && this.#standIn === undefined) {
      const waitMs = limits.registryTimeoutMs + graceMs;
      const timer = this.#options.clock.after(waitMs, this.#over.resolve);
      this.#thread.post({ kind: "withdraw" });
      await this.#over.promise;
      timer.cancel();
    }
    // A thread that ended before it was done has left the withdrawal to the one in its place.
    await this.#standIn?.withdraw();
    this.#registered.resolve(undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.withdraw();
  }
}
