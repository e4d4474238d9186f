import { expect, test } from "bun:test";
import { bufferedBytes } from "../../src/wire/buffered.ts";
import { FrameReader, kinds } from "../../src/wire/frame.ts";
import { Outbox } from "../../src/wire/outbox.ts";
import { rawFrame } from "../support/scripted-peer.ts";
import { Taker } from "./taker.ts";

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
class Ids extends FrameReader {
  readonly maxBodyBytes = 1_000_000;
  readonly finished = false;
  readonly got: string[] = [];

  push(bytes: Buffer): void {
    this.gather(bytes);
  }

  protected override frame(kind: number, id: number): void {
    this.got.push(kind === 3 ? `${id}` : `void ${id}`);
  }
}

function receive(bytes: Buffer): string[] {
  const ids = new Ids();
  ids.push(bytes);
  return ids.got;
}

test("a frame that is withdrawn becomes one that its receiver skips", () => {
  const link = new Taker();
  const outbox = new Outbox(link);
  append(outbox, frame(1, 10));
  const second = append(outbox, frame(2, 7_000));
  append(outbox, frame(3, 10));
  expect(outbox.withdraw(second)).toBe("unsent");
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
  expect([first, second, third].map((at) => outbox.withdraw(at))).toEqual([
    "sent",
    "sent",
    "unsent",
  ]);
  link.room = 1_000;
  outbox.drained();
  expect(receive(link.taken)).toEqual(["1", "2", "void 3"]);
  expect(outbox.withdraw(third)).toBe("sent");
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
  expect(outbox.withdraw(positions[30] ?? 0)).toBe("unsent");
  expect(outbox.withdraw(positions[49] ?? 0)).toBe("unsent");
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
  expect(outbox.withdraw(first)).toBe("sent");
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

test("a buffer that grew up to 1 MiB is kept for whoever is next, and no larger one", () => {
  const offered = [1_000_000, 10, 2_000_000, 10].map((size) => {
    const link = new Taker();
    const outbox = new Outbox(link);
    append(outbox, frame(1, size));
    outbox.flush();
    return link.offered;
  });
  expect(offered.map((buffer) => buffer?.length)).toEqual([
    1_048_576, 1_048_576, 2_097_152, 1_048_576,
  ]);
  expect([offered[1] === offered[0], offered[3] === offered[0]]).toEqual([true, true]);
});

test("who reads slowly has a buffer of no more than four times what waits, wherever it stops", () => {
  for (const size of [100, 60_000, 1_000_000, 5_000_000]) {
    const link = new Taker();
    const outbox = new Outbox(link);
    const frames = [frame(1, size), frame(2, 10)];
    for (const bytes of frames) append(outbox, bytes);
    link.room = 10;
    outbox.flush();
    while (outbox.unsentBytes > 0) {
      const waiting = outbox.unsentBytes;
      link.room = Math.ceil(waiting / 7);
      outbox.drained();
      expect(link.offered?.length).toBeLessThanOrEqual(Math.max(65_536, 4 * waiting));
    }
    expect(link.taken.equals(Buffer.concat(frames))).toBe(true);
  }
});

test("many that each have little left in what was a large buffer do not have one each", () => {
  const links = Array.from({ length: 20 }, () => new Taker());
  const outboxes = links.map((link) => new Outbox(link));
  for (const [index, outbox] of outboxes.entries()) {
    append(outbox, frame(index, 1_000_000));
    (links[index] ?? new Taker()).room = 1_000_000;
    outbox.flush();
    expect(outbox.unsentBytes).toBe(12);
  }
  for (const link of links) link.room = 12;
  for (const outbox of outboxes) outbox.drained();
  expect(links.map(({ offered }) => offered?.length)).toEqual(links.map(() => 65_536));
});

test("two outboxes that wait at once do not share a buffer", () => {
  const links = [new Taker(), new Taker()];
  const outboxes = links.map((link) => new Outbox(link));
  for (const [index, outbox] of outboxes.entries()) append(outbox, frame(index + 1, 10));
  for (const outbox of outboxes) outbox.flush();
  expect(links.map(({ taken }) => receive(taken))).toEqual([["1"], ["2"]]);
});

// ---------------------------------------------------------------- large frames

test("large frames are gathered up to 1 MiB; what waits leaves before one that goes beyond", () => {
  for (const [waiting, size, leaves] of [
    [22, 1_048_576 - 22, false],
    [22, 1_048_576 - 21, true],
    [22, 3_000_000, true],
    [1_048_576 - 16_384, 16_384, false],
    [1_048_576 - 16_383, 16_384, true],
    // Small ones are gathered until somebody flushes.
    [1_048_576, 16_383, false],
  ] as const) {
    const link = new Taker();
    const outbox = new Outbox(link);
    append(outbox, frame(1, waiting - 12));
    append(outbox, frame(2, size - 12));
    expect([link.writes, link.takenBytes]).toEqual(leaves ? [1, waiting] : [0, 0]);
    append(outbox, frame(3, 10));
    outbox.flush();
    expect([link.writes, story(link)]).toEqual([leaves ? 2 : 1, ["1", "2", "3"]]);
  }
});

test("a tail stands behind the rest of its frame, and is a copy, whatever waits before it", () => {
  const before = bufferedBytes();
  for (const waiting of [12, 60_000, 65_536, 1_000_000]) {
    for (const size of [1, 4_096, 100_000]) {
      for (const room of [0, 30_000, Number.POSITIVE_INFINITY]) {
        const link = new Taker();
        link.room = room;
        const outbox = new Outbox(link);
        const whole = frame(2, size);
        const tail = new Uint8Array(whole.subarray(12));
        const frames = [frame(1, waiting - 12), whole, frame(3, 10)];
        append(outbox, frame(1, waiting - 12));
        const at = outbox.position;
        outbox.append(whole.subarray(0, 12), whole.length, tail);
        tail.fill(0xee);
        append(outbox, frame(3, 10));
        expect([at, outbox.position]).toEqual([waiting, waiting + whole.length + 22]);
        outbox.flush();
        expect(bufferedBytes() - before).toBe(outbox.unsentBytes);
        link.room = Number.POSITIVE_INFINITY;
        outbox.drained();
        expect(link.taken.equals(Buffer.concat(frames))).toBe(true);
        expect(bufferedBytes()).toBe(before);
      }
    }
  }
});

test("a large frame is taken in part at any byte, and the rest follows in its place", () => {
  const before = bufferedBytes();
  for (const room of [0, 1, 21, 22, 23, 24, 34, 35, 10_000, 20_033, 20_034, 20_035, 20_055]) {
    const link = new Taker();
    link.room = room;
    const outbox = new Outbox(link);
    const first = append(outbox, frame(1, 10));
    const large = append(outbox, frame(2, 20_000));
    const last = append(outbox, frame(3, 10));
    expect([first, large, last]).toEqual([0, 22, 20_034]);
    outbox.flush();
    expect(outbox.unsentBytes).toBe(20_056 - room);
    expect(bufferedBytes() - before).toBe(outbox.unsentBytes);
    expect([first, large, last].map((at) => outbox.hasLeft(at))).toEqual([
      room > 0,
      room > 22,
      room > 20_034,
    ]);
    const withdrawn = outbox.withdraw(large);
    expect(withdrawn).toBe(room > 22 ? "sent" : "unsent");
    link.room = 30_000;
    outbox.drained();
    expect(receive(link.taken)).toEqual(["1", withdrawn === "sent" ? "2" : "void 2", "3"]);
    expect([outbox.unsentBytes, bufferedBytes() - before]).toEqual([0, 0]);
  }
});

test("a large frame on a link that is full waits for it to drain", () => {
  const link = new Taker();
  link.room = 5;
  const outbox = new Outbox(link);
  append(outbox, frame(1, 10));
  outbox.flush();
  append(outbox, frame(2, 20_000));
  link.room = 100_000;
  append(outbox, frame(3, 20_000));
  expect(link.writes).toBe(1);
  outbox.drained();
  expect(receive(link.taken)).toEqual(["1", "2", "3"]);
});

// ---------------------------------------------------------------- whole, from where they stand

/** A frame of kind 3 whose last bytes are its owner's. */
function tailed(id: number, size: number): { head: Buffer; length: number; tail: Uint8Array } {
  const whole = frame(id, size);
  const tail = new Uint8Array(whole.subarray(whole.length - size));
  return { head: whole.subarray(0, whole.length - size), length: whole.length, tail };
}

/** An outbox whose link has taken so many bytes without a stop. */
function easyOutbox(link: Taker, bytes: number): Outbox {
  const outbox = new Outbox(link);
  append(outbox, frame(1, bytes - 12));
  outbox.flush();
  return outbox;
}

test("a frame may leave whole when the link has lately taken twice as much and nothing waits", () => {
  const link = new Taker();
  const outbox = easyOutbox(link, 600_000);
  expect([outbox.takesWhole(300_000), outbox.takesWhole(300_001)]).toEqual([true, false]);
  append(outbox, frame(2, 100_000));
  link.room = 99_000;
  outbox.flush();
  expect(outbox.takesWhole(200_000)).toBe(false);
  link.room = Number.POSITIVE_INFINITY;
  outbox.drained();
  // Only what it took since it stopped counts.
  append(outbox, frame(3, 398_988));
  outbox.flush();
  expect([outbox.takesWhole(200_006), outbox.takesWhole(200_007)]).toEqual([true, false]);
  append(outbox, frame(4, 5_000_000));
  outbox.flush();
  expect([outbox.takesWhole(2_097_152), outbox.takesWhole(2_097_153)]).toEqual([true, false]);
  appendParts(outbox, 5, threeParts, false);
  expect(outbox.takesWhole(200_000)).toBe(false);
  outbox.flush();
  expect(outbox.takesWhole(200_000)).toBe(true);
});

test("such a frame leaves at once behind what waits, and what the link leaves of it is copied", () => {
  const size = 300_000;
  const before = bufferedBytes();
  // The end of what waits is at 22, the head's at 22 + 12, that of the first write at + 65,536.
  for (const room of [0, 21, 22, 23, 34, 65_569, 65_570, 65_571, 200_000, 300_033, 300_034]) {
    const link = new Taker();
    const outbox = easyOutbox(link, 700_000);
    const start = link.takenBytes;
    append(outbox, frame(2, 10));
    const { head, length, tail } = tailed(3, size);
    const expected = Buffer.concat([link.taken, frame(2, 10), head, tail, frame(4, 10)]);
    const ticket = outbox.position;
    link.room = room;
    outbox.writeWhole(head, length, tail);
    // Both are their owner's again.
    head.fill(0xee);
    tail.fill(0xee);
    const taken = link.takenBytes - start;
    expect([room, taken]).toEqual([room, room]);
    expect([room, outbox.unsentBytes]).toEqual([room, 22 + length - room]);
    expect(bufferedBytes() - before).toBe(outbox.unsentBytes);
    expect([room, outbox.hasLeft(ticket)]).toEqual([room, room > 22]);
    expect([room, outbox.isBlocked]).toEqual([room, room < 22 + length]);
    append(outbox, frame(4, 10));
    link.room = Number.POSITIVE_INFINITY;
    outbox.drained();
    expect(link.taken.equals(expected)).toBe(true);
    expect([outbox.unsentBytes, bufferedBytes() - before]).toEqual([0, 0]);
  }
});

test("of a frame that leaves whole no more than its beginning is copied", () => {
  const link = new Taker();
  const outbox = easyOutbox(link, 4_000_000);
  const { head, length, tail } = tailed(3, 2_000_000);
  const { writes } = link;
  outbox.writeWhole(head, length, tail);
  expect(link.writes - writes).toBe(2);
  expect(link.offered?.buffer).toBe(tail.buffer);
});

// ---------------------------------------------------------------- in parts

const twoParts = 70_000;
const threeParts = 140_000;

/** A frame of kind 3 that the outbox may keep. */
function appendParts(outbox: Outbox, id: number, size: number, inLine: boolean): number {
  const bytes = frame(id, size);
  return outbox.appendParts(id, { bytes, length: bytes.length, tail: undefined }, inLine);
}

function appendBehind(outbox: Outbox, id: number, size: number): number {
  return outbox.appendBehind(id, frame(id, size));
}

/** The frames that left: whole ones by their id, parts with the bytes that they carry. */
function story(link: Taker): string[] {
  return link.frames.map(({ kind, id, fields, body }) => {
    if (kind === kinds.void) return `void ${id}`;
    if (kind !== kinds.part) return `${id}`;
    return `${fields === 2 ? "first " : ""}${id}: ${body.readUInt32BE(1)}`;
  });
}

test("a message in parts leaves behind the line, and the line has its turn behind each part", () => {
  const link = new Taker();
  link.room = 0;
  const outbox = new Outbox(link);
  append(outbox, frame(1, 10));
  appendParts(outbox, 2, threeParts, false);
  outbox.flush();
  for (const id of [3, 4, 5]) {
    append(outbox, frame(id, 10));
    // So much that the part which is being written is not finished before the next frame comes.
    link.room = 60_000;
    outbox.drained();
  }
  link.room = 1_000_000;
  outbox.drained();
  expect(story(link)).toEqual(["1", "3", "first 2: 65536", "4", "2: 65536", "5", "2: 8935"]);
  expect(outbox.unsentBytes).toBe(0);
});

test("the first part of a call has its place in line, so that ids leave in their order", () => {
  const link = new Taker();
  const outbox = new Outbox(link);
  append(outbox, frame(1, 10));
  appendParts(outbox, 2, twoParts, true);
  append(outbox, frame(3, 10));
  appendParts(outbox, 4, twoParts, true);
  append(outbox, frame(5, 10));
  outbox.flush();
  expect(story(link)).toEqual([
    "1",
    "first 2: 65536",
    "3",
    "first 4: 65536",
    "5",
    "2: 4471",
    "4: 4471",
  ]);
});

test("a ticket stands for its frame for ever, also when nothing waited between", () => {
  const link = new Taker();
  const outbox = new Outbox(link);
  const first = appendParts(outbox, 1, twoParts, true);
  outbox.flush();
  expect([outbox.hasLeft(first), outbox.unsentBytes]).toEqual([true, 0]);
  const second = appendParts(outbox, 2, twoParts, true);
  expect([outbox.hasLeft(first), outbox.hasLeft(second)]).toEqual([true, false]);
  expect(outbox.withdraw(first)).toBe("sent");
  outbox.flush();
  expect(story(link)).toEqual(["first 1: 65536", "1: 4471", "first 2: 65536", "2: 4471"]);
});

test("a call in parts is taken back while nothing has left, is cut then, and is sent with its last part", () => {
  const before = bufferedBytes();
  // In line: a frame of 22 bytes, the first part of 65,558, another frame of 22. Beside it: the last
  // part of 4,488, and a frame of 22 behind that.
  const lineBytes = 22 + 65_558 + 22;
  for (const [room, withdrawn, story2] of [
    [0, "unsent", ["void 2"]],
    [22, "unsent", ["void 2"]],
    [23, "cut", ["first 2: 65536"]],
    [22 + 65_557, "cut", ["first 2: 65536"]],
    [lineBytes - 1, "cut", ["first 2: 65536"]],
    [lineBytes, "cut", ["first 2: 65536"]],
    // A byte of the last part has left: it must be finished.
    [lineBytes + 1, "sent", ["first 2: 65536", "2: 4471", "2"]],
    [lineBytes + 4_487, "sent", ["first 2: 65536", "2: 4471", "2"]],
    [lineBytes + 4_488, "sent", ["first 2: 65536", "2: 4471", "2"]],
  ] as const) {
    const link = new Taker();
    link.room = room;
    const outbox = new Outbox(link);
    append(outbox, frame(1, 10));
    const ticket = appendParts(outbox, 2, twoParts, true);
    const behind = appendBehind(outbox, 2, 10);
    append(outbox, frame(3, 10));
    outbox.flush();
    // Both must agree: what is told not to have left is never sent.
    expect([room, outbox.hasLeft(ticket)]).toEqual([room, withdrawn === "sent"]);
    expect([room, outbox.withdraw(ticket)]).toEqual([room, withdrawn]);
    if (withdrawn !== "sent") {
      expect([outbox.holds(2), outbox.withdraw(behind)]).toEqual([false, "sent"]);
    }
    link.room = 1_000_000;
    outbox.drained();
    expect(story(link).filter((what) => what !== "1" && what !== "3")).toEqual([...story2]);
    expect([outbox.unsentBytes, bufferedBytes() - before]).toEqual([0, 0]);
  }
});

test("with a call that has a stream goes what was sent of that stream, in line and beside it", () => {
  const call = (id: number, fields: number): Buffer => {
    return rawFrame(kinds.call, id, fields, Buffer.alloc(fields));
  };
  for (const [fields, goes] of [
    [7, false],
    [8, true],
    [9, true],
  ] as const) {
    const link = new Taker();
    link.room = 0;
    const outbox = new Outbox(link);
    append(outbox, frame(9, 10));
    outbox.flush();
    const ticket = append(outbox, call(1, fields));
    append(outbox, frame(1, 10));
    append(outbox, frame(2, 30_000));
    append(outbox, frame(1, 30_000));
    appendParts(outbox, 1, twoParts, false);
    appendBehind(outbox, 1, 10);
    append(outbox, frame(3, 10));
    expect(outbox.withdraw(ticket)).toBe("unsent");
    link.room = 1_000_000;
    outbox.drained();
    expect(story(link)).toEqual(
      goes
        ? ["9", "void 1", "void 1", "2", "void 1", "3"]
        : ["9", "void 1", "1", "2", "1", "3", "first 1: 65536", "1: 4471", "1"],
    );
    expect(outbox.unsentBytes).toBe(0);
  }
});

test("what waits beside the line is unsent until a part of it has left, and cut from then on", () => {
  const link = new Taker();
  link.room = 0;
  const outbox = new Outbox(link);
  append(outbox, frame(1, 10));
  const begun = appendParts(outbox, 2, threeParts, false);
  const behind = appendBehind(outbox, 2, 10);
  const last = appendBehind(outbox, 2, 20);
  const unbegun = appendParts(outbox, 3, threeParts, false);
  outbox.flush();
  link.room = 100;
  outbox.drained();
  expect([begun, behind, last, unbegun].map((ticket) => outbox.hasLeft(ticket))).toEqual(
    Array.from({ length: 4 }, () => false),
  );
  expect([outbox.withdraw(behind), outbox.withdraw(unbegun)]).toEqual(["unsent", "unsent"]);
  expect([outbox.holds(2), outbox.holds(3)]).toEqual([true, false]);
  // The part that is being written is finished, and what is behind makes no sense without the rest.
  expect([outbox.withdraw(begun), outbox.withdraw(last)]).toEqual(["cut", "sent"]);
  expect(outbox.holds(2)).toBe(false);
  link.room = 1_000_000;
  outbox.drained();
  expect(story(link)).toEqual(["1", "first 2: 65536"]);
  expect(outbox.unsentBytes).toBe(0);
});

test("what was discarded or cleared beside the line has not left, whatever comes behind", () => {
  const before = bufferedBytes();
  const link = new Taker();
  const outbox = new Outbox(link);
  const sent = appendParts(outbox, 1, twoParts, true);
  outbox.flush();
  const lost = [
    appendParts(outbox, 2, twoParts, true),
    appendParts(outbox, 3, twoParts, false),
    appendBehind(outbox, 3, 10),
  ];
  expect(outbox.discard()).toBe(true);
  expect([outbox.unsentBytes, bufferedBytes() - before]).toEqual([0, 0]);
  append(outbox, frame(4, 10));
  const later = appendParts(outbox, 5, twoParts, false);
  outbox.flush();
  const waits = appendParts(outbox, 6, twoParts, false);
  for (let round = 0; round < 2; round++) {
    outbox.clear();
    expect([sent, later, ...lost, waits].map((ticket) => outbox.hasLeft(ticket))).toEqual([
      true,
      true,
      ...lost.map(() => false),
      false,
    ]);
    expect(outbox.withdraw(waits)).toBe("sent");
  }
  expect(story(link)).toEqual(["first 1: 65536", "1: 4471", "4", "first 5: 65536", "5: 4471"]);
  expect([outbox.unsentBytes, bufferedBytes() - before]).toEqual([0, 0]);
});

test("behind a part of a part nothing can be discarded", () => {
  const link = new Taker();
  link.room = 100;
  const outbox = new Outbox(link);
  appendParts(outbox, 1, twoParts, false);
  outbox.flush();
  expect(outbox.discard()).toBe(false);
  link.room = 1_000_000;
  outbox.drained();
  expect(story(link)).toEqual(["first 1: 65536", "1: 4471"]);
});

test("what waits is counted, with and without the largest message in parts", () => {
  const link = new Taker();
  link.room = 0;
  const outbox = new Outbox(link);
  append(outbox, frame(1, 88));
  appendParts(outbox, 2, 1_000_000, false);
  appendParts(outbox, 3, 200_000, false);
  const small = 100;
  // The five bytes before the content do not travel, but each part has a head, and the first a size.
  const [large, other] = [1_000_007 + 16 * 17 + 5, 200_007 + 4 * 17 + 5];
  expect(outbox.unsentBytes).toBe(small + large + other);
  expect(outbox.unsentBesideLargest).toBe(small + other);
  outbox.flush();
  // The link stops in the second part.
  link.room = small + 65_558 + 53;
  outbox.drained();
  expect(link.takenBytes).toBe(small + 65_558 + 53);
  expect(outbox.unsentBytes).toBe(large - 65_558 - 53 + other);
  expect(outbox.unsentBesideLargest).toBe(65_500 + other);
});
