import { expect, test } from "bun:test";
import { bufferedBytes } from "../../src/wire/buffered.ts";
import { kinds, prefixBytes } from "../../src/wire/frame.ts";
import { firstPartBytes, layOut, partBytes } from "../../src/wire/part-blocks.ts";
import { maxUncutBytes, PartsOut } from "../../src/wire/parts-out.ts";
import { rawFrame } from "../support/scripted-peer.ts";
import { Taker } from "./taker.ts";

const most = 1_000_000;

/** A frame of so many bytes in which no two places near each other are the same. */
function frameOf(id: number, size: number): Buffer {
  const body = new Uint8Array(size - 12);
  for (let index = 0; index < body.length; index++) body[index] = (index * 7 + (index >> 8)) & 255;
  return rawFrame(kinds.result, id, 1, body);
}

/** Adds a message in parts of so many bytes. */
function add(parts: PartsOut, id: number, size: number): number {
  return parts.add(id, blocksOf(id, size), size - prefixBytes, undefined);
}

/** A frame of so many bytes, laid out as parts. */
function blocksOf(id: number, size: number): Buffer[] {
  return layOut({ bytes: frameOf(id, size), length: size, tail: undefined }, id);
}

/** What the parts of such a frame come to, with their heads. */
function sentBytes(size: number): number {
  return size - prefixBytes + 17 * Math.ceil((size - prefixBytes) / partBytes) + 5;
}

function addWhole(parts: PartsOut, id: number, size: number): number {
  return parts.addWhole(id, frameOf(id, size));
}

/** Writes until nothing waits or the link is full; true when nothing waits. */
function writeAll(parts: PartsOut): boolean {
  for (;;) {
    if (!parts.finishPart()) return false;
    const turn = parts.writeTurn();
    if (turn !== "written") return turn === "none";
  }
}

/** Who had a turn, one after the other: `1x8` are eight parts of 1, and `1` is a whole frame. */
function turnsOf(link: Taker): string[] {
  const turns: { id: number; count: number }[] = [];
  for (const { id, kind } of link.frames) {
    const last = turns.at(-1);
    if (kind !== kinds.part) turns.push({ id, count: 0 });
    else if (last?.id === id && last.count > 0) last.count++;
    else turns.push({ id, count: 1 });
  }
  return turns.map(({ id, count }) => (count === 0 ? `${id}` : `${id}x${count}`));
}

/** A frame that leaves in so many parts, all of them full. */
function sizeOf(parts: number): number {
  return prefixBytes + parts * partBytes;
}

/** The content that the parts of an id carry together. */
function together(link: Taker, id: number): Buffer {
  const pieces = link.frames
    .filter((frame) => frame.id === id && frame.kind === kinds.part)
    .map(({ body }) => body.subarray(5, 5 + body.readUInt32BE(1)));
  return Buffer.concat(pieces);
}

test("the parts of a frame together are its content, whatever its size and the link's", () => {
  const before = bufferedBytes();
  const least = maxUncutBytes + 1;
  const counts = [3, 8, 9, 10, 16, 17, 18];
  for (const size of [least, 200_001, ...counts.flatMap((n) => [sizeOf(n), sizeOf(n) + 1])]) {
    for (const room of [Number.POSITIVE_INFINITY, 100_000, 65_536, 9_999]) {
      const link = new Taker();
      const parts = new PartsOut(link, 2 * most);
      add(parts, 7, size);
      const sent = sentBytes(size);
      expect([parts.unsentBytes, bufferedBytes() - before]).toEqual([sent, sent]);
      for (let rounds = 0; ; rounds++) {
        link.room = room;
        if (writeAll(parts)) break;
        expect(bufferedBytes() - before).toBe(parts.unsentBytes);
        expect(rounds).toBeLessThan(200);
      }
      expect(together(link, 7).equals(frameOf(7, size).subarray(prefixBytes))).toBe(true);
      const [first, ...others] = link.frames;
      expect(first?.fields).toBe(2);
      expect(first?.body.readUInt32BE(first.body.length - 4)).toBe(size - prefixBytes);
      expect(others.every(({ fields }) => fields === 1)).toBe(true);
      expect(link.frames.every(({ body }) => body.readUInt32BE(1) <= partBytes)).toBe(true);
      expect([parts.unsentBytes, bufferedBytes() - before]).toEqual([0, 0]);
    }
  }
});

