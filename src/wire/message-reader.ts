import { codeFromNumber } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { Malformed } from "./heads.ts";
import type { ValueReader } from "./decode.ts";
import { headBytes, kinds } from "./frame.ts";
import { magic, parseCallerHello, parseServerHello } from "./hello.ts";
import { executedWords } from "./message.ts";
import type { CallMessage, FaultMessage, Message, Metadata } from "./message.ts";
import { partBytes } from "./part-blocks.ts";

const nothing = 0xf6;

/** Reads over a null or undefined that stands for a field that is not there. */
function skipNothing(reader: ValueReader): boolean {
  const next = reader.peek();
  if (next !== nothing && next !== 0xf7) return false;
  reader.skip();
  return true;
}

// No closures here: one for each optional field was a sixth of a server's time.

function readMetadataOr(reader: ValueReader, present: boolean): Metadata | undefined {
  return present && !skipNothing(reader) ? readMetadata(reader) : undefined;
}

function readUintOr(reader: ValueReader, present: boolean, max: number): number | undefined {
  return present && !skipNothing(reader) ? reader.uint(max) : undefined;
}

function readTextOr(reader: ValueReader, present: boolean, max: number): string | undefined {
  return present && !skipNothing(reader) ? reader.text(max) : undefined;
}

function readMetadata(reader: ValueReader): Metadata {
  // By the byte and not by the value: a date or bytes are objects too.
  const isMap = reader.peek() >> 5 === 5;
  const start = reader.offset;
  const value = reader.value();
  if (reader.offset - start > limits.maxMetadataBytes) {
    throw new Malformed(`metadata of more than ${limits.maxMetadataBytes} bytes`);
  }
  if (!isMap || typeof value !== "object" || value === null) {
    throw new Malformed("metadata that is no map");
  }
  const metadata: Record<string, string> = {};
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") throw new Malformed("metadata with a value that is no text");
    metadata[key] = text;
  }
  return metadata;
}

function readArgs(reader: ValueReader): unknown[] {
  const count = reader.arrayHead();
  const args: unknown[] = [];
  for (let index = 0; index < count; index++) args.push(reader.value());
  return args;
}

function readCall(reader: ValueReader, id: number, fields: number): CallMessage {
  const method = reader.peek() >> 5 === 0 ? reader.uint(0xffff_ffff) : reader.cachedText();
  const timeoutMs = readUintOr(reader, true, limits.maxTimeoutMs);
  const args = readArgs(reader);
  return {
    kind: "call",
    id,
    method,
    timeoutMs,
    args,
    flags: fields > 3 ? reader.uint(0xffff_ffff) : 0,
    attempt: fields > 4 ? reader.uint(0xffff) : 0,
    metadata: readMetadataOr(reader, fields > 5),
    idempotencyKey: readTextOr(reader, fields > 6, 256),
    streamArgument: readUintOr(reader, fields > 7, limits.maxItems),
    idleMs: readUintOr(reader, fields > 8, limits.maxTimeoutMs),
  };
}

function readCredit(reader: ValueReader): number {
  const bytes = reader.uint(limits.maxCreditBytes);
  if (bytes === 0) throw new Malformed("credit of nothing");
  return bytes;
}

function readFault(reader: ValueReader, id: number, fields: number): FaultMessage {
  return {
    kind: "fault",
    id,
    code: codeFromNumber(reader.uint(0xffff_ffff)),
    message: reader.text(limits.maxFaultTextLength),
    executed: executedWords[reader.uint(0xff)] ?? "maybe",
    reason: readTextOr(reader, fields > 3, limits.maxFaultTextLength),
    retryAfterMs: readUintOr(reader, fields > 4, limits.maxTimeoutMs),
    details: fields > 5 ? reader.value() : undefined,
    metadata: readMetadataOr(reader, fields > 6),
  };
}

