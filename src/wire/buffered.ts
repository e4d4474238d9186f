import { limits } from "../base/limits.ts";

/**
 * Bytes that wait in this process: frames that are not yet whole, and frames that are not yet taken
 * by their link. One number for all connections, because memory is one.
 */
let waiting = 0;

/** How many bytes wait now. */
export function bufferedBytes(): number {
  return waiting;
}

/** So many more wait, or fewer when `change` is negative. */
export function countBuffered(change: number): void {
  waiting += change;
}

/** While the process has plenty of room, so many times of what has come. */
const freely = 32;
/** It has no longer when this much waits, with what is to be made. */
const plentyBytes = limits.maxBufferedBytes / 4;
/** Else four times of what has come, and from here on two times. */
const muchBytes = 1_048_576;

/**
 * How much room to make for something that announced `totalBytes`, of which `haveBytes` have come:
 * never more than it announced, and never out of proportion to what has really come. That much most
 * messages get room once: 65,536 bytes bring it for 2 MiB.
 */
export function roomFor(totalBytes: number, haveBytes: number): number {
  const size = Math.min(totalBytes, freely * haveBytes);
  if (waiting + size <= plentyBytes) return size;
  return Math.min(totalBytes, (haveBytes < muchBytes ? 4 : 2) * haveBytes);
}