test("a part is finished at whatever byte the link stopped in it", () => {
  const size = 140_000;
  const content = frameOf(1, size).subarray(prefixBytes);
  const heads = [0, 65_558, 65_558 + 65_553];
  const stops = heads.flatMap((head) => Array.from({ length: 20 }, (_, near) => head + near));
  for (const stop of [...stops, 65_557, 131_110]) {
    const link = new Taker();
    link.room = stop;
    const parts = new PartsOut(link, most);
    add(parts, 1, size);
    const whole = writeAll(parts);
    expect([whole, link.takenBytes]).toEqual([false, stop]);
    link.room = most;
    expect(writeAll(parts)).toBe(true);
    expect(together(link, 1).equals(content)).toBe(true);
  }
});

test("the rest of a message whose first part is in line leaves here", () => {
  const link = new Taker();
  const parts = new PartsOut(link, most);
  const blocks = blocksOf(3, 140_000);
  link.write(blocks[0] ?? Buffer.alloc(0), 0, firstPartBytes);
  const ticket = parts.add(3, blocks, 140_000 - prefixBytes, 123);
  expect(parts.unsentBytes).toBe(sentBytes(140_000) - firstPartBytes);
  writeAll(parts);
  expect(link.frames.map(({ fields }) => fields)).toEqual([2, 1, 1]);
  expect(together(link, 3).equals(frameOf(3, 140_000).subarray(prefixBytes))).toBe(true);
  expect(parts.waits(ticket)).toBe(false);
});

test("messages of different ids take turns of eight parts, and one more when that is the last", () => {
  const link = new Taker();
  const parts = new PartsOut(link, 4 * most);
  add(parts, 1, sizeOf(20));
  add(parts, 2, sizeOf(10));
  parts.writeTurn();
  addWhole(parts, 1, 20);
  add(parts, 3, sizeOf(9));
  writeAll(parts);
  expect(turnsOf(link)).toEqual(["1x8", "2x8", "1x8", "3x9", "2x2", "1x4", "1"]);
});

test("each turn is one write, and where the link stops, no more is begun than the part it is in", () => {
  const link = new Taker();
  const parts = new PartsOut(link, 4 * most);
  add(parts, 1, sizeOf(20));
  expect([parts.writeTurn(), link.writes]).toEqual(["written", 1]);
  const room = 2 * 65_553 + 10;
  link.room = room;
  expect([parts.writeTurn(), link.writes, link.frames.length]).toEqual(["full", 2, 10]);
  link.room = most;
  expect([parts.finishPart(), link.writes, turnsOf(link)]).toEqual([true, 3, ["1x11"]]);
  // It stops between two parts: nothing is to be finished.
  link.room = 65_553;
  expect([parts.writeTurn(), link.writes]).toEqual(["full", 4]);
  expect([parts.finishPart(), link.writes]).toEqual([true, 4]);
  link.room = 0;
  expect([parts.writeTurn(), parts.finishPart(), link.writes]).toEqual(["full", true, 5]);
  link.room = Number.POSITIVE_INFINITY;
  expect([parts.writeTurn(), turnsOf(link)]).toEqual(["written", ["1x16"]]);
});

test("an id with many messages waits for its turn with each, and nobody waits for all of them", () => {
  const link = new Taker();
  const parts = new PartsOut(link, 10 * most);
  for (let count = 0; count < 5; count++) add(parts, 1, sizeOf(10));
  add(parts, 2, sizeOf(10));
  add(parts, 3, sizeOf(10));
  writeAll(parts);
  expect(turnsOf(link)).toEqual(["1x8", "2x8", "3x8", "1x2", "2x2", "3x2", "1x40"]);
});

