import { Decoder, Encoder } from "cbor-x/index-no-eval";
import { limits } from "../../src/base/limits.ts";
import { ValueReader } from "../../src/wire/decode.ts";
import { Malformed } from "../../src/wire/heads.ts";
import { ValueEncoder } from "../../src/wire/encode.ts";
import { Writer } from "../../src/wire/writer.ts";
import { RandomValues, seededRandom } from "../../test/wire/random-values.ts";

// Our walk against cbor-x, which shares no line with it but for bignums.

const options = {
  useRecords: false,
  mapsAsObjects: true,
  tagUint8Array: false,
  variableMapSize: true,
} as const;
const encoder = new Encoder(options);
const decoder = new Decoder(options);
const writer = new Writer();
const ours = new ValueEncoder(writer);
const reader = new ValueReader();

/** One value as our bytes. */
export function encodeOurs(value: unknown): Buffer {
  writer.reset(limits.maxMessageBytes);
  ours.reset();
  ours.value(value);
  return Buffer.from(writer.bytes.subarray(0, writer.length));
}

/** Our reading of one value. @throws Malformed */
export function decodeOurs(bytes: Buffer): unknown {
  reader.open(bytes, 0, bytes.length);
  const value = reader.value();
  reader.close();
  return value;
}

/** What cbor-x makes of a value's bytes, or of a value. */
export const theirs: {
  readonly encode: (value: unknown) => Buffer;
  readonly decode: (bytes: Uint8Array) => unknown;
} = {
  encode: (value) => Buffer.from(encoder.encode(value)),
  decode: (bytes) => decoder.decode(bytes),
};

function isRecord(value: object): value is Readonly<Record<string, unknown>> {
  return !Array.isArray(value);
}

function classOf(view: ArrayBufferView): string {
  return view instanceof Uint8Array && !(view instanceof Uint8ClampedArray)
    ? "Uint8Array"
    : view.constructor.name;
}

function sameView(left: ArrayBufferView, right: ArrayBufferView): boolean {
  if (classOf(left) !== classOf(right) || left.byteLength !== right.byteLength) return false;
  const [one, other] = [left, right].map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength),
  );
  return one !== undefined && other !== undefined && one.equals(other);
}

/**
 * Whether two readings of the same bytes are the same value. These differences are by design:
 *
 * - bytes: ours are a Uint8Array of their own, those of cbor-x a Buffer on what was received;
 * - text: ours keeps a byte order mark at its beginning, of which cbor-x makes nothing;
 * - -0: ours is 0, as everywhere on the wire;
 * - whole numbers within 2^53 - 1 in 64 bits: ours are numbers, those of cbor-x bigints;
 * - dates: ours are rounded to the millisecond as cbor-x's are cut to it.
 */
export function sameReading(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left === "number" && typeof right === "number") return left === right;
  if (typeof left === "number" && typeof right === "bigint") {
    return Number.isSafeInteger(left) && BigInt(left) === right;
  }
  if (typeof left === "string" && typeof right === "string") return left === `\ufeff${right}`;
  if (typeof left !== "object" || typeof right !== "object") return false;
  if (left === null || right === null) return false;
  if (left instanceof Date || right instanceof Date) {
    if (!(left instanceof Date) || !(right instanceof Date)) return false;
    const [one, other] = [left.getTime(), right.getTime()];
    return Object.is(one, other) || Math.abs(one - other) <= 1;
  }
  if (ArrayBuffer.isView(left) || ArrayBuffer.isView(right)) {
    return ArrayBuffer.isView(left) && ArrayBuffer.isView(right) && sameView(left, right);
  }
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false;
    for (let index = 0; index < left.length; index++) {
      if (!sameReading(left[index], right[index])) return false;
    }
    return true;
  }
  if (!isRecord(left) || !isRecord(right)) return false;
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => {
    const other = Object.hasOwn(right, key) ? key : key.replace(/^\ufeff/, "");
    return Object.hasOwn(right, other) && sameReading(left[key], right[other]);
  });
}

