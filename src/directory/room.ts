import { limits } from "../base/limits.ts";
import type { Announcement } from "../discovery/member.ts";
import { refused } from "./claims.ts";

/** What a member counts for at least: so no small news of it finds the list full. */
export const leastBytes = 1_024;

/** Age, state, load and the like, which are listed beside what a member says. */
const ownBytes = 160;

/** What an instance takes up of the list, in bytes of an answer, roughly. */
export function listedBytes(announcement: Announcement): number {
  return Math.max(leastBytes, JSON.stringify(announcement).length + ownBytes);
}

/**
 * How full a list is. Clients read no answer beyond `limits.maxRegistryAnswerBytes`: a list that is
 * longer would be nobody's, so what would make it so is refused.
 */
export class Room {
  readonly #instances: ReadonlyMap<string, { readonly bytes: number }>;
  readonly #plain: { readonly size: number };
  #bytes = 0;

  /** @param plain header-only peers, which count for {@link leastBytes} each */
  constructor(
    instances: ReadonlyMap<string, { readonly bytes: number }>,
    plain: { readonly size: number },
  ) {
    this.#instances = instances;
    this.#plain = plain;
  }

  /** Instances take up so much more, or less. */
  grow(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Whether there is room for an instance as it is announced. */
  fits(announcement: Announcement): boolean {
    const before = this.#instances.get(announcement.id)?.bytes ?? 0;
    return this.#lack(before, listedBytes(announcement)) === undefined;
  }

  /**
   * @param before what a member takes up already; 0 for a newcomer
   * @throws GeeError RESOURCE_EXHAUSTED, reason REGISTRY_FULL, when it may not take up `after`
   */
  check(before: number, after: number): void {
    const why = this.#lack(before, after);
    if (why === undefined) return;
    throw refused("RESOURCE_EXHAUSTED", `the registry is full: ${why}`, "REGISTRY_FULL");
  }

  /** Whether {@link Room.check} would throw nothing. */
  has(before: number, after: number): boolean {
    return this.#lack(before, after) === undefined;
  }

  #lack(before: number, after: number): string | undefined {
    if (after <= before) return undefined;
    if (before === 0 && this.#instances.size + this.#plain.size >= limits.maxInstances) {
      return `maxInstances is ${limits.maxInstances}`;
    }
    const bytes = this.#bytes + this.#plain.size * leastBytes + after - before;
    return bytes > limits.maxListBytes ? `maxListBytes is ${limits.maxListBytes}` : undefined;
  }
}
