import { Decoder, Encoder } from "cbor-x";

/**
 * The one door to cbor-x. Plain values never come here: the walks in encode.ts and decode.ts do
 * those in one pass. What is left are the tagged values (Date, bigint and typed arrays on the way
 * in; Date and typed arrays on the way out), and only after the same walk has checked them,
 * because cbor-x by itself turns hostile tags into regular expressions, cycles and calls.
 */
const options = {
  useRecords: false,
  mapsAsObjects: true,
  tagUint8Array: false,
  variableMapSize: true,
} as const;

const encoder = new Encoder(options);
const decoder = new Decoder(options);

/** The views that travel as typed arrays, by their tag in RFC 8746 (little-endian only). */
export const typedArrayTags: ReadonlyMap<number, number> = new Map([
  [64, 1], // Uint8Array
  [68, 1], // Uint8ClampedArray
  [69, 2], // Uint16Array
  [70, 4], // Uint32Array
  [71, 8], // BigUint64Array
  [72, 1], // Int8Array
  [77, 2], // Int16Array
  [78, 4], // Int32Array
  [79, 8], // BigInt64Array
  [85, 4], // Float32Array
  [86, 8], // Float64Array
]);

/** A Date or a typed array other than Uint8Array as one CBOR item. */
export function encodeTagged(value: Date | ArrayBufferView): Uint8Array {
  return encoder.encode(value);
}

/** One tagged item that the walk has checked, as a value that shares no memory with `bytes`. */
export function decodeTagged(bytes: Uint8Array): unknown {
  return decoder.decode(bytes);
}
