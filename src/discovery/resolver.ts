import type { Address } from "../base/address.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { type Clock, sleep, type Timer } from "../base/time.ts";
import type { ListCache } from "./list-cache.ts";
import { compareMembers, type Member, memberAt } from "./member.ts";
import { MemberView } from "./member-view.ts";
import { noList } from "./no-list.ts";
import type { RegistryClient } from "./registry-client.ts";
import { RegistryFeed, type RegistryStatus } from "./registry-feed.ts";

/**
 * The members that a client may call. Which of them it calls is another's choice. Lists have nobody
 * that left, the suspects last, are sorted by address, and are replaced, never changed.
 */
export interface Resolver extends AsyncDisposable {
  /**
   * The list. Waits only while there is nothing to lose: before the first answer, and while the
   * list is empty. An old list is answered at once and refreshed behind the caller's back.
   *
   * @throws GeeError UNAVAILABLE, reason NO_REGISTRY, with what each registry failed with, when none
   * has answered; UNAUTHENTICATED or PERMISSION_DENIED, reason REGISTRY_REFUSED, when all refuse
   * to; executed no
   */
  members(): Promise<readonly Member[]>;
  /** The list in memory, undefined before the first answer; refreshed as by `members` when old. */
  current(): readonly Member[] | undefined;
  /**
   * Asks now, as a call has just failed to connect. All that ask meanwhile share one round; within
   * 100 ms of the last one it waits for the end of those, and while all registries back off it
   * resolves at once. Never rejects.
   */
  refresh(): Promise<void>;
  /** How its registries stand, in the order in which they were named. */
  registries(): readonly RegistryStatus[];
  /**
   * Keeps the list up to date whether or not it is used, and tells of each new one. Returns what
   * ends that.
   */
  watch(listener: (list: readonly Member[]) => void): () => void;
}

