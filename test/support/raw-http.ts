import { until } from "./clock.ts";

/** Where GeeRPC's peers ask. */
export const registryPath = "/_geerpc_/registry";

/** A connection to a registry's port that says what it is told to, and remembers what it hears. */
export interface RawPeer extends Disposable {
  /** All that has come so far, byte by byte. */
  readonly heard: string;
  /** Whether the other side has ended the connection. */
  readonly isClosed: boolean;
  say(bytes: string): void;
}

/** Connects to the port of a URL. */
export async function connectRaw(url: string): Promise<RawPeer> {
  let heard = "";
  let isClosed = false;
  const { hostname, port } = new URL(url);
  const socket = await Bun.connect({
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port),
    socket: {
      data(_socket, chunk) {
        heard += chunk.toString("latin1");
      },
      close() {
        isClosed = true;
      },
    },
  });
  return {
    get heard() {
      return heard;
    },
    get isClosed() {
      return isClosed;
    },
    say(bytes) {
      socket.write(Buffer.from(bytes, "latin1"));
    },
    [Symbol.dispose]() {
      socket.terminate();
    },
  };
}

/** Whether there is a whole head of an answer. */
export function ended(answer: string): boolean {
  return answer.includes("\r\n\r\n");
}

/** Writes bytes to the port and gives all that comes back until `complete`, or until it closes. */
export async function exchange(
  { url }: { readonly url: string },
  bytes: string,
  complete: (answer: string) => boolean = ended,
  written: () => void = () => {},
): Promise<string> {
  using peer = await connectRaw(url);
  peer.say(bytes);
  written();
  await until(() => peer.isClosed || complete(peer.heard), "an answer");
  return peer.heard;
}
