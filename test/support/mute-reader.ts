import { parseEndpoint } from "../../src/base/address.ts";
import type { Message } from "../../src/wire/message.ts";
import { callMessage } from "./calls.ts";
import { eventually } from "./cluster.ts";
import { frameOf, fullHello } from "./scripted-peer.ts";

/** What is handed over at once: the socket may look at all of it, however little it takes. */
const writeBytes = 262_144;

/** A caller that has asked for much and reads nothing of it. Disposing it breaks the connection. */
export interface MuteReader extends Disposable {
  /** Whether the server has ended the connection. Only seen by one that reads again. */
  readonly closed: boolean;
  /** Bytes that were read, the server's hello included. */
  readonly receivedBytes: number;
  /** Reads from now on. */
  read(): void;
}

/**
 * Connects, says hello, waits for the server's, stops reading, and sends these messages, all at once
 * as far as the server takes them.
 */
export async function openMuteReader(
  address: string,
  messages: readonly Message[],
): Promise<MuteReader> {
  const endpoint = parseEndpoint(address);
  if (endpoint.kind !== "tcp") throw new Error("a socket that is not read is one of TCP");
  let receivedBytes = 0;
  let closed = false;
  let unsent = frameOf({ kind: "callerHello", id: 0, hello: fullHello() });
  const write = (socket: Bun.Socket): void => {
    while (unsent.length > 0) {
      const next = unsent.subarray(0, writeBytes);
      const taken = Math.max(0, socket.write(next));
      unsent = unsent.subarray(taken);
      if (taken < next.length) return;
    }
  };
  const socket = await Bun.connect({
    hostname: endpoint.host,
    port: endpoint.port,
    socket: {
      open: write,
      drain: write,
      data(_socket, bytes) {
        receivedBytes += bytes.length;
      },
      close() {
        closed = true;
      },
    },
  });
  await eventually(() => receivedBytes > 0, "the server's hello");
  socket.pause();
  unsent = Buffer.concat([unsent, ...messages.map(frameOf)]);
  write(socket);
  return {
    get closed() {
      return closed;
    },
    get receivedBytes() {
      return receivedBytes;
    },
    read: () => void socket.resume(),
    [Symbol.dispose]: () => socket.terminate(),
  };
}

/** So many calls of one method, with ids from 1 on. */
export function callMessages(
  count: number,
  method: string,
  args: readonly unknown[],
): readonly Message[] {
  return Array.from({ length: count }, (_, index) =>
    callMessage(index + 1, { method, args, timeoutMs: 60_000 }),
  );
}