/** A list that never changes. */
export function createFixedResolver(addresses: readonly Address[]): Resolver {
  const members = [...new Set(addresses)].map((address) => memberAt(address)).sort(compareMembers);
  return {
    members: () => Promise.resolve(members),
    current: () => members,
    refresh: () => Promise.resolve(),
    registries: () => [],
    watch: () => () => {},
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Settings of {@link createRegistryResolver}. */
export interface RegistryResolverOptions {
  readonly registries: readonly RegistryClient[];
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: (() => number) | undefined;
  /** Where the list is kept for a client that starts while no registry answers. */
  readonly cache?: ListCache | undefined;
}

/** How long the first use waits for further registries once one has answered with members. */
const graceMs = 100;

class RegistryResolver implements Resolver {
  readonly #options: RegistryResolverOptions;
  readonly #closed = new AbortController();
  readonly #feeds: readonly RegistryFeed[];
  readonly #view: MemberView;
  /** Resolves when this round has found somebody, or is over. */
  #found: PromiseWithResolvers<void> | undefined;
  /** The next round, which has to wait for its time. */
  #soon: Promise<void> | undefined;
  #round: Promise<void> | undefined;
  /** From when on a list in use is old. Never, once every registry tells its changes. */
  #staleAt = Number.POSITIVE_INFINITY;
  #watching = false;
  /** No round that nobody needs begins before this. */
  #notBefore = Number.NEGATIVE_INFINITY;
  readonly #listeners: Set<(list: readonly Member[]) => void> = new Set();
  /** Has the list renewed although nobody uses it. */
  #renewal: Timer | undefined;
  /** Settles the list again, though no registry may have said anything new. */
  #recheck: Timer | undefined;

  constructor(options: RegistryResolverOptions) {
    const { clock, log, random = Math.random } = options;
    this.#options = options;
    this.#feeds = options.registries.map(
      (registry) =>
        new RegistryFeed({
          registry,
          clock,
          log,
          random,
          signal: this.#closed.signal,
          onAnswer: (feed, news) => this.#onAnswer(feed, news),
          onFailure: () => {
            if (this.#view.failed(clock.now())) this.#settle();
          },
        }),
    );
    this.#view = new MemberView(this.#feeds);
  }

  async members(): Promise<readonly Member[]> {
    if (this.#closed.signal.aborted) throw noList([]);
    const list = this.current();
    if (list !== undefined && list.length > 0) return list;
    await (list === undefined ? this.#firstAnswer() : this.refresh());
    if (this.#view.list !== undefined) return this.#view.list;
    throw noList(this.#feeds.map(({ error }) => error));
  }

  // Called for every call.
  current(): readonly Member[] | undefined {
    if (this.#staleAt !== Number.POSITIVE_INFINITY) {
      const now = this.#options.clock.now();
      if (now >= this.#staleAt) this.#renew(now);
    }
    return this.#view.list;
  }

  refresh(): Promise<void> {
    if (this.#round !== undefined) return this.#round;
    const now = this.#options.clock.now();
    if (this.#closed.signal.aborted || now < this.#backAt()) return Promise.resolve();
    return now >= this.#notBefore ? this.#ask(this.#feeds) : this.#askSoon();
  }

  registries(): readonly RegistryStatus[] {
    return this.#feeds.map(({ status }) => status);
  }

  watch(listener: (list: readonly Member[]) => void): () => void {
    this.#listeners.add(listener);
    if (this.#renewal === undefined) this.#renewAlways();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#renewal?.cancel();
      this.#renewal = undefined;
    };
  }

  /** As a client would that calls all the time. */
  readonly #renewAlways = (): void => {
    this.#renewal = this.#options.clock.after(limits.refreshAfterMs, this.#renewAlways);
    if (this.#view.list === undefined) void this.refresh();
    else if (!this.#watching) this.#renew(this.#options.clock.now());
    else this.current();
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(noList([]));
    this.#recheck?.cancel();
    this.#renewal?.cancel();
    await this.#round;
    await Promise.all(this.#feeds.map((feed) => feed.ended()));
    await this.#options.cache?.[Symbol.asyncDispose]();
  }

  /** When the first of the registries may be asked again. */
  #backAt(): number {
    return Math.min(...this.#feeds.map(({ notBefore }) => notBefore));
  }

  /**
   * The list in use is old: whoever keeps using one is worth a watch at each registry. An old
   * registry is asked, now and whenever its list is used and old again.
   */
  #renew(now: number): void {
    this.#watching = true;
    for (const feed of this.#feeds) feed.watch();
    const old = this.#feeds.filter((feed) => feed.old);
    this.#staleAt = old.length > 0 ? now + limits.refreshAfterMs : Number.POSITIVE_INFINITY;
    if (old.length > 0 && this.#round === undefined) void this.#ask(old);
  }

  /** Nobody has ever answered: waits for the next round even where a refresh would not. */
  #firstAnswer(): Promise<void> {
    if (this.#round === undefined) {
      const now = this.#options.clock.now();
      if (now < Math.max(this.#notBefore, this.#backAt())) return this.#askSoon();
      void this.#ask(this.#feeds);
    }
    return this.#found?.promise ?? Promise.resolve();
  }

  /** One round as soon as it may be; all who want it share it. */
  #askSoon(): Promise<void> {
    const { clock } = this.#options;
    const waitMs = Math.max(this.#notBefore, this.#backAt()) - clock.now();
    this.#soon ??= sleep(clock, waitMs, { signal: this.#closed.signal })
      .then(
        () => this.#ask(this.#feeds),
        () => {},
      )
      .finally(() => {
        this.#soon = undefined;
      });
    return this.#soon;
  }

  #ask(feeds: readonly RegistryFeed[]): Promise<void> {
    if (this.#round !== undefined) return this.#round;
    const found = Promise.withResolvers<void>();
    this.#found = found;
    this.#round = this.#askAll(feeds).finally(() => {
      this.#round = undefined;
      this.#found = undefined;
      found.resolve();
    });
    return this.#round;
  }

  /** One round: every registry at once, but those that failed a moment ago. */
  async #askAll(feeds: readonly RegistryFeed[]): Promise<void> {
    const { clock } = this.#options;
    const now = clock.now();
    await Promise.all(feeds.filter((feed) => feed.notBefore <= now).map((feed) => feed.ask()));
    if (this.#view.list === undefined && !this.#closed.signal.aborted) {
      if (this.#feeds.some((feed) => feed.answers)) this.#settle();
      else await this.#useSaved();
    }
    this.#notBefore = clock.now() + limits.backoffMinMs;
  }

  #onAnswer(feed: RegistryFeed, news: boolean): void {
    const { clock, cache } = this.#options;
    if (!this.#watching || feed.old) this.#staleAt = clock.now() + limits.refreshAfterMs;
    const { list, genuine } = this.#view;
    if (list === undefined) {
      // The others have a moment to answer as well.
      if (this.#recheck === undefined && someUp(feed)) this.#settleIn(graceMs);
    } else if (news) {
      this.#settle();
    } else if (genuine && list.length > 0) {
      // The same list, and as good as new.
      cache?.save(list);
    }
  }

  readonly #settle = (): void => {
    this.#recheck?.cancel();
    this.#recheck = undefined;
    const before = this.#view.list;
    const againInMs = this.#view.settle(this.#options.clock.now());
    if (againInMs !== undefined) this.#settleIn(againInMs);
    const { list, genuine } = this.#view;
    if (list !== undefined && list !== before) for (const tell of this.#listeners) tell(list);
    if (list === undefined || list.length === 0) return;
    // An empty list is no good to the next process: its file stays what it is.
    if (genuine) this.#options.cache?.save(list);
    this.#found?.resolve();
  };

  #settleIn(delayMs: number): void {
    this.#recheck = this.#options.clock.after(delayMs, this.#settle, { background: true });
  }

  /** No registry has ever answered: the list of the file stands in, if there is one. */
  async #useSaved(): Promise<void> {
    const { cache, clock, log } = this.#options;
    const saved = await cache?.load();
    if (saved === undefined || saved.members.length === 0) return;
    this.#staleAt = clock.now();
    this.#view.useSaved(saved.members, saved.ageMs, this.#staleAt);
    const ageS = Math.round(saved.ageMs / 1_000);
    log.warn("no registry answers; a saved list is used", { members: saved.members.length, ageS });
  }
}

function someUp({ replica }: RegistryFeed): boolean {
  return replica.words().some(({ member }) => member.state === "up");
}

/**
 * The members that registries list: all are asked at once and their lists merged; one that answers
 * is enough. Asks nobody before its first use; a list that is still used after 3 s is kept up to
 * date by a watch at each registry (an old one is asked every 3 s while the list is used).
 *
 * A good list outlives every failure. It is not swapped for an empty one until the answers have been
 * empty for one lease (five minutes for GeeRPC's members, whose beats are as far apart); a registry
 * that has just started only adds to it; one that is silent takes nobody from it, but what it alone
 * lists counts as suspect after one lease in which others answer.
 */
export function createRegistryResolver(options: RegistryResolverOptions): Resolver {
  return new RegistryResolver(options);
}
