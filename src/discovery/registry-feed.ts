import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { backoffMs, type Clock, sleep } from "../base/time.ts";
import type { RegistryClient } from "./registry-client.ts";
import { Replica } from "./replica.ts";

/** How long a registry is asked to wait for a change. */
const watchMs = 60_000;

/** Answers to watches that come in a row without a pause, and the time in which one more may. */
const burst = 2;
const gapMs = 100;

/** How a registry stands, as its client last heard of it. */
export interface RegistryStatus {
  /** The whole URL, path included. */
  readonly url: string;
  /** It has answered, and did so the last time that it was asked. */
  readonly answers: boolean;
  /** Why it does not; undefined as well before it has had its time. */
  readonly error: GeeError | undefined;
  /** It started less than a lease ago, and need not know everybody yet. */
  readonly warming: boolean;
  /** It holds removals back, as too many members are late at once. */
  readonly frozen: boolean;
}

/** Settings of a {@link RegistryFeed}. */
export interface RegistryFeedOptions {
  readonly registry: RegistryClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  /** Ends all that it does. */
  readonly signal: AbortSignal;
  /** Told of every answer; `news`: the list, or what is thought of it, is another. */
  readonly onAnswer: (feed: RegistryFeed, news: boolean) => void;
  /** Told of every failure, once the registry counts as failing. */
  readonly onFailure: (feed: RegistryFeed) => void;
}

/**
 * One registry as a client sees it: its list, kept up to date by asking, and once {@link watch} was
 * called by asking to be told. An old registry cannot do that, and is asked by whoever needs it.
 */
export class RegistryFeed {
  readonly replica: Replica = new Replica();
  /** No request that nobody needs begins before this. */
  notBefore: number = Number.NEGATIVE_INFINITY;
  readonly #options: RegistryFeedOptions;
  /** What the registry fails with, and since when; undefined while it answers. */
  #failure: { readonly error: GeeError; readonly since: number } | undefined;
  #answered = false;
  /** Requests that have failed in a row. */
  #failures = 0;
  #frozen = false;
  #wanted = false;
  #loop: Promise<void> | undefined;
  /** Token bucket: when the answers so far would have come had each kept its distance. */
  #spentAt = Number.NEGATIVE_INFINITY;
  /** Watches in a row that were answered long before their time with nothing new. */
  #early = 0;

  constructor(options: RegistryFeedOptions) {
    this.#options = options;
  }

  /** It has answered, and did so the last time. */
  get answers(): boolean {
    return this.#answered && this.#failure === undefined;
  }

  /** It answers, and cannot be watched. */
  get old(): boolean {
    return this.#answered && !this.replica.watchable;
  }

  /** Since when it has given no answer; undefined while it does. */
  get silentSince(): number | undefined {
    return this.#failure?.since;
  }

  /** Why it gave no answer the last time. */
  get error(): GeeError | undefined {
    return this.#failure?.error;
  }

  /** How it stands now. */
  get status(): RegistryStatus {
    const { answers, error } = this;
    const { warming, frozen } = this.replica;
    return { url: this.#options.registry.url, answers, error, warming, frozen };
  }

  /** Asks now, and has the answer at once. Never rejects. */
  async ask(): Promise<void> {
    await this.#ask(0);
    // The answer did not fit what was here: the whole list, which fits always.
    if (this.answers && !this.replica.whole) await this.#ask(0);
  }

  /** From now on it is told of changes, by a registry that can tell them. */
  watch(): void {
    this.#wanted = true;
    this.#start();
  }

  /** Resolves when nothing is under way any more; the signal ends it. */
  async ended(): Promise<void> {
    await this.#loop;
  }

  #start(): void {
    if (this.#loop !== undefined || this.old || this.#options.signal.aborted) return;
    this.#loop = this.#run().finally(() => {
      this.#loop = undefined;
      // It may have become another kind of registry while its loop came to an end.
      if (!this.old) this.#start();
    });
  }

  async #run(): Promise<void> {
    const { clock, signal } = this.#options;
    // A failure before this has its wait still to come.
    let waitMs = this.notBefore - clock.now();
    while (!signal.aborted && !this.old) {
      if (waitMs > 0) {
        // The sleep of a client keeps nothing alive.
        await sleep(clock, waitMs, { signal, background: true }).catch(() => {});
        if (signal.aborted) return;
      }
      const held = this.#failures === 0 && this.replica.whole && this.replica.watchable;
      await this.#ask(held ? watchMs : 0);
      waitMs = this.#failures > 0 ? this.notBefore - clock.now() : this.#pauseMs();
    }
  }

  /** How long to wait after an answer: no registry, whatever it answers, is asked in a tight loop. */
  #pauseMs(): number {
    const now = this.#options.clock.now();
    this.#spentAt = Math.max(this.#spentAt, now - burst * gapMs) + gapMs;
    const pauseMs = Math.max(0, this.#spentAt - now);
    if (this.#early < burst) return pauseMs;
    // It has too many watchers, or is out of order: it is polled then, as an old one is.
    const range = { minMs: gapMs, maxMs: limits.refreshAfterMs };
    return Math.max(pauseMs, backoffMs(this.#early - burst + 1, range, this.#options.random));
  }

  /** One request, whatever comes of it. */
  async #ask(waitMs: number): Promise<void> {
    const { registry, clock, signal, onAnswer } = this.#options;
    const begunAt = clock.now();
    const asked = this.replica.ask();
    let news: boolean;
    try {
      const answer = await registry.list({ after: asked.after, waitMs, signal });
      if (signal.aborted) return;
      news = this.replica.take(answer, asked, clock.now());
    } catch (thrown) {
      if (!signal.aborted) this.#failed(GeeError.from(thrown), waitMs > 0);
      return;
    }
    const early = waitMs > 0 && !news && clock.now() - begunAt < waitMs / 2;
    this.#early = early ? this.#early + 1 : 0;
    const back = this.#failure !== undefined;
    this.#noteAnswer();
    if (this.#wanted) this.#start();
    onAnswer(this, news || back);
  }

  #noteAnswer(): void {
    const { log, registry } = this.#options;
    const { url } = registry;
    if (this.#failure !== undefined) log.warn("registry answers again", { url });
    this.#failure = undefined;
    this.#failures = 0;
    this.notBefore = Number.NEGATIVE_INFINITY;
    this.#answered = true;
    if (!this.replica.whole) log.info("a list came apart from the registry's", { url });
    const { frozen } = this.replica;
    if (frozen && !this.#frozen) {
      log.warn("registry holds removals back, as too many members are late at once", { url });
    } else if (!frozen && this.#frozen) {
      log.warn("registry removes members again", { url });
    }
    this.#frozen = frozen;
  }

  /** @param held a watch failed: that it was cut off says less than a request would */
  #failed(error: GeeError, held: boolean): void {
    const { clock, log, random, registry, onFailure } = this.#options;
    const now = clock.now();
    this.#failures += 1;
    const range = { minMs: limits.backoffMinMs, maxMs: limits.backoffMaxMs };
    this.notBefore = now + backoffMs(this.#failures, range, random);
    if (held && this.#failure === undefined) return;
    if (this.#failure === undefined) {
      const kept = this.#answered ? [...this.replica.words()].length : undefined;
      log.warn("registry gives no list", { url: registry.url, error, kept });
    }
    this.#failure = { error, since: this.#failure?.since ?? now };
    onFailure(this);
  }
}