test("messages of one id leave in their order, whole frames and such in parts", () => {
  const link = new Taker();
  const parts = new PartsOut(link, most);
  const sizes = [140_000, 50, 60, 150_000, 160_000, 70];
  for (const size of sizes) {
    if (size < 1_000) addWhole(parts, 1, size);
    else add(parts, 1, size);
    add(parts, 2 + size, 140_000);
  }
  writeAll(parts);
  const own: number[] = [];
  for (const { id, kind, fields, body } of link.frames) {
    if (id !== 1) continue;
    if (kind !== kinds.part) own.push(body.length + 12);
    else if (fields === 2) own.push(body.readUInt32BE(body.length - 4) + 5);
  }
  expect(own).toEqual(sizes);
});

test("small frames that follow each other leave with one write, of at most a part's size", () => {
  const link = new Taker();
  const parts = new PartsOut(link, most);
  add(parts, 1, 140_000);
  for (let count = 0; count < 100; count++) addWhole(parts, 1, 1_000);
  writeAll(parts);
  // Three parts, then 65 frames, and 35.
  expect(link.writes).toBe(3);
  expect(link.frames.length).toBe(103);
  // One that is larger than that leaves alone.
  addWhole(parts, 1, 20);
  addWhole(parts, 1, 120_000);
  addWhole(parts, 1, 20);
  writeAll(parts);
  expect([link.writes, link.frames.length]).toEqual([6, 106]);
});

test("no more is begun than the other side takes, and who waits for that is next", () => {
  const link = new Taker();
  // What is begun together may have as much as two of the three, exactly.
  const parts = new PartsOut(link, 20 * partBytes);
  for (const id of [1, 2, 3]) add(parts, id, sizeOf(10));
  add(parts, 4, sizeOf(3));
  for (let count = 0; count < 3; count++) parts.writeTurn();
  // 3 does not fit, and 4 does not overtake it.
  expect(turnsOf(link)).toEqual(["1x8", "2x8", "1x2"]);
  parts.writeTurn();
  // The last part of 1 has left: 3 is begun, and 4 not yet.
  expect(turnsOf(link).at(-1)).toBe("3x8");
  writeAll(parts);
  expect(turnsOf(link).slice(4)).toEqual(["2x2", "4x3", "3x2"]);
  for (const id of [1, 2, 3, 4]) {
    const content = frameOf(id, sizeOf(id === 4 ? 3 : 10)).subarray(prefixBytes);
    expect(together(link, id).equals(content)).toBe(true);
  }
});

test("a message of which the link took nothing is not begun", () => {
  const link = new Taker();
  link.room = 0;
  const parts = new PartsOut(link, 20 * partBytes);
  const first = add(parts, 1, sizeOf(20));
  expect(parts.writeTurn()).toBe("full");
  expect(parts.drop(first)).toMatchObject({ begun: false });
  link.room = most;
  add(parts, 2, sizeOf(10));
  writeAll(parts);
  expect(turnsOf(link)).toEqual(["2x10"]);
});

test("a message that is given up makes room for the next to be begun", () => {
  const link = new Taker();
  const parts = new PartsOut(link, 10 * partBytes);
  const begun = add(parts, 1, sizeOf(10));
  add(parts, 2, sizeOf(10));
  parts.writeTurn();
  expect([parts.takes(5), parts.takes(6)]).toEqual([false, false]);
  expect(parts.drop(begun)).toMatchObject({ id: 1, begun: true });
  expect([parts.takes(5), parts.takes(6)]).toEqual([true, false]);
  parts.writeTurn();
  expect(turnsOf(link)).toEqual(["1x8", "2x8"]);
});

