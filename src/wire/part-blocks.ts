import { headBytes, kinds, prefixBytes, writeHead } from "./frame.ts";

/** What one part carries of its message at most. */
export const partBytes = 65_536;
/** A part's head: that of its frame, and `5a` with the length of its bytes. */
const partHeadBytes = headBytes + 5;
/** A part that is not the last, nor the first. */
const fullPartBytes = partHeadBytes + partBytes;
/** What a first part has behind its bytes: `1a` and the size of the whole content. */
const totalFieldBytes = 5;
/** A first part. */
export const firstPartBytes: number = fullPartBytes + totalFieldBytes;
/** So many parts stand in a block. Few large writes wake the other side less often. */
const blockParts = 8;
/** The largest block: a last part that would be alone stands behind the others. */
const blockBytes = (blockParts + 1) * fullPartBytes + totalFieldBytes;
/** So many blocks that nobody uses are kept, 4 MiB: fresh memory costs more than the copy into it. */
const keptBlocks = 8;

/** The memory of blocks that nobody uses now, for all connections. */
const spares: ArrayBuffer[] = [];

/** A frame: the first of its bytes in `bytes`, and the last in `tail` when that is there. */
export interface FrameBytes {
  readonly bytes: Buffer;
  /** Of the whole frame, the tail included. */
  readonly length: number;
  readonly tail: Uint8Array | undefined;
}

/**
 * The content of a frame, copied into the parts in which it leaves: blocks of several parts, heads
 * included, as they go to the link. Only the first block begins with a first part.
 */
export function layOut(frame: FrameBytes, id: number): Buffer[] {
  const { length } = frame;
  const blocks: Buffer[] = [];
  for (let at = prefixBytes; at < length;) {
    const rest = length - at;
    const end = rest <= (blockParts + 1) * partBytes ? length : at + blockParts * partBytes;
    const first = blocks.length === 0;
    const heads = Math.ceil((end - at) / partBytes) * partHeadBytes;
    const block = takeBlock(heads + end - at + (first ? totalFieldBytes : 0));
    blocks.push(block);
    let to = 0;
    while (at < end) {
      const size = Math.min(partBytes, end - at);
      const fields = to === 0 && first ? 2 : 1;
      const extra = fields === 2 ? totalFieldBytes : 0;
      writeHead(block, to, kinds.part, id, fields, partHeadBytes - prefixBytes + size + extra);
      block[to + headBytes] = 0x5a;
      block.writeUInt32BE(size, to + headBytes + 1);
      to += partHeadBytes;
      copyOf(frame, at, at + size, block, to);
      to += size;
      at += size;
      if (extra === 0) continue;
      block[to] = 0x1a;
      block.writeUInt32BE(length - prefixBytes, to + 1);
      to += extra;
    }
  }
  return blocks;
}

/** Copies bytes `start` to `end - 1` of a frame. */
function copyOf(frame: FrameBytes, start: number, end: number, to: Buffer, toAt: number): void {
  const { bytes, length, tail } = frame;
  const tailAt = length - (tail?.length ?? 0);
  if (start < tailAt) bytes.copy(to, toAt, start, Math.min(end, tailAt));
  if (tail === undefined || end <= tailAt) return;
  const from = Math.max(start, tailAt);
  to.set(tail.subarray(from - tailAt, end - tailAt), toAt + from - start);
}

/** Where the part ends of which byte `at - 1` of a block is one; `first` is a message's first block. */
export function partEndAt(block: Buffer, first: boolean, at: number): number {
  if (at === 0) return 0;
  const extra = first ? totalFieldBytes : 0;
  const parts = Math.max(1, Math.ceil((at - extra) / fullPartBytes));
  return Math.min(block.length, extra + parts * fullPartBytes);
}

function takeBlock(size: number): Buffer {
  const spare = spares.pop();
  if (spare !== undefined) return Buffer.from(spare, 0, size);
  // What is nearly a whole block may be one again.
  return Buffer.allocUnsafeSlow(2 * size > blockBytes ? blockBytes : size).subarray(0, size);
}

/** Gives a block back of which nothing leaves any more. */
export function giveBlock(block: Buffer): void {
  const { buffer } = block;
  if (buffer.byteLength !== blockBytes || spares.length === keptBlocks) return;
  if (buffer instanceof ArrayBuffer) spares.push(buffer);
}
