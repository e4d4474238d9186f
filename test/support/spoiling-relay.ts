import { kinds } from "../../src/wire/frame.ts";
import type { Server } from "../../src/server.ts";
import { frameOf } from "./scripted-peer.ts";

/** Prefix, array head, kind and id. */
const headBytes = 12;

/** The frames of a stretch of bytes; what is left is the beginning of the next. */
function cut(bytes: Buffer): { readonly frames: readonly Buffer[]; readonly rest: Buffer } {
  const frames: Buffer[] = [];
  let from = 0;
  while (bytes.length - from >= headBytes) {
    const length = 5 + bytes.readUInt32BE(from + 1);
    if (bytes.length - from < length) break;
    frames.push(bytes.subarray(from, from + length));
    from += length;
  }
  return { frames, rest: bytes.subarray(from) };
}

/** The same frame, or one that tells the caller that nobody knows what became of its call. */
function spoilt(frame: Buffer, share: number): Buffer {
  if (frame.readUInt8(6) !== kinds.result || Math.random() >= share) return frame;
  return frameOf({
    kind: "fault",
    id: frame.readUInt32BE(8),
    code: "INTERNAL",
    message: "the answer is spoilt",
    executed: "maybe",
    reason: "SPOILT",
    retryAfterMs: undefined,
    details: undefined,
    metadata: undefined,
  });
}

/**
 * Stands before a server, in the same process, and puts faults in the place of results: the call has
 * run, and its caller hears INTERNAL, executed maybe. For small messages and one-at-a-time loads: what
 * a socket does not take at once is an error here.
 */
export class SpoilingRelay {
  readonly #listener: Bun.TCPSocketListener<{ server: Bun.Socket | undefined; waiting: Buffer[] }>;

  /** `share` of the results, 0 to 1, is spoilt. */
  constructor(server: Pick<Server, "address">, share: () => number) {
    const [hostname = "", port = ""] = server.address.replace("tcp@", "").split(":");
    const pass = (to: { write(bytes: Uint8Array): number }, bytes: Uint8Array): void => {
      if (to.write(bytes) !== bytes.length) throw new Error("too much at once");
    };
    this.#listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        async open(caller) {
          caller.data = { server: undefined, waiting: [] };
          let unread = Buffer.alloc(0);
          const to = await Bun.connect({
            hostname,
            port: Number(port),
            socket: {
              data(_server, bytes) {
                const { frames, rest } = cut(Buffer.concat([unread, bytes]));
                unread = Buffer.from(rest);
                const now = share();
                pass(caller, Buffer.concat(frames.map((frame) => spoilt(frame, now))));
              },
              close: () => void caller.end(),
            },
          });
          caller.data.server = to;
          for (const bytes of caller.data.waiting.splice(0)) pass(to, bytes);
        },
        data(caller, bytes) {
          const { server: to, waiting } = caller.data;
          if (to === undefined) waiting.push(Buffer.from(bytes));
          else pass(to, bytes);
        },
        close: (caller) => void caller.data.server?.end(),
      },
    });
  }

  /** Where callers find it. */
  get address(): string {
    return `tcp@127.0.0.1:${this.#listener.port}`;
  }
}
