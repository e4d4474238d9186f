// What one would write with Bun's WebSocket: JSON with an id in text, bytes behind an id in binary.

import { CallLoad, fail } from "../load.ts";
import type { Caller } from "../load.ts";
import type { PeerProgram } from "../peer.ts";
import type { Order } from "../work.ts";

interface Request {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

interface Reply {
  readonly id: number;
  readonly result: unknown;
}

type Handler = (...params: never[]) => unknown;

const methods: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ["Foo.Sum", (a: number, b: number) => a + b],
  ["Foo.Order", (order: Order) => order],
]);

function answer(text: string): string {
  const { id, method, params }: Request = JSON.parse(text);
  const handler = methods.get(method);
  if (handler === undefined) throw new Error(`there is no method ${method}`);
  const reply: Reply = { id, result: Reflect.apply(handler, undefined, params) };
  return JSON.stringify(reply);
}

async function open(port: number): Promise<Caller> {
  const pending = new Map<number, (result: never) => void>();
  let lastId = 0;
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  socket.binaryType = "nodebuffer";
  const opened = Promise.withResolvers<void>();
  socket.addEventListener("open", () => opened.resolve());
  socket.addEventListener("close", () => fail(new Error("the server closed the connection")));
  const settle = (id: number, result: unknown): void => {
    const resolve = pending.get(id);
    if (resolve === undefined) throw new Error(`wrong result: nobody asked ${id}`);
    pending.delete(id);
    Reflect.apply(resolve, undefined, [result]);
  };
  socket.addEventListener("message", ({ data }: { readonly data: string | Buffer }) => {
    if (typeof data === "string") {
      const reply: Reply = JSON.parse(data);
      settle(reply.id, reply.result);
    } else {
      settle(data.readUInt32BE(0), data.subarray(4));
    }
  });
  await opened.promise;
  const call = <T>(method: string, params: readonly unknown[]): Promise<T> =>
    new Promise<T>((resolve) => {
      const request: Request = { id: ++lastId, method, params };
      pending.set(request.id, resolve);
      socket.send(JSON.stringify(request));
    });
  return {
    sum: (a, b) => call("Foo.Sum", [a, b]),
    order: (order) => call("Foo.Order", [order]),
    bytes: (bytes) =>
      new Promise((resolve) => {
        const id = ++lastId;
        pending.set(id, resolve);
        const message = Buffer.allocUnsafe(4 + bytes.length);
        message.writeUInt32BE(id, 0);
        message.set(bytes, 4);
        socket.send(message);
      }),
  };
}

export const program: PeerProgram = {
  serve() {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request, upgrading) {
        if (upgrading.upgrade(request)) return undefined;
        return new Response("a WebSocket is expected", { status: 400 });
      },
      websocket: {
        maxPayloadLength: 16_777_216,
        backpressureLimit: 268_435_456,
        perMessageDeflate: false,
        message(socket, data) {
          socket.send(typeof data === "string" ? answer(data) : data);
        },
      },
    });
    return Promise.resolve({ port: server.port ?? 0, connections: () => server.pendingWebSockets });
  },
  async open(setup) {
    const callers = Array.from({ length: setup.connections }, () => open(setup.port));
    return new CallLoad(await Promise.all(callers), setup);
  },
  openFlow: () => Promise.reject(new Error("not measured")),
  hello: () => Promise.reject(new Error("not measured")),
};
