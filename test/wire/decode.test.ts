import { Decoder, Encoder } from "cbor-x/index-no-eval";
import { afterAll, expect, test } from "bun:test";
import { ValueReader } from "../../src/wire/decode.ts";
import { Malformed } from "../../src/wire/heads.ts";
import { fromHex, frameOf } from "../support/scripted-peer.ts";
import { RandomValues, runSeed, seededRandom } from "./random-values.ts";
import { expand } from "./vectors.ts";

const reader = new ValueReader();

function open(bytes: Buffer, start = 0, end = bytes.length): ValueReader {
  reader.open(bytes, start, end);
  return reader;
}

function decode(bytes: Buffer): unknown {
  const value = open(bytes).value();
  reader.close();
  return value;
}

function decodeHex(hex: string): unknown {
  return decode(expand(hex));
}

/** One value as we encode it. */
function encode(value: unknown): Buffer {
  return frameOf({ kind: "result", id: 1, value, metadata: undefined }).subarray(12);
}

const seed = runSeed();
const ownKeys = Reflect.ownKeys(Object.prototype);
afterAll(() => {
  expect(Reflect.ownKeys(Object.prototype)).toEqual(ownKeys);
  expect("isAdmin" in {}).toBe(false);
});

test("32 levels are read and the 33rd is refused", () => {
  expect(decodeHex("(81)*31 80")).toBeArrayOfSize(1);
  expect(() => decodeHex("(81)*32 80")).toThrow("more than 32 levels");
  expect(decodeHex("(a16161)*31 a0")).toHaveProperty("a");
  expect(() => decodeHex("(a16161)*32 a0")).toThrow("more than 32 levels");
});

test("131,072 items are read and one more is refused, wherever they are", () => {
  expect(decodeHex("9a00020000 (f6)*131072")).toBeArrayOfSize(131_072);
  expect(() => decodeHex("9a00020001 (f6)*131073")).toThrow("more than 131072 items");
  expect(decodeHex("82 9900ff (f6)*255 9a0001feff (f6)*130815")).toBeArrayOfSize(2);
  expect(() => decodeHex("82 9900ff (f6)*255 9a0001ff00 (f6)*130816")).toThrow("more than 131072");
  expect(() => decodeHex("9a00020001")).toThrow("a length beyond the end");
});

test("items are counted anew for each message, not for each value of it", () => {
  const half = expand("9a00010000 (f6)*65536");
  const bytes = Buffer.concat([half, half, half]);
  open(bytes);
  reader.value();
  reader.value();
  expect(() => reader.value()).toThrow("more than 131072 items");
  open(bytes);
  reader.value();
});

test("a bigint of 64 bytes is read and one of 65 is refused", () => {
  expect(decodeHex("c25840 (ff)*64")).toBe(2n ** 512n - 1n);
  expect(decodeHex("c35840 (ff)*64")).toBe(-(2n ** 512n));
  expect(() => decodeHex("c25841 00 (ff)*64")).toThrow("more than 64");
  expect(() => decodeHex("c35841 (ff)*65")).toThrow("more than 64");
});

test("a number has its limit, exactly", () => {
  expect(open(fromHex("1907d0")).uint(2_000)).toBe(2_000);
  expect(() => open(fromHex("1907d1")).uint(2_000)).toThrow("a number above 2000");
  expect(() => open(fromHex("1bffffffffffffffff")).uint(2_000)).toThrow("a number above 2000");
  expect(() => open(fromHex("20")).uint(2_000)).toThrow("not a whole number");
  expect(() => open(fromHex("f93c00")).uint(2_000)).toThrow("not a whole number");
});

test("a text has its limit in UTF-16 units, exactly", () => {
  expect(open(fromHex("66e6b0b4e6b0b4")).text(2)).toBe("水水");
  expect(() => open(fromHex("66e6b0b4e6b0b4")).text(1)).toThrow("a text longer than 1");
  expect(open(fromHex("64f09f9880")).text(2)).toBe("😀");
  expect(() => open(fromHex("64f09f9880")).text(1)).toThrow("a text longer than 1");
});

