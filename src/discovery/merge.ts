import type { Address } from "../base/address.ts";
import { limits } from "../base/limits.ts";
import { compareMembers, type Member } from "./member.ts";

/** One registry's word about one member. */
export interface Word {
  readonly member: Member;
  /** When its last beat was, as far as that word knows, in ms by this process's clock. */
  readonly heardAt: number;
}

/** What {@link mergeMembers} makes of several lists. */
export interface Merged {
  /** One list, sorted, suspects and those that left among them. */
  readonly members: readonly Member[];
  /**
   * Revisions in which instances left, by id: those that a list names, and those that another list
   * still has in an older revision. They go into the next merge.
   */
  readonly left: ReadonlyMap<string, number>;
}

const order: Readonly<Record<Member["state"], number>> = { left: 2, up: 1, suspect: 0 };

/**
 * Which of two words about one instance holds: the newer revision; of equal ones that it left, then
 * that a registry hears it; then the one that was heard last.
 */
function prevails(next: Word, known: Word): boolean {
  const [a, b] = [next.member, known.member];
  if (a.revision !== b.revision) return a.revision > b.revision;
  if (a.state !== b.state) return order[a.state] > order[b.state];
  return next.heardAt > known.heardAt;
}

/** Which of two instances holds the address that both name: one that is heard; the last heard. */
function holds(next: Word, known: Word): boolean {
  const [a, b] = [next.member.state, known.member.state];
  return a === b ? next.heardAt > known.heardAt : a === "up";
}

/**
 * The lists of several registries as one. An instance counts by its id. Two at one address cannot
 * both be there: one that is up is, else the one that was heard of last.
 *
 * @param before what the last merge said in `left`: a registry that forgets a withdrawal after one
 * lease, while another has not heard of it, does not bring the instance back
 */
export function mergeMembers(
  lists: readonly Iterable<Word>[],
  before: ReadonlyMap<string, number> = new Map(),
): Merged {
  const byId = new Map<string, Word>();
  const plain = new Map<Address, Word>();
  for (const list of lists) {
    for (const word of list) {
      const { id, address } = word.member;
      const known = id === undefined ? plain.get(address) : byId.get(id);
      if (known !== undefined && !prevails(word, known)) continue;
      if (id === undefined) plain.set(address, word);
      else byId.set(id, word);
    }
  }
  const left = new Map<string, number>();
  const members: Member[] = [];
  const at = new Map<Address, Word>();
  // A registry of GeeRPC's lists what withdrew until its lease ends: a known address says more.
  const knownAt = new Set<Address>();
  for (const [id, word] of byId) {
    const { member } = word;
    knownAt.add(member.address);
    const leftIn = before.get(id);
    if (member.state === "left") {
      left.set(id, member.revision);
      members.push(member);
    } else if (leftIn !== undefined && leftIn >= member.revision) {
      left.set(id, leftIn);
    } else {
      const other = at.get(member.address);
      if (other === undefined || holds(word, other)) at.set(member.address, word);
    }
  }
  for (const [address, word] of plain) if (!knownAt.has(address)) at.set(address, word);
  for (const { member } of at.values()) members.push(member);
  return { members: members.sort(compareMembers), left };
}

/**
 * What is kept of a good list when the registries answer with nobody that is up: all but those that
 * left by their own word, until the answers have been empty for the lease of a member's class. A
 * registry that restarted is empty for one interval, and its members are well meanwhile.
 */
export function keptMembers(
  good: readonly Member[],
  answer: readonly Member[],
  emptyForMs: number,
  leaseMs: number,
): readonly Member[] {
  const leftIds = new Set(answer.map(({ id }) => id));
  const leftAt = new Set(answer.map(({ address }) => address));
  return good.filter(({ id, address }) => {
    if (id === undefined ? leftAt.has(address) : leftIds.has(id)) return false;
    return emptyForMs < (id === undefined ? limits.oldLeaseMs : leaseMs);
  });
}
