import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { beginFrame, endFrame, FrameError, FrameReader, headBytes } from "../../src/wire/frame.ts";
import { Writer } from "../../src/wire/writer.ts";
import { fromHex, rawFrame } from "../support/scripted-peer.ts";

/** Keeps what a reader delivers, as text. */
class Frames extends FrameReader {
  readonly delivered: string[] = [];
  maxBodyBytes: number = limits.maxMessageBytes;
  finished = false;
  finishAfter = Number.POSITIVE_INFINITY;
  onFrame: () => void = () => {};

  push(chunk: Uint8Array): void {
    this.gather(chunk);
  }

  protected override frame(
    ...[kind, id, fields, bytes, start, end]: Parameters<FrameReader["frame"]>
  ): void {
    this.onFrame();
    this.delivered.push(`${kind} ${id} ${fields} ${Bun.hash(bytes.subarray(start, end))}`);
    if (this.delivered.length >= this.finishAfter) this.finished = true;
  }
}

function textOf(kind: number, id: number, fields: number, body: Uint8Array): string {
  return `${kind} ${id} ${fields} ${Bun.hash(body)}`;
}

function refusalOf(...pieces: readonly Buffer[]): FrameError {
  const frames = new Frames();
  try {
    for (const piece of pieces) frames.push(piece);
  } catch (error) {
    if (error instanceof FrameError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const bodies = [0, 1, 7, 60, 4_000, 70_000].map((size, index) =>
  new Uint8Array(size).fill(index + 1),
);
const stream = Buffer.concat(bodies.map((body, index) => rawFrame(index + 1, index, index, body)));
const expected = bodies.map((body, index) => textOf(index + 1, index, index, body));

test("a frame that is begun and ended has head, length and fields at their offsets", () => {
  const writer = new Writer();
  writer.raw(Uint8Array.of(1, 2, 3));
  const start = beginFrame(writer, 9, 0xdead_beef, 2);
  writer.raw(Uint8Array.of(7, 8));
  endFrame(writer, start);
  expect(start).toBe(3);
  expect(writer.length - start).toBe(headBytes + 2);
  expect(writer.bytes.toString("hex", start, writer.length)).toBe("5a0000000984091adeadbeef0708");
});

test("frames come out the same for chunks of any size", () => {
  for (const size of [1, 2, 3, 5, 11, 12, 13, 64, 1_000, 65_536, stream.length]) {
    const frames = new Frames();
    for (let at = 0; at < stream.length; at += size) frames.push(stream.subarray(at, at + size));
    expect(frames.delivered).toEqual(expected);
  }
});

test("two frames come out the same when they are cut in three at any two offsets", () => {
  const pair = Buffer.concat([
    rawFrame(9, 0, 1, Uint8Array.of(7)),
    rawFrame(3, 5, 1, Uint8Array.of(1, 2, 3)),
  ]);
  for (let first = 0; first <= pair.length; first++) {
    for (let second = first; second <= pair.length; second++) {
      const frames = new Frames();
      frames.push(pair.subarray(0, first));
      frames.push(pair.subarray(first, second));
      frames.push(pair.subarray(second));
      expect(frames.delivered).toEqual([
        textOf(9, 0, 1, Uint8Array.of(7)),
        textOf(3, 5, 1, Uint8Array.of(1, 2, 3)),
      ]);
    }
  }
});

test("a plain Uint8Array in the middle of a buffer is read as well as a Buffer", () => {
  const whole = new Uint8Array(stream.length + 20);
  whole.set(stream, 10);
  const frames = new Frames();
  frames.push(whole.subarray(10, 10 + stream.length));
  expect(frames.delivered).toEqual(expected);
});

test("empty chunks change nothing", () => {
  const frames = new Frames();
  frames.push(new Uint8Array());
  for (const byte of stream.subarray(0, 200)) {
    frames.push(Uint8Array.of(byte));
    frames.push(new Uint8Array());
  }
  frames.push(stream.subarray(200));
  expect(frames.delivered).toEqual(expected);
});

test("a chunk that is changed after it was pushed does not change a frame that it began", () => {
  const frames = new Frames();
  const chunk = Buffer.from(stream.subarray(0, 1_000));
  frames.push(chunk);
  chunk.fill(0xee);
  frames.push(stream.subarray(1_000));
  expect(frames.delivered).toEqual(expected);
});

test("once nothing more is wanted, the rest of the chunk is dropped", () => {
  for (const size of [1, 13, stream.length]) {
    const frames = new Frames();
    frames.finishAfter = 2;
    for (let at = 0; at < stream.length && !frames.finished; at += size) {
      frames.push(stream.subarray(at, at + size));
    }
    expect(frames.delivered).toEqual(expected.slice(0, 2));
  }
});

test("a body at the limit is delivered and one byte more is refused from its length alone", () => {
  for (const max of [0, 1, 4_096, limits.maxMessageBytes]) {
    const frames = new Frames();
    frames.maxBodyBytes = max;
    frames.push(rawFrame(3, 1, 1, new Uint8Array(max)));
    expect(frames.delivered.length).toBe(1);
    const over = rawFrame(3, 1, 1, new Uint8Array(max + 1)).subarray(0, 5);
    expect(() => frames.push(over)).toThrow(`a message of ${max + 1} bytes is larger than ${max}`);
  }
});

test("the limit may rise between two frames of one chunk", () => {
  const frames = new Frames();
  frames.maxBodyBytes = 10;
  frames.onFrame = () => (frames.maxBodyBytes = 1_000);
  frames.push(
    Buffer.concat([
      rawFrame(0, 0, 1, new Uint8Array(10)),
      rawFrame(1, 1, 1, new Uint8Array(1_000)),
    ]),
  );
  expect(frames.delivered.length).toBe(2);
});

test("what is wrong with a head is refused at the byte that is wrong", () => {
  const cases: readonly (readonly [hex: string, reason: string])[] = [
    ["59", "NOT_A_FRAME"],
    ["5a00000006", "BAD_FRAME"],
    ["5a00400008", "FRAME_TOO_LARGE"],
    ["5affffffff", "FRAME_TOO_LARGE"],
    ["5a0000000981", "BAD_FRAME"],
    ["5a0000000998", "BAD_FRAME"],
    ["5a000000098318", "BAD_FRAME"],
    ["5a0000000983031b", "BAD_FRAME"],
  ];
  for (const [hex, reason] of cases) {
    const bytes = fromHex(hex);
    expect(refusalOf(bytes).reason).toBe(reason);
    expect(refusalOf(...Array.from(bytes, (byte) => Buffer.from([byte]))).reason).toBe(reason);
    const frames = new Frames();
    frames.push(bytes.subarray(0, -1));
    expect(frames.delivered).toEqual([]);
  }
});

test("the claim of 4 MiB costs no memory before its bytes come, 10,000 times over", () => {
  const head = fromHex("5a00400007 83 03 1a00000001");
  for (const pieces of [[head], Array.from(head, (byte) => Buffer.from([byte]))]) {
    Bun.gc(true);
    const before = process.memoryUsage().external;
    const readers = Array.from({ length: 10_000 }, () => {
      const frames = new Frames();
      for (const piece of pieces) frames.push(piece);
      return frames;
    });
    const grown = process.memoryUsage().external - before;
    expect(readers.length).toBe(10_000);
    expect(grown).toBeLessThan(16 * 1_048_576);
    expect(readers.every(({ delivered }) => delivered.length === 0)).toBe(true);
  }
});

test("a frame that comes byte by byte takes room in proportion to what has come", () => {
  const frames = new Frames();
  frames.push(fromHex("5a00400007 83 03 1a00000001"));
  Bun.gc(true);
  const before = process.memoryUsage().external;
  for (let sent = 0; sent < 10_000; sent++) frames.push(Uint8Array.of(0));
  Bun.gc(true);
  expect(process.memoryUsage().external - before).toBeLessThan(1_048_576);
});

test("a peer that speaks something else first is recognised", () => {
  const speakers: readonly (readonly [said: string, hint: string])[] = [
    ["GET / HTTP/1.1\r\n", "peer speaks HTTP"],
    ["POST /x HTTP/1.1\r\n", "peer speaks HTTP"],
    ["PRI * HTTP/2.0\r\n", "peer speaks HTTP"],
    ["HTTP/1.1 400 Bad Request\r\n", "peer speaks HTTP"],
    ["CONNECT a:1 HTTP/1.1\r\n", "peer speaks HTTP"],
    ["\u0016\u0003\u0001\u0002\u0000", "peer speaks TLS"],
    ['{"MagicNumber":3927900,"CodecType":"application/gob"}', "peer speaks JSON, as GeeRPC does"],
    ["GEH", "bytes that are no frame"],
    ["\u0000\u0000\u0000\u0000", "bytes that are no frame"],
    ["SSH-2.0-OpenSSH", "bytes that are no frame"],
  ];
  for (const [said, hint] of speakers) {
    const refusal = refusalOf(Buffer.from(said, "latin1"));
    expect(refusal).toMatchObject({ code: "INVALID_ARGUMENT", reason: "NOT_A_FRAME" });
    expect(refusal.message).toBe(hint);
  }
});

test("behind a frame there is no guess at who speaks", () => {
  const refusal = refusalOf(
    Buffer.concat([rawFrame(9, 0, 1, Uint8Array.of(1)), Buffer.from("GET / HTTP/1.1\r\n")]),
  );
  expect(refusal.message).toBe("bytes that are no frame");
});
