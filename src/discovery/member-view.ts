import { limits } from "../base/limits.ts";
import type { Member } from "./member.ts";
import { keptMembers, mergeMembers, type Word } from "./merge.ts";
import type { Replica } from "./replica.ts";

/** A registry's list, and whether it can still be relied on. */
export interface Source {
  readonly replica: Pick<Replica, "leaseMs" | "warming" | "words">;
  /** The registry answered the last time that it was asked. */
  readonly answers: boolean;
  /** Since when it has given no answer; undefined while it does. */
  readonly silentSince: number | undefined;
}

/** What a silent registry said of a member, once others know better. */
function doubted(word: Word): Word {
  const { member, heardAt } = word;
  return member.state === "up" ? { member: { ...member, state: "suspect" }, heardAt } : word;
}

/**
 * The one list that a client goes by, out of what several registries say. A good one outlives every
 * failure: see {@link createRegistryResolver} for its rules. Pure; times are handed in.
 */
export class MemberView {
  readonly #sources: readonly Source[];
  #list: readonly Member[] | undefined;
  /** Who left, as {@link mergeMembers} has it. */
  #left: ReadonlyMap<string, number> = new Map();
  #doubted: ReadonlySet<Source> = new Set();
  /** Since when the registries, sure of themselves, have listed nobody. */
  #emptySince: number | undefined;
  /** A list of an earlier process, until a registry answers that is sure of itself. */
  #saved: readonly Word[] | undefined;

  constructor(sources: readonly Source[]) {
    this.#sources = sources;
  }

  /** Nobody that left, the suspects last, else sorted by address. Undefined before the first one. */
  get list(): readonly Member[] | undefined {
    return this.#list;
  }

  /** The list is what the registries say, and not in part that of an earlier process. */
  get genuine(): boolean {
    return this.#list !== undefined && this.#saved === undefined;
  }

  /** Goes by the list of an earlier process, which is so old. Only while there is no list. */
  useSaved(members: readonly Member[], ageMs: number, now: number): void {
    this.#saved = members.map((member) => ({ member, heardAt: now - ageMs }));
    this.#list = members;
  }

  /** A registry has failed. Returns whether the list is another one for it: then `settle`. */
  failed(now: number): boolean {
    if (this.#list === undefined) return false;
    const doubtful = this.#doubtful(now);
    if (!this.#sources.some(({ answers }) => answers)) this.#emptySince = undefined;
    return doubtful.size !== this.#doubted.size;
  }

  /**
   * Makes what the registries say the list.
   *
   * @returns in how many ms to do so again even when no registry says anything new
   */
  settle(now: number): number | undefined {
    const answering = this.#sources.filter(({ answers }) => answers);
    // Whoever has stopped to answer has said nothing against what is there.
    if (answering.length === 0) return undefined;
    const sure = answering.some(({ replica }) => !replica.warming);
    if (sure && this.#saved !== undefined) {
      this.#saved = undefined;
      this.#list = [];
    }
    const doubtful = this.#doubtful(now);
    const lists: Iterable<Word>[] = this.#sources.map((source) => {
      const words = source.replica.words();
      return doubtful.has(source) ? words.map(doubted) : words;
    });
    if (this.#saved !== undefined) lists.push(this.#saved);
    const { members, left } = mergeMembers(lists, this.#left);
    this.#doubted = doubtful;
    this.#left = left;
    const up = members.filter(({ state }) => state === "up");
    const suspects = members.filter(({ state }) => state === "suspect");
    if (up.length + suspects.length > 0) {
      this.#emptySince = undefined;
      this.#list = [...up, ...suspects];
      return undefined;
    }
    this.#emptySince = sure ? (this.#emptySince ?? now) : undefined;
    const emptyForMs = now - (this.#emptySince ?? now);
    const leaseMs = Math.max(...answering.map(({ replica }) => replica.leaseMs));
    this.#list = keptMembers(this.#list ?? [], members, emptyForMs, leaseMs);
    if (this.#list.length === 0 || !sure) return undefined;
    return (emptyForMs < leaseMs ? leaseMs : limits.oldLeaseMs) - emptyForMs;
  }

  /**
   * Registries that have been silent for a lease, while another one answers and is sure of itself:
   * what they said last may no longer hold. As long as nobody knows better it does hold.
   */
  #doubtful(now: number): ReadonlySet<Source> {
    if (!this.#sources.some(({ answers, replica }) => answers && !replica.warming)) {
      return new Set();
    }
    return new Set(
      this.#sources.filter(
        ({ replica, silentSince }) =>
          silentSince !== undefined && now - silentSince >= replica.leaseMs,
      ),
    );
  }
}
