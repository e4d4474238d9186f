import { codeNumbers, GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { CannotTravel, ValueEncoder } from "./encode.ts";
import { beginFrame, endFrame, headBytes, kinds } from "./frame.ts";
import { callerHelloFields, magic, serverHelloFields } from "./hello.ts";
import { executedWords } from "./message.ts";
import type { CallMessage, FaultMessage, Message, Metadata } from "./message.ts";
import { TooLarge, Writer } from "./writer.ts";

const sharedWriter = new Writer();
const sharedValues = new ValueEncoder(sharedWriter);
/** Encoding runs the getters of what is sent, and those may send: the inner one gets its own. */
let sharedInUse = false;

/** What a message's values are called in an error: the root of the path. */
function rootOf(message: Message): string {
  if (message.kind === "call") return "args";
  if (message.kind === "fault") return "details";
  return message.kind;
}

function writeMetadata(writer: Writer, values: ValueEncoder, metadata: Metadata | undefined): void {
  for (const [key, text] of Object.entries<unknown>(metadata ?? {})) {
    if (typeof text === "string") continue;
    throw new GeeError("INVALID_ARGUMENT", `metadata.${key}: metadata is text`, {
      reason: "CANNOT_TRAVEL",
      executed: "no",
    });
  }
  const start = writer.length;
  values.value(metadata ?? null);
  if (writer.length - start > limits.maxMetadataBytes) {
    throw new GeeError(
      "INVALID_ARGUMENT",
      `metadata of ${writer.length - start} bytes are more than ${limits.maxMetadataBytes}`,
      { reason: "METADATA_TOO_LARGE", executed: "no" },
    );
  }
}

function cutText(text: string): string {
  return text.length > limits.maxFaultTextLength ? text.slice(0, limits.maxFaultTextLength) : text;
}

/** What a fault says of waiting comes from a program's own error, so it may be any number. */
function wholeMs(ms: number | undefined): number | undefined {
  if (ms === undefined || Number.isNaN(ms)) return undefined;
  return Math.min(Math.max(Math.ceil(ms), 0), limits.maxTimeoutMs);
}

function writeCall(writer: Writer, values: ValueEncoder, call: CallMessage): number {
  const more =
    call.idleMs !== undefined
      ? 6
      : call.streamArgument !== undefined
        ? 5
        : call.idempotencyKey !== undefined
          ? 4
          : call.metadata !== undefined
            ? 3
            : call.attempt !== 0
              ? 2
              : call.flags !== 0
                ? 1
                : 0;
  const start = beginFrame(writer, kinds.call, call.id, 3 + more);
  if (typeof call.method === "number") writer.head(0x00, call.method);
  else writer.text(call.method);
  if (call.timeoutMs === undefined) writer.byte(0xf6);
  else writer.head(0x00, call.timeoutMs);
  values.args(call.args, more === 0);
  if (more > 0) writer.head(0x00, call.flags);
  if (more > 1) writer.head(0x00, call.attempt);
  if (more > 2) writeMetadata(writer, values, call.metadata);
  if (more > 3) values.value(call.idempotencyKey ?? null);
  if (more > 4) values.value(call.streamArgument ?? null);
  if (more > 5) values.value(call.idleMs ?? null);
  return start;
}

function writeFault(writer: Writer, values: ValueEncoder, fault: FaultMessage): number {
  const retryAfterMs = wholeMs(fault.retryAfterMs);
  const more =
    fault.metadata !== undefined
      ? 4
      : fault.details !== undefined
        ? 3
        : retryAfterMs !== undefined
          ? 2
          : fault.reason !== undefined
            ? 1
            : 0;
  const start = beginFrame(writer, kinds.fault, fault.id, 3 + more);
  writer.head(0x00, codeNumbers[fault.code]);
  writer.text(cutText(fault.message));
  writer.head(0x00, executedWords.indexOf(fault.executed));
  if (more > 0) values.value(fault.reason === undefined ? null : cutText(fault.reason));
  if (more > 1) values.value(retryAfterMs ?? null);
  if (more > 2) values.value(fault.details);
  if (more > 3) writeMetadata(writer, values, fault.metadata);
  return start;
}

/** A result or an item. */
function writeValue(
  writer: Writer,
  values: ValueEncoder,
  kind: number,
  message: {
    readonly id: number;
    readonly value: unknown;
    readonly metadata: Metadata | undefined;
  },
): number {
  const { metadata } = message;
  const start = beginFrame(writer, kind, message.id, metadata === undefined ? 1 : 2);
  values.value(message.value, metadata === undefined);
  if (metadata !== undefined) writeMetadata(writer, values, metadata);
  return start;
}

function write(writer: Writer, values: ValueEncoder, message: Message): number {
  switch (message.kind) {
    case "call":
      return writeCall(writer, values, message);
    case "result":
    case "item":
      return writeValue(writer, values, kinds[message.kind], message);
    case "fault":
      return writeFault(writer, values, message);
    case "callerHello":
    case "serverHello": {
      const start = beginFrame(writer, kinds.hello, 0, 3);
      writer.longHead(0x00, magic);
      writer.head(0x00, message.hello.version);
      values.value(
        message.kind === "callerHello"
          ? callerHelloFields(message.hello)
          : serverHelloFields(message.hello),
      );
      return start;
    }
    case "part": {
      const { totalBytes } = message;
      const start = beginFrame(writer, kinds.part, message.id, totalBytes === undefined ? 1 : 2);
      writer.head(0x40, message.bytes.length);
      writer.raw(message.bytes);
      if (totalBytes !== undefined) writer.head(0x00, totalBytes);
      return start;
    }
    case "cancel": {
      const text = message.message;
      const start = beginFrame(writer, kinds.cancel, message.id, text === undefined ? 1 : 2);
      writer.head(0x00, codeNumbers[message.code]);
      if (text !== undefined) writer.text(cutText(text));
      return start;
    }
    case "end": {
      const { metadata } = message;
      const start = beginFrame(writer, kinds.end, message.id, metadata === undefined ? 0 : 1);
      if (metadata !== undefined) writeMetadata(writer, values, metadata);
      return start;
    }
    case "credit": {
      const start = beginFrame(writer, kinds.credit, message.id, 1);
      writer.head(0x00, message.bytes);
      return start;
    }
    case "ping":
    case "pong": {
      const start = beginFrame(writer, kinds[message.kind], 0, 1);
      writer.head(0x00, message.token);
      return start;
    }
    case "drain": {
      const { reason } = message;
      const start = beginFrame(writer, kinds.drain, 0, reason === undefined ? 1 : 2);
      writer.head(0x00, message.lastCallId);
      if (reason !== undefined) writer.text(cutText(reason));
      return start;
    }
    default:
      return message satisfies never;
  }
}

function unsendable(error: unknown, message: Message, maxMessageBytes: number): GeeError {
  if (error instanceof GeeError) return error;
  if (error instanceof TooLarge) {
    return new GeeError(
      "RESOURCE_EXHAUSTED",
      `the ${rootOf(message)} would be larger than maxMessageBytes, ${maxMessageBytes}`,
      { reason: "MESSAGE_TOO_LARGE", executed: "no" },
    );
  }
  if (error instanceof CannotTravel) {
    return new GeeError("INVALID_ARGUMENT", `${rootOf(message)}${error.path}: ${error.message}`, {
      reason: "CANNOT_TRAVEL",
      executed: "no",
    });
  }
  return new GeeError("INVALID_ARGUMENT", `the ${rootOf(message)} could not be read`, {
    reason: "CANNOT_TRAVEL",
    executed: "no",
    cause: error,
  });
}

/**
 * The bytes of one frame, until the next message is encoded: the first of them in `bytes`, and the
 * last in `tail` when that is there.
 */
export interface EncodedFrame {
  readonly bytes: Buffer;
  /** Of the whole frame, the tail included. */
  readonly length: number;
  /** Large bytes that end the frame: those of the value itself, which its owner may change later. */
  readonly tail: Uint8Array | undefined;
  /** The whole frame as the caller's own, in a buffer of just that size. */
  copy(): Buffer;
  /** To be called when the tail was copied, or will not be: else it is held until the next message. */
  forgetTail(): void;
}

/**
 * Encodes one message as one frame, to be copied at once.
 *
 * @throws GeeError INVALID_ARGUMENT, reason CANNOT_TRAVEL, for a value that cannot travel, naming
 *   its path; RESOURCE_EXHAUSTED, reason MESSAGE_TOO_LARGE
 */
export function encodeMessage(message: Message, maxMessageBytes: number): EncodedFrame {
  const shared = !sharedInUse;
  const writer = shared ? sharedWriter : new Writer();
  const values = shared ? sharedValues : new ValueEncoder(writer);
  sharedInUse = true;
  try {
    writer.reset(maxMessageBytes + headBytes);
    values.reset();
    const start = write(writer, values, message);
    writer.checkSize();
    endFrame(writer, start);
    return writer;
  } catch (error) {
    writer.forgetTail();
    throw unsendable(error, message, maxMessageBytes);
  } finally {
    if (shared) sharedInUse = false;
  }
}
