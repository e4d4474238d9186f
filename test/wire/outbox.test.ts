import { expect, test } from "bun:test";
import { FrameReader } from "../../src/wire/frame.ts";
import type { Link } from "../../src/wire/link.ts";
import { Outbox } from "../../src/wire/outbox.ts";
import { rawFrame } from "../support/scripted-peer.ts";

/** A link that takes what the test allows. */
class Taker implements Link {
  readonly peer = "test";
  readonly local = true;
  taken: Buffer = Buffer.alloc(0);
  writes = 0;
  /** Bytes that it still takes. */
  room = Number.POSITIVE_INFINITY;
  /** The buffer of the last write. */
  offered: Uint8Array | undefined;

  write(bytes: Uint8Array, start: number, end: number): number {
    this.writes++;
    this.offered = bytes;
    const count = Math.min(end - start, this.room);
    this.room -= count;
    this.taken = Buffer.concat([this.taken, bytes.subarray(start, start + count)]);
    return count;
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  close(): void {}
}

function frame(id: number, size: number): Buffer {
  return rawFrame(3, id, 1, new Uint8Array(size).fill(id));
}

function append(outbox: Outbox, bytes: Buffer): number {
  const { position } = outbox;
  outbox.append(bytes, bytes.length);
  return position;
}

test("nothing is written before a flush, and one flush writes everything at once", () => {
  const link = new Taker();
  const outbox = new Outbox(link);
  const frames = [frame(1, 3), frame(2, 100), frame(3, 0)];
  for (const bytes of frames) append(outbox, bytes);
  expect(link.writes).toBe(0);
  expect(outbox.unsentBytes).toBe(Buffer.concat(frames).length);
  outbox.flush();
  expect(link.writes).toBe(1);
  expect(link.taken).toEqual(Buffer.concat(frames));
  expect(outbox.unsentBytes).toBe(0);
  outbox.flush();
  expect(link.writes).toBe(1);
});

test("what was appended is a copy, in the small and in the large", () => {
  const link = new Taker();
  const outbox = new Outbox(link);
  for (const size of [1, 36, 37, 1_000]) {
    const bytes = frame(1, size);
    append(outbox, bytes);
    bytes.fill(0xee);
  }
  outbox.flush();
  expect(link.taken).toEqual(Buffer.concat([1, 36, 37, 1_000].map((size) => frame(1, size))));
});

test("what a link does not take comes later, in order and once, whatever the sizes", () => {
  for (const room of [0, 1, 11, 12, 13, 1_000, 65_535, 65_536, 65_537]) {
    const link = new Taker();
    link.room = room;
    const outbox = new Outbox(link);
    const frames = Array.from({ length: 60 }, (_, index) => frame(index, (index * 997) % 6_000));
    for (const [index, bytes] of frames.entries()) {
      append(outbox, bytes);
      if (index % 7 === 3) outbox.flush();
      if (index % 11 === 5) {
        link.room = room;
        outbox.drained();
      }
    }
    outbox.flush();
    while (outbox.unsentBytes > 0) {
      link.room = Math.max(room, 1_000);
      outbox.drained();
    }
    expect(link.taken.equals(Buffer.concat(frames))).toBe(true);
  }
});

test("a link that is full is not written to before it has drained", () => {
  const link = new Taker();
  link.room = 5;
  const outbox = new Outbox(link);
  append(outbox, frame(1, 10));
  outbox.flush();
  expect([link.writes, outbox.unsentBytes]).toEqual([1, 17]);
  append(outbox, frame(2, 10));
  outbox.flush();
  outbox.flush();
  expect(link.writes).toBe(1);
  link.room = 100;
  outbox.drained();
  expect([link.writes, outbox.unsentBytes]).toEqual([2, 0]);
});

test("a drain with nothing to write writes nothing", () => {
  const link = new Taker();
  const outbox = new Outbox(link);
  outbox.drained();
  expect(link.writes).toBe(0);
});

test("positions count every byte from the beginning, exactly", () => {
  const link = new Taker();
  link.room = 30;
  const outbox = new Outbox(link);
  const first = append(outbox, frame(1, 10));
  const second = append(outbox, frame(2, 10));
  const third = append(outbox, frame(3, 10));
  expect([first, second, third, outbox.position]).toEqual([0, 22, 44, 66]);
  expect([first, second, third].map((at) => outbox.hasLeft(at))).toEqual([false, false, false]);
  outbox.flush();
  expect([first, second, third].map((at) => outbox.hasLeft(at))).toEqual([true, true, false]);
  link.room = 14;
  outbox.drained();
  expect([outbox.hasLeft(third), outbox.position]).toEqual([false, 66]);
  link.room = 1;
  outbox.drained();
  expect([outbox.hasLeft(third), outbox.position]).toEqual([true, 66]);
  link.room = 1_000;
  outbox.drained();
  expect([outbox.position, append(outbox, frame(4, 0))]).toEqual([66, 66]);
});

/** The ids of the frames of kind 3, and of all others as void. */
function receive(bytes: Buffer): string[] {
  const got: string[] = [];
  const reader = new FrameReader({
    maxBodyBytes: () => 1_000_000,
    finished: false,
    frame: (kind, id) => got.push(kind === 3 ? `${id}` : `void ${id}`),
  });
  reader.push(bytes);
  return got;
}

test("a frame that is withdrawn becomes one that its receiver skips", () => {
  const link = new Taker();
  const outbox = new Outbox(link);
  append(outbox, frame(1, 10));
  const second = append(outbox, frame(2, 70_000));
  append(outbox, frame(3, 10));
  expect(outbox.withdraw(second)).toBe(true);
  outbox.flush();
  expect(receive(link.taken)).toEqual(["1", "void 2", "3"]);
});

test("a frame of which one byte has left is not withdrawn", () => {
  const link = new Taker();
  link.room = 23;
  const outbox = new Outbox(link);
  const first = append(outbox, frame(1, 10));
  const second = append(outbox, frame(2, 10));
  const third = append(outbox, frame(3, 10));
  outbox.flush();
  expect([first, second, third].map((at) => outbox.withdraw(at))).toEqual([false, false, true]);
  link.room = 1_000;
  outbox.drained();
  expect(receive(link.taken)).toEqual(["1", "2", "void 3"]);
  expect(outbox.withdraw(third)).toBe(false);
});

test("frames keep their places when the buffer moves or grows under them", () => {
  const link = new Taker();
  const outbox = new Outbox(link);
  const positions = Array.from({ length: 50 }, (_, index) => {
    if (index === 20) {
      link.room = 40_000;
      outbox.flush();
    }
    return append(outbox, frame(index, 5_000));
  });
  expect(outbox.withdraw(positions[30] ?? 0)).toBe(true);
  expect(outbox.withdraw(positions[49] ?? 0)).toBe(true);
  link.room = 1_000_000;
  outbox.drained();
  const expected = Array.from({ length: 50 }, (_, index) => `${index}`);
  expected[30] = "void 30";
  expected[49] = "void 49";
  expect(receive(link.taken)).toEqual(expected);
});

test("a discarded frame has never left, also when later bytes have", () => {
  const link = new Taker();
  const outbox = new Outbox(link);
  const gone = append(outbox, frame(1, 10));
  outbox.flush();
  const first = append(outbox, frame(2, 10));
  const second = append(outbox, frame(3, 10));
  expect(outbox.discard()).toBe(true);
  expect([outbox.unsentBytes, outbox.position]).toEqual([0, 66]);
  const last = append(outbox, frame(4, 100));
  expect(outbox.withdraw(first)).toBe(false);
  outbox.flush();
  expect(receive(link.taken)).toEqual(["1", "4"]);
  expect([gone, first, second, last].map((at) => outbox.hasLeft(at))).toEqual([
    true,
    false,
    false,
    true,
  ]);
});

test("behind a part of a frame nothing can be discarded", () => {
  const link = new Taker();
  link.room = 5;
  const outbox = new Outbox(link);
  append(outbox, frame(1, 10));
  append(outbox, frame(2, 10));
  outbox.flush();
  expect(outbox.discard()).toBe(false);
  link.room = 100;
  outbox.drained();
  expect(receive(link.taken)).toEqual(["1", "2"]);
});

test("what waits is dropped when the link is gone", () => {
  const link = new Taker();
  const outbox = new Outbox(link);
  append(outbox, frame(1, 10));
  outbox.clear();
  outbox.flush();
  expect([outbox.unsentBytes, link.writes]).toEqual([0, 0]);
});

test("an idle outbox holds no buffer: the next one to send takes the same", () => {
  const links = [new Taker(), new Taker()];
  for (let round = 0; round < 4; round++) {
    for (const link of links) {
      const outbox = new Outbox(link);
      append(outbox, frame(1, 10));
      outbox.flush();
    }
  }
  expect(links[0]?.offered).toBeDefined();
  expect(links[0]?.offered).toBe(links[1]?.offered);
});

test("a buffer that grew is not kept when its outbox is idle", () => {
  const links = [new Taker(), new Taker()];
  for (const link of links) {
    const outbox = new Outbox(link);
    append(outbox, frame(1, 1_000_000));
    outbox.flush();
    expect(link.offered?.length).toBe(1_048_576);
    append(outbox, frame(1, 10));
    outbox.flush();
    expect(link.offered?.length).toBe(65_536);
  }
});

test("two outboxes that wait at once do not share a buffer", () => {
  const links = [new Taker(), new Taker()];
  const outboxes = links.map((link) => new Outbox(link));
  for (const [index, outbox] of outboxes.entries()) append(outbox, frame(index + 1, 10));
  for (const outbox of outboxes) outbox.flush();
  expect(links.map(({ taken }) => receive(taken))).toEqual([["1"], ["2"]]);
});
