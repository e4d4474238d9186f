import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { HeadReader, Malformed } from "../../src/wire/heads.ts";
import { fromHex } from "../support/scripted-peer.ts";

/** A reader of these bytes, with others before and behind them that it must not see. */
function open(hex: string): HeadReader {
  const own = fromHex(hex);
  const bytes = Buffer.concat([Buffer.from("181818", "hex"), own, Buffer.alloc(9)]);
  const reader = new HeadReader();
  reader.open(bytes, 3, 3 + own.length);
  return reader;
}

/** What is read, or why it is refused. */
function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) return error.message.replace(/ at byte \d+$/, "");
    throw error;
  }
}

test("a whole number is read in each of its forms, and nothing else is one", () => {
  const max = Number.MAX_SAFE_INTEGER;
  for (const [hex, expected] of [
    ["00", 0],
    ["17", 23],
    ["1800", 0],
    ["1818", 24],
    ["18ff", 255],
    ["190100", 256],
    ["19ffff", 65_535],
    ["1a00010000", 65_536],
    ["1affffffff", 4_294_967_295],
    ["1b0000000100000000", 4_294_967_296],
    ["1b0000000000000001", 1],
    ["1b001fffffffffffff", max],
    ["1b0020000000000000", `a number above ${max}`],
    ["1bffffffffffffffff", `a number above ${max}`],
    ["18", "cut short"],
    ["1900", "cut short"],
    ["1a000000", "cut short"],
    ["1b00000000000000", "cut short"],
    ["", "cut short"],
    ["1c", "an indefinite or reserved length"],
    ["1d", "an indefinite or reserved length"],
    ["1e", "an indefinite or reserved length"],
    ["1f", "an indefinite or reserved length"],
    ["20", "not a whole number"],
    ["40", "not a whole number"],
    ["80", "not a whole number"],
    ["c1", "not a whole number"],
    ["f6", "not a whole number"],
    ["fb3ff0000000000000", "not a whole number"],
  ] as const) {
    const reader = open(hex);
    expect([hex, outcome(() => reader.uint(max))]).toEqual([hex, expected]);
    if (typeof expected === "number")
      expect([reader.left, outcome(() => reader.close())]).toEqual([0, undefined]);
  }
});

test("a whole number is held to its limit, exactly", () => {
  for (const [hex, limit, expected] of [
    ["17", 23, 23],
    ["17", 22, "a number above 22"],
    ["1a7fffffff", 2_147_483_647, 2_147_483_647],
    ["1a80000000", 2_147_483_647, "a number above 2147483647"],
  ] as const) {
    expect(outcome(() => open(hex).uint(limit))).toBe(expected);
  }
});

test("an array's head is read with its length, which must have room behind it", () => {
  for (const [hex, expected] of [
    ["80", 0],
    ["8100", 1],
    ["820000", 2],
    ["980200 00", 2],
    ["9a00000001 00", 1],
    ["81", "a length beyond the end"],
    ["8300 00", "a length beyond the end"],
    ["9bffffffffffffffff 00", "a length beyond the end"],
    ["9f00ff", "an indefinite or reserved length"],
    ["a0", "not an array"],
    ["00", "not an array"],
    ["", "cut short"],
  ] as const) {
    expect([hex, outcome(() => open(hex).arrayHead())]).toEqual([hex, expected]);
  }
});

test("the items of all arrays of one message count together, and of the next anew", () => {
  const { maxItems } = limits;
  const half = maxItems / 2;
  const head = `9a${half.toString(16).padStart(8, "0")}`;
  const bytes = Buffer.concat([
    fromHex(head),
    fromHex(head),
    fromHex("8100"),
    Buffer.alloc(maxItems),
  ]);
  const reader = new HeadReader();
  for (let message = 0; message < 2; message++) {
    reader.open(bytes, 0, bytes.length);
    expect([reader.arrayHead(), reader.arrayHead()]).toEqual([half, half]);
    expect(outcome(() => reader.arrayHead())).toBe(`more than ${maxItems} items`);
  }
});

test("bytes are borrowed: a window on what was received, no copy, and no byte beyond the end", () => {
  for (const [hex, expected] of [
    ["40", ""],
    ["43010203", "010203"],
    ["5803010203", "010203"],
    ["5a00000001ff", "ff"],
    ["4301", "a length beyond the end"],
    ["5affffffff00", "a length beyond the end"],
    ["5bffffffffffffffff00", "a length beyond the end"],
    ["5f4100ff", "an indefinite or reserved length"],
    ["63616263", "no bytes"],
    ["d84043010203", "no bytes"],
    ["f6", "no bytes"],
    ["", "cut short"],
  ] as const) {
    expect([hex, outcome(() => open(hex).borrowedBytes().toString("hex"))]).toEqual([
      hex,
      expected,
    ]);
  }
  const bytes = fromHex("43010203");
  const reader = new HeadReader();
  reader.open(bytes, 0, 4);
  const borrowed = reader.borrowedBytes();
  bytes[2] = 9;
  expect([...borrowed]).toEqual([1, 9, 3]);
});

test("a reader says where it is and what is left, and what comes next without reading it", () => {
  const reader = open("00182a80");
  expect([reader.offset, reader.left, reader.peek()]).toEqual([3, 4, 0x00]);
  reader.uint(9);
  expect([reader.offset, reader.left, reader.peek()]).toEqual([4, 3, 0x18]);
  expect(reader.uint(99)).toBe(42);
  expect([reader.offset, reader.left, reader.peek()]).toEqual([6, 1, 0x80]);
  expect(outcome(() => reader.close())).toBe("bytes behind the end");
  reader.arrayHead();
  expect(reader.left).toBe(0);
  expect(outcome(() => reader.peek())).toBe("cut short");
  expect(outcome(() => reader.close())).toBeUndefined();
});

test("a refusal names the byte at which it was found", () => {
  const reader = open("0020");
  reader.uint(9);
  expect(() => reader.uint(9)).toThrow(new Malformed("not a whole number at byte 5"));
});
