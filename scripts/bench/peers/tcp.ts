// Bare Bun TCP: messages of one size, echoed as they come. No ids, no promises, nothing to decode: what is left
// of the time when the runtime's own work is taken away.

import { fail, Samples } from "../load.ts";
import type { Load } from "../load.ts";
import type { PeerProgram } from "../peer.ts";
import { bytesOf } from "../work.ts";
import { MessageLoad, serveMessages } from "./tcp-messages.ts";
import { serveStreams, TcpFlow } from "./tcp-streams.ts";
import type { Setup } from "../work.ts";

/** Of a message with `Sum(1, 2)`, and of one with the object. */
const messageBytes = { sum: 32, object: 200 } as const;

interface Echo {
  /** What the kernel has not taken yet. */
  queue: Uint8Array[];
}

function serveEcho(): { readonly port: number; connections(): number } {
  let connections = 0;
  const listener = Bun.listen<Echo>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { queue: [] };
        connections++;
      },
      data(socket, bytes) {
        const { queue } = socket.data;
        const taken = queue.length > 0 ? 0 : Math.max(0, socket.write(bytes));
        if (taken < bytes.length) queue.push(new Uint8Array(bytes.subarray(taken)));
      },
      drain(socket) {
        const { queue } = socket.data;
        for (let first = queue[0]; first !== undefined; first = queue[0]) {
          const taken = Math.max(0, socket.write(first));
          if (taken < first.length) {
            queue[0] = first.subarray(taken);
            return;
          }
          queue.shift();
        }
      },
      close() {
        connections--;
      },
      error: (_, error) => fail(error),
    },
  });
  return { port: listener.port, connections: () => connections };
}

/** One connection with a window of messages: for each that comes back, the next leaves. */
class PingPong {
  readonly #load: TcpLoad;
  readonly #size: number;
  readonly #window: number;
  /** Messages behind each other, one more than the window. */
  readonly #stream: Buffer;
  readonly #isFirst: boolean;
  #socket: Bun.Socket | undefined;
  /** Where in a message the next bytes belong: of those that come in, of those that go out. */
  #inAt = 0;
  #outAt = 0;
  /** Bytes to be written. */
  #owed = 0;
  #inFlight = 0;
  #sentAt = 0;
  #empty: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(load: TcpLoad, size: number, window: number, isFirst: boolean) {
    this.#load = load;
    this.#size = size;
    this.#window = window;
    this.#isFirst = isFirst;
    const message = bytesOf(size);
    this.#stream = Buffer.concat(Array.from({ length: window + 1 }, () => message));
  }

  async open(port: number): Promise<void> {
    this.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_, bytes) => this.#received(bytes),
        drain: () => this.#write(),
        close: () => fail(new Error("the echo closed the connection")),
        error: (_, error) => fail(error),
      },
    });
  }

  start(): void {
    this.#empty = Promise.withResolvers();
    this.#send(this.#window);
  }

  get empty(): Promise<void> {
    return this.#inFlight === 0 ? Promise.resolve() : this.#empty.promise;
  }

  #send(messages: number): void {
    this.#inFlight += messages;
    this.#owed += messages * this.#size;
    if (this.#isFirst) this.#sentAt = performance.now();
    this.#write();
  }

  #write(): void {
    if (this.#socket === undefined || this.#owed === 0) return;
    const taken = Math.max(0, this.#socket.write(this.#stream, this.#outAt, this.#owed));
    this.#owed -= taken;
    this.#outAt = (this.#outAt + taken) % this.#size;
  }

  #received(bytes: Buffer): void {
    const end = this.#inAt + bytes.length;
    if (this.#stream.compare(bytes, 0, bytes.length, this.#inAt, end) !== 0) {
      fail(new Error("wrong result: other bytes came back"));
    }
    const messages = Math.floor(end / this.#size);
    this.#inAt = end % this.#size;
    if (messages === 0) return;
    if (this.#isFirst) this.#load.samples.add(performance.now() - this.#sentAt);
    this.#inFlight -= messages;
    this.#load.calls += messages;
    if (!this.#load.stopping) this.#send(messages);
    else if (this.#inFlight === 0) this.#empty.resolve();
  }
}

class TcpLoad implements Load {
  calls = 0;
  stopping = false;
  readonly samples: Samples = new Samples();
  readonly #connections: readonly PingPong[];

  constructor(setup: Setup) {
    const size = messageBytes[setup.work === "object" ? "object" : "sum"];
    const window = setup.inFlight / setup.connections;
    this.#connections = Array.from(
      { length: setup.connections },
      (_, index) => new PingPong(this, size, window, index === 0),
    );
  }

  async open(port: number): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.open(port)));
  }

  start(): void {
    this.stopping = false;
    for (const connection of this.#connections) connection.start();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.#connections.map((connection) => connection.empty));
  }
}

export const program: PeerProgram = {
  serve({ work }) {
    const serve =
      work === "bytes"
        ? serveMessages
        : work === "download" || work === "upload"
          ? serveStreams
          : serveEcho;
    return Promise.resolve(serve());
  },
  async open(setup) {
    const load = setup.work === "bytes" ? new MessageLoad(setup) : new TcpLoad(setup);
    await load.open(setup.port);
    return load;
  },
  async openFlow(setup) {
    const flow = new TcpFlow(setup);
    await flow.open(setup.port);
    return flow;
  },
  hello: () => Promise.resolve(new Uint8Array([1])),
};
