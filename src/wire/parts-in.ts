import { limits } from "../base/limits.ts";
import { bufferedBytes, countBuffered, roomFor } from "./buffered.ts";
import { contentHeadBytes, FrameError } from "./frame.ts";

/** A message of which parts have come. */
interface Unfinished {
  bytes: Buffer;
  have: number;
  readonly totalBytes: number;
  /** Counted over the connection's life. */
  readonly number: number;
}

/** The content of a whole message: array head, kind, id and fields. */
export type Content = Buffer;

/**
 * Messages that come in parts, put together again. What they announce is bounded, and room is made
 * in proportion to what has really come.
 */
export class PartsIn {
  readonly #unfinished: Map<number, Unfinished> = new Map();
  #announcedBytes = 0;
  #count = 0;

  /** Whether a message of this id is unfinished. */
  has(id: number): boolean {
    return this.#unfinished.has(id);
  }

  /** The number of the message that is unfinished for the longest time; undefined when none is. */
  get oldest(): number | undefined {
    for (const { number } of this.#unfinished.values()) return number;
    return undefined;
  }

  /** How large that message is. */
  get oldestBytes(): number {
    for (const { totalBytes } of this.#unfinished.values()) return totalBytes;
    return 0;
  }

  /**
   * Adds a part; returns the content when that was the last. `totalBytes` is in the first part of a
   * message and in no other.
   *
   * @throws FrameError
   */
  add(
    id: number,
    part: Uint8Array,
    totalBytes: number | undefined,
    maxMessageBytes: number,
  ): Content | undefined {
    const message = this.#unfinished.get(id) ?? this.#begin(id, totalBytes, maxMessageBytes);
    if (totalBytes !== undefined && message.have > 0) {
      throw wrong(`a first part of ${id} within a message of it`);
    }
    const have = message.have + part.length;
    if (have > message.totalBytes) {
      throw wrong(`parts of ${id} that are more than the ${message.totalBytes} bytes announced`);
    }
    if (part.length === 0) throw wrong(`an empty part of ${id}`);
    if (have > message.bytes.length) this.#grow(message, have);
    message.bytes.set(part, message.have);
    message.have = have;
    if (have < message.totalBytes) return undefined;
    this.drop(id);
    return message.bytes;
  }

  #begin(id: number, totalBytes: number | undefined, maxMessageBytes: number): Unfinished {
    if (totalBytes === undefined) throw wrong(`a part of ${id}, of which no first one has come`);
    if (totalBytes - contentHeadBytes > maxMessageBytes) {
      throw new FrameError(
        "RESOURCE_EXHAUSTED",
        "FRAME_TOO_LARGE",
        `a message of ${totalBytes} bytes is larger than ${maxMessageBytes}`,
      );
    }
    if (totalBytes <= contentHeadBytes) throw wrong(`a message of ${totalBytes} bytes in parts`);
    const most = Math.max(limits.maxUnfinishedBytes, maxMessageBytes + contentHeadBytes);
    if (this.#announcedBytes + totalBytes > most) {
      throw new FrameError(
        "RESOURCE_EXHAUSTED",
        "TOO_MANY_PARTS",
        `messages of more than ${most} bytes are unfinished`,
      );
    }
    this.#announcedBytes += totalBytes;
    const bytes = Buffer.alloc(0);
    const message: Unfinished = { bytes, have: 0, totalBytes, number: this.#count++ };
    this.#unfinished.set(id, message);
    return message;
  }

  #grow(message: Unfinished, needed: number): void {
    const size = roomFor(message.totalBytes, needed);
    if (bufferedBytes() + size > limits.maxBufferedBytes) {
      throw new FrameError(
        "RESOURCE_EXHAUSTED",
        "BUFFERS_FULL",
        `no room for a message of ${message.totalBytes} bytes: ${bufferedBytes()} wait in this process`,
      );
    }
    const grown = Buffer.allocUnsafeSlow(size);
    message.bytes.copy(grown, 0, 0, message.have);
    countBuffered(size - message.bytes.length);
    message.bytes = grown;
  }

  /** Lets a message go; false when none of that id is unfinished. */
  drop(id: number): boolean {
    const message = this.#unfinished.get(id);
    if (message === undefined) return false;
    this.#unfinished.delete(id);
    this.#announcedBytes -= message.totalBytes;
    countBuffered(-message.bytes.length);
    return true;
  }

  /** Lets all go: the stream is over. */
  clear(): void {
    for (const id of [...this.#unfinished.keys()]) this.drop(id);
  }
}

function wrong(what: string): FrameError {
  return new FrameError("INVALID_ARGUMENT", "PROTOCOL_ERROR", what);
}