/** What of our documented strictness or breadth makes cbor-x read other than we do. */
const broader: readonly RegExp[] = [
  // Dates of 64-bit seconds, which cbor-x gives up on.
  /^TypeError: Cannot mix BigInt|^TypeError: Cannot convert a BigInt/,
];

/** Changes one to three places of some bytes, and perhaps their length. */
export function mutated(bytes: Buffer, random: RandomValues): Buffer {
  const copy = Buffer.from(bytes);
  for (let changes = 1 + random.below(3); changes > 0 && copy.length > 0; changes--) {
    const at = random.below(copy.length);
    const byte = copy[at] ?? 0;
    const kind = random.below(4);
    if (kind === 0) copy[at] = byte ^ (1 << random.below(8));
    else if (kind === 1) copy[at] = random.below(256);
    // Another head over the same length.
    else if (kind === 2) copy[at] = (random.below(8) << 5) | (byte & 31);
    else copy[at] = (byte & 0xe0) | random.below(32);
  }
  if (random.below(8) === 0) return copy.subarray(0, random.below(copy.length + 1));
  return copy;
}

/** What is wrong with our reading of bytes that may be anything; undefined when nothing is. */
export function faultOfBytes(bytes: Buffer): string | undefined {
  let own: unknown;
  try {
    own = decodeOurs(bytes);
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    return `an exception escaped: ${String(error)}`;
  }
  let other: unknown;
  try {
    other = theirs.decode(bytes);
  } catch (error) {
    if (broader.some((known) => known.test(String(error)))) return undefined;
    return `cbor-x refuses what we read: ${String(error)}`;
  }
  if (!sameReading(own, other)) return "cbor-x reads another value";
  // What was read can be sent on, and comes back.
  return sameReading(decodeOurs(encodeOurs(own)), own) ? undefined : "it does not come back";
}

/** What is wrong with a value's way there and back; undefined when nothing is. */
export function faultOfValue(value: unknown): string | undefined {
  const bytes = encodeOurs(value);
  // Exactly, bigints included: nothing is lost between two of us.
  if (!Bun.deepEquals(decodeOurs(bytes), value, true)) return "we read another value than we wrote";
  if (!sameReading(value, theirs.decode(bytes))) return "cbor-x reads another value than we wrote";
  if (!sameReading(decodeOurs(theirs.encode(value)), theirs.decode(theirs.encode(value)))) {
    return "we read another value than cbor-x wrote";
  }
  return undefined;
}

/** Something that is wrong, and how to have it again. */
export interface Finding {
  readonly what: string;
  /** The input, as hex. */
  readonly hex: string;
  /** The run's seed and the input's number. */
  readonly seed: number;
  readonly index: number;
}

/** Leaves out bytes as long as the fault stays. */
function smaller(bytes: Buffer): Buffer {
  let least = bytes;
  for (let size = bytes.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at + size <= least.length;) {
      const shorter = Buffer.concat([least.subarray(0, at), least.subarray(at + size)]);
      if (faultOfBytes(shorter) === undefined) at += size;
      else least = shorter;
    }
  }
  return least;
}

/** Tries `count` random values, each as itself and with its bytes changed. */
export function fuzzValues(seed: number, count: number, most = 10): Finding[] {
  const random = new RandomValues(seededRandom(seed));
  const findings: Finding[] = [];
  for (let index = 0; index < count && findings.length < most; index++) {
    const value = random.value(3);
    const what = faultOfValue(value);
    const bytes = encodeOurs(value);
    if (what !== undefined) findings.push({ what, hex: bytes.toString("hex"), seed, index });
    const changed = mutated(bytes, random);
    const wrong = faultOfBytes(changed);
    if (wrong === undefined) continue;
    findings.push({ what: wrong, hex: smaller(changed).toString("hex"), seed, index });
  }
  return findings;
}
