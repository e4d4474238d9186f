import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { bufferedBytes, countBuffered, roomFor } from "../../src/wire/buffered.ts";
import { FrameError } from "../../src/wire/frame.ts";
import { PartsIn } from "../../src/wire/parts-in.ts";
import { RandomValues, seededRandom } from "./random-values.ts";

const maxMessageBytes = limits.maxMessageBytes;
/** Array head, kind, mark and id. */
const headBytes = 7;

function add(
  parts: PartsIn,
  id: number,
  part: Uint8Array | number,
  totalBytes?: number,
): Buffer | undefined {
  const bytes = typeof part === "number" ? new Uint8Array(part).fill(id) : part;
  return parts.add(id, bytes, totalBytes, maxMessageBytes);
}

/** The reason for which a part ends the connection. */
function reasonOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof FrameError) return error.reason;
    throw error;
  }
  return "none";
}

test("parts of any sizes, of many ids at once, are put together as they were", () => {
  const random = new RandomValues(seededRandom(11));
  const before = bufferedBytes();
  const parts = new PartsIn();
  const contents = Array.from({ length: 40 }, (_, id) => {
    const size = headBytes + 1 + random.below(2 ** (3 + (id % 18)));
    return Buffer.from(Uint8Array.from({ length: size }, () => random.below(256)));
  });
  const sent = contents.map(() => 0);
  const whole: number[] = [];
  while (whole.length < contents.length) {
    const id = random.below(contents.length);
    const content = contents[id] ?? Buffer.alloc(0);
    const at = sent[id] ?? 0;
    if (at === content.length) continue;
    const part = content.subarray(at, at + 1 + random.below(content.length));
    const chunk = Buffer.from(part);
    const got = add(parts, id, chunk, at === 0 ? content.length : undefined);
    // What came is the reader's again, and may be written over.
    chunk.fill(0xee);
    sent[id] = at + part.length;
    expect(got === undefined).toBe(sent[id] < content.length);
    expect(parts.has(id)).toBe(got === undefined);
    if (got === undefined) continue;
    expect(got.equals(content)).toBe(true);
    whole.push(id);
  }
  expect([parts.oldest, bufferedBytes() - before]).toEqual([undefined, 0]);
});

test("room is made in proportion to what has come, and never for more than was announced", () => {
  for (const [waiting, part, total, room] of [
    [0, 1, 4_000_000, 32],
    [0, 10_000, 4_000_000, 320_000],
    [0, 65_536, 4_000_000, 2_097_152],
    [0, 65_536, 100_000, 100_000],
    [limits.maxBufferedBytes / 4, 65_536, 4_000_000, 262_144],
  ] as const) {
    const before = bufferedBytes();
    countBuffered(waiting - before);
    const parts = new PartsIn();
    add(parts, 1, part, total);
    expect(bufferedBytes() - waiting).toBe(room);
    for (let have = part; have + part < total && have < 200 * part;) {
      add(parts, 1, part);
      have += part;
      expect(bufferedBytes() - waiting).toBeLessThanOrEqual(roomFor(total, have));
    }
    parts.clear();
    expect(bufferedBytes()).toBe(waiting);
    countBuffered(before - waiting);
  }
});

test("a message in tiny parts is not copied with each of them", () => {
  const parts = new PartsIn();
  const total = 20_000;
  let rooms = 0;
  let room = -1;
  for (let have = 0; have < total; have++) {
    add(parts, 1, 1, have === 0 ? total : undefined);
    if (bufferedBytes() !== room) rooms++;
    room = bufferedBytes();
  }
  // 4, 20, 84, ... 20,000 and what is left when it is whole.
  expect(rooms).toBeLessThan(12);
});

test("what may be announced has its limits, exactly", () => {
  for (const [total, reason] of [
    [0, "PROTOCOL_ERROR"],
    [headBytes, "PROTOCOL_ERROR"],
    [headBytes + 1, "none"],
    [maxMessageBytes + headBytes, "none"],
    [maxMessageBytes + headBytes + 1, "FRAME_TOO_LARGE"],
    [4_294_967_295, "FRAME_TOO_LARGE"],
  ] as const) {
    const before = bufferedBytes();
    const parts = new PartsIn();
    expect([total, reasonOf(() => add(parts, 1, 1, total))]).toEqual([total, reason]);
    parts.clear();
    expect(bufferedBytes()).toBe(before);
  }
});

