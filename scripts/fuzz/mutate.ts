import { kinds } from "../../src/wire/frame.ts";
import type { Message } from "../../src/wire/message.ts";
import { frameOf, rawFrame } from "../../test/support/scripted-peer.ts";
import type { RandomValues } from "../../test/wire/random-values.ts";
import { encodeOurs, mutated } from "./values.ts";

/** The methods that the fuzzed server has, one that it has not, and names of a stranger's. */
const methods = [
  "Probe.Echo",
  "Probe.Wait",
  "Probe.Fail",
  "Probe.Hang",
  "Probe.Large",
  "Probe.Count",
  "Probe.Take",
  "Probe.None",
  "__proto__",
];

const nothing = { metadata: undefined } as const;

function pick<T>(random: RandomValues, choices: readonly [T, ...T[]]): T {
  return choices[random.below(choices.length)] ?? choices[0];
}

function callFrame(random: RandomValues, id: number, hasStream = false): Buffer {
  const method = random.below(4) === 0 ? random.below(9) : methods[random.below(methods.length)];
  const args = Array.from({ length: random.below(3) }, () => random.value(2));
  return frameOf({
    kind: "call",
    id,
    method: method ?? 0,
    timeoutMs: hasStream && random.below(2) === 0 ? undefined : random.below(6_000),
    args: hasStream ? [null, ...args] : args,
    flags: random.below(12) === 0 ? 1 << random.below(10) : 0,
    attempt: random.below(3),
    metadata: random.below(4) === 0 ? { trace: random.text() } : undefined,
    idempotencyKey: random.below(20) === 0 ? "key" : undefined,
    streamArgument: hasStream ? 0 : undefined,
    idleMs: random.below(3) === 0 ? 1 + random.below(6_000) : undefined,
  });
}

function creditFrame(random: RandomValues, id: number): Buffer {
  return frameOf({ kind: "credit", id, bytes: 1 + random.below(2 ** random.below(28)) });
}

/** What may come of one stream: items and credit, and perhaps its end. */
function streamFrames(random: RandomValues, id: number): Buffer[] {
  const frames = Array.from({ length: random.below(6) }, () => {
    const value = random.below(8) === 0 ? new Uint8Array(random.below(9_000)) : random.value(2);
    const metadata = random.below(4) === 0 ? { trace: random.text() } : undefined;
    return random.below(4) === 0
      ? creditFrame(random, id)
      : frameOf({ kind: "item", id, value, metadata, bytes: 0 });
  });
  const last = pick<() => Buffer[]>(random, [
    () => [],
    () => [frameOf({ kind: "end", id, ...nothing })],
    () => [frameOf({ kind: "cancel", id, code: "CANCELLED", message: undefined })],
    () => [faultFrame(random, id)],
  ])();
  return [...frames, ...last];
}

/** A frame as parts, now and then with something else between them. */
function inParts(random: RandomValues, frame: Buffer): Buffer[] {
  const id = frame.readUInt32BE(8);
  const content = frame.subarray(5);
  const least = Math.ceil(content.length / 60);
  const most = least + random.below(pick(random, [3, content.length, 65_536 - least]));
  const frames: Buffer[] = [];
  for (let at = 0; at < content.length; at += most) {
    const bytes = content.subarray(at, at + most);
    const totalBytes = at === 0 ? content.length : undefined;
    frames.push(frameOf({ kind: "part", id, bytes, totalBytes }));
    if (random.below(10) === 0) frames.push(controlFrame(random, id));
  }
  return frames;
}

/** Some of the frames as parts. */
function someInParts(random: RandomValues, frames: readonly Buffer[]): Buffer[] {
  return frames.flatMap((frame) => {
    const [kind] = frame.subarray(6);
    const fits = kind === kinds.call || kind === kinds.item || kind === kinds.result;
    return fits && random.below(4) === 0 ? inParts(random, frame) : [frame];
  });
}

function controlFrame(random: RandomValues, id: number): Buffer {
  const skipped = 17 + random.below(7);
  return pick<() => Buffer>(random, [
    () => frameOf({ kind: "ping", id: 0, token: random.below(2 ** 32) }),
    () => frameOf({ kind: "pong", id: 0, token: 7 }),
    () => frameOf({ kind: "drain", id: 0, lastCallId: random.below(4), reason: undefined }),
    () => rawFrame(kinds.void, id, random.below(4), Buffer.from(random.bytes())),
    () => rawFrame(skipped, id, random.below(4), Buffer.from(random.bytes())),
  ])();
}

function faultFrame(random: RandomValues, id: number): Buffer {
  return frameOf({
    kind: "fault",
    id,
    code: "NOT_FOUND",
    message: random.text(),
    executed: pick(random, ["no", "maybe", "yes"]),
    reason: random.below(2) === 0 ? "WHY" : undefined,
    retryAfterMs: undefined,
    details: random.value(2),
    ...nothing,
  });
}