function readHello(reader: ValueReader, side: "caller" | "server"): Message {
  if (reader.uint(0xffff_ffff) !== magic) throw new Malformed("a hello without the magic number");
  const version = reader.uint(0xffff);
  const fields = reader.value();
  return side === "server"
    ? { kind: "serverHello", id: 0, hello: parseServerHello(version, fields) }
    : { kind: "callerHello", id: 0, hello: parseCallerHello(version, fields) };
}

/** The fields that each kind has at least, and at most in this version. */
const fieldCounts: readonly (readonly [kind: number, least: number, known: number])[] = [
  [kinds.hello, 3, 3],
  [kinds.call, 3, 9],
  [kinds.part, 1, 2],
  [kinds.result, 1, 2],
  [kinds.fault, 3, 7],
  [kinds.cancel, 1, 2],
  [kinds.item, 1, 2],
  [kinds.end, 0, 1],
  [kinds.credit, 1, 1],
  [kinds.ping, 1, 1],
  [kinds.pong, 1, 1],
  [kinds.drain, 1, 2],
];

// Plain lists of numbers: they are looked into twice for each frame.
const leastFields: number[] = Array.from({ length: 24 }, () => -1);
const knownFields: number[] = Array.from({ length: 24 }, () => 0);
for (const [kind, least, known] of fieldCounts) {
  leastFields[kind] = least;
  knownFields[kind] = known;
}

/** Whether this version knows a kind. */
export function isKnownKind(kind: number): boolean {
  return (leastFields[kind] ?? -1) >= 0;
}

/**
 * Reads a frame's fields as the message that they are. Fields beyond those that this version knows
 * are held to the rules of values and then ignored. `from` is the side that sent it.
 *
 * @throws Malformed
 */
export function readMessage(
  reader: ValueReader,
  kind: number,
  id: number,
  fields: number,
  from: "caller" | "server",
): Message {
  const least = leastFields[kind] ?? 0;
  const known = knownFields[kind] ?? 0;
  if (fields < least) throw new Malformed(`a message of kind ${kind} with ${fields} fields`);
  const message = readKnown(reader, kind, id, fields, from);
  for (let extra = known; extra < fields; extra++) reader.skip();
  reader.close();
  return message;
}

function readKnown(
  reader: ValueReader,
  kind: number,
  id: number,
  fields: number,
  from: "caller" | "server",
): Message {
  switch (kind) {
    case kinds.call:
      return readCall(reader, id, fields);
    case kinds.result:
      return {
        kind: "result",
        id,
        value: reader.value(),
        metadata: readMetadataOr(reader, fields > 1),
      };
    case kinds.item: {
      const bytes = reader.left + headBytes;
      return {
        kind: "item",
        id,
        value: reader.value(),
        metadata: readMetadataOr(reader, fields > 1),
        bytes,
      };
    }
    case kinds.fault:
      return readFault(reader, id, fields);
    case kinds.hello:
      return readHello(reader, from);
    case kinds.part: {
      const bytes = reader.borrowedBytes();
      if (bytes.length > partBytes) throw new Malformed(`a part of more than ${partBytes} bytes`);
      const totalBytes = fields > 1 ? reader.uint(0xffff_ffff) : undefined;
      return { kind: "part", id, bytes, totalBytes };
    }
    case kinds.cancel:
      return {
        kind: "cancel",
        id,
        code: codeFromNumber(reader.uint(0xffff_ffff)),
        message: readTextOr(reader, fields > 1, limits.maxFaultTextLength),
      };
    case kinds.end:
      return {
        kind: "end",
        id,
        metadata: readMetadataOr(reader, fields > 0),
      };
    case kinds.credit:
      return { kind: "credit", id, bytes: readCredit(reader) };
    case kinds.ping:
      return { kind: "ping", id: 0, token: reader.uint(0xffff_ffff) };
    case kinds.pong:
      return { kind: "pong", id: 0, token: reader.uint(0xffff_ffff) };
    case kinds.drain:
      return {
        kind: "drain",
        id: 0,
        lastCallId: reader.uint(0xffff_ffff),
        reason: readTextOr(reader, fields > 1, limits.maxFaultTextLength),
      };
    default:
      throw new Malformed(`kind ${kind}`);
  }
}