test("16 MiB may be announced together, or one message if that is larger, and no byte more", () => {
  for (const [max, sizes] of [
    [limits.maxMessageBytes, [4_000_000, 4_000_000, 4_000_000, 4_000_000, 777_216]],
    [20_000_000, [20_000_007 - 8, 8]],
  ] as const) {
    const parts = new PartsIn();
    for (const [id, size] of sizes.entries()) parts.add(id, new Uint8Array(1), size, max);
    expect(reasonOf(() => parts.add(100, new Uint8Array(1), 8, max))).toBe("TOO_MANY_PARTS");
    // Whoever is dropped makes room, and whoever is whole.
    expect(parts.drop(0)).toBe(true);
    expect(reasonOf(() => parts.add(101, new Uint8Array(8), 8, max))).toBe("none");
    expect(reasonOf(() => parts.add(102, new Uint8Array(1), sizes[0], max))).toBe("none");
    expect(reasonOf(() => parts.add(103, new Uint8Array(1), 8, max))).toBe("TOO_MANY_PARTS");
    parts.clear();
  }
});

test("parts that do not belong where they stand are refused", () => {
  const wrong: readonly (readonly [string, (parts: PartsIn) => unknown])[] = [
    ["a later part of an id of which none came", (parts) => add(parts, 1, 5)],
    ["a later part behind a whole message", (parts) => (add(parts, 1, 9, 9), add(parts, 1, 5))],
    [
      "a later part behind a drop",
      (parts) => (add(parts, 1, 5, 9), parts.drop(1), add(parts, 1, 4)),
    ],
    ["a first part within a message", (parts) => (add(parts, 1, 5, 9), add(parts, 1, 4, 9))],
    ["more than was announced", (parts) => (add(parts, 1, 5, 9), add(parts, 1, 5))],
    ["more than was announced at once", (parts) => add(parts, 1, 10, 9)],
    ["an empty first part", (parts) => add(parts, 1, 0, 9)],
    ["an empty later part", (parts) => (add(parts, 1, 5, 9), add(parts, 1, 0))],
  ];
  for (const [what, run] of wrong) {
    const before = bufferedBytes();
    const parts = new PartsIn();
    expect([what, reasonOf(() => run(parts))]).toEqual([what, "PROTOCOL_ERROR"]);
    parts.clear();
    expect(bufferedBytes()).toBe(before);
  }
});

test("the oldest message is told with its size, and one that begins anew is a new one", () => {
  const parts = new PartsIn();
  expect([parts.oldest, parts.oldestBytes]).toEqual([undefined, 0]);
  add(parts, 1, 1, 100);
  add(parts, 2, 1, 200);
  add(parts, 3, 1, 300);
  expect([parts.oldest, parts.oldestBytes]).toEqual([0, 100]);
  add(parts, 2, 1);
  expect([parts.oldest, parts.oldestBytes]).toEqual([0, 100]);
  add(parts, 1, 99);
  expect([parts.oldest, parts.oldestBytes]).toEqual([1, 200]);
  expect([parts.drop(2), parts.drop(2)]).toEqual([true, false]);
  add(parts, 1, 1, 400);
  expect([parts.oldest, parts.oldestBytes]).toEqual([2, 300]);
  parts.drop(3);
  expect([parts.oldest, parts.oldestBytes]).toEqual([3, 400]);
  parts.clear();
  expect([parts.oldest, parts.has(1)]).toEqual([undefined, false]);
});

test("a message for which the process has no room ends its connection, and frees what it held", () => {
  const before = bufferedBytes();
  const much = limits.maxBufferedBytes - before - 30_000;
  const parts = new PartsIn();
  add(parts, 1, 100, 1_000_000);
  countBuffered(much);
  expect(reasonOf(() => add(parts, 1, 5_000))).toBe("none");
  expect(reasonOf(() => add(parts, 1, 20_000))).toBe("BUFFERS_FULL");
  parts.clear();
  countBuffered(-much);
  expect(bufferedBytes()).toBe(before);
});
