// Cap'n Web over a WebSocket, its server in Bun's own.

import { newBunWebSocketRpcSession, newWebSocketRpcSession, RpcTarget } from "capnweb";
import type { PeerProgram } from "../peer.ts";
import { sums } from "./sums.ts";

class Foo extends RpcTarget {
  Sum(a: number, b: number): number {
    return a + b;
  }
}

interface Connection {
  /** Hands what comes to the session; there once the connection is open. */
  hear: (text: string | Buffer) => void;
}

export const program: PeerProgram = sums(
  () => {
    const server = Bun.serve<Connection>({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request, upgrading) {
        if (upgrading.upgrade(request, { data: { hear() {} } })) return undefined;
        return new Response("a WebSocket is expected", { status: 400 });
      },
      websocket: {
        open(socket) {
          const { transport } = newBunWebSocketRpcSession(socket, new Foo());
          socket.data.hear = (text) => transport.dispatchMessage(text);
        },
        message(socket, text) {
          socket.data.hear(text);
        },
      },
    });
    return Promise.resolve(server.port ?? 0);
  },
  (port) => {
    const api = newWebSocketRpcSession<Foo>(`ws://127.0.0.1:${port}`);
    return Promise.resolve(async (a, b) => await api.Sum(a, b));
  },
);
