import { parseAddress } from "../../src/base/address.ts";
import type { Address } from "../../src/base/address.ts";
import type { Server } from "../../src/server.ts";

interface Side {
  write(bytes: Uint8Array): number;
  end(): void;
  terminate(): void;
}

/** One connection through the proxy. */
interface Pipe {
  caller: Side;
  server: Side | undefined;
  readonly waiting: Uint8Array[];
}

/**
 * Something between a caller and a server that passes bytes on, keeps answers to itself when it is
 * told to, and cuts connections: what a network does to a reply. For messages of a few KiB: what a
 * socket does not take at once is an error here.
 */
export class TcpProxy implements Disposable {
  readonly #listener: Bun.TCPSocketListener<Pipe>;
  readonly #pipes: Set<Pipe> = new Set();
  /** Whether what the server says is kept from the caller, and lost. */
  losesAnswers = false;
  /** Connections that were made through it. */
  connections = 0;
  /** Bytes of answers that were lost. */
  lostBytes = 0;

  constructor(server: Pick<Server, "address">) {
    const [hostname = "", port = ""] = server.address.replace("tcp@", "").split(":");
    const pass = (to: Side | undefined, bytes: Uint8Array): void => {
      if (to !== undefined && to.write(bytes) !== bytes.length) throw new Error("too much at once");
    };
    this.#listener = Bun.listen<Pipe>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: async (socket) => {
          this.connections++;
          const pipe: Pipe = { caller: socket, server: undefined, waiting: [] };
          socket.data = pipe;
          this.#pipes.add(pipe);
          pipe.server = await Bun.connect({
            hostname,
            port: Number(port),
            socket: {
              data: (_server, bytes) => {
                if (this.losesAnswers) this.lostBytes += bytes.length;
                else pass(socket, bytes);
              },
              close: () => void socket.end(),
            },
          });
          for (const bytes of pipe.waiting.splice(0)) pass(pipe.server, bytes);
        },
        data(socket, bytes) {
          const { server: to, waiting } = socket.data;
          if (to === undefined) waiting.push(new Uint8Array(bytes));
          else pass(to, bytes);
        },
        close: (socket) => {
          socket.data.server?.end();
          this.#pipes.delete(socket.data);
        },
      },
    });
  }

  /** Where callers find it. */
  get address(): Address {
    return parseAddress(`tcp@127.0.0.1:${this.#listener.port}`);
  }

  /** Cuts all connections, without a word. */
  cut(): void {
    for (const { caller, server } of this.#pipes) {
      caller.terminate();
      server?.terminate();
    }
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
    this.cut();
  }
}
