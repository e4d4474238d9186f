/** Thrown by a {@link Writer} that would grow past its limit. Caught where a message is encoded. */
export class TooLarge extends Error {}

/** A buffer that one large message grew is kept up to this size: there is one for all. */
const keptBytes = 2_097_152;
const firstBytes = 65_536;
/** From here on a second copy of bytes costs more than a view of them. */
export const leastTailBytes = 4_096;
/** How far beyond what is really written `ensure` may ask; `checkSize` is the exact check. */
const slackBytes = 128;

/**
 * Bytes being written, in a buffer that grows. Knows CBOR's heads, and nothing of values. Large bytes
 * at the end of a message may stay where they are, as its tail, so that they are copied once: from
 * there to where the message goes.
 */
export class Writer {
  /** The buffer; all that is written stands from `bytes[0]` on, less the tail. Replaced when it grows. */
  bytes: Buffer = Buffer.allocUnsafeSlow(firstBytes);
  view: DataView = new DataView(this.bytes.buffer);
  /** Bytes written, those of the tail included. */
  length = 0;
  /** The last of what is written, still its owner's; undefined when all of it is in the buffer. */
  tail: Uint8Array | undefined = undefined;
  #maxBytes = Number.POSITIVE_INFINITY;

  /** Starts anew; from here on, more than `maxBytes` throw {@link TooLarge}. */
  reset(maxBytes: number): void {
    this.length = 0;
    this.tail = undefined;
    this.#maxBytes = maxBytes;
    if (this.bytes.length <= keptBytes) return;
    this.bytes = Buffer.allocUnsafeSlow(firstBytes);
    this.view = new DataView(this.bytes.buffer);
  }

  /** A copy of what is written, in a buffer of just that size. */
  copy(): Buffer {
    const { bytes, length, tail } = this;
    const own = Buffer.allocUnsafeSlow(length);
    bytes.copy(own, 0, 0, length - (tail?.length ?? 0));
    if (tail !== undefined) own.set(tail, length - tail.length);
    return own;
  }

  /** Lets go of the tail once it was copied: the writer lives longer than what somebody sends. */
  forgetTail(): void {
    this.tail = undefined;
  }

  /** Makes room for `count` more bytes. */
  ensure(count: number): void {
    if (this.bytes.length - this.length < count) this.#grow(count);
  }

  #grow(count: number): void {
    const needed = this.length + count;
    if (needed > this.#maxBytes + slackBytes) throw new TooLarge();
    let size = this.bytes.length;
    while (size < needed) size *= 2;
    const bytes = Buffer.allocUnsafeSlow(size);
    this.bytes.copy(bytes, 0, 0, this.length);
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }

  /** Throws {@link TooLarge} when more than the limit was written. */
  checkSize(): void {
    if (this.length > this.#maxBytes) throw new TooLarge();
  }

  byte(value: number): void {
    this.ensure(1);
    this.bytes[this.length++] = value;
  }

  /** A head: `major` is the major type shifted into place (0x00, 0x20, ... 0xe0). */
  head(major: number, value: number): void {
    this.ensure(5);
    const { bytes, length } = this;
    if (value < 24) {
      bytes[length] = major | value;
      this.length = length + 1;
    } else if (value < 0x100) {
      bytes[length] = major | 24;
      bytes[length + 1] = value;
      this.length = length + 2;
    } else if (value < 0x10000) {
      bytes[length] = major | 25;
      bytes[length + 1] = value >>> 8;
      bytes[length + 2] = value;
      this.length = length + 3;
    } else {
      bytes[length] = major | 26;
      this.view.setUint32(length + 1, value);
      this.length = length + 5;
    }
  }

  /** A head with a 32-bit value in its long form, whatever the value. */
  longHead(major: number, value: number): void {
    this.ensure(5);
    this.bytes[this.length] = major | 26;
    this.view.setUint32(this.length + 1, value);
    this.length += 5;
  }

  double(value: number): void {
    this.ensure(9);
    this.bytes[this.length] = 0xfb;
    this.view.setFloat64(this.length + 1, value);
    this.length += 9;
  }

  /** A text string; a lone surrogate is written as U+FFFD. Returns whether it was short ASCII. */
  text(text: string): boolean {
    const units = text.length;
    if (units < 24) {
      this.ensure(1 + 3 * units);
      const { bytes } = this;
      const start = this.length + 1;
      let index = 0;
      for (; index < units; index++) {
        const unit = text.charCodeAt(index);
        if (unit > 0x7f) break;
        bytes[start + index] = unit;
      }
      if (index === units) {
        bytes[this.length] = 0x60 | units;
        this.length = start + units;
        return true;
      }
    }
    const size = Buffer.byteLength(text);
    this.head(0x60, size);
    this.ensure(size);
    this.length += this.bytes.write(text, this.length, size);
    return false;
  }

  /** Bytes as they are, without a head. */
  raw(bytes: Uint8Array): void {
    this.ensure(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** A byte string that stays where it is, as the tail. Nothing more may be written behind it. */
  byteTail(bytes: Uint8Array): void {
    // A view of our own: the `length` of a subclass may be anything, and a tail that is not as long
    // as its head says would come to light in the middle of a frame.
    const tail = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.head(0x40, tail.length);
    this.tail = tail;
    this.length += tail.length;
  }
}
