/** The size of the smallest of these buffers; the others are twice as large, four times, and so on. */
export const leastBufferBytes = 65_536;

/** The largest that is kept. There is one for all connections, so this is what it costs a process. */
const keptBytes = 1_048_576;

/**
 * The one buffer that nobody uses now. Connections that are idle hold none of their own, and what
 * one has gathered much in does not cost the next one fresh memory.
 */
let spare: Buffer | undefined;

/** A buffer of `size` bytes or more, with anything in it; the caller's own until it gives it back. */
export function takeBuffer(size: number): Buffer {
  const kept = spare;
  if (kept === undefined || kept.length < size) return Buffer.allocUnsafeSlow(size);
  spare = undefined;
  return kept;
}

/** Gives a buffer back that came from `takeBuffer`. The larger one is kept, up to 1 MiB. */
export function giveBuffer(bytes: Buffer): void {
  if (bytes.length <= keptBytes && bytes.length > (spare?.length ?? 0)) spare = bytes;
}
