import { expect, test } from "bun:test";
import { TooLarge, Writer } from "../../src/wire/writer.ts";

function written(write: (writer: Writer) => void): string {
  const writer = new Writer();
  write(writer);
  return writer.bytes.toString("hex", 0, writer.length);
}

test("a head takes the fewest bytes that its value fits in", () => {
  const heads = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1].map((value) =>
    written((writer) => writer.head(0x40, value)),
  );
  expect(heads).toEqual([
    "40",
    "57",
    "5818",
    "58ff",
    "590100",
    "59ffff",
    "5a00010000",
    "5a80000000",
    "5affffffff",
  ]);
});

test("a long head takes five bytes whatever its value", () => {
  expect(written((writer) => writer.longHead(0x00, 0))).toBe("1a00000000");
  expect(written((writer) => writer.longHead(0x40, 2 ** 32 - 1))).toBe("5affffffff");
});

test("a double is written big-endian behind fb", () => {
  expect(written((writer) => writer.double(1.1))).toBe("fb3ff199999999999a");
});

test("text is its UTF-8 behind a head, at every length around a boundary of the head", () => {
  for (const letter of ["a", "é", "水", "😀"]) {
    for (const length of [0, 1, 7, 8, 11, 12, 22, 23, 24, 25, 63, 64, 127, 128, 255, 256, 65_536]) {
      const text = letter.repeat(length);
      const bytes = new TextEncoder().encode(text);
      const head = written((writer) => writer.head(0x60, bytes.length));
      expect(written((writer) => writer.text(text))).toBe(head + bytes.toHex());
    }
  }
});

test("an ASCII text that turns out to have one other letter is written whole", () => {
  expect(written((writer) => writer.text("abcdefé"))).toBe("6861626364656" + "6c3a9");
});

test("a lone surrogate is written as U+FFFD in short and in long text", () => {
  for (const text of ["\ud800", "a\udc00b", "\udc00\ud800", `${"x".repeat(40)}\ud83d`]) {
    const whole = text.toWellFormed();
    expect(written((writer) => writer.text(text))).toBe(written((writer) => writer.text(whole)));
  }
});

test("what was written stays when the buffer grows", () => {
  const writer = new Writer();
  writer.text("first");
  const before = writer.bytes;
  writer.raw(new Uint8Array(200_000).fill(7));
  writer.double(1.5);
  writer.longHead(0x00, 9);
  expect(writer.bytes).not.toBe(before);
  expect(writer.bytes.toString("latin1", 1, 6)).toBe("first");
  expect(writer.bytes.readDoubleBE(writer.length - 13)).toBe(1.5);
  expect(writer.length).toBe(6 + 200_000 + 9 + 5);
});

test("raw bytes are copied, so a later change of them is not seen", () => {
  const writer = new Writer();
  const bytes = Uint8Array.of(1, 2, 3);
  writer.raw(bytes);
  bytes.fill(0);
  expect([...writer.bytes.subarray(0, 3)]).toEqual([1, 2, 3]);
});

test("a tail is counted and stays where it is; copies have it at their end", () => {
  const writer = new Writer();
  const bytes = new Uint8Array(70_000).fill(7);
  writer.text("first");
  writer.byteTail(bytes);
  const expected = Buffer.concat([Buffer.from("6566697273745a00011170", "hex"), bytes]);
  expect(writer.length).toBe(expected.length);
  expect([writer.bytes.length, writer.tail?.buffer === bytes.buffer]).toEqual([65_536, true]);
  const own = writer.copy();
  expect([own.equals(expected), own.buffer.byteLength]).toEqual([true, expected.length]);
  writer.forgetTail();
  expect(writer.tail).toBeUndefined();
  writer.byteTail(bytes);
  writer.reset(100);
  expect([writer.tail, writer.length]).toEqual([undefined, 0]);
});

test("a tail counts towards the limit", () => {
  for (const [size, fits] of [
    [9_997, true],
    [9_998, false],
  ] as const) {
    const writer = new Writer();
    writer.reset(10_000);
    writer.byteTail(new Uint8Array(size));
    if (fits) writer.checkSize();
    else expect(() => writer.checkSize()).toThrow(TooLarge);
  }
});

test("exactly the limit is let through, and one byte more is too large", () => {
  for (const maxBytes of [10, 65_536, 65_537, 131_072, 4_194_316]) {
    const writer = new Writer();
    writer.reset(maxBytes);
    writer.raw(new Uint8Array(maxBytes));
    writer.checkSize();
    expect(() => {
      writer.byte(0);
      writer.checkSize();
    }).toThrow(TooLarge);
  }
});

test("the limit is exact when the last thing written is a short text or a head", () => {
  for (const maxBytes of [65_540, 131_080, 4_194_316]) {
    for (const [size, write] of [
      [24, (writer: Writer): unknown => writer.text("x".repeat(23))],
      [13, (writer: Writer): unknown => writer.text("é".repeat(6))],
      [1, (writer: Writer): unknown => writer.head(0x00, 5)],
      [9, (writer: Writer): unknown => writer.double(0.5)],
    ] as const) {
      const writer = new Writer();
      writer.reset(maxBytes);
      writer.raw(new Uint8Array(maxBytes - size));
      write(writer);
      expect(writer.length).toBe(maxBytes);
      writer.checkSize();
    }
  }
});

test("what is far too large is refused before room is made for it", () => {
  const writer = new Writer();
  writer.reset(1_000);
  const huge = new Uint8Array(100_000_000);
  expect(() => writer.raw(huge)).toThrow(TooLarge);
  expect(() => writer.text("x".repeat(100_000_000))).toThrow(TooLarge);
  expect(writer.bytes.length).toBe(65_536);
});

test("a buffer that one large message grew is kept up to 2 MiB, and given back beyond", () => {
  const writer = new Writer();
  writer.raw(new Uint8Array(1_000_000));
  writer.reset(100);
  expect(writer.bytes.length).toBe(1_048_576);
  writer.reset(10_000_000);
  writer.raw(new Uint8Array(3_000_000));
  writer.reset(100);
  expect(writer.bytes.length).toBe(65_536);
  writer.double(2);
  expect(writer.bytes.readDoubleBE(1)).toBe(2);
});
