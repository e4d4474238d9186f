import { limits } from "../base/limits.ts";
import type { Gone } from "./directory.ts";

/** One change. Where it happened is a member's id and address, what came of it is in the table. */
interface Entry extends Gone {
  readonly index: number;
  /** It came with no index of its own: see {@link ChangeLog.tell}. */
  readonly local: boolean;
}

/** The key of a member, listed or gone: its id, or the address of a header-only peer. */
export function keyOf({ id, address }: Gone): string {
  return id ?? address;
}

/**
 * What a list was told of: its index, its hash, and the last `limits.maxChangeLog` changes. The
 * index counts changes, unless it is set from outside.
 */
export class ChangeLog {
  readonly #counts: boolean;
  /** What each listed member adds to the hash. */
  readonly #hashes = new Map<string, bigint>();
  /** A ring once it is full; the oldest entry is at `#oldest`. */
  readonly #entries: Entry[] = [];
  #oldest = 0;
  /** Changes after this index are all here. */
  #reachesTo = 0;
  #index = 0;
  #hash = 0n;

  /** @param counts false when every index comes from outside, with the change */
  constructor(counts = true) {
    this.#counts = counts;
  }

  get index(): number {
    return this.#index;
  }

  /** XOR over all listed members; see `memberHash`. */
  get hash(): bigint {
    return this.#hash;
  }

  /**
   * Says what a member is now: its hash, 0n when it is listed no more. What is as it was is no
   * change.
   *
   * @param index of the change when it comes from outside. A change without one there happened here
   * alone; it stays at the present index and is told to everybody who is not past that.
   * @returns whether it is a change
   */
  tell(place: Gone, hash: bigint, index?: number): boolean {
    const key = keyOf(place);
    const before = this.#hashes.get(key) ?? 0n;
    if (before === hash) return false;
    if (hash === 0n) this.#hashes.delete(key);
    else this.#hashes.set(key, hash);
    this.#hash ^= before ^ hash;
    if (index !== undefined) this.#index = Math.max(this.#index, index);
    else if (this.#counts) this.#index += 1;
    const local = index === undefined && !this.#counts;
    this.#keep({ id: place.id, address: place.address, index: this.#index, local });
    return true;
  }

  /** Forgets the changes: whoever is not at this index gets the whole list. */
  rebase(index: number): void {
    this.#entries.length = 0;
    this.#oldest = 0;
    this.#index = Math.max(this.#index, index);
    this.#reachesTo = this.#index;
  }

  /**
   * The members that changed after an index, each once, the latest change first. Undefined when
   * that is not known: the log reaches less far back, or the index is ahead.
   */
  since(index: number): readonly Gone[] | undefined {
    if (index < this.#reachesTo || index > this.#index) return undefined;
    const changed = new Map<string, Gone>();
    const count = this.#entries.length;
    for (let back = 1; back <= count; back++) {
      const entry = this.#entries[(this.#oldest + count - back) % count];
      if (entry === undefined || entry.index < index) break;
      if (entry.index === index && !entry.local) continue;
      const key = keyOf(entry);
      if (!changed.has(key)) changed.set(key, entry);
    }
    return [...changed.values()];
  }

  #keep(entry: Entry): void {
    if (this.#entries.length < limits.maxChangeLog) {
      this.#entries.push(entry);
      return;
    }
    // Who is at the dropped index itself needs what came after it, which is all here.
    this.#reachesTo = this.#entries[this.#oldest]?.index ?? this.#index;
    this.#entries[this.#oldest] = entry;
    this.#oldest = (this.#oldest + 1) % limits.maxChangeLog;
  }
}
