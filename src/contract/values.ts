import type { BytesName } from "./contract.ts";

/** An object that is no list, no date and no bytes; an instance of somebody's class is one. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !ArrayBuffer.isView(value)
  );
}

/** Whether every object has something of that name. */
export function isNamedByObjects(name: string): boolean {
  return name in Object.prototype;
}

/** A field, but not what every object has of that name. */
export function fieldOf(value: Readonly<Record<string, unknown>>, name: string): unknown {
  return isNamedByObjects(name) && !Object.hasOwn(value, name) ? undefined : value[name];
}

/** Whether a field is there, undefined or not. */
export function hasField(value: Readonly<Record<string, unknown>>, name: string): boolean {
  return isNamedByObjects(name) ? Object.hasOwn(value, name) : name in value;
}

/** Whether something comes item by item. */
export function isStream(value: unknown): boolean {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

/** For each kind of bytes whether a value is of it; a Buffer is a Uint8Array. */
export const bytesTests: Readonly<Record<BytesName, (value: unknown) => boolean>> = {
  Uint8Array: (value) => value instanceof Uint8Array,
  Uint8ClampedArray: (value) => value instanceof Uint8ClampedArray,
  Int8Array: (value) => value instanceof Int8Array,
  Uint16Array: (value) => value instanceof Uint16Array,
  Int16Array: (value) => value instanceof Int16Array,
  Uint32Array: (value) => value instanceof Uint32Array,
  Int32Array: (value) => value instanceof Int32Array,
  BigUint64Array: (value) => value instanceof BigUint64Array,
  BigInt64Array: (value) => value instanceof BigInt64Array,
  Float32Array: (value) => value instanceof Float32Array,
  Float64Array: (value) => value instanceof Float64Array,
};

/** What a value is, in a word: `string`, `null`, `array`, `date`, `Uint8Array`, `stream`. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  if (Array.isArray(value)) return "array";
  if (value instanceof Date) return "date";
  if (ArrayBuffer.isView(value)) {
    const bytes = Object.entries(bytesTests).find(([, test]) => test(value));
    return bytes === undefined ? "object" : bytes[0];
  }
  return isStream(value) ? "stream" : "object";
}
