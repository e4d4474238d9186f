import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import type { Clock, Timer } from "../../src/base/time.ts";
import type { Member } from "../../src/discovery/member.ts";
import { hashText, memberHash } from "../../src/discovery/member-hash.ts";
import type { GoneMember, RegistryList } from "../../src/discovery/registry-answer.ts";
import type { ListOptions, RegistryClient } from "../../src/discovery/registry-client.ts";

/** Servers beat so often; a change is told within a part of it. */
const beatMs = 3_000;
/** A server that starts is announced within this. */
const staggerMs = 250;
/** A request or an answer on its way. */
const wayMs = 0.5;
/** Who was there before anybody looked has been there for so long. */
const oldMs = 3_600_000;
/** Answers with ages in them are kept for so long, while nothing changes. */
const sameAgeMs = 1_000;

/** A server as a registry knows it. */
export type Listed = Member & { readonly id: string };

interface Change {
  readonly index: number;
  readonly id: string;
  readonly gone: GoneMember | undefined;
}

/** A request that is held until there is news. */
interface Held {
  readonly answer: () => void;
  readonly timer: Timer;
}

function unused(): Promise<never> {
  return Promise.reject(new GeeError("UNIMPLEMENTED", "the simulated registry takes no servers"));
}

/**
 * A registry in memory: who is there, who has not beaten for a lease, who has left; whole lists,
 * deltas, and watches that are held. No beat is sent: a server says when its beats begin and end.
 */
export class SimulatedRegistry {
  /** It answers nobody: connections are refused. */
  isDown = false;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #members: Map<string, Listed> = new Map();
  readonly #changes: Change[] = [];
  /** By id: what becomes of a server next, unless it beats again. */
  readonly #next: Map<string, Timer> = new Map();
  readonly #held: Set<Held> = new Set();
  #index = 0;
  #hash = 0n;
  #wake: Timer | undefined;
  /** Answers by the index that was asked after, while nothing changes. */
  readonly #answers: Map<number, RegistryList> = new Map();
  #answersFrom = 0;
  /** By id: when a server came. */
  readonly #since: Map<string, number> = new Map();

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  // -------------------------------------------------------------- servers

  /**
   * Beats of a server arrive from now on, the first as it is due. `old`: it has been there for long,
   * and is listed at once.
   */
  beats(member: Listed, old = false): void {
    const isKnown = this.#members.get(member.id)?.state === "up";
    const dueMs = this.#members.has(member.id) ? beatMs : staggerMs;
    this.#next.get(member.id)?.cancel();
    this.#next.delete(member.id);
    if (isKnown) return;
    if (old) this.#since.set(member.id, this.#clock.now() - oldMs);
    if (old) this.#put({ ...member, state: "up" });
    else
      this.#later(member.id, this.#random() * dueMs, () => this.#put({ ...member, state: "up" }));
  }

  /** Beats of a server arrive no more, and nothing else of it. */
  silent(id: string): void {
    this.#later(id, limits.leaseMs - this.#random() * beatMs, () => {
      const member = this.#members.get(id);
      if (member === undefined) return;
      this.#put({ ...member, state: "suspect" });
      this.#later(id, limits.leaseMs, () => this.#remove(id));
    });
  }

  /** A server takes itself off the list. */
  withdraw(id: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#clock.after(wayMs, () => {
      const member = this.#members.get(id);
      if (member !== undefined) {
        this.#put({ ...member, state: "left", revision: member.revision + 1 });
        this.#later(id, limits.leaseMs, () => this.#remove(id));
      }
      this.#clock.after(wayMs, resolve);
    });
    return promise;
  }

  #later(id: string, delayMs: number, task: () => void): void {
    this.#next.get(id)?.cancel();
    this.#next.set(id, this.#clock.after(delayMs, task));
  }

  #put(member: Listed): void {
    const before = this.#members.get(member.id);
    if (before !== undefined) this.#hash ^= memberHash(before);
    this.#hash ^= memberHash(member);
    this.#members.set(member.id, member);
    if (!this.#since.has(member.id)) this.#since.set(member.id, this.#clock.now());
    this.#changed(member.id, undefined);
  }

  #remove(id: string): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    this.#hash ^= memberHash(member);
    this.#members.delete(id);
    this.#since.delete(id);
    this.#changed(id, { id, address: member.address });
  }

  #changed(id: string, gone: GoneMember | undefined): void {
    this.#changes.push({ index: ++this.#index, id, gone });
    this.#answers.clear();
    this.#wake ??= this.#clock.after(0, () => {
      this.#wake = undefined;
      for (const { answer } of [...this.#held]) answer();
    });
  }

  // -------------------------------------------------------------- clients

  /** The registry as a client has it. */
  client(): RegistryClient {
    return {
      url: "http://registry.test/",
      register: unused,
      renew: unused,
      withdraw: unused,
      list: (options = {}) => this.#list(options),
    };
  }

  #list({ after, waitMs = 0, signal }: ListOptions): Promise<RegistryList> {
    const { promise, resolve, reject } = Promise.withResolvers<RegistryList>();
    const since = after === undefined ? -1 : Number(after.slice(after.indexOf("-") + 1));
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    const answer = (): void => {
      const list = this.#answer(since);
      this.#clock.after(wayMs, () => resolve(list));
    };
    this.#clock.after(wayMs, () => {
      if (this.isDown)
        reject(new GeeError("UNAVAILABLE", "connection refused", { executed: "no" }));
      else if (waitMs > 0 && since === this.#index) this.#hold(waitMs, answer);
      else answer();
    });
    return promise;
  }

  #hold(waitMs: number, answer: () => void): void {
    const end = (): void => {
      held.timer.cancel();
      if (this.#held.delete(held)) answer();
    };
    const held: Held = { answer: end, timer: this.#clock.after(waitMs, end) };
    this.#held.add(held);
  }

  #answer(since: number): RegistryList {
    const now = this.#clock.now();
    if (now - this.#answersFrom > sameAgeMs) {
      this.#answers.clear();
      this.#answersFrom = now;
    }
    const known = this.#answers.get(since);
    if (known !== undefined) return known;
    const changes = since < 0 ? [] : this.#changes.slice(since);
    const ids = new Set(changes.map(({ id }) => id));
    const listed: Member[] = [];
    for (const id of since < 0 ? this.#members.keys() : ids) {
      const member = this.#members.get(id);
      if (member !== undefined) {
        listed.push({ ...member, ageMs: now - (this.#since.get(id) ?? now) });
      }
    }
    const gone = changes.flatMap((change) =>
      change.gone === undefined || this.#members.has(change.id) ? [] : [change.gone],
    );
    const list: RegistryList = {
      members: listed,
      delta: since >= 0,
      gone,
      epoch: "simulated",
      index: this.#index,
      hash: hashText(this.#hash),
      leaseMs: limits.leaseMs,
      token: `simulated-${this.#index}`,
      warming: false,
      frozen: false,
      skipped: [],
    };
    this.#answers.set(since, list);
    return list;
  }
}
