/** Bytes of items in this process that nobody iterates yet. */
let unclaimedBytes = 0;

/** So many more wait for somebody who iterates them, or fewer; returns how many do in all. */
export function countUnclaimed(change: number): number {
  unclaimedBytes += change;
  return unclaimedBytes;
}
