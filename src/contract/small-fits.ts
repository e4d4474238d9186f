import type { PlainKind } from "./contract.ts";

/** Whether a value is of a type. `depth` counts the rounds through circular types; begin with 0. */
export type Fits = (value: unknown, depth: number) => boolean;

/** Values on the wire nest less deep. Beyond this nothing is checked, so that a circle has an end. */
const maxDepth = 64;

/** A value with so many parts of circular types does not travel; beyond this nothing is checked. */
const maxSteps = 1_000_000;

let run = 0;
let steps = 0;

/** Says that another value is looked at. Call it before each use of a {@link Fits}. */
export function beginCheck(): void {
  run += 1;
  steps = 0;
}

/** For a type inside itself, made when it is used first. */
export function fitsLater(make: () => Fits): Fits {
  let fits: Fits | undefined;
  return (value, depth) => {
    steps += 1;
    if (depth >= maxDepth || steps > maxSteps) return true;
    fits ??= make();
    return fits(value, depth + 1);
  };
}

/**
 * Looks at each object once in a run. A choice between circular types that only their insides tell
 * apart would otherwise be made anew on each way down, twice as often with each level.
 */
export function fitsOnce(fits: Fits): Fits {
  let known = new WeakMap<object, boolean>();
  let knownIn = -1;
  return (value, depth) => {
    if (typeof value !== "object" || value === null) return fits(value, depth);
    if (knownIn !== run) {
      known = new WeakMap();
      knownIn = run;
    }
    let verdict = known.get(value);
    if (verdict === undefined) {
      verdict = fits(value, depth);
      known.set(value, verdict);
    }
    return verdict;
  };
}

/** For each plain kind whether a value is of it. */
export const plainFits: Readonly<Record<PlainKind, Fits>> = {
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  boolean: (value) => typeof value === "boolean",
  bigint: (value) => typeof value === "bigint",
  undefined: (value) => value === undefined,
  null: (value) => value === null,
  date: (value) => value instanceof Date,
  nonprimitive: (value) => typeof value === "object" && value !== null,
  never: () => false,
};

/** A table to find something for a value in. Of a text longer than all in it not even a hash is made. */
export class ValueTable<T> {
  readonly #entries: ReadonlyMap<unknown, T>;
  readonly #longest: number;

  constructor(entries: Iterable<readonly [value: unknown, entry: T]>) {
    this.#entries = new Map(entries);
    let longest = 0;
    for (const value of this.#entries.keys()) {
      if (typeof value === "string") longest = Math.max(longest, value.length);
    }
    this.#longest = longest;
  }

  get(value: unknown): T | undefined {
    if (typeof value === "string" && value.length > this.#longest) return undefined;
    return this.#entries.get(value);
  }
}

/** One of some values. */
export function fitsAmong(values: readonly unknown[]): Fits {
  const [first, second] = values;
  if (values.length === 1) return (value) => value === first;
  if (values.length === 2) return (value) => value === first || value === second;
  const table = new ValueTable(values.map((value) => [value, true] as const));
  return (value) => table.get(value) === true;
}

/** What fits one of them. */
export function fitsAny(all: readonly Fits[]): Fits {
  const [first, second, third] = all;
  if (first === undefined) return () => false;
  if (second === undefined) return first;
  if (third === undefined) return (value, depth) => first(value, depth) || second(value, depth);
  return (value, depth) => {
    for (const fits of all) if (fits(value, depth)) return true;
    return false;
  };
}

/** Undefined too. */
export function fitsOptional(fits: Fits): Fits {
  return (value, depth) => value === undefined || fits(value, depth);
}

/** A list of them; of anything when nothing is said. */
export function fitsArray(items: Fits | undefined): Fits {
  if (items === undefined) return (value) => Array.isArray(value);
  return (value, depth) => {
    if (!Array.isArray(value)) return false;
    for (let index = 0; index < value.length; index++) {
      if (!items(value[index], depth)) return false;
    }
    return true;
  };
}

/** The parts of a tuple: so many at its head, then any number of the rest, then its tail. */
export interface TupleParts {
  readonly head: readonly (Fits | undefined)[];
  /** `null` when there is no rest, undefined when it is of anything. */
  readonly rest: Fits | undefined | null;
  readonly tail: readonly (Fits | undefined)[];
  /** How many of the head are there at the least. */
  readonly needed: number;
}

function fitsFrom(
  fits: readonly (Fits | undefined)[],
  values: readonly unknown[],
  at: number,
  depth: number,
): boolean {
  for (let index = 0; index < fits.length; index++) {
    if (fits[index]?.(values[at + index], depth) === false) return false;
  }
  return true;
}

/** A tuple. */
export function fitsTuple({ head, rest, tail, needed }: TupleParts): Fits {
  return (value, depth) => {
    if (!Array.isArray(value) || value.length < needed + tail.length) return false;
    if (rest === null && value.length > head.length) return false;
    if (!fitsFrom(head, value, 0, depth)) return false;
    const tailAt = Math.max(head.length, value.length - tail.length);
    if (rest !== null && rest !== undefined) {
      for (let index = head.length; index < tailAt; index++) {
        if (!rest(value[index], depth)) return false;
      }
    }
    return fitsFrom(tail, value, tailAt, depth);
  };
}