test("what is no value says what and where", () => {
  expect(() => decodeHex("8201ff")).toThrow("a simple value that is not allowed at byte 3");
  expect(() => decodeHex("0101")).toThrow("bytes behind the end at byte 1");
  expect(() => decodeHex("")).toThrow("cut short at byte 0");
  expect(() => decodeHex("ff")).toThrow(Malformed);
});

test("nothing outside the given range is read", () => {
  const bytes = fromHex("ff 6161 ff");
  expect(open(bytes, 1, 3).value()).toBe("a");
  reader.close();
  open(fromHex("1900ff"), 0, 2);
  expect(() => reader.value()).toThrow("cut short");
  open(fromHex("43010203"), 0, 3);
  expect(() => reader.value()).toThrow("a length beyond the end");
  open(fromHex("63616263"), 0, 3);
  expect(() => reader.cachedText()).toThrow("a length beyond the end");
});

test("every cut of a value is refused as malformed and never read beyond", () => {
  const whole = expand(
    "8a 1903e8 3b0000000100000000 fb3ff8000000000000 63616263 430102 03 a16161c24101 d84542 0100 c11a00000001 9801f6 f93c00",
  );
  expect(decode(whole)).toBeArrayOfSize(10);
  for (let end = 0; end < whole.length; end++) {
    expect(() => decode(Buffer.from(whole.subarray(0, end)))).toThrow(Malformed);
  }
});

test("bytes and typed arrays share no memory with what was received, at any alignment", () => {
  const views = [
    encode(Uint8Array.of(1, 2, 3)),
    fromHex("d84043010203"),
    encode(new Uint8ClampedArray([1, 2, 3])),
    encode(new Int8Array([1])),
    encode(new Uint16Array([1, 2])),
    encode(new Int16Array([1])),
    encode(new Uint32Array([1, 2])),
    encode(new Int32Array([1])),
    encode(new BigUint64Array([1n, 2n])),
    encode(new BigInt64Array([1n])),
    encode(new Float32Array([1, 2])),
    encode(new Float64Array([1, 2])),
    encode(new Float64Array([])),
  ];
  for (const bytes of views) {
    for (let offset = 0; offset < 8; offset++) {
      const received = Buffer.alloc(offset + bytes.length);
      received.set(bytes, offset);
      const value = open(received, offset).value();
      if (!ArrayBuffer.isView(value)) throw new Error("no view");
      const before = new Uint8Array(value.buffer).toHex();
      received.fill(0xee);
      expect(new Uint8Array(value.buffer).toHex()).toBe(before);
      // Its buffer holds its own bytes and nobody else's.
      expect([value.byteOffset, value.buffer.byteLength]).toEqual([0, value.byteLength]);
    }
  }
});

test("texts are the same whether they were met before or not, also those of one cache slot", () => {
  const random = new RandomValues(seededRandom(1));
  const texts = Array.from({ length: 5_000 }, (_, index) =>
    index % 3 === 0 ? random.text() : `key${index}`,
  );
  for (let round = 0; round < 3; round++) {
    for (const text of texts) expect(open(encode(text)).cachedText()).toBe(text);
  }
});

test("a cached text is not changed when the bytes that it came from are", () => {
  const bytes = encode("a-rather-unusual-key");
  expect(open(bytes).cachedText()).toBe("a-rather-unusual-key");
  bytes.fill(0x62, 1);
  expect(open(bytes).cachedText()).toBe("b".repeat(20));
  expect(open(encode("a-rather-unusual-key")).cachedText()).toBe("a-rather-unusual-key");
});

test("keys named as Object's own are data, and objects stay plain", () => {
  const value = decode(encode({ constructor: 1, toString: 2, valueOf: 3, hasOwnProperty: 4 }));
  expect(value).toEqual({ constructor: 1, toString: 2, valueOf: 3, hasOwnProperty: 4 });
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(() => decodeHex("a1 695f5f70726f746f5f5f a1 67697341646d696e f5")).toThrow("__proto__");
});

