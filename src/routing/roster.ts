import type { Member } from "../discovery/member.ts";
import { withTags } from "../fleet/preference.ts";
import type { Tags } from "../fleet/preference.ts";
import { subset } from "../fleet/subset.ts";
import type { Pool } from "../rpc/pool.ts";
import { askedFirst, Backend, keyOf } from "./backend.ts";

/** What a roster is made with. */
export interface RosterOptions {
  readonly pool: Pool;
  /** This client's own number, which makes its part of a large fleet another than others'. */
  readonly seed: number;
  /** How many members are called at most; 0 = all. */
  readonly subsetSize: number;
}

/** The members that may answer the calls to one service, as the list has them. */
export class Roster {
  // Lists are replaced, never changed: what is made of them is remembered by their identity.
  all: readonly Backend[] = [];
  /** Those that are asked first. */
  first: readonly Backend[] = [];
  /** The part of them that this client calls. */
  chosen: readonly Backend[] = [];
  /** There is one and no other: nothing is to be chosen, and so nothing to be learned. */
  isLone = false;
  readonly #roster: RosterOptions;
  /** The list that the rest was made from. */
  #members: readonly Member[] = [];
  #byKey: ReadonlyMap<string, Backend> = new Map();
  #byId: ReadonlyMap<string, Backend> = new Map();

  constructor(options: RosterOptions) {
    this.#roster = options;
  }

  /** How many members there are. */
  get size(): number {
    return this.all.length;
  }

  /** The instance of an id. */
  find(id: string): Backend | undefined {
    return this.#byId.get(id);
  }

  /** All who may answer a call, of those that are asked first. */
  everybody(call: {
    readonly to: string | undefined;
    readonly tags: Tags | undefined;
  }): readonly Backend[] {
    const { to, tags } = call;
    const only = to === undefined ? undefined : this.find(to);
    const all = to === undefined ? this.first : only === undefined ? [] : [only];
    return tags === undefined ? all : withTags(all, tags);
  }

  /** How many are listed that have some tags, whether or not they are asked. */
  listed(tags: Tags | undefined): number {
    return tags === undefined ? this.size : withTags(this.all, tags).length;
  }

  /** Goes on with another list; who was known before keeps what is known of it. */
  use(members: readonly Member[], now: number): void {
    const isSame = (member: Member, index: number): boolean => member === this.#members[index];
    if (members.length === this.#members.length && members.every(isSame)) return;
    this.#members = members;
    const before = this.#byKey;
    const byKey = new Map<string, Backend>();
    const byId = new Map<string, Backend>();
    for (const member of members) {
      const key = keyOf(member);
      const known = byKey.get(key) ?? before.get(key);
      known?.know(member);
      const backend = known ?? this.#meet(member, now, before.size === 0);
      byKey.set(key, backend);
      if (member.id !== undefined && !byId.has(member.id)) byId.set(member.id, backend);
    }
    this.#byKey = byKey;
    this.#byId = byId;
    this.all = [...byKey.values()];
    this.isLone = this.all.length === 1;
    this.first = askedFirst(this.all);
    this.chosen = this.#part();
    if (this.first.length === this.all.length) return;
    const asked = new Set(this.first);
    for (const backend of this.all) if (!asked.has(backend)) backend.lane.rest();
  }

  #meet(member: Member, now: number, isFirstList: boolean): Backend {
    // How old it is is the registry's word. Of a peer that has no registry, or none that knows, it is
    // this client's: whoever was there from the start counts as warm.
    const isWarm = member.id === undefined && isFirstList;
    const freshSince = isWarm ? Number.NEGATIVE_INFINITY : now - member.ageMs;
    return new Backend(member, this.#roster.pool.lane(member), freshSince);
  }

  #part(): readonly Backend[] {
    const { seed, subsetSize } = this.#roster;
    const { first } = this;
    if (subsetSize === 0 || first.length <= subsetSize) return first;
    const keys = first.map(({ key }) => key);
    return subset(keys, seed, subsetSize).flatMap((index) => first[index] ?? []);
  }
}
