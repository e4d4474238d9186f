import { expect, test } from "bun:test";
import { kinds, prefixBytes } from "../../src/wire/frame.ts";
import {
  firstPartBytes,
  giveBlock,
  layOut,
  partBytes,
  partEndAt,
} from "../../src/wire/part-blocks.ts";
import { rawFrame } from "../support/scripted-peer.ts";
import { Taker } from "./taker.ts";

/** A frame of so many bytes of content in which no two places near each other are the same. */
function frameOf(contentBytes: number): Buffer {
  const body = new Uint8Array(contentBytes - 7);
  for (let index = 0; index < body.length; index++) body[index] = (index * 7 + (index >> 8)) & 255;
  return rawFrame(kinds.result, 9, 1, body);
}

/** The same frame with its last bytes elsewhere, amid others. */
function withTail(frame: Buffer, tailBytes: number) {
  const at = frame.length - tailBytes;
  const around = Buffer.concat([Buffer.alloc(33), frame.subarray(at), Buffer.alloc(5)]);
  const tail = new Uint8Array(around.buffer, around.byteOffset + 33, tailBytes);
  return { bytes: frame.subarray(0, at), length: frame.length, tail };
}

/** The parts that stand in blocks. */
function partsOf(blocks: readonly Buffer[]) {
  const link = new Taker();
  for (const block of blocks) link.write(block, 0, block.length);
  return link.frames;
}

test("blocks are the parts of a content, whatever its size and wherever its tail begins", () => {
  for (const parts of [2, 3, 8, 9, 10, 17, 18, 25]) {
    for (const more of [1, partBytes - 1, partBytes]) {
      const frame = frameOf((parts - 1) * partBytes + more);
      const tails = [0, 1, 40_000, partBytes, frame.length - 20, frame.length - 12];
      for (const tailBytes of tails) {
        const given =
          tailBytes === 0
            ? { bytes: frame, length: frame.length, tail: undefined }
            : withTail(frame, tailBytes);
        const blocks = layOut(given, 9);
        const sent = partsOf(blocks);
        expect(sent.length).toBe(parts);
        expect(blocks.length).toBe(Math.max(1, Math.ceil((parts - 1) / 8)));
        const pieces = sent.map(({ body }) => body.subarray(5, 5 + body.readUInt32BE(1)));
        expect(Buffer.concat(pieces).equals(frame.subarray(prefixBytes))).toBe(true);
        expect(sent.map(({ kind, id, fields }) => [kind, id, fields])).toEqual(
          sent.map((_, index) => [kinds.part, 9, index === 0 ? 2 : 1]),
        );
        const [first] = sent;
        expect(first?.body.readUInt32BE(first.body.length - 4)).toBe(frame.length - prefixBytes);
        for (const block of blocks) giveBlock(block);
      }
    }
  }
});

test("a part's end is told from any of its bytes, in the first block and in later ones", () => {
  const frame = frameOf(20 * partBytes);
  const blocks = layOut({ bytes: frame, length: frame.length, tail: undefined }, 9);
  for (const [index, block] of blocks.entries()) {
    const first = index === 0;
    expect(partEndAt(block, first, 0)).toBe(0);
    let end = 0;
    while (end < block.length) {
      const start = end;
      end += 5 + block.readUInt32BE(start + 1);
      for (const at of [start + 1, start + 5, start + 6, start + 17, end - 1, end]) {
        expect([index, at, partEndAt(block, first, at)]).toEqual([index, at, end]);
      }
    }
    expect(end).toBe(block.length);
  }
  const [block] = blocks;
  expect(block && partEndAt(block, true, 1)).toBe(firstPartBytes);
});

test("memory of blocks that were given back is used again, and never by two", () => {
  const frame = frameOf(64 * partBytes);
  const given = { bytes: frame, length: frame.length, tail: undefined };
  // Whatever other tests have left.
  layOut(given, 9);
  const first = layOut(given, 9);
  const memory = new Set(first.map(({ buffer }) => buffer));
  expect(memory.size).toBe(first.length);
  for (const block of first) giveBlock(block);
  const [second, third] = [layOut(given, 9), layOut(given, 9)];
  const again = [...second, ...third].map(({ buffer }) => buffer);
  expect(new Set(again).size).toBe(again.length);
  expect(again.filter((buffer) => memory.has(buffer)).length).toBe(memory.size);
  // A message of three parts may stand in a block's memory, but keeps none of its own.
  const small = frameOf(3 * partBytes);
  const [alone] = layOut({ bytes: small, length: small.length, tail: undefined }, 9);
  expect(alone?.buffer.byteLength).toBe(alone?.length ?? 0);
  for (const block of [...second, ...third]) giveBlock(block);
});
