import { Decoder, Encoder } from "cbor-x/index-no-eval";

/**
 * The one door to cbor-x. Plain values never come here: the walks in encode.ts and decode.ts do
 * those in one pass. What is left are bigints on the way in, and Date and typed arrays on the way
 * out, and only after the same walk has checked them, because cbor-x by itself turns hostile tags
 * into regular expressions, cycles and calls. On the way in it makes typed arrays that are windows
 * on the bytes that were received, and fails on a date of 64-bit seconds: the walk makes those.
 */
const options = {
  useRecords: false,
  mapsAsObjects: true,
  tagUint8Array: false,
  variableMapSize: true,
} as const;

const encoder = new Encoder(options);
const decoder = new Decoder(options);

/** The class of a view that travels as a typed array. */
interface ViewClass {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): ArrayBufferView;
}

/** The views that travel as typed arrays, by their tag in RFC 8746 (little-endian only). */
export const typedArrays: ReadonlyMap<number, ViewClass> = new Map<number, ViewClass>([
  [64, Uint8Array],
  [68, Uint8ClampedArray],
  [69, Uint16Array],
  [70, Uint32Array],
  [71, BigUint64Array],
  [72, Int8Array],
  [77, Int16Array],
  [78, Int32Array],
  [79, BigInt64Array],
  [85, Float32Array],
  [86, Float64Array],
]);

/** A Date or a typed array other than Uint8Array as one CBOR item. */
export function encodeTagged(value: Date | ArrayBufferView): Uint8Array {
  return encoder.encode(value);
}

/** One bigint that the walk has checked. */
export function decodeTagged(bytes: Uint8Array): unknown {
  return decoder.decode(bytes);
}
