import { limits } from "../base/limits.ts";
import { encodeTagged } from "./codec.ts";
import { leastTailBytes } from "./writer.ts";
import type { Writer } from "./writer.ts";

/** Thrown for a value that cannot travel. `path` names it from its root: `[0].when`. */
export class CannotTravel extends Error {
  readonly path: string;

  constructor(path: string, what: string) {
    super(what);
    this.path = path;
  }
}

const nativeCode = /\{\s*\[native code\]\s*\}$/;

/** For each prototype that was met: whether its instances travel as plain maps. */
const travels = new WeakMap<object, boolean>();

/**
 * An instance travels as a map of its own enumerable fields when every class in its chain was
 * written in JavaScript. Built-in and host classes (Map, Error, URL, Request, ...) keep their state
 * elsewhere, so a map of their fields would be an empty lie.
 */
function prototypeTravels(prototype: object): boolean {
  const known = travels.get(prototype);
  if (known !== undefined) return known;
  let verdict = true;
  for (let at: object | null = prototype; at !== null && at !== Object.prototype;) {
    const constructor: unknown = Object.getOwnPropertyDescriptor(at, "constructor")?.value;
    if (
      typeof constructor === "function" &&
      nativeCode.test(Function.prototype.toString.call(constructor))
    ) {
      verdict = false;
      break;
    }
    at = Object.getPrototypeOf(at);
  }
  travels.set(prototype, verdict);
  return verdict;
}

function isRecord(value: object): value is Readonly<Record<string, unknown>> {
  return value !== null;
}

function isLarge(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length >= leastTailBytes;
}

function nameOf(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (typeof value === "symbol") return "a symbol";
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  const name: unknown =
    typeof value === "object" && value !== null ? value.constructor?.name : undefined;
  return typeof name === "string" && name !== "" && name !== "Object" ? name : tag;
}

/** Writes values. One walk checks and encodes; it stops at the first value that cannot travel. */
export class ValueEncoder {
  readonly #writer: Writer;
  /** The key at each depth on the way to the current value; read only when one is refused. */
  readonly #path: (string | number)[] = [];
  /** Keys in the path that do not count as depth: 1 inside arguments, else 0. */
  #base = 0;
  #items = 0;

  constructor(writer: Writer) {
    this.#writer = writer;
  }

  /** Starts the count of items for a new message. */
  reset(): void {
    this.#items = 0;
  }

  /**
   * Writes one value. When it is the last of its message and large bytes, they become the writer's
   * tail. @throws CannotTravel, TooLarge (the writer then holds a part of it)
   */
  value(value: unknown, isLast = false): void {
    this.#base = 0;
    if (isLast && isLarge(value)) this.#writer.byteTail(value);
    else this.#value(value, 0);
  }

  /** Writes call arguments: an array around values of which each has its full depth. */
  args(args: readonly unknown[], areLast = false): void {
    const count = args.length;
    this.#base = 1;
    this.#count(count, 0);
    this.#writer.head(0x80, count);
    for (let index = 0; index < count; index++) {
      const value = args[index];
      this.#path[0] = index;
      if (areLast && index === count - 1 && isLarge(value)) this.#writer.byteTail(value);
      else this.#value(value, 1);
    }
  }

