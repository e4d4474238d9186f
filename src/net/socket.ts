import type { Socket, SocketHandler } from "bun";
import { GeeError } from "../base/errors.ts";
import type { Clock, Timer } from "../base/time.ts";
import type { Link, LinkEvents } from "../wire/link.ts";

/** What a peer behind a unix socket is called. */
export const unixPeer = "unix";

/** How long a connection is silent before the kernel asks whether its peer is still there. */
const keepAliveMs = 15_000;

/** How long a peer may take to close its side once we have closed ours. */
const lingerMs = 2_000;

/**
 * What Bun keeps for each socket: the link that it carries. Missing while a connection that was reset
 * before it was accepted passes through.
 */
export type SocketData = SocketLink | undefined;

/**
 * Gives the memory of bytes back at once. The collector would do so late and together with much
 * else, when the pages have long been cold: of messages of 1 MiB that cost a fifth of the rate.
 */
function free(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length) buffer.transfer(0);
}

/**
 * A Bun socket as a link. `write` of Bun takes what the kernel takes and queues nothing, which is
 * what a link promises; the queue is the outbox above.
 */
export class SocketLink implements Link {
  readonly #host: string;
  readonly #port: number | undefined;
  readonly local: boolean;
  readonly #clock: Clock;
  #socket: Socket<SocketData> | undefined;
  #events: LinkEvents | undefined;
  #linger: Timer | undefined;
  #ended = false;

  /** `host` is the whole of what the peer is called when there is no `port`. */
  constructor(host: string, port: number | undefined, local: boolean, clock: Clock) {
    this.#host = host;
    this.#port = port;
    this.local = local;
    this.#clock = clock;
  }

  /** Put together when it is asked for: of thousands that are idle nobody asks. */
  get peer(): string {
    return this.#port === undefined ? this.#host : `${this.#host}:${this.#port}`;
  }

  /** The socket is there, and from now on `events` hears of it. */
  open(socket: Socket<SocketData>, events: LinkEvents): void {
    this.#socket = socket;
    this.#events = events;
    socket.data = this;
    // The kernel's own look at a peer that has vanished; it costs an idle connection nothing.
    if (this.#host !== unixPeer) socket.setKeepAlive(true, keepAliveMs);
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    if (this.#socket === undefined || this.#ended) return 0;
    // Both numbers always: Bun refuses an offset without a length. -1 is a socket that is closed.
    return Math.max(0, this.#socket.write(bytes, start, end - start));
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  end(): void {
    const socket = this.#socket;
    if (socket === undefined || this.#ended) return;
    this.#ended = true;
    // Not `end`, which closes both directions: a peer that still sends would get a reset, and with
    // it lose bytes of ours that its kernel holds already.
    socket.resume();
    socket.shutdown();
    this.#linger = this.#clock.after(lingerMs, () => this.close(), { background: true });
  }

  close(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#closed(new GeeError("UNAVAILABLE", "connection closed", { reason: "CLOSED" }));
    socket.terminate();
  }

  #closed(why: GeeError): void {
    this.#linger?.cancel();
    this.#socket = undefined;
    const events = this.#events;
    this.#events = undefined;
    events?.closed(why);
  }

  /** Bun's events, for every socket of a listener or a dial. */
  static readonly handlers: Omit<SocketHandler<SocketData>, "open"> = {
    data(socket, bytes) {
      const link = socket.data;
      if (link !== undefined && link.#events?.data(bytes) === true) free(bytes);
    },
    drain(socket) {
      const link = socket.data;
      if (link !== undefined) link.#events?.drain();
    },
    end(socket) {
      // The peer sends no more. Calls cannot be answered half-way: close our side as well.
      const link = socket.data;
      if (link !== undefined) link.#peerEnded();
    },
    close(socket, error) {
      const link = socket.data;
      if (link === undefined) return;
      link.#closed(
        new GeeError("UNAVAILABLE", `connection lost to ${link.peer}`, {
          reason: "CONNECTION_LOST",
          ...(error === undefined || error === null ? {} : { cause: error }),
        }),
      );
    },
    error(socket, error) {
      // An exception that escaped from an event; Bun would leave the socket open.
      const link = socket.data;
      if (link !== undefined) {
        link.#closed(
          new GeeError("INTERNAL", `connection to ${link.peer} failed`, { cause: error }),
        );
      }
      socket.terminate();
    },
  };

  #peerEnded(): void {
    const socket = this.#socket;
    this.#closed(
      new GeeError("UNAVAILABLE", `${this.peer} closed the connection`, {
        reason: "CONNECTION_LOST",
      }),
    );
    socket?.end();
  }
}
