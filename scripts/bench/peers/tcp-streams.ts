// Bare Bun TCP: one direction. Messages behind their length leave in writes of 64 KiB, and whoever
// receives them goes from length to length and counts. No values, no credit: the ceiling of a stream.

import { fail } from "../load.ts";
import type { Flow } from "../load.ts";
import type { Setup } from "../work.ts";

/** Before the bytes of each message stands as much as before those of gee's items. */
const headBytes = 14;
const writeBytes = 65_536;

/** What the client asks for: a stream from the server, or one to it, of so many messages. */
const requestBytes = 9;

/** Messages of so many bytes, as many as one write holds; of larger ones, pieces of that size. */
function batchOf(size: number): { readonly batch: Buffer; readonly messages: number } {
  const messageBytes = Math.min(headBytes + size, writeBytes);
  const messages = Math.floor(writeBytes / messageBytes);
  const batch = Buffer.alloc(messages * messageBytes);
  for (let at = 0; at < batch.length; at += messageBytes) {
    batch.writeUInt32BE(messageBytes - 4, at);
  }
  return { batch, messages };
}

/** How many messages stand for so many items. */
function messagesOf(items: number, size: number): number {
  return Math.ceil((items * size) / Math.min(size, writeBytes - headBytes));
}

/** Sends so many messages, as fast as the kernel takes them. */
class Sending {
  readonly #batch: Buffer;
  readonly #messageBytes: number;
  #owed = 0;
  #at = 0;

  constructor(size: number) {
    const { batch, messages } = batchOf(size);
    this.#batch = batch;
    this.#messageBytes = batch.length / messages;
  }

  start(socket: Bun.Socket<unknown> | Bun.Socket<never>, messages: number): void {
    this.#owed = messages * this.#messageBytes;
    this.write(socket);
  }

  write(socket: Bun.Socket<unknown> | Bun.Socket<never>): void {
    while (this.#owed > 0) {
      const bytes = Math.min(this.#owed, this.#batch.length - this.#at);
      const taken = Math.max(0, socket.write(this.#batch, this.#at, bytes));
      this.#owed -= taken;
      this.#at = (this.#at + taken) % this.#batch.length;
      if (taken < bytes) return;
    }
    this.#at = 0;
  }
}

/** Counts messages until as many have come as are expected. */
class Counting {
  readonly #expected: number;
  readonly #onDone: () => void;
  readonly #prefix: Buffer = Buffer.alloc(4);
  #prefixHave = 0;
  #left = 0;
  #count = 0;

  constructor(expected: number, onDone: () => void) {
    this.#expected = expected;
    this.#onDone = onDone;
  }

  push(bytes: Buffer): void {
    let at = this.#left;
    while (at < bytes.length) {
      let length: number;
      if (this.#prefixHave === 0 && bytes.length - at >= 4) {
        length = bytes.readUInt32BE(at);
        at += 4;
      } else {
        const taken = bytes.copy(this.#prefix, this.#prefixHave, at, at + 4 - this.#prefixHave);
        this.#prefixHave += taken;
        at += taken;
        if (this.#prefixHave < 4) break;
        this.#prefixHave = 0;
        length = this.#prefix.readUInt32BE(0);
      }
      this.#count++;
      at += length;
    }
    this.#left = Math.max(0, at - bytes.length);
    if (this.#count === this.#expected && this.#left === 0 && this.#prefixHave === 0) {
      this.#onDone();
    } else if (this.#count > this.#expected) {
      fail(new Error(`wrong result: more than ${this.#expected} messages came`));
    }
  }
}

interface Serving {
  sending: Sending | undefined;
  counting: Counting | undefined;
}

/** Serves streams, either way, at a free port. */
export function serveStreams(): { readonly port: number; connections(): number } {
  let connections = 0;
  const listener = Bun.listen<Serving>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { sending: undefined, counting: undefined };
        connections++;
      },
      data(socket, bytes) {
        const { counting } = socket.data;
        if (counting !== undefined) {
          counting.push(bytes);
          return;
        }
        const size = bytes.readUInt32BE(1);
        const messages = bytes.readUInt32BE(5);
        if (bytes[0] === 0) {
          socket.data.sending = new Sending(size);
          socket.data.sending.start(socket, messages);
          return;
        }
        socket.data.counting = new Counting(messages, () => {
          socket.data.counting = undefined;
          socket.write("1");
        });
        if (bytes.length > requestBytes) socket.data.counting.push(bytes.subarray(requestBytes));
      },
      drain: (socket) => socket.data.sending?.write(socket),
      close() {
        connections--;
      },
      error: (_, error) => fail(error),
    },
  });
  return { port: listener.port, connections: () => connections };
}

/** The client's end. */
export class TcpFlow implements Flow {
  readonly #setup: Setup;
  readonly #sending: Sending;
  #socket: Bun.Socket<undefined> | undefined;
  #counting: Counting | undefined;
  #done: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(setup: Setup) {
    this.#setup = setup;
    this.#sending = new Sending(setup.size);
  }

  async open(port: number): Promise<void> {
    this.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_, bytes) => {
          if (this.#counting === undefined) this.#done.resolve();
          else this.#counting.push(bytes);
        },
        drain: (socket) => this.#sending.write(socket),
        close: () => fail(new Error("the server closed the connection")),
        error: (_, error) => fail(error),
      },
    });
  }

  async pass(items: number): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) throw new Error("there is no connection");
    const { work, size } = this.#setup;
    const messages = messagesOf(items, size);
    this.#done = Promise.withResolvers();
    const request = Buffer.alloc(requestBytes);
    request[0] = work === "download" ? 0 : 1;
    request.writeUInt32BE(size, 1);
    request.writeUInt32BE(messages, 5);
    if (work === "download") {
      this.#counting = new Counting(messages, () => this.#done.resolve());
    }
    socket.write(request);
    if (work === "upload") this.#sending.start(socket, messages);
    await this.#done.promise;
  }
}
