import type { Address } from "../base/address.ts";
import { limits } from "../base/limits.ts";
import { compareMembers, type Member } from "./member.ts";

/** Which of two words about one instance holds: the newer; of equal ones, that it left. */
function prevails(next: Member, known: Member): boolean {
  if (next.revision !== known.revision) return next.revision > known.revision;
  if (next.state !== known.state) return next.state === "left";
  return next.beatMs < known.beatMs;
}

/**
 * The lists of several registries as one, sorted, those that left among them. An instance counts
 * by its id. Two that are up at one address cannot both be: the one that was heard of last is.
 */
export function mergeMembers(lists: readonly (readonly Member[])[]): readonly Member[] {
  const byId = new Map<string, Member>();
  const plain = new Map<Address, Member>();
  for (const member of lists.flat()) {
    const known = member.id === undefined ? plain.get(member.address) : byId.get(member.id);
    if (known !== undefined && !prevails(member, known)) continue;
    if (member.id === undefined) plain.set(member.address, member);
    else byId.set(member.id, member);
  }
  const left: Member[] = [];
  const upAt = new Map<Address, Member>();
  // A registry of GeeRPC's lists what withdrew until its lease ends: a known address says more.
  const knownAt = new Set<Address>();
  for (const member of byId.values()) {
    knownAt.add(member.address);
    if (member.state === "left") {
      left.push(member);
      continue;
    }
    const other = upAt.get(member.address);
    if (other === undefined || member.beatMs < other.beatMs) upAt.set(member.address, member);
  }
  const unknown = [...plain.values()].filter(({ address }) => !knownAt.has(address));
  return [...left, ...upAt.values(), ...unknown].sort(compareMembers);
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
