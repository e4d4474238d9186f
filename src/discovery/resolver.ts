import type { Address } from "../base/address.ts";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { backoffMs, type Clock, sleep } from "../base/time.ts";
import { compareMembers, type Member, memberAt } from "./member.ts";
import { keptMembers, mergeMembers } from "./merge.ts";
import type { RegistryList } from "./registry-answer.ts";
import type { RegistryClient } from "./registry-client.ts";

/**
 * The members that a client may call. Which of them it calls is another's choice. Lists are sorted
 * by address, have nobody that left, and are replaced, never changed.
 */
export interface Resolver extends AsyncDisposable {
  /**
   * The list. Waits only while there is nothing to lose: before the first answer, and while the
   * list is empty. An old list is answered at once and refreshed behind the caller's back.
   *
   * @throws GeeError UNAVAILABLE, executed no, with every registry's reason, when none has answered
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
}

/** A list that never changes. */
export function createFixedResolver(addresses: readonly Address[]): Resolver {
  const members = [...new Set(addresses)].map((address) => memberAt(address)).sort(compareMembers);
  return {
    members: () => Promise.resolve(members),
    current: () => members,
    refresh: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Settings of {@link createRegistryResolver}. */
export interface RegistryResolverOptions {
  readonly registries: readonly RegistryClient[];
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: (() => number) | undefined;
}

/** How long the first use waits for further registries once one has answered with members. */
const graceMs = 100;

class RegistryResolver implements Resolver {
  readonly #options: RegistryResolverOptions;
  readonly #closed = new AbortController();
  readonly #failing = new Set<RegistryClient>();
  /** Resolves when this round has found somebody, or is over. */
  #found: PromiseWithResolvers<void> | undefined;
  /** The next round, which has to wait for its time. */
  #soon: Promise<void> | undefined;
  #list: readonly Member[] | undefined;
  /** When a round last brought an answer; what is older than `refreshAfterMs` is refreshed. */
  #freshAt = Number.NEGATIVE_INFINITY;
  /** No round that nobody needs begins before this. */
  #notBefore = Number.NEGATIVE_INFINITY;
  #emptySince: number | undefined;
  #failures = 0;
  #failure: GeeError | undefined;
  #round: Promise<void> | undefined;

  constructor(options: RegistryResolverOptions) {
    this.#options = options;
  }

  async members(): Promise<readonly Member[]> {
    if (this.#closed.signal.aborted) throw this.#unavailable("the client is closed");
    const list = this.current();
    if (list !== undefined && list.length > 0) return list;
    const answered = this.#list === undefined ? this.#firstAnswer() : this.refresh();
    await answered;
    if (this.#list !== undefined) return this.#list;
    throw this.#failure ?? this.#unavailable("the client is closed");
  }

  current(): readonly Member[] | undefined {
    const age = this.#options.clock.now() - this.#freshAt;
    if (this.#list !== undefined && this.#list.length > 0 && age >= limits.refreshAfterMs) {
      void this.refresh();
    }
    return this.#list;
  }

  refresh(): Promise<void> {
    if (this.#round !== undefined) return this.#round;
    if (this.#closed.signal.aborted) return Promise.resolve();
    if (this.#options.clock.now() >= this.#notBefore) return this.#ask();
    return this.#failures > 0 ? Promise.resolve() : this.#askSoon();
  }

  /** Nobody has ever answered: waits for the next round even where a refresh would not. */
  #firstAnswer(): Promise<void> {
    if (this.#round === undefined) {
      if (this.#options.clock.now() < this.#notBefore) return this.#askSoon();
      void this.#ask();
    }
    return this.#foundNow();
  }

  #foundNow(): Promise<void> {
    return this.#found?.promise ?? Promise.resolve();
  }

  /** One round as soon as it may be; all who want it share it. */
  #askSoon(): Promise<void> {
    const { clock } = this.#options;
    this.#soon ??= sleep(clock, this.#notBefore - clock.now(), { signal: this.#closed.signal })
      .then(
        () => this.#ask(),
        () => {},
      )
      .finally(() => {
        this.#soon = undefined;
      });
    return this.#soon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(this.#unavailable("the client is closed"));
    await this.#round;
  }

  #ask(): Promise<void> {
    if (this.#round !== undefined) return this.#round;
    const found = Promise.withResolvers<void>();
    this.#found = found;
    this.#round = this.#askAll().finally(() => {
      this.#round = undefined;
      this.#found = undefined;
      found.resolve();
    });
    return this.#round;
  }

  /** One round: every registry at once. Keeps its failures to itself. */
  async #askAll(): Promise<void> {
    const { registries, clock, log, random } = this.#options;
    const answers: RegistryList[] = [];
    const reasons: string[] = [];
    const settle = (): void => this.#take(answers);
    let grace: { cancel(): void } | undefined;
    const ask = async (registry: RegistryClient): Promise<void> => {
      try {
        const answer = await registry.list({ signal: this.#closed.signal });
        answers.push(answer);
        if (this.#failing.delete(registry))
          log.warn("registry answers again", { url: registry.url });
        if (this.#list === undefined && answer.members.some(({ state }) => state === "up")) {
          grace ??= clock.after(graceMs, settle);
        }
      } catch (thrown) {
        const error = GeeError.from(thrown);
        reasons.push(error.message);
        if (this.#closed.signal.aborted || this.#failing.has(registry)) return;
        this.#failing.add(registry);
        const kept = this.#list?.length;
        log.warn("registry gives no list", { url: registry.url, error, kept });
      }
    };
    await Promise.all(registries.map(ask));
    grace?.cancel();
    const now = clock.now();
    if (answers.length > 0) {
      settle();
      this.#failures = 0;
      this.#freshAt = now;
      this.#notBefore = now + limits.backoffMinMs;
      return;
    }
    this.#failures += 1;
    this.#failure = this.#unavailable(reasons.join("; "));
    const range = { minMs: limits.backoffMinMs, maxMs: limits.backoffMaxMs };
    this.#notBefore = now + backoffMs(this.#failures, range, random);
  }

  /** Makes the answers of a round the list, unless they are empty and there is a good one. */
  #take(answers: readonly RegistryList[]): void {
    const now = this.#options.clock.now();
    const merged = mergeMembers(answers.map(({ members }) => members));
    const up = merged.filter(({ state }) => state === "up");
    if (up.length > 0) {
      this.#emptySince = undefined;
      this.#list = up;
      this.#found?.resolve();
      return;
    }
    this.#emptySince ??= now;
    const leaseMs = Math.max(...answers.map((answer) => answer.leaseMs));
    this.#list = keptMembers(this.#list ?? [], merged, now - this.#emptySince, leaseMs);
  }

  #unavailable(message: string): GeeError {
    return new GeeError("UNAVAILABLE", message, {
      reason: "NO_REGISTRY",
      executed: "no",
      hint: "is a registry running there? gee registry starts one",
    });
  }
}

/**
 * The members that registries list: all are asked at once and their lists merged; one that answers
 * is enough. A good list outlives every failure, and is not swapped for an empty one until the
 * answers have been empty for one lease (five minutes for GeeRPC's members, whose beats are as far
 * apart). Asks nobody before its first use.
 */
export function createRegistryResolver(options: RegistryResolverOptions): Resolver {
  return new RegistryResolver(options);
}
