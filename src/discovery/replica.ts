import { limits } from "../base/limits.ts";
import { hashText, memberHash } from "./member-hash.ts";
import type { Member } from "./member.ts";
import type { Word } from "./merge.ts";
import type { RegistryList } from "./registry-answer.ts";

/** Where a {@link Replica} stood when a request was sent; its answer is taken with it. */
export interface Asked {
  /** The token to ask after; undefined asks for the whole list. */
  readonly after: string | undefined;
  readonly epoch: string | undefined;
  readonly index: number;
  /** How many answers had been taken. */
  readonly taken: number;
}

/** A member as the registry last described it. */
interface Entry extends Word {
  /** What it adds to the hash of the list; worked out when a delta is checked. */
  hash: bigint | undefined;
}

function keyOf({ id, address }: Pick<Member, "id" | "address">): string {
  return id ?? address;
}

function hashOf(entry: Entry): bigint {
  return (entry.hash ??= memberHash(entry.member));
}

/**
 * The list of one registry, kept up to date from its whole lists and its deltas. Answers may be
 * lost, repeated, or overtaken by others: whatever comes, asking on with {@link ask} until
 * {@link whole} holds ends with the registry's own list, as each delta brings the hash of that.
 *
 * Pure: it sends nothing and waits for nothing.
 */
export class Replica {
  /** What the registry lists. */
  #entries: Map<string, Entry> = new Map();
  /** What it listed before it restarted, and does not list yet; empty unless it is warming. */
  #held: Map<string, Entry> = new Map();
  #token: string | undefined;
  #epoch: string | undefined;
  #index = -1;
  #taken = 0;
  /** The hash that came with the last answer. */
  #hash: string | undefined;
  /** Our own hash of the entries; undefined until a delta has to be checked. */
  #sum: bigint | undefined;
  /** Ours can agree with theirs: false when members were skipped, or their whole list differs. */
  #comparable = false;
  #whole = false;
  #warming = false;
  #frozen = false;
  #leaseMs: number = limits.leaseMs;

  /** It is what the registry last said it is; else the whole list has to be asked for. */
  get whole(): boolean {
    return this.#whole;
  }

  /** The registry tells changes: it can be asked to wait for one. False for an old registry. */
  get watchable(): boolean {
    return this.#token !== undefined && this.#hash !== undefined;
  }

  /** The registry started a moment ago; what it listed before is listed here meanwhile. */
  get warming(): boolean {
    return this.#warming;
  }

  /** The registry holds removals back. */
  get frozen(): boolean {
    return this.#frozen;
  }

  /** Lease of members that name none, in ms; the default before the first answer. */
  get leaseMs(): number {
    return this.#leaseMs;
  }

  /** What to ask for next. */
  ask(): Asked {
    const after = this.#whole && this.watchable ? this.#token : undefined;
    return { after, epoch: this.#epoch, index: this.#index, taken: this.#taken };
  }

  /** All members, those that left among them, in no order. */
  *words(): Generator<Word> {
    yield* this.#entries.values();
    for (const [key, entry] of this.#held) if (!this.#entries.has(key)) yield entry;
  }

  /**
   * Takes an answer, in whatever order answers come.
   *
   * @param now in ms by this process's clock
   * @returns whether it brought news: of members, of warming or of frozen
   */
  take(answer: RegistryList, asked: Asked, now: number): boolean {
    // Another answer was faster than this one, which may be the older of the two.
    const overtaken = asked.taken !== this.#taken;
    if (!(answer.delta ? this.#fits(answer, asked, overtaken) : this.#counts(answer, overtaken))) {
      return false;
    }
    const news = answer.delta ? this.#change(answer, now) : this.#replace(answer, now);
    const { warming, frozen } = answer;
    const turned = warming !== this.#warming || frozen !== this.#frozen;
    this.#taken += 1;
    this.#token = answer.token;
    this.#epoch = answer.epoch;
    this.#index = answer.index;
    this.#hash = answer.hash;
    this.#leaseMs = answer.leaseMs;
    this.#warming = warming;
    this.#frozen = frozen;
    if (!warming) this.#held.clear();
    return news || turned;
  }

  /** Whether a whole list counts. An index that went back counts as well, unless it is just late. */
  #counts(answer: RegistryList, overtaken: boolean): boolean {
    if (!overtaken || answer.epoch === undefined || !this.#whole) return true;
    if (answer.epoch === this.#epoch) return answer.index >= this.#index;
    // One is from before a restart and the other from after it; nothing says which.
    this.#whole = false;
    return false;
  }

  /** Whether a delta turns what is here into what the registry lists. */
  #fits(answer: RegistryList, asked: Asked, overtaken: boolean): boolean {
    if (!this.#whole) return false;
    const late = overtaken && answer.epoch === this.#epoch && answer.index < this.#index;
    if (late) return false;
    // Its members are as of its own index: it may begin before what is here, and not behind it.
    const follows =
      asked.after !== undefined &&
      asked.epoch === this.#epoch &&
      answer.epoch === this.#epoch &&
      asked.index <= this.#index &&
      answer.index >= this.#index;
    this.#whole = follows && answer.skipped.length === 0;
    return this.#whole;
  }

  #entry(member: Member, now: number): Entry {
    return { member, heardAt: now - member.beatMs, hash: undefined };
  }

  #replace(answer: RegistryList, now: number): boolean {
    const next = new Map<string, Entry>();
    for (const member of answer.members) next.set(keyOf(member), this.#entry(member, now));
    if (answer.warming) {
      for (const [key, entry] of this.#entries) {
        if (entry.member.state !== "left") this.#held.set(key, entry);
      }
      for (const key of next.keys()) this.#held.delete(key);
    }
    this.#entries = next;
    this.#sum = undefined;
    this.#comparable = answer.skipped.length === 0;
    this.#whole = true;
    return true;
  }

  #change(answer: RegistryList, now: number): boolean {
    if (answer.members.length + answer.gone.length === 0) {
      const held = this.#held.size > 0 && !answer.warming;
      // Nothing has changed, so neither has the hash.
      if (this.#comparable && answer.hash !== this.#hash) this.#whole = false;
      return held;
    }
    let sum = this.#sumUp();
    for (const member of answer.members) {
      const key = keyOf(member);
      const before = this.#entries.get(key);
      if (before !== undefined) sum ^= hashOf(before);
      const entry = this.#entry(member, now);
      sum ^= hashOf(entry);
      this.#entries.set(key, entry);
    }
    for (const gone of answer.gone) {
      const key = keyOf(gone);
      const before = this.#entries.get(key);
      if (before !== undefined) sum ^= hashOf(before);
      this.#entries.delete(key);
      this.#held.delete(key);
    }
    this.#sum = sum;
    const agrees = !this.#comparable || hashText(sum) === answer.hash;
    // A list that grows without end is read anew as well, as a whole list is cut to its limit.
    this.#whole = agrees && this.#entries.size <= limits.maxInstances;
    return true;
  }

  /** Our hash of the entries. The first time it is held against the one that came with them. */
  #sumUp(): bigint {
    if (this.#sum !== undefined) return this.#sum;
    let sum = 0n;
    for (const entry of this.#entries.values()) sum ^= hashOf(entry);
    // Whole lists that differ from their own hash would differ again: asking anew helps nobody.
    if (hashText(sum) !== this.#hash) this.#comparable = false;
    return sum;
  }
}
