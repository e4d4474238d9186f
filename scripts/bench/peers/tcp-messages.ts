// Bare Bun TCP: messages behind their length, each put together and echoed whole. What an echo of
// bytes cannot do without, because its receiver wants the bytes of one message and not some bytes.

import { fail, Samples } from "../load.ts";
import type { Load } from "../load.ts";
import { bytesOf } from "../work.ts";
import type { Setup } from "../work.ts";

const prefixBytes = 4;

/** Writes that the kernel may not take at once. */
export class Writes {
  readonly #queue: Uint8Array[] = [];

  write(socket: Bun.Socket<never> | Bun.Socket<unknown>, bytes: Uint8Array): void {
    const taken = this.#queue.length > 0 ? 0 : Math.max(0, socket.write(bytes));
    if (taken < bytes.length) this.#queue.push(bytes.subarray(taken));
  }

  drain(socket: Bun.Socket<never> | Bun.Socket<unknown>): void {
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const taken = Math.max(0, socket.write(first));
      if (taken < first.length) {
        this.#queue[0] = first.subarray(taken);
        return;
      }
      this.#queue.shift();
    }
  }
}

/** Cuts what comes into messages, each in a buffer of its own, prefix included. */
class Messages {
  readonly #onMessage: (message: Buffer) => void;
  readonly #prefix: Buffer = Buffer.alloc(prefixBytes);
  #prefixHave = 0;
  #message: Buffer | undefined;
  #have = 0;

  constructor(onMessage: (message: Buffer) => void) {
    this.#onMessage = onMessage;
  }

  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#message === undefined) {
        const taken = bytes.copy(this.#prefix, this.#prefixHave, at);
        this.#prefixHave += taken;
        at += taken;
        if (this.#prefixHave < prefixBytes) return;
        this.#message = Buffer.allocUnsafeSlow(prefixBytes + this.#prefix.readUInt32BE(0));
        this.#prefix.copy(this.#message);
        this.#prefixHave = 0;
        this.#have = prefixBytes;
      }
      const taken = bytes.copy(this.#message, this.#have, at);
      this.#have += taken;
      at += taken;
      if (this.#have < this.#message.length) return;
      const message = this.#message;
      this.#message = undefined;
      this.#onMessage(message);
    }
  }
}

interface Ends {
  readonly messages: Messages;
  readonly writes: Writes;
}

/** Serves an echo of messages at a free port. */
export function serveMessages(): { readonly port: number; connections(): number } {
  let connections = 0;
  const listener = Bun.listen<Ends>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        const writes = new Writes();
        socket.data = {
          writes,
          messages: new Messages((message) => writes.write(socket, message)),
        };
        connections++;
      },
      data: (socket, bytes) => socket.data.messages.push(bytes),
      drain: (socket) => socket.data.writes.drain(socket),
      close() {
        connections--;
      },
      error: (_, error) => fail(error),
    },
  });
  return { port: listener.port, connections: () => connections };
}

/** One connection with so many messages in flight: for each that comes back, the next leaves. */
export class MessageLoad implements Load {
  calls = 0;
  readonly samples: Samples = new Samples();
  readonly #inFlight: number;
  readonly #message: Buffer;
  readonly #writes: Writes = new Writes();
  #socket: Bun.Socket<undefined> | undefined;
  #stopping = false;
  #waiting = 0;
  #sentAt = 0;
  #sent = 0;
  #received = 0;
  #empty: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(setup: Setup) {
    this.#inFlight = setup.inFlight;
    this.#message = Buffer.alloc(prefixBytes + setup.size);
    this.#message.writeUInt32BE(setup.size);
    this.#message.set(bytesOf(setup.size), prefixBytes);
  }

  async open(port: number): Promise<void> {
    const messages = new Messages((message) => this.#came(message));
    this.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_, bytes) => messages.push(bytes),
        drain: (socket) => this.#writes.drain(socket),
        close: () => fail(new Error("the echo closed the connection")),
        error: (_, error) => fail(error),
      },
    });
  }

  start(): void {
    this.#stopping = false;
    this.#empty = Promise.withResolvers();
    while (this.#waiting < this.#inFlight) this.#send();
  }

  stop(): Promise<void> {
    this.#stopping = true;
    return this.#empty.promise;
  }

  #send(): void {
    // Every so many are timed, which is what the first of so many callers does.
    if (this.#sent++ % this.#inFlight === 0) this.#sentAt = performance.now();
    this.#waiting++;
    if (this.#socket !== undefined) this.#writes.write(this.#socket, this.#message);
  }

  #came(message: Buffer): void {
    if (!message.equals(this.#message)) fail(new Error("wrong result: other bytes came back"));
    if (this.#received++ % this.#inFlight === 0) this.samples.add(performance.now() - this.#sentAt);
    this.calls++;
    this.#waiting--;
    if (!this.#stopping) this.#send();
    else if (this.#waiting === 0) this.#empty.resolve();
  }
}
