import { saneWeight } from "./endpoint.ts";
import type { EndpointView } from "./endpoint.ts";

/** Tags by name. A member has them when it has each of them with the same value; it may have others. */
export type Tags = Readonly<Record<string, string>>;

/** A part of a fleet that gets a share of its own, as a new version on trial. */
export interface Canary {
  /** Who belongs to it. */
  readonly tags: Tags;
  /** Part of the calls that go to it, 0 to 1; less counts as 0 and more as 1. */
  readonly share: number;
}

/** What a client prefers. */
export interface PreferenceOptions {
  /** Its own zone: members there come first. */
  readonly zone?: string | undefined;
  readonly canary?: Canary | undefined;
}

/**
 * How much more than its share a zone takes before calls leave it (Envoy's overprovisioning factor): it
 * keeps all of them until less than 1 / 1.4 = 71 % of it is available.
 */
const overprovisioning = 1.4;

/** Sets of tags that are remembered of a list; a further one takes the place of the oldest. */
const maxFiltered = 16;

/** A list, and all that would be in it if nobody were out. */
interface Part<T> {
  readonly available: readonly T[];
  readonly known: readonly T[];
}

/** A list in two, and who gets how much. */
interface Split<T> {
  /** The list of all that it was made beside. */
  readonly known: readonly T[];
  readonly inside: Part<T>;
  readonly outside: Part<T>;
  /** Part of the calls that stays inside. */
  readonly share: number;
}

/** Takes lists apart by a test, each once. */
class Splitter<T extends EndpointView> {
  readonly #isInside: (endpoint: T) => boolean;
  /** Part of the calls for those inside, when both sides have members. */
  readonly #shareOf: (inside: Part<T>) => number;
  /** By the list of those that are available. */
  readonly #splits: WeakMap<readonly T[], Split<T>> = new WeakMap();

  constructor(isInside: (endpoint: T) => boolean, shareOf: (inside: Part<T>) => number) {
    this.#isInside = isInside;
    this.#shareOf = shareOf;
  }

  /** The side that one call goes to. */
  choose(available: readonly T[], known: readonly T[], random: () => number): Part<T> {
    const before = this.#splits.get(available);
    const split =
      before !== undefined && before.known === known ? before : this.#split(available, known);
    const { share, inside, outside } = split;
    if (share >= 1) return inside;
    return share > 0 && random() < share ? inside : outside;
  }

  #split(available: readonly T[], known: readonly T[]): Split<T> {
    const isInside = this.#isInside;
    const isOutside = (endpoint: T): boolean => !isInside(endpoint);
    const inside = { available: available.filter(isInside), known: known.filter(isInside) };
    const outside = { available: available.filter(isOutside), known: known.filter(isOutside) };
    const split = { known, inside, outside, share: this.#share(inside, outside) };
    this.#splits.set(available, split);
    return split;
  }

  /** A side that is empty, or of weight 0 beside one that is not, gets nothing. */
  #share(inside: Part<T>, outside: Part<T>): number {
    const isHeavy = weightOf(inside.available) > 0;
    if (isHeavy !== weightOf(outside.available) > 0) return isHeavy ? 1 : 0;
    if (outside.available.length === 0) return 1;
    return inside.available.length === 0 ? 0 : this.#shareOf(inside);
  }
}

function weightOf(endpoints: readonly EndpointView[]): number {
  let total = 0;
  for (const { weight } of endpoints) total += saneWeight(weight);
  return total;
}

/** Part of a zone's calls that stay there. */
function staying({ available, known }: Part<EndpointView>): number {
  const [weight, total] = [weightOf(available), weightOf(known)];
  // Where nobody weighs anything all weigh the same.
  const part = weight > 0 ? weight / total : available.length / known.length;
  return Math.min(1, overprovisioning * part);
}

/**
 * Who comes into question for a call before a policy picks one of them: the canary's members or the
 * others, by chance; of those the ones in the client's own zone or, when many there are not available,
 * by chance those in other zones. A zone counts by the weights of its members.
 *
 * Lists are taken apart once and then known by their identity: a list must not change, nor may the
 * weight, zone and tags of a member while a list that holds it is in use.
 */
export class Preference<T extends EndpointView> {
  readonly #canary: Splitter<T> | undefined;
  readonly #zone: Splitter<T> | undefined;

  constructor({ zone, canary }: PreferenceOptions = {}) {
    if (zone !== undefined) this.#zone = new Splitter<T>((member) => member.zone === zone, staying);
    if (canary !== undefined) {
      const tags = { ...canary.tags };
      const share = canary.share > 0 ? canary.share : 0;
      this.#canary = new Splitter<T>(
        (member) => hasTags(member, tags),
        () => share,
      );
    }
  }

  /**
   * Those of `available` that a call is for; empty only when `available` is. `known` are all that there
   * would be if nobody were out; the same list when nobody is. The same arrays come back for the same
   * lists, and without a preference `available` itself.
   */
  of(available: readonly T[], known: readonly T[], random: () => number): readonly T[] {
    if (this.#canary === undefined) {
      if (this.#zone === undefined) return available;
      return this.#zone.choose(available, known, random).available;
    }
    const part = this.#canary.choose(available, known, random);
    if (this.#zone === undefined) return part.available;
    return this.#zone.choose(part.available, part.known, random).available;
  }
}

/** The members of a list that have certain tags. */
interface Filtered<T> {
  readonly list: readonly T[];
  readonly tags: Tags;
  readonly members: readonly T[];
}

/** What was filtered, by its list; the oldest comes first. */
const filtered = new WeakMap<readonly EndpointView[], Filtered<EndpointView>[]>();

/**
 * The members of a list that have all of these tags; none when nobody has them. The same array for the
 * same list and tags, of which a program wants few sets, often, and makes the object anew for each call.
 */
export function withTags<T extends EndpointView>(list: readonly T[], tags: Tags): readonly T[] {
  const known = filtered.get(list) ?? [];
  for (const one of known) if (isOf(one, list) && areSame(one.tags, tags)) return one.members;
  const copy = { ...tags };
  const members = list.filter((member) => hasTags(member, copy));
  if (known.length === 0) filtered.set(list, known);
  else if (known.length >= maxFiltered) known.shift();
  known.push({ list, tags: copy, members });
  return members;
}

function isOf<T extends EndpointView>(
  one: Filtered<EndpointView>,
  list: readonly T[],
): one is Filtered<T> {
  return one.list === list;
}

/** Whether a member has all of these tags. */
export function hasTags({ tags }: EndpointView, wanted: Tags): boolean {
  for (const name of Object.keys(wanted)) if (tags?.[name] !== wanted[name]) return false;
  return true;
}

function areSame(left: Tags, right: Tags): boolean {
  const names = Object.keys(left);
  if (names.length !== Object.keys(right).length) return false;
  return names.every((name) => Object.hasOwn(right, name) && left[name] === right[name]);
}
