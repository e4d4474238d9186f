import { expect, test } from "bun:test";
import { decodeTagged, encodeTagged, typedArrays } from "../../src/wire/codec.ts";
import { fromHex } from "../support/scripted-peer.ts";

function hexOf(value: Date | ArrayBufferView): string {
  return encodeTagged(value).toHex();
}

test("a date is seconds behind tag 1, whole ones as an integer of 32 bits", () => {
  expect(hexOf(new Date(0))).toBe("c11a00000000");
  expect(hexOf(new Date(1_000))).toBe("c11a00000001");
  expect(hexOf(new Date(4_294_967_295_000))).toBe("c11affffffff");
  expect(hexOf(new Date(4_294_967_296_000))).toBe("c1fb41f0000000000000");
  expect(hexOf(new Date(1_500))).toBe("c1fb3ff8000000000000");
  expect(hexOf(new Date(-1_000))).toBe("c1fbbff0000000000000");
  expect(hexOf(new Date(Number.NaN))).toBe("c1fb7ff8000000000000");
});

test("every class of the table is written with its own tag around little-endian bytes", () => {
  for (const [tag, View] of typedArrays) {
    if (tag === 64) continue;
    const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    expect(hexOf(new View(bytes.buffer))).toBe(`d8${tag.toString(16)}48${bytes.toHex()}`);
  }
});

test("the table has the little-endian tags of RFC 8746 up to 64 bits and no other", () => {
  expect([...typedArrays].map(([tag, View]) => [tag, View.BYTES_PER_ELEMENT])).toEqual([
    [64, 1],
    [68, 1],
    [69, 2],
    [70, 4],
    [71, 8],
    [72, 1],
    [77, 2],
    [78, 4],
    [79, 8],
    [85, 4],
    [86, 8],
  ]);
});

test("a part of a buffer is written without its surroundings", () => {
  const whole = Uint8Array.of(9, 1, 0, 9);
  expect(hexOf(new Int8Array(whole.buffer, 1, 2))).toBe("d848420100");
});

test("two encodings do not share their bytes", () => {
  const first = encodeTagged(new Date(1_000));
  const before = first.toHex();
  encodeTagged(new Date(2_000));
  expect(first.toHex()).toBe(before);
});

test("a bigint is read from tags 2 and 3, and from none", () => {
  expect(decodeTagged(fromHex("c240"))).toBe(0n);
  expect(decodeTagged(fromHex("c340"))).toBe(-1n);
  expect(decodeTagged(fromHex("c2490100000000" + "00000000"))).toBe(2n ** 64n);
  expect(decodeTagged(fromHex("c35840" + "ff".repeat(64)))).toBe(-(2n ** 512n));
});

test("no native addon is loaded, though cbor-x has one that may be installed", async () => {
  const maps = Bun.file("/proc/self/maps");
  if (!(await maps.exists())) {
    console.log("skipped: this system does not say what a process has loaded");
    return;
  }
  expect(await maps.text()).not.toContain("cbor-extract");
});