test("what is dropped never leaves, what stays does, and the counts agree", () => {
  const before = bufferedBytes();
  const link = new Taker();
  const parts = new PartsOut(link, most);
  const first = add(parts, 1, 140_000);
  const second = addWhole(parts, 1, 100);
  const third = addWhole(parts, 1, 200);
  add(parts, 2, 140_000);
  expect(parts.drop(second)).toMatchObject({ ticket: second, whole: true, begun: false });
  expect(parts.drop(second)).toBeUndefined();
  expect([parts.waits(first), parts.waits(second), parts.waits(third)]).toEqual([
    true,
    false,
    true,
  ]);
  expect(parts.unsentBytes).toBe(2 * sentBytes(140_000) + 200);
  expect(bufferedBytes() - before).toBe(parts.unsentBytes);
  expect([parts.dropAll(2), parts.dropAll(2), parts.has(2), parts.has(1)]).toEqual([
    true,
    false,
    false,
    true,
  ]);
  writeAll(parts);
  expect(link.frames.map(({ kind, id }) => [kind, id])).toEqual([
    ...Array.from({ length: 3 }, () => [kinds.part, 1]),
    [kinds.result, 1],
  ]);
  expect([parts.has(1), parts.waits(first), parts.unsentBytes]).toEqual([false, false, 0]);
  expect(bufferedBytes()).toBe(before);
});

test("a part that is being written when its message is dropped is finished", () => {
  const before = bufferedBytes();
  const link = new Taker();
  link.room = 70_000;
  const parts = new PartsOut(link, most);
  add(parts, 1, 200_000);
  writeAll(parts);
  expect(parts.dropAll(1)).toBe(true);
  expect(parts.unsentBytes).toBe(2 * 65_536 + 22 + 17 - 70_000);
  expect(bufferedBytes() - before).toBe(parts.unsentBytes);
  link.room = most;
  expect(writeAll(parts)).toBe(true);
  expect(link.frames.map(({ fields }) => fields)).toEqual([2, 1]);
  expect([parts.unsentBytes, bufferedBytes() - before]).toEqual([0, 0]);
});

test("tickets are below 0, rise by none, and outlast what they stand for", () => {
  const parts = new PartsOut(new Taker(), most);
  const seen: number[] = [];
  for (let round = 0; round < 3; round++) {
    seen.push(add(parts, 1, 140_000), addWhole(parts, 1, 20));
    expect(seen.slice(-2).map((ticket) => parts.waits(ticket))).toEqual([true, true]);
    writeAll(parts);
    expect(seen.some((ticket) => parts.waits(ticket))).toBe(false);
  }
  expect(seen.every((ticket) => ticket < 0)).toBe(true);
  expect(new Set(seen).size).toBe(seen.length);
});

test("after everything was dropped at once, what waited is known and what had left is too", () => {
  const before = bufferedBytes();
  const link = new Taker();
  const parts = new PartsOut(link, most);
  const sent = add(parts, 1, 140_000);
  writeAll(parts);
  link.room = 10;
  const half = add(parts, 1, 140_000);
  const unbegun = add(parts, 2, 140_000);
  writeAll(parts);
  parts.clear();
  expect([sent, half, unbegun].map((ticket) => parts.waits(ticket))).toEqual([false, true, true]);
  expect([parts.unsentBytes, parts.unsentBesideLargest]).toEqual([0, 0]);
  expect([parts.has(1), parts.drop(half), parts.takes(most + 5)]).toEqual([false, undefined, true]);
  expect(bufferedBytes()).toBe(before);
  parts.clear();
  expect([sent, half, unbegun].map((ticket) => parts.waits(ticket))).toEqual([false, true, true]);
  const { writes } = link;
  expect(writeAll(parts)).toBe(true);
  expect(link.writes).toBe(writes);
});

test("the largest message in parts is left out of the pressure, a whole frame is not", () => {
  const link = new Taker();
  link.room = 0;
  const parts = new PartsOut(link, most);
  expect(parts.unsentBesideLargest).toBe(0);
  add(parts, 1, 300_005);
  addWhole(parts, 1, 120_000);
  expect(parts.unsentBesideLargest).toBe(120_000);
  addWhole(parts, 3, 900_000);
  expect(parts.unsentBesideLargest).toBe(1_020_000);
  parts.dropAll(3);
  add(parts, 2, 400_005);
  expect(parts.unsentBesideLargest).toBe(120_000 + sentBytes(300_005));
  link.room = 10;
  writeAll(parts);
  // The part that is being written holds the line up, whosever it is.
  expect(parts.unsentBesideLargest).toBe(120_000 + sentBytes(300_005) - 10);
});
