import { ValueReader } from "../../src/wire/decode.ts";
import { kinds } from "../../src/wire/frame.ts";
import { Malformed } from "../../src/wire/heads.ts";
import { readMessage } from "../../src/wire/message-reader.ts";
import type { CallMessage } from "../../src/wire/message.ts";

/** A message as it went over a wire: in one frame, or in parts, of which the first is told too. */
export interface WholeFrame {
  readonly kind: number;
  readonly id: number;
  /** Array head, kind, id and fields; undefined for a first part of which the rest is to come. */
  readonly content: Buffer | undefined;
}

/**
 * Puts together what was sent in parts, by the heads of the frames and by nothing else: what a
 * receiver makes of the same bytes must not depend on its own code.
 */
export function* wholeFrames(bytes: Buffer): Generator<WholeFrame> {
  const unfinished = new Map<number, { pieces: Buffer[]; readonly totalBytes: number }>();
  for (let at = 0; at + 12 <= bytes.length && bytes[at] === 0x5a;) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length || end < at + 12) return;
    const kind = bytes[at + 6] ?? 0;
    const id = bytes.readUInt32BE(at + 8);
    const content = bytes.subarray(at + 5, end);
    at = end;
    if (kind !== kinds.part) {
      if (kind === kinds.cancel || kind === kinds.fault) unfinished.delete(id);
      yield { kind, id, content };
      continue;
    }
    const part = partOf(content);
    let message = unfinished.get(id);
    if (part?.totalBytes !== undefined) {
      message = { pieces: [], totalBytes: part.totalBytes };
      unfinished.set(id, message);
      yield { kind, id, content: undefined };
    }
    if (part === undefined || message === undefined) continue;
    message.pieces.push(part.bytes);
    const whole = Buffer.concat(message.pieces);
    if (whole.length < message.totalBytes) continue;
    unfinished.delete(id);
    yield { kind: whole[1] ?? 0, id, content: whole };
  }
}

const reader = new ValueReader();

/** A content's fields as the message that they are; undefined when they are none. */
function messageOf(content: Buffer): ReturnType<typeof readMessage> | undefined {
  if (content.length < 7) return undefined;
  const fields = (content[0] ?? 0) - 0x82;
  try {
    reader.open(content, 7, content.length);
    return readMessage(reader, content[1] ?? 0, content.readUInt32BE(3), fields, "caller");
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

function partOf(
  content: Buffer,
): { readonly bytes: Buffer; readonly totalBytes: number | undefined } | undefined {
  const message = messageOf(content);
  if (message?.kind !== "part") return undefined;
  return { bytes: Buffer.from(message.bytes), totalBytes: message.totalBytes };
}

/** A call from its content; undefined when that is none, or one that cannot be read. */
export function callIn(content: Buffer | undefined): CallMessage | undefined {
  const message = content === undefined ? undefined : messageOf(content);
  return message?.kind === "call" ? message : undefined;
}
