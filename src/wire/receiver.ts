import { ValueReader } from "./decode.ts";
import { contentHeadBytes, firstSkippableKind, FrameError, FrameReader, kinds } from "./frame.ts";
import { Malformed } from "./heads.ts";
import { isKnownKind, readMessage } from "./message-reader.ts";
import type { Message } from "./message.ts";
import { PartsIn } from "./parts-in.ts";

/** What a receiver tells the owner of its channel. */
export interface ReceiverOwner {
  /** A whole, valid message. */
  message(message: Message): void;
  /** A frame for a call whose body is malformed; the connection is sound. */
  badBody(kind: number, id: number, why: string): void;
  /**
   * Whether a call or an item whose frame has come is not wanted, and its sender has been told so
   * where it must be: then its body is not even looked at.
   */
  turnsAway(kind: number, id: number): boolean;
  /** Whether a part is wanted; `first` when it says that it is the first of its message. */
  takesPart(id: number, first: boolean): boolean;
}

/** Bytes that come at once are worth giving back from here on. */
const leastWatchedBytes = 32_768;

const reader = new ValueReader();
const bodyKinds: ReadonlySet<number> = new Set([
  kinds.call,
  kinds.part,
  kinds.result,
  kinds.fault,
  kinds.item,
  kinds.end,
]);

/** What may come in parts, by the side that sends it. */
const partKinds: Readonly<Record<"caller" | "server", ReadonlySet<number>>> = {
  caller: new Set([kinds.call, kinds.fault, kinds.item]),
  server: new Set([kinds.result, kinds.fault, kinds.item]),
};

/** The reading half of a channel: bytes, frame, parts of a message put together, message, owner. */
export class Receiver extends FrameReader {
  readonly #channel: { readonly finished: boolean };
  readonly #owner: ReceiverOwner;
  readonly #from: "caller" | "server";
  /** Made with the first part. */
  #parts: PartsIn | undefined;
  /** The largest body that is accepted. */
  maxBodyBytes: number;

  /** `from` is the side that the peer is. */
  constructor(
    channel: { readonly finished: boolean },
    owner: ReceiverOwner,
    from: "caller" | "server",
    maxHelloBytes: number,
  ) {
    super();
    this.#channel = channel;
    this.#owner = owner;
    this.#from = from;
    this.maxBodyBytes = maxHelloBytes;
  }

  override get finished(): boolean {
    return this.#channel.finished;
  }

  /** The number of the message in parts that is not whole for the longest time. */
  get unfinishedMessage(): number | undefined {
    return this.#parts?.oldest;
  }

  /** How large that message is. */
  get unfinishedBytes(): number {
    return this.#parts?.oldestBytes ?? 0;
  }

  /**
   * Takes the next bytes. Returns whether they are many and used up, so that no value is a view of
   * them.
   *
   * @throws FrameError
   */
  push(bytes: Uint8Array): boolean {
    // Of a few, the buffer behind them is made when it is asked for, which costs more than it frees.
    if (bytes.length < leastWatchedBytes) {
      this.gather(bytes);
      return false;
    }
    const { buffer } = bytes;
    reader.watch(buffer);
    let usedUp = false;
    try {
      this.gather(bytes);
    } finally {
      // In any case, or the reader would hold on to the bytes of a connection that is over.
      usedUp = reader.unwatch(buffer);
    }
    return usedUp;
  }

  protected override frame(
    kind: number,
    id: number,
    fields: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    if (!isKnownKind(kind)) {
      if (kind >= firstSkippableKind) return;
      throw new FrameError("UNIMPLEMENTED", "UNKNOWN_KIND", `kind ${kind} is not known`);
    }
    if ((kind === kinds.call || kind === kinds.item) && this.#owner.turnsAway(kind, id)) return;
    if (this.#parts?.has(id) === true) this.#interrupt(kind, id);
    this.#read(kind, id, fields, bytes, start, end);
  }

  #read(kind: number, id: number, fields: number, bytes: Buffer, start: number, end: number): void {
    let message: Message;
    try {
      reader.open(bytes, start, end);
      message = readMessage(reader, kind, id, fields, this.#from);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      if (id === 0 || !bodyKinds.has(kind)) {
        throw new FrameError("INVALID_ARGUMENT", "BAD_MESSAGE", error.message);
      }
      // A message of which a part cannot be read never gets whole.
      this.dropUnfinished(id);
      this.#owner.badBody(kind, id, error.message);
      return;
    }
    if (message.kind === "part") this.#part(id, message.bytes, message.totalBytes);
    else this.#owner.message(message);
  }

  /** A frame of an id of which a message in parts is not whole. */
  #interrupt(kind: number, id: number): void {
    if (kind === kinds.cancel || kind === kinds.fault) this.dropUnfinished(id);
    else if (kind !== kinds.part && bodyKinds.has(kind)) {
      throw new FrameError("INVALID_ARGUMENT", "PROTOCOL_ERROR", `kind ${kind} within a message`);
    }
  }

  #part(id: number, bytes: Uint8Array, totalBytes: number | undefined): void {
    if (!this.#owner.takesPart(id, totalBytes !== undefined)) {
      this.dropUnfinished(id);
      return;
    }
    if (this.finished) return;
    this.#parts ??= new PartsIn();
    const content = this.#parts.add(id, bytes, totalBytes, this.maxBodyBytes);
    if (content === undefined) return;
    const kind = content[1] ?? 0;
    const fields = (content[0] ?? 0) - 0x82;
    if (fields < 0 || fields > 0x15 || content[2] !== 0x1a || content.readUInt32BE(3) !== id) {
      throw new FrameError("INVALID_ARGUMENT", "BAD_FRAME", `parts of ${id} that are no frame`);
    }
    if (!partKinds[this.#from].has(kind)) {
      throw new FrameError("INVALID_ARGUMENT", "PROTOCOL_ERROR", `kind ${kind} in parts`);
    }
    // The owner is not asked again: it has taken every part.
    this.#read(kind, id, fields, content, contentHeadBytes, content.length);
  }

  /** Whether a message of this id has come in part. */
  isUnfinished(id: number): boolean {
    return this.#parts?.has(id) === true;
  }

  /** Drops what has come of an id's message in parts; false when nothing has. */
  dropUnfinished(id: number): boolean {
    return this.#parts?.drop(id) === true;
  }

  /** Drops what is not whole: nothing more comes. */
  clear(): void {
    this.dropPartial();
    this.#parts?.clear();
  }
}
