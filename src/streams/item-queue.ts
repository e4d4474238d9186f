const firstCapacity = 16;
/** An empty queue keeps room for so many items, and gives back what is more. */
const keptCapacity = 8_192;

/** Items that were received and not taken, each with its size: a ring that grows. */
export class ItemQueue {
  /** Both have `#mask + 1` places, a power of two. */
  #values: unknown[] = [];
  #sizes: number[] = [];
  #mask = -1;
  #head = 0;
  #length = 0;
  #bytes = 0;

  /** Items that wait. */
  get length(): number {
    return this.#length;
  }

  /** The sum of their sizes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The size of the first; 0 when there is none. */
  get firstBytes(): number {
    return this.#length === 0 ? 0 : (this.#sizes[this.#head] ?? 0);
  }

  /** Adds one behind the others. */
  push(value: unknown, bytes: number): void {
    if (this.#length > this.#mask) this.#grow();
    const at = (this.#head + this.#length) & this.#mask;
    this.#values[at] = value;
    this.#sizes[at] = bytes;
    this.#length++;
    this.#bytes += bytes;
  }

  /** Takes the first; undefined when there is none. */
  shift(): unknown {
    if (this.#length === 0) return undefined;
    const at = this.#head;
    const value = this.#values[at];
    this.#values[at] = undefined;
    this.#head = (at + 1) & this.#mask;
    this.#bytes -= this.#sizes[at] ?? 0;
    if (--this.#length === 0 && this.#mask >= keptCapacity) this.clear();
    return value;
  }

  /** Drops all. */
  clear(): void {
    this.#values = [];
    this.#sizes = [];
    this.#mask = -1;
    this.#head = 0;
    this.#length = 0;
    this.#bytes = 0;
  }

  #grow(): void {
    const capacity = Math.max(firstCapacity, (this.#mask + 1) * 2);
    const values: unknown[] = [];
    const sizes: number[] = [];
    for (let index = 0; index < capacity; index++) {
      const held = index < this.#length;
      const at = (this.#head + index) & this.#mask;
      values.push(held ? this.#values[at] : undefined);
      sizes.push(held ? (this.#sizes[at] ?? 0) : 0);
    }
    this.#values = values;
    this.#sizes = sizes;
    this.#mask = capacity - 1;
    this.#head = 0;
  }
}
