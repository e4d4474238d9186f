import { afterAll, expect, test } from "bun:test";
import {
  decodeOurs,
  encodeOurs,
  faultOfBytes,
  fuzzValues,
  sameReading,
  theirs,
} from "../../scripts/fuzz/values.ts";
import { Malformed } from "../../src/wire/heads.ts";
import { runSeed } from "../wire/random-values.ts";

const ownKeys = Reflect.ownKeys(Object.prototype);
afterAll(() => {
  expect(Reflect.ownKeys(Object.prototype)).toEqual(ownKeys);
});

function hex(text: string): Buffer {
  return Buffer.from(text, "hex");
}

/** What is read, or why it is not. */
function readingOf(text: string): unknown {
  try {
    return decodeOurs(hex(text));
  } catch (error) {
    if (error instanceof Malformed) return Malformed;
    throw error;
  }
}

const count = 100_000;
const seed = runSeed();

test(`${count} random values, and as many changed ones, are read as cbor-x reads them (GEE_SEED=${seed})`, () => {
  expect(fuzzValues(seed, count)).toEqual([]);
}, 60_000);

test("where we write otherwise than cbor-x, it is by design", () => {
  for (const [value, ours, others] of [
    // A bigint stays a bigint, however small.
    [12n, "c2410c", "1b000000000000000c"],
    [-1n, "c340", "3b0000000000000000"],
    [2n ** 64n - 1n, "c248ffffffffffffffff", "1bffffffffffffffff"],
    // A lone surrogate is U+FFFD, not three bytes that are no UTF-8.
    ["\ud800", "63efbfbd", "63eda080"],
    // Whole numbers up to 2^32 - 1 are integers; beyond that, either is a float64.
    [2 ** 32 - 1, "1affffffff", "1affffffff"],
    [2 ** 32, "fb41f0000000000000", "fb41f0000000000000"],
    [-(2 ** 31) - 1, "fbc1e0000000200000", "3a80000000"],
    [-0, "00", "00"],
  ] as const) {
    expect({ value, hex: encodeOurs(value).toString("hex") }).toEqual({ value, hex: ours });
    expect({ value, hex: theirs.encode(value).toString("hex") }).toEqual({ value, hex: others });
  }
});

test("where we read otherwise than cbor-x, it is by design", () => {
  for (const [bytes, ours, others] of [
    // Whole numbers of 64 bits are numbers as long as they are exact.
    ["1b000000000000000c", 12, 12n],
    ["3b0000000000000000", -1, -1n],
    ["1b001fffffffffffff", 2 ** 53 - 1, 2n ** 53n - 1n],
    ["1b0020000000000000", 2n ** 53n, 2n ** 53n],
    // There is one zero.
    ["fb8000000000000000", 0, -0],
    ["f98000", 0, -0],
    // The last of two keys does not win, and nothing is renamed.
    ["a2616101616102", Malformed, { a: 2 }],
    ["a1695f5f70726f746f5f5f01", Malformed, { __proto_: 1 }],
    // Keys are text.
    ["a10102", Malformed, { 1: 2 }],
    // What is no UTF-8 is not repaired.
    ["62c328", Malformed, "\ufffd("],
    // Lengths are definite.
    ["9f01ff", Malformed, [1]],
  ] as const) {
    expect({ bytes, ours: readingOf(bytes) }).toEqual({ bytes, ours });
    expect({ bytes, others: theirs.decode(hex(bytes)) }).toEqual({ bytes, others });
  }
});

test("the comparison sees a difference", () => {
  expect(sameReading([1, { a: 2n }], [1, { a: 2n }])).toBe(true);
  expect(sameReading(12, 12n)).toBe(true);
  for (const [left, right] of [
    [12n, 12],
    [1, 2],
    ["a", "b"],
    [[1], [1, 2]],
    [{ a: 1 }, { b: 1 }],
    [{ a: 1 }, { a: 1, b: 1 }],
    [new Date(1), new Date(1_000)],
    [new Uint8Array([1]), new Uint8Array([2])],
    [new Uint8Array([1]), new Int8Array([1])],
    [null, undefined],
    [null, {}],
    [[], {}],
  ] as const) {
    expect({ left, right, same: sameReading(left, right) }).toMatchObject({ same: false });
  }
  expect(faultOfBytes(hex("c249010000000000000000"))).toBeUndefined();
});
