import { expect, test } from "bun:test";
import {
  bytesTests,
  fieldOf,
  hasField,
  isNamedByObjects,
  isPlainObject,
  isStream,
  kindOf,
} from "../../src/contract/values.ts";

class User {
  readonly name = "Ada";
}

const stream = (async function* () {})();

const kinds: readonly (readonly [value: unknown, kind: string, isPlain: boolean])[] = [
  [undefined, "undefined", false],
  [null, "null", false],
  ["x", "string", false],
  [1, "number", false],
  [1n, "bigint", false],
  [true, "boolean", false],
  [Symbol("x"), "symbol", false],
  [() => 1, "function", false],
  [[], "array", false],
  [new Date(0), "date", false],
  [new Uint8Array(1), "Uint8Array", false],
  [Buffer.from("x"), "Uint8Array", false],
  [new Float64Array(1), "Float64Array", false],
  [new DataView(new ArrayBuffer(1)), "object", false],
  [{}, "object", true],
  [Object.create(null), "object", true],
  [new User(), "object", true],
  [stream, "stream", true],
];

test("a value is called what it is", () => {
  for (const [value, kind, isPlain] of kinds) {
    expect(kindOf(value)).toBe(kind);
    expect(isPlainObject(value)).toBe(isPlain);
    expect(isStream(value)).toBe(value === stream);
  }
});

test("a kind of bytes is its class", () => {
  for (const [name, isOf] of Object.entries(bytesTests)) {
    expect(isOf(Reflect.construct(Reflect.get(globalThis, name), [1]))).toBe(true);
    expect(isOf([1])).toBe(false);
    expect(isOf(new DataView(new ArrayBuffer(1)))).toBe(false);
  }
  expect(bytesTests.Uint8Array(new Uint8ClampedArray(1))).toBe(false);
});

test("what every object has is no field", () => {
  const own = JSON.parse('{"__proto__":1,"constructor":2,"a":3}');
  for (const [name, value] of [
    ["__proto__", 1],
    ["constructor", 2],
    ["a", 3],
  ] as const) {
    expect(isNamedByObjects(name)).toBe(name !== "a");
    expect([fieldOf({}, name), hasField({}, name)]).toEqual([undefined, false]);
    expect([fieldOf(own, name), hasField(own, name)]).toEqual([value, true]);
  }
  expect(hasField({ a: undefined }, "a")).toBe(true);
});
