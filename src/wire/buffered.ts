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
