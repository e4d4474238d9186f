/** Random numbers from a seed, the same ones each time (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed for this run: `GEE_SEED` when it is set, so that a failure can be had again. */
export function runSeed(): number {
  return Number(Bun.env["GEE_SEED"] ?? crypto.getRandomValues(new Uint32Array(1))[0]);
}

const letters = ["a", "Z", "0", "_", " ", "\u0000", "é", "ß", "水", "\uffff", "😀", '"', "\\"];
const keys = ["id", "name", "constructor", "toString", "a key", "", "水", "k".repeat(40), "1", "x"];

/** Makes values of every kind that can travel. */
export class RandomValues {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** A whole number from 0 to `below` - 1. */
  below(below: number): number {
    return Math.floor(this.#random() * below);
  }

  #pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }

  /** Any number but -0, which arrives as 0. */
  number(): number {
    return this.#number() + 0;
  }

  #number(): number {
    const magnitude = 2 ** this.below(60);
    return this.#pick<() => number>([
      () => this.below(300),
      () => -this.below(300),
      () => Math.floor(this.#random() * magnitude) - Math.floor(magnitude / 2),
      () => (this.#random() - 0.5) * magnitude,
      () => this.#random(),
      () => this.#pick([Infinity, -Infinity, NaN, Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53]),
    ])();
  }

  bigint(): bigint {
    let value = 0n;
    for (let bytes = this.below(65); bytes > 0; bytes--) {
      value = value * 256n + BigInt(this.below(256));
    }
    return this.below(2) === 0 ? value : -1n - value;
  }

  text(): string {
    const length = this.below(this.#pick([2, 10, 40, 300]));
    const plain = this.below(2) === 0;
    let text = "";
    for (let index = 0; index < length; index++) {
      text += plain
        ? String.fromCharCode(97 + this.below(26))
        : letters[this.below(letters.length)];
    }
    return text;
  }

  bytes(): Uint8Array {
    return Uint8Array.from({ length: this.below(40) }, () => this.below(256));
  }

  view(): ArrayBufferView {
    const { buffer } = Uint8Array.from({ length: 8 * this.below(5) }, () => this.below(256));
    return this.#pick<() => ArrayBufferView>([
      () => new Uint8ClampedArray(buffer),
      () => new Uint16Array(buffer),
      () => new Uint32Array(buffer),
      () => new BigUint64Array(buffer),
      () => new Int8Array(buffer),
      () => new Int16Array(buffer),
      () => new Int32Array(buffer),
      () => new BigInt64Array(buffer),
      // Any bits, some of which are NaN with a payload, would not compare.
      () => Float32Array.from({ length: this.below(5) }, () => this.below(1_000) / 8),
      () => Float64Array.from({ length: this.below(5) }, () => this.#random()),
    ])();
  }

  date(): Date {
    return new Date(Math.floor((this.#random() - 0.3) * 2 ** (10 + this.below(43))));
  }

  /** A value at most `depth` levels deep. */
  value(depth: number): unknown {
    const kinds = depth === 0 ? 8 : 12;
    switch (this.below(kinds)) {
      case 0:
        return this.#pick([null, undefined, true, false]);
      case 1:
      case 2:
        return this.number();
      case 3:
      case 4:
        return this.text();
      case 5:
        return this.bigint();
      case 6:
        return this.#pick<() => unknown>([() => this.bytes(), () => this.view()])();
      case 7:
        return this.date();
      case 8:
      case 9:
        return Array.from({ length: this.below(6) }, () => this.value(depth - 1));
      default:
        return this.#map(depth);
    }
  }

  #map(depth: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (let count = this.below(6); count > 0; count--) {
      const key = this.below(2) === 0 ? keys[this.below(keys.length)] : this.text();
      if (key !== undefined) map[key] = this.value(depth - 1);
    }
    return map;
  }
}
