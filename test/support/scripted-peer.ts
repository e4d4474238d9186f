import type { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { ValueReader } from "../../src/wire/decode.ts";
import { featureNames, protocolVersion } from "../../src/wire/hello.ts";
import type { CallerHello, ServerHello } from "../../src/wire/hello.ts";
import type { LinkEvents } from "../../src/wire/link.ts";
import { readMessage } from "../../src/wire/message-reader.ts";
import { encodeMessage } from "../../src/wire/message-writer.ts";
import type { Message } from "../../src/wire/message.ts";
import type { MemoryLink } from "./links.ts";

/** One frame as it came. */
export interface ReceivedFrame {
  readonly kind: number;
  readonly id: number;
  /** How many fields follow kind and id. */
  readonly fields: number;
  /** The whole frame, from `5a` on. */
  readonly bytes: Buffer;
}

/** One message as the bytes of its frame, with no limit on its size. */
export function frameOf(message: Message): Buffer {
  return encodeMessage(message, 0x7fff_ffff).copy();
}

/** Hex as bytes; spaces are for people. @throws RangeError when it is no hex */
export function fromHex(hex: string): Buffer {
  const digits = hex.replaceAll(" ", "");
  const bytes = Buffer.from(digits, "hex");
  if (bytes.length * 2 !== digits.length) throw new RangeError(`no hex: ${hex.slice(0, 40)}`);
  return bytes;
}

/** A frame made by hand: a true length, `fields` as the count, and any bytes behind kind and id. */
export function rawFrame(kind: number, id: number, fields: number, body: Uint8Array): Buffer {
  const frame = Buffer.alloc(12 + body.length);
  frame[0] = 0x5a;
  frame.writeUInt32BE(7 + body.length, 1);
  frame[5] = 0x82 + fields;
  frame[6] = kind;
  frame[7] = 0x1a;
  frame.writeUInt32BE(id, 8);
  frame.set(body, 12);
  return frame;
}

/** The hello of a caller that knows no feature; `fields` replace the usual ones. */
export function bareHello(fields: Partial<CallerHello> = {}): CallerHello {
  return {
    version: protocolVersion,
    features: [],
    maxMessageBytes: limits.maxMessageBytes,
    ...fields,
  };
}

/** The hello of a caller that knows every feature; `fields` replace the usual ones. */
export function fullHello(fields: Partial<CallerHello> = {}): CallerHello {
  return bareHello({ features: featureNames, ...fields });
}

/**
 * The other end of a link under test: it says what the test scripts, right or wrong, keeps what it
 * hears, and never answers by itself.
 *
 * ```ts
 * const pair = linkPair();
 * pair.server.open(session.channel);
 * const peer = new ScriptedPeer(pair.caller, "caller");
 * peer.hello();
 * peer.send("5a 00 00 00 00");
 * await turn();
 * expect(peer.messages).toMatchObject([{ kind: "serverHello" }, { kind: "fault", id: 0 }]);
 * ```
 */
export class ScriptedPeer implements LinkEvents {
  readonly link: MemoryLink;
  readonly #plays: "caller" | "server";
  /** The frames that came, in order. */
  readonly frames: ReceivedFrame[] = [];
  /** Why the connection closed; undefined while it has not. */
  closedWhy: GeeError | undefined;
  /** Every byte that came. */
  received: Buffer = Buffer.alloc(0);
  #framedBytes = 0;
  #unsent: Buffer = Buffer.alloc(0);

  /** `plays` is the side that the script speaks for. It opens the link. */
  constructor(link: MemoryLink, plays: "caller" | "server") {
    this.link = link;
    this.#plays = plays;
    link.open(this);
  }

  /** The frames that came, as messages. @throws Malformed when one is none */
  get messages(): Message[] {
    const reader = new ValueReader();
    const from = this.#plays === "caller" ? "server" : "caller";
    return this.frames.map(({ kind, id, fields, bytes }) => {
      reader.open(bytes, 12, bytes.length);
      return readMessage(reader, kind, id, fields, from);
    });
  }

  /** Sends bytes as they are; text is hex, in which spaces are for people. */
  send(...pieces: readonly (Uint8Array | string)[]): void {
    const bytes = pieces.map((piece) => (typeof piece === "string" ? fromHex(piece) : piece));
    this.#unsent = Buffer.concat([this.#unsent, ...bytes]);
    this.drain();
  }

  /** Sends messages, each as a sound frame. */
  say(...messages: readonly Message[]): void {
    this.send(...messages.map(frameOf));
  }

  /**
   * Says a sound hello of its side that names no feature; `fields` replace the usual ones, and
   * `hello(fullHello())` names all features on either side.
   */
  hello(fields: Partial<CallerHello> | Partial<ServerHello> = {}): void {
    if (this.#plays === "caller") {
      this.say({ kind: "callerHello", id: 0, hello: bareHello(fields) });
      return;
    }
    const { instance = "scripted" } = fields;
    const own = { maxInFlight: limits.maxInFlight, services: new Map(), complete: true };
    const hello = { ...bareHello(), ...own, ...fields, instance };
    this.say({ kind: "serverHello", id: 0, hello });
  }

  /** Ends its side; `link.close()` and `link.cut()` are the rougher ways. */
  end(): void {
    this.link.end();
  }

  // -------------------------------------------------------------- LinkEvents

  data(bytes: Uint8Array): boolean {
    this.received = Buffer.concat([this.received, bytes]);
    // Cut here by hand, so that a test of the frame reader does not rest on the frame reader.
    for (;;) {
      const rest = this.received.subarray(this.#framedBytes);
      if (rest.length < 12 || rest[0] !== 0x5a) return false;
      const size = 5 + rest.readUInt32BE(1);
      if (rest.length < size) return false;
      this.frames.push({
        kind: rest.readUInt8(6),
        id: rest.readUInt32BE(8),
        fields: rest.readUInt8(5) - 0x82,
        bytes: rest.subarray(0, size),
      });
      this.#framedBytes += size;
    }
  }

  drain(): void {
    if (this.#unsent.length === 0) return;
    const taken = this.link.write(this.#unsent, 0, this.#unsent.length);
    this.#unsent = this.#unsent.subarray(taken);
  }

  closed(why: GeeError): void {
    this.closedWhy = why;
  }
}
