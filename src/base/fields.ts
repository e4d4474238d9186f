import { GeeError } from "./errors.ts";

/** Reads one value from outside, or throws and names `path`. */
export type Parse<T> = (value: unknown, path: string) => T;

function wrong(path: string, why: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", `${path}: ${why}`, { executed: "no" });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object from outside. Fields that nobody asks for are ignored, so that versions can differ. */
export class Fields {
  readonly #record: Readonly<Record<string, unknown>>;
  readonly #path: string;

  /** @throws GeeError INVALID_ARGUMENT when the value is no object */
  constructor(value: unknown, path: string) {
    if (!isObject(value)) throw wrong(path, "it must be an object");
    this.#record = value;
    this.#path = path;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#record, name);
  }

  /** The field read by `parse`. @throws GeeError INVALID_ARGUMENT when it is missing or wrong */
  need<T>(name: string, parse: Parse<T>): T {
    const path = `${this.#path}.${name}`;
    if (!this.has(name)) throw wrong(path, "it is missing");
    return parse(this.#record[name], path);
  }

  /** The field read by `parse`, or undefined when there is none; `null` is a value, and wrong. */
  may<T>(name: string, parse: Parse<T>): T | undefined {
    return this.has(name) ? this.need(name, parse) : undefined;
  }
}

/** Printable ASCII, so that it can stand in a log line or a table as it is. */
export function text(maxLength: number, pattern: RegExp = /^[\x20-\x7e]+$/): Parse<string> {
  return (value, path) => {
    if (typeof value !== "string") throw wrong(path, "it must be a string");
    if (value.length > maxLength) {
      throw wrong(path, `at most ${maxLength} characters, not ${value.length}`);
    }
    if (!pattern.test(value)) throw wrong(path, `it must match ${pattern.source}`);
    return value;
  };
}

/** Text of any kind and length: from a process of our own, say, which is believed so far. */
export function anyText(value: unknown, path: string): string {
  if (typeof value === "string") return value;
  throw wrong(path, "it must be a string");
}

/** Whatever it is. */
export function anything(value: unknown): unknown {
  return value;
}

/** A finite number from `min` to `max`. */
export function number(min: number, max: number): Parse<number> {
  return (value, path) => {
    if (typeof value === "number" && value >= min && value <= max) return value;
    throw wrong(path, `it must be a number from ${min} to ${max}`);
  };
}

/** A whole number from `min` to `max`. */
export function integer(min: number, max: number): Parse<number> {
  return (value, path) => {
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) {
      return value;
    }
    throw wrong(path, `it must be a whole number from ${min} to ${max}`);
  };
}

/** True or false. */
export function flag(value: unknown, path: string): boolean {
  if (typeof value === "boolean") return value;
  throw wrong(path, "it must be true or false");
}

/** An array of at most `maxCount` values. */
export function list<T>(maxCount: number, parse: Parse<T>): Parse<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw wrong(path, "it must be an array");
    if (value.length > maxCount) throw wrong(path, `at most ${maxCount}, not ${value.length}`);
    return value.map((item: unknown, index) => parse(item, `${path}[${index}]`));
  };
}

/** An object of at most `maxCount` fields, each name and each value read. */
export function record<T>(
  maxCount: number,
  name: Parse<string>,
  parse: Parse<T>,
): Parse<Readonly<Record<string, T>>> {
  return (value, path) => {
    if (!isObject(value)) throw wrong(path, "it must be an object");
    const entries = Object.entries(value);
    if (entries.length > maxCount) throw wrong(path, `at most ${maxCount}, not ${entries.length}`);
    // fromEntries defines own fields, so that a `__proto__` from outside is data like any other.
    return Object.fromEntries(
      entries.map(([key, item]) => [name(key, `${path} name`), parse(item, `${path}.${key}`)]),
    );
  };
}

/** One word of a closed list. */
export function word<T extends string>(...words: readonly T[]): Parse<T> {
  return (value, path) => {
    const found = words.find((known) => known === value);
    if (found === undefined) throw wrong(path, `it must be one of ${words.join(", ")}`);
    return found;
  };
}
