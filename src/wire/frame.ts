import type { Code } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { bufferedBytes, countBuffered, roomFor } from "./buffered.ts";
import { uint32At } from "./heads.ts";
import type { Writer } from "./writer.ts";

/**
 * Frames: `5a`, a 32-bit length, and so many bytes of content. The content starts with an array's
 * head, a one-byte kind and `1a` with the 32-bit call id, all at fixed offsets. Numbers of kinds
 * are append only.
 */
export const kinds = {
  hello: 0,
  call: 1,
  part: 2,
  result: 3,
  fault: 4,
  cancel: 5,
  item: 6,
  end: 7,
  credit: 8,
  ping: 9,
  pong: 10,
  drain: 11,
  /** A frame that its sender took back before a byte of it had left. */
  void: 16,
} as const;

/** From this kind on, a receiver that does not know a kind skips the frame instead of refusing. */
export const firstSkippableKind = 16;

const mark = 0x5a;
const idMark = 0x1a;
/** `5a` and the length. */
export const prefixBytes = 5;
/** Array head, kind, `1a` and id: the least that a frame holds. */
export const contentHeadBytes = 7;
/** From a frame's first byte to its first field. */
export const headBytes: number = prefixBytes + contentHeadBytes;
/** Where the kind stands, counted from the frame's first byte. */
export const kindOffset = 6;
/** Where the id stands, counted likewise. */
export const idOffset = 8;

/** A frame's buffer up to this size is made however much else waits. */
const smallBytes = 65_536;

/** Thrown for bytes that end a connection: no frame, or one that is not allowed. */
export class FrameError extends Error {
  readonly code: Code;
  readonly reason: string;

  constructor(code: Code, reason: string, message: string) {
    super(message);
    this.code = code;
    this.reason = reason;
  }
}

/** Writes the head of a frame with `fields` fields behind kind and id; returns where it starts. */
export function beginFrame(writer: Writer, kind: number, id: number, fields: number): number {
  const start = writer.length;
  writer.ensure(headBytes);
  const { bytes } = writer;
  bytes[start] = mark;
  bytes[start + 5] = 0x82 + fields;
  bytes[start + kindOffset] = kind;
  bytes[start + 7] = idMark;
  writer.view.setUint32(start + idOffset, id);
  writer.length = start + headBytes;
  return start;
}

/** Writes a whole head into a buffer: `length` is that of the content. */
export function writeHead(
  bytes: Buffer,
  start: number,
  kind: number,
  id: number,
  fields: number,
  length: number,
): void {
  bytes[start] = mark;
  bytes.writeUInt32BE(length, start + 1);
  bytes[start + 5] = 0x82 + fields;
  bytes[start + kindOffset] = kind;
  bytes[start + 7] = idMark;
  bytes.writeUInt32BE(id, start + idOffset);
}

/** How many fields the frame has that begins at `start`. */
export function fieldsAt(bytes: Uint8Array, start: number): number {
  return (bytes[start + prefixBytes] ?? 0) - 0x82;
}

/** Puts the length into a frame's head once its last field is written. */
export function endFrame(writer: Writer, start: number): void {
  writer.view.setUint32(start + 1, writer.length - start - prefixBytes);
}

function whoSpeaks(bytes: Buffer, start: number): string {
  const head = bytes.toString("latin1", start, start + 4);
  if (/^(?:GET|POST|PUT|HEAD|OPTI|DELE|CONN|PATC|PRI|HTTP)/.test(head)) return "peer speaks HTTP";
  if (head.startsWith("\u0016\u0003")) return "peer speaks TLS";
  if (head.startsWith("{")) return "peer speaks JSON, as GeeRPC does";
  return "bytes that are no frame";
}

/**
 * Cuts a stream of bytes into frames, whatever the chunks. Length, kind and id are checked as soon
 * as their bytes are there, before anything is made for the body. A frame that comes in pieces is
 * gathered in a buffer that grows with what has really arrived, never with what was claimed.
 */
export abstract class FrameReader {
  /** The frame that is incomplete, from its first byte; undefined between frames. */
  #partial: Buffer | undefined;
  #have = 0;
  /** Frames that were whole. */
  #count = 0;

  /** The largest body (content behind kind and id) that is accepted now. */
  protected abstract readonly maxBodyBytes: number;
  /** Whether nothing more is wanted: the rest of what was pushed is dropped. */
  abstract readonly finished: boolean;

