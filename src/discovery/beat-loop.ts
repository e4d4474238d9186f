import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { backoffMs, type Clock } from "../base/time.ts";
import type { Announcement } from "./member.ts";
import type { Registration } from "./registry-answer.ts";
import type { RegistryClient } from "./registry-client.ts";

/** How one registry takes the beats; told on every change of `kind`. */
export type BeatState =
  | { readonly kind: "registered"; readonly url: string; readonly leaseMs: number }
  | { readonly kind: "failing"; readonly url: string; readonly error: GeeError };

/** What a registry of ours granted. */
export interface Claim {
  readonly id: string;
  /** Of the announcement that it was granted for. */
  readonly revision: number;
  readonly secret: string;
  readonly leaseMs: number;
}

/** Settings of a {@link BeatLoop}. */
export interface BeatLoopOptions {
  readonly registry: RegistryClient;
  /** What to say now; asked once for every beat. */
  readonly announcement: () => Announcement;
  /** The revision that an announcement would have now. */
  readonly revision: () => number;
  /** Whether to say nothing for now; asked before every beat. When that ends, `wake` says so. */
  readonly isHeld: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly onState: (state: BeatState) => void;
  /**
   * The instance's own. Every registry is told the same one, so that those that share a store know
   * it from one another, and no answer has to arrive for it to be known here.
   */
  readonly secret: string;
  /** Where another loop has got to. */
  readonly claim?: Claim | undefined;
  /** Told of every claim that is new. */
  readonly onClaim?: ((claim: Claim) => void) | undefined;
}

/** The longest first wait: enough to spread a fleet that starts at once, too short to notice. */
const staggerMs = 250;

/**
 * Keeps one instance announced at one registry, for ever: no failure ends it but `withdraw`.
 *
 * One beat is under way at a time. A third of the lease passes between two, so that two in a row
 * may be lost; after a failure the next one comes earlier, never later, so that a registry which
 * restarted empty knows everybody within one interval.
 */
export class BeatLoop {
  readonly #options: BeatLoopOptions;
  readonly #abort = new AbortController();
  #leaseMs: number = limits.leaseMs;
  /** Nothing where the registry is GeeRPC's, which grants nothing. */
  #claim: Claim | undefined;
  #failures = 0;
  #told = false;
  #stopping = false;
  #wake: () => void = () => {};
  #done: Promise<void> = Promise.resolve();

  constructor(options: BeatLoopOptions) {
    this.#options = options;
    this.#claim = options.claim;
    this.#leaseMs = options.claim?.leaseMs ?? limits.leaseMs;
  }

  /** Starts the loop. Once. */
  start(): void {
    this.#done = this.#run();
  }

  /** Beats now. During a beat this does nothing: that beat looks for news when it ends. */
  wake(): void {
    this.#wake();
  }

  /**
   * Ends the loop, then withdraws. A beat under way is waited for, as its answer may hold the
   * secret that the withdrawal needs; when the signal fires it is given up. Never rejects.
   */
  async withdraw(revision: number, signal: AbortSignal): Promise<void> {
    const { registry, log } = this.#options;
    this.#stopping = true;
    const giveUp = (): void => this.#abort.abort(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
    this.#wake();
    await this.#done;
    signal.removeEventListener("abort", giveUp);
    // GeeRPC's registry knows no withdrawal: its lease has to end.
    if (this.#claim === undefined) return;
    const { id, secret } = this.#claim;
    try {
      await registry.withdraw({ id, revision }, secret, { signal });
    } catch (thrown) {
      const error = GeeError.from(thrown);
      if (error.code !== "NOT_FOUND") log.warn("could not withdraw", { url: registry.url, error });
    }
  }

  async #run(): Promise<void> {
    const { random, isHeld } = this.#options;
    await this.#pause(random() * Math.min(this.#leaseMs / 3, staggerMs));
    while (!this.#stopping) {
      const waitMs = isHeld() ? this.#periodMs() : await this.#beat();
      if (waitMs > 0) await this.#pause(waitMs);
    }
  }

  #periodMs(): number {
    return (this.#leaseMs / 3) * (0.9 + this.#options.random() / 5);
  }

  async #pause(delayMs: number): Promise<void> {
    if (this.#stopping) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    // The beats of a program keep nothing alive: its server does.
    const timer = this.#options.clock.after(delayMs, resolve, { background: true });
    this.#wake = resolve;
    await promise;
    timer.cancel();
    this.#wake = () => {};
  }

  /** One beat, whatever comes of it. Returns how long to wait before the next one. */
  async #beat(): Promise<number> {
    const { registry, announcement, revision, log, random, onState } = this.#options;
    const { url } = registry;
    try {
      const sent = announcement();
      this.#note(sent, await this.#say(sent));
      if (this.#failures > 0) {
        log.warn("registry takes beats again", { url, failures: this.#failures });
      }
      if (this.#failures > 0 || !this.#told) {
        onState({ kind: "registered", url, leaseMs: this.#leaseMs });
      }
      this.#told = true;
      this.#failures = 0;
      return revision() === sent.revision ? this.#periodMs() : 0;
    } catch (thrown) {
      if (this.#stopping) return 0;
      const error = GeeError.from(thrown);
      this.#failures += 1;
      if (this.#failures === 1) {
        log.warn("registry takes no beats; will keep trying", { url, error });
        onState({ kind: "failing", url, error });
      }
      const maxMs = Math.min(limits.backoffMaxMs, this.#leaseMs / 3);
      const minMs = Math.min(limits.backoffMinMs, maxMs);
      return backoffMs(this.#failures, { minMs, maxMs }, random);
    }
  }

  #note({ id, revision }: Announcement, granted: Registration): void {
    const known = this.#claim;
    if (granted.kind === "old") {
      this.#claim = undefined;
      return;
    }
    const { secret, leaseMs } = granted;
    this.#leaseMs = leaseMs;
    if (known?.secret === secret && known.revision === revision && known.leaseMs === leaseMs) {
      return;
    }
    this.#claim = { id, revision, secret, leaseMs };
    this.#options.onClaim?.(this.#claim);
  }

  /** A short beat where the registry knows the announcement, else the whole of it. */
  async #say(sent: Announcement): Promise<Registration> {
    const { registry } = this.#options;
    const timeoutMs = Math.min(limits.registryTimeoutMs, this.#leaseMs);
    const bounds = { signal: this.#abort.signal, timeoutMs };
    // A registry that takes no proposal has granted another one.
    const secret = this.#claim?.secret ?? this.#options.secret;
    if (this.#claim?.revision === sent.revision) {
      try {
        return await registry.renew(sent, secret, bounds);
      } catch (thrown) {
        // Else it knows this instance. That its token may not, say, is no reason to begin anew.
        if (GeeError.from(thrown).code !== "NOT_FOUND") throw thrown;
      }
    }
    return registry.register(sent, { ...bounds, secret });
  }
}
