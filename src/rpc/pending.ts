/** An entry of the table: a call that waits for its answer. */
export interface PendingEntry {
  readonly id: number;
}

const firstSlots = 16;
const maxSlots = 4_096;

/**
 * The calls of one connection that wait for an answer, by id. Ids rise by one, so a ring of slots
 * finds nearly all of them without hashing; a call that outlives a turn of the ring moves to a map.
 */
export class Pending<T extends PendingEntry> {
  #ring: (T | undefined)[] = Array.from({ length: firstSlots });
  readonly #outlived: Map<number, T> = new Map();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(entry: T): void {
    const slot = entry.id & (this.#ring.length - 1);
    const before = this.#ring[slot];
    if (before !== undefined) {
      if (this.#ring.length < maxSlots) {
        this.#grow();
        this.add(entry);
        return;
      }
      this.#outlived.set(before.id, before);
    }
    this.#ring[slot] = entry;
    this.#size++;
  }

  #grow(): void {
    const held = this.#ring.filter((entry) => entry !== undefined);
    this.#ring = Array.from({ length: this.#ring.length * 4 });
    for (const entry of held) this.#ring[entry.id & (this.#ring.length - 1)] = entry;
  }

  /** Takes the entry out: whoever gets it settles it, and nobody else can. */
  take(id: number): T | undefined {
    const slot = id & (this.#ring.length - 1);
    const entry = this.#ring[slot];
    if (entry !== undefined && entry.id === id) {
      this.#ring[slot] = undefined;
      this.#size--;
      return entry;
    }
    const outlived = this.#outlived.get(id);
    if (outlived === undefined) return undefined;
    this.#outlived.delete(id);
    this.#size--;
    return outlived;
  }

  /** The entry of an id, which stays. */
  find(id: number): T | undefined {
    const entry = this.#ring[id & (this.#ring.length - 1)];
    return entry !== undefined && entry.id === id ? entry : this.#outlived.get(id);
  }

  /** Takes every entry out whose id is above `id`, in the order of their ids. */
  takeAbove(id: number): T[] {
    const taken = [...this.#ring, ...this.#outlived.values()]
      .filter((entry) => entry !== undefined)
      .filter((entry) => entry.id > id)
      .sort((left, right) => left.id - right.id);
    for (const entry of taken) this.take(entry.id);
    return taken;
  }
}