  /**
   * A frame's fields: `fields` data items in `bytes[start]` to `bytes[end - 1]`. They are the reader's
   * again when this returns.
   */
  protected abstract frame(
    kind: number,
    id: number,
    fields: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void;

  /** The number of the frame that is incomplete, counted from 0; undefined between frames. */
  get incompleteFrame(): number | undefined {
    return this.#partial === undefined ? undefined : this.#count;
  }

  /** Size of the frame that is incomplete, as far as it is known. */
  get incompleteBytes(): number {
    const partial = this.#partial;
    return partial === undefined || this.#have < prefixBytes
      ? 0
      : this.#check(partial, 0, this.#have);
  }

  /** Drops what is incomplete: the stream is over. */
  protected dropPartial(): void {
    this.#hold(undefined);
  }

  /** Keeps, or lets go of, the buffer of the incomplete frame. */
  #hold(partial: Buffer | undefined): void {
    countBuffered((partial?.length ?? 0) - (this.#partial?.length ?? 0));
    this.#partial = partial;
  }

  /** Takes the next bytes of the stream. @throws FrameError */
  protected gather(chunk: Uint8Array): void {
    let bytes = Buffer.isBuffer(chunk)
      ? chunk
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    if (this.#partial !== undefined) {
      at = this.#gather(bytes);
      if (this.#partial !== undefined) return;
      if (at === bytes.length) return;
    }
    while (!this.finished) {
      const left = bytes.length - at;
      if (left === 0) return;
      if (left < headBytes) {
        this.#check(bytes, at, left);
        break;
      }
      const total = this.#check(bytes, at, left);
      if (total > left) break;
      this.#deliver(bytes, at, total);
      at += total;
    }
    if (this.finished) return;
    bytes = bytes.subarray(at);
    // Room for the rest as well, where its size is known.
    const total = bytes.length < headBytes ? 0 : this.#check(bytes, 0, bytes.length);
    const partial = Buffer.allocUnsafeSlow(Math.max(64, roomFor(total, bytes.length)));
    bytes.copy(partial);
    this.#hold(partial);
    this.#have = bytes.length;
  }

  /** Adds to the incomplete frame; returns how many bytes it took. */
  #gather(bytes: Buffer): number {
    let at = 0;
    let partial = this.#partial ?? Buffer.alloc(0);
    // The head first, by itself, so that it is checked before anything is made for the body.
    while (this.#have < headBytes) {
      const piece = bytes.subarray(at, at + headBytes - this.#have);
      if (piece.length === 0) return at;
      piece.copy(partial, this.#have);
      this.#have += piece.length;
      at += piece.length;
      this.#check(partial, 0, this.#have);
    }
    const total = this.#check(partial, 0, this.#have);
    const piece = bytes.subarray(at, at + total - this.#have);
    if (this.#have + piece.length > partial.length) {
      const size = Math.max(Math.min(total, 4_096), roomFor(total, this.#have + piece.length));
      if (size > smallBytes && bufferedBytes() + size > limits.maxBufferedBytes) {
        throw new FrameError(
          "RESOURCE_EXHAUSTED",
          "BUFFERS_FULL",
          `no room for a frame of ${total} bytes: ${bufferedBytes()} wait in this process`,
        );
      }
      const grown = Buffer.allocUnsafeSlow(size);
      partial.copy(grown, 0, 0, this.#have);
      partial = grown;
      this.#hold(grown);
    }
    piece.copy(partial, this.#have);
    this.#have += piece.length;
    at += piece.length;
    if (this.#have < total) return at;
    this.#hold(undefined);
    this.#have = 0;
    this.#deliver(partial, 0, total);
    return at;
  }

  /** Checks as much of a head as is there; returns the frame's size (0 while it is unknown). */
  #check(bytes: Buffer, start: number, have: number): number {
    if (bytes[start] !== mark) {
      const what = this.#count > 0 ? "bytes that are no frame" : whoSpeaks(bytes, start);
      throw new FrameError("INVALID_ARGUMENT", "NOT_A_FRAME", what);
    }
    if (have < prefixBytes) return 0;
    const length = uint32At(bytes, start + 1);
    if (length < contentHeadBytes) {
      throw new FrameError("INVALID_ARGUMENT", "BAD_FRAME", `a frame of ${length} bytes`);
    }
    const max = this.maxBodyBytes;
    if (length - contentHeadBytes > max) {
      throw new FrameError(
        "RESOURCE_EXHAUSTED",
        "FRAME_TOO_LARGE",
        `a message of ${length - contentHeadBytes} bytes is larger than ${max}`,
      );
    }
    if (have > 5) {
      const array = bytes[start + 5] ?? 0;
      if (array < 0x82 || array > 0x97) {
        throw new FrameError("INVALID_ARGUMENT", "BAD_FRAME", "a frame without an array");
      }
    }
    if (have > kindOffset && (bytes[start + kindOffset] ?? 0) > 23) {
      throw new FrameError("INVALID_ARGUMENT", "BAD_FRAME", "a frame without a kind");
    }
    if (have > 7 && bytes[start + 7] !== idMark) {
      throw new FrameError("INVALID_ARGUMENT", "BAD_FRAME", "a frame without a 32-bit id");
    }
    return prefixBytes + length;
  }

  #deliver(bytes: Buffer, start: number, total: number): void {
    this.#count++;
    this.frame(
      bytes[start + kindOffset] ?? 0,
      uint32At(bytes, start + idOffset),
      fieldsAt(bytes, start),
      bytes,
      start + headBytes,
      start + total,
    );
  }
}