/** What a sound caller may say behind its hello, in which it `agreed` to all features or to none. */
export function callerFrames(random: RandomValues, agreed: boolean): Buffer[] {
  const frames: Buffer[] = [];
  let id = 0;
  for (let count = random.below(9); count > 0; count--) {
    const what = random.below(8);
    const hasStream = agreed && random.below(3) === 0;
    if (what < 5) frames.push(callFrame(random, ++id, hasStream));
    if (hasStream && random.below(3) > 0) frames.push(...streamFrames(random, id));
    else if (agreed && random.below(3) === 0) frames.push(creditFrame(random, id));
    if (what < 5) continue;
    if (what < 6) frames.push(controlFrame(random, id));
    else {
      const cancel: Message = { kind: "cancel", id, code: "CANCELLED", message: undefined };
      frames.push(frameOf(cancel));
    }
  }
  return agreed ? someInParts(random, frames) : frames;
}

/**
 * What a sound server may say behind its hello to a caller with `calls` calls in flight, with which
 * it `agreed` on all features or on none.
 */
export function serverFrames(random: RandomValues, calls: number, agreed: boolean): Buffer[] {
  const frames: Buffer[] = [];
  for (let id = 1; id <= calls; id++) {
    if (random.below(5) === 0) continue;
    const value = random.value(3);
    const result: Message = { kind: "result", id, value, ...nothing };
    if (agreed && random.below(2) === 0) frames.push(...streamFrames(random, id));
    else {
      frames.push(random.below(3) === 0 ? faultFrame(random, id) : frameOf(result));
    }
    if (random.below(4) === 0) frames.push(controlFrame(random, id));
  }
  return agreed ? someInParts(random, frames) : frames;
}

/** Any frame at all. */
function strangeFrame(random: RandomValues): Buffer {
  const id = random.below(4) === 0 ? random.below(2 ** 32) : random.below(6);
  return pick<() => Buffer>(random, [
    () => callFrame(random, id),
    () => faultFrame(random, id),
    () => controlFrame(random, id),
    () => rawFrame(random.below(24), id, random.below(9), Buffer.from(random.bytes())),
    () => frameOf({ kind: "result", id, value: random.value(2), ...nothing }),
    () => Buffer.from(random.bytes()),
  ])();
}

/** A frame of which one thing is changed. */
function changedFrame(random: RandomValues, frame: Buffer): Buffer {
  const copy = Buffer.from(frame);
  if (copy.length < 12) return mutated(copy, random);
  switch (random.below(8)) {
    case 0: {
      // The length lies, by a little or by much.
      const length = copy.readUInt32BE(1) + random.below(9) - 4;
      copy.writeUInt32BE(random.below(4) === 0 ? random.below(2 ** 32) : Math.max(length, 0), 1);
      return copy;
    }
    case 1:
      copy[6] = random.below(26);
      return copy;
    case 2:
      copy.writeUInt32BE(random.below(3) === 0 ? random.below(2 ** 32) : random.below(6), 8);
      return copy;
    case 3:
      copy[5] = 0x80 + random.below(26);
      return copy;
    case 4:
      return copy.subarray(0, random.below(copy.length));
    case 5: {
      // Another value somewhere in the body, nested or not, and a length that is true.
      const at = 12 + random.below(copy.length - 11);
      const depth = random.below(40);
      const value = Buffer.concat([Buffer.alloc(depth, 0x81), encodeOurs(random.value(1))]);
      const body = Buffer.concat([copy.subarray(12, at), value, copy.subarray(at)]);
      const fields = (copy[5] ?? 0x82) - 0x82 + random.below(2);
      return rawFrame(copy[6] ?? 0, copy.readUInt32BE(8), fields, body);
    }
    case 6:
      return Buffer.concat([copy.subarray(0, 12), mutated(copy.subarray(12), random)]);
    default:
      return mutated(copy, random);
  }
}

/** Frames in another order, some twice, some strange, some changed, some not there. */
export function mutatedFrames(frames: readonly Buffer[], random: RandomValues): Buffer[] {
  const result = [...frames];
  for (let changes = random.below(5); changes > 0; changes--) {
    const at = random.below(Math.max(result.length, 1));
    const frame = result[at];
    const kind = random.below(8);
    if (frame === undefined || kind === 0) result.splice(at, 0, strangeFrame(random));
    else if (kind === 1) result.splice(at, 0, frame);
    else if (kind === 2) result.splice(at, 1);
    else if (kind === 3) result.push(...result.splice(at, 1));
    else result[at] = changedFrame(random, frame);
  }
  return result;
}

/** Bytes in pieces of any size. */
export function cutAnywhere(bytes: Buffer, random: RandomValues): Buffer[] {
  const most = pick(random, [1, 3, 13, 64, 1_000, 100_000]);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = 1 + random.below(most);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}
