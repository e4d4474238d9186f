import type { Link } from "../../src/wire/link.ts";

/** A frame as it left: its kind, its id, how many fields it has, and where it stands. */
export interface TakenFrame {
  readonly kind: number;
  readonly id: number;
  readonly fields: number;
  /** Where its first byte stands among all that was taken. */
  readonly at: number;
  /** What stands behind kind and id. */
  readonly body: Buffer;
}

/** A link that takes what a test allows, and tells nobody when it has room again. */
export class Taker implements Link {
  readonly peer: string = "test";
  readonly local: boolean = true;
  writes = 0;
  /** Bytes that it still takes. */
  room: number = Number.POSITIVE_INFINITY;
  /** The buffer of the last write. */
  offered: Uint8Array | undefined;
  takenBytes = 0;
  #pieces: Buffer[] = [];

  /** All that it took. */
  get taken(): Buffer {
    const all = Buffer.concat(this.#pieces);
    this.#pieces = [all];
    return all;
  }

  /** The frames that it took whole, cut by hand. */
  get frames(): TakenFrame[] {
    const { taken } = this;
    const frames: TakenFrame[] = [];
    for (let at = 0; at + 12 <= taken.length;) {
      const end = at + 5 + taken.readUInt32BE(at + 1);
      if (taken[at] !== 0x5a || taken[at + 7] !== 0x1a) throw new Error(`no frame at byte ${at}`);
      if (end > taken.length) break;
      frames.push({
        kind: taken.readUInt8(at + 6),
        id: taken.readUInt32BE(at + 8),
        fields: taken.readUInt8(at + 5) - 0x82,
        at,
        body: taken.subarray(at + 12, end),
      });
      at = end;
    }
    return frames;
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    this.writes++;
    this.offered = bytes;
    const count = Math.min(end - start, this.room);
    this.room -= count;
    this.takenBytes += count;
    if (count > 0) this.#pieces.push(Buffer.from(bytes.subarray(start, start + count)));
    return count;
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  close(): void {}
}