test("keys that are numbers in text keep their values", () => {
  expect(decodeHex("a3 613201 613102 616103")).toEqual({ 1: 2, 2: 1, a: 3 });
  expect(() => decodeHex("a2613101613102")).toThrow("a key that was there before");
});

test(`only plain data comes out, whatever goes in (GEE_SEED=${seed})`, () => {
  const random = seededRandom(seed);
  const makers: ReadonlySet<unknown> = new Set([
    Object,
    Array,
    Date,
    Uint8Array,
    Uint8ClampedArray,
    Uint16Array,
    Uint32Array,
    BigUint64Array,
    Int8Array,
    Int16Array,
    Int32Array,
    BigInt64Array,
    Float32Array,
    Float64Array,
  ]);
  const check = (value: unknown): void => {
    if (typeof value !== "object" || value === null) {
      expect(typeof value).not.toBeOneOf(["function", "symbol"]);
      return;
    }
    expect(makers).toContain(Object.getPrototypeOf(value).constructor);
    if (!ArrayBuffer.isView(value)) Object.values(value).forEach(check);
  };
  let read = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = Buffer.from(
      Uint8Array.from({ length: 1 + random() * 24 }, () => Math.floor(random() * 256)),
    );
    try {
      check(decode(bytes));
      read++;
    } catch (error) {
      // Nothing else than Malformed may come out, or a hostile body would end more than its call.
      if (!(error instanceof Malformed)) throw new Error(bytes.toString("hex"), { cause: error });
    }
  }
  expect(read).toBeGreaterThan(10);
});

test(`a sound value with one changed byte is read or malformed (GEE_SEED=${seed})`, () => {
  const values = new RandomValues(seededRandom(seed));
  for (let round = 0; round < 20_000; round++) {
    const bytes = Buffer.from(encode(values.value(4)));
    bytes[values.below(bytes.length)] = values.below(256);
    try {
      decode(bytes);
    } catch (error) {
      if (!(error instanceof Malformed)) throw new Error(bytes.toString("hex"), { cause: error });
    }
  }
});

test(`random values come back as they were sent (GEE_SEED=${seed})`, () => {
  const values = new RandomValues(seededRandom(seed));
  for (let round = 0; round < 5_000; round++) {
    const value = values.value(5);
    expect(decode(encode(value))).toStrictEqual(value);
  }
});

/** What cbor-x makes of a value that it reads, where that differs by custom and not by error. */
function settled(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (typeof value === "number") return value + 0;
  if (Array.isArray(value)) return value.map(settled);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, settled(inner)]));
}

test(`cbor-x reads what we write as the same value (GEE_SEED=${seed})`, () => {
  const values = new RandomValues(seededRandom(seed));
  const decoder = new Decoder({ useRecords: false, mapsAsObjects: true });
  for (let round = 0; round < 3_000; round++) {
    const value = values.value(5);
    expect(settled(decoder.decode(encode(value)))).toStrictEqual(value);
  }
});

test(`we read what cbor-x writes as the same value (GEE_SEED=${seed})`, () => {
  const values = new RandomValues(seededRandom(seed));
  const encoder = new Encoder({
    useRecords: false,
    mapsAsObjects: true,
    tagUint8Array: false,
    variableMapSize: true,
  });
  // cbor-x writes a small bigint as an integer, which is a number here.
  const numbers = (value: unknown): unknown => {
    if (typeof value === "bigint") {
      const safe = value >= -(2n ** 53n) + 1n && value <= 2n ** 53n - 1n;
      return safe ? Number(value) : value;
    }
    if (Array.isArray(value)) return value.map(numbers);
    if (typeof value !== "object" || value === null) return value;
    if (value instanceof Date || ArrayBuffer.isView(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, numbers(inner)]));
  };
  for (let round = 0; round < 3_000; round++) {
    const value = values.value(5);
    expect(decode(Buffer.from(encoder.encode(value)))).toStrictEqual(numbers(value));
  }
});