  /** `at` is the number of keys that lead to the value. */
  #value(value: unknown, at: number): void {
    const writer = this.#writer;
    switch (typeof value) {
      case "number":
        this.#number(value);
        return;
      case "string":
        writer.text(value);
        return;
      case "boolean":
        writer.byte(value ? 0xf5 : 0xf4);
        return;
      case "undefined":
        writer.byte(0xf7);
        return;
      case "bigint":
        this.#bigint(value, at);
        return;
      case "object":
        if (value === null) writer.byte(0xf6);
        else if (Array.isArray(value)) this.#array(value, at);
        else this.#object(value, at);
        return;
      default:
        this.#refuse(at, `${nameOf(value)} cannot travel`);
    }
  }

  #array(values: readonly unknown[], at: number): void {
    this.#enter(at);
    const count = values.length;
    this.#count(count, at);
    this.#writer.head(0x80, count);
    for (let index = 0; index < count; index++) {
      const value = values[index];
      if (this.#simple(value)) continue;
      this.#path[at] = index;
      this.#value(value, at + 1);
    }
  }

  /**
   * Writes what most fields are, and says whether it was that. None of these is ever refused, so nobody
   * asks for the path to it.
   */
  #simple(value: unknown): boolean {
    const writer = this.#writer;
    switch (typeof value) {
      case "string":
        writer.text(value);
        return true;
      case "number":
        this.#number(value);
        return true;
      case "boolean":
        writer.byte(value ? 0xf5 : 0xf4);
        return true;
      default:
        return false;
    }
  }

  #number(value: number): void {
    const writer = this.#writer;
    if ((value | 0) === value) {
      if (value >= 0) writer.head(0x00, value);
      else writer.head(0x20, -1 - value);
    } else if (Number.isInteger(value) && value > 0 && value <= 0xffff_ffff) {
      writer.head(0x00, value);
    } else {
      writer.double(value);
    }
  }

  #object(value: object, at: number): void {
    const prototype: object | null = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      if (value instanceof Uint8Array) {
        this.#writer.head(0x40, value.length);
        this.#writer.raw(value);
        return;
      }
      if (value instanceof Date || (ArrayBuffer.isView(value) && !(value instanceof DataView))) {
        this.#tagged(value, at);
        return;
      }
      if (!prototypeTravels(prototype)) this.#refuse(at, `${nameOf(value)} cannot travel`);
    }
    if (isRecord(value)) this.#map(value, at);
  }

  #map(value: Readonly<Record<string, unknown>>, at: number): void {
    const writer = this.#writer;
    this.#enter(at);
    const keys = Object.keys(value);
    const count = keys.length;
    if (count === 0 && Object.prototype.toString.call(value) !== "[object Object]") {
      // A generator, an iterator or another object whose state no field shows.
      this.#refuse(at, `${nameOf(value)} cannot travel`);
    }
    this.#count(2 * count, at);
    writer.head(0xa0, count);
    for (let index = 0; index < count; index++) {
      const key = keys[index] ?? "";
      if (key === "__proto__") this.#refuseKey(key, at, "a key named __proto__ cannot travel");
      if (!writer.text(key) && !key.isWellFormed()) {
        this.#refuseKey(key, at, "a key with a lone surrogate cannot travel");
      }
      const field = value[key];
      if (this.#simple(field)) continue;
      this.#path[at] = key;
      this.#value(field, at + 1);
    }
  }

  #tagged(value: Date | ArrayBufferView, at: number): void {
    // It has no tag in cbor-x, which would write it as a list of indefinite length.
    if (value instanceof Float16Array) this.#refuse(at, `${nameOf(value)} cannot travel`);
    // A view that is too large is told from its size, before a copy of it is made.
    if (ArrayBuffer.isView(value)) this.#writer.ensure(value.byteLength);
    this.#writer.raw(encodeTagged(value));
  }

  /**
   * A bigint always travels as a bignum, even a small one that CBOR would rather see as an integer:
   * so it comes back as a bigint, and a number as a number.
   */
  #bigint(value: bigint, at: number): void {
    const magnitude = value < 0n ? -1n - value : value;
    let hex = magnitude === 0n ? "" : magnitude.toString(16);
    if (hex.length % 2 === 1) hex = `0${hex}`;
    const size = hex.length / 2;
    if (size > limits.maxBigintBytes) {
      this.#refuse(at, `a bigint of ${size} bytes is longer than ${limits.maxBigintBytes}`);
    }
    this.#writer.byte(value < 0n ? 0xc3 : 0xc2);
    this.#writer.head(0x40, size);
    this.#writer.raw(Buffer.from(hex, "hex"));
  }

  #enter(at: number): void {
    if (at - this.#base >= limits.maxValueDepth) {
      this.#refuse(at, `more than ${limits.maxValueDepth} levels deep (or it contains itself)`);
    }
  }

  #count(count: number, at: number): void {
    this.#items += count;
    if (this.#items > limits.maxItems) {
      this.#refuse(at, `more than ${limits.maxItems} items in one message`);
    }
  }

  #refuseKey(key: string, at: number, what: string): never {
    this.#path[at] = key;
    this.#refuse(at + 1, what);
  }

  #refuse(at: number, what: string): never {
    let path = "";
    for (let index = 0; index < at; index++) {
      const key = this.#path[index] ?? "";
      if (typeof key === "number") path += `[${key}]`;
      else path += /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
    }
    throw new CannotTravel(path, what);
  }
}
