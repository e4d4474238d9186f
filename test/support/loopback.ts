import type { ConnectOptions, Gee } from "../../src/client.ts";
import { connect } from "../../src/client.ts";
import type { ServeOptions, Server } from "../../src/server.ts";
import { serve } from "../../src/server.ts";
import type { FakeClock } from "./clock.ts";
import { memoryLog } from "./registry.ts";

/** Servers and clients of one test, on sockets of this machine. */
export class Loopback implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #clock: FakeClock | undefined;
  /** What the servers have logged. */
  readonly lines: readonly string[];
  readonly #log: ReturnType<typeof memoryLog>["log"];

  /** With a clock, time is by hand for all of them. */
  constructor(clock?: FakeClock) {
    const { log, lines } = memoryLog();
    this.#clock = clock;
    this.#log = log;
    this.lines = lines;
  }

  /** Starts a server that stops at once when the test is over. */
  async serve(
    services: Readonly<Record<string, object>>,
    options: Omit<Partial<ServeOptions>, "services"> = {},
  ): Promise<Server> {
    const server = await serve({
      services,
      lameDuckMs: 0,
      drainTimeoutMs: 0,
      log: this.#log,
      clock: this.#clock,
      ...options,
    });
    this.#stack.defer(() => this.#ended(server[Symbol.asyncDispose]()));
    return server;
  }

  /** Makes a client that waits for nothing when the test is over. */
  connect(server: Server | readonly Server[], options: ConnectOptions = {}): Gee {
    const servers = "address" in server ? [server] : server;
    const gee = connect({
      address: servers.map(({ address }) => address),
      drainTimeoutMs: 0,
      log: this.#log,
      ...(this.#clock === undefined ? {} : { clock: this.#clock }),
      ...options,
    });
    this.#stack.defer(() => this.#ended(gee[Symbol.asyncDispose]()));
    return gee;
  }

  /** A server, and a client of it. */
  async pair(
    services: Readonly<Record<string, object>>,
    serving: Omit<Partial<ServeOptions>, "services"> = {},
    calling: ConnectOptions = {},
  ): Promise<{ readonly server: Server; readonly gee: Gee }> {
    const server = await this.serve(services, serving);
    return { server, gee: this.connect(server, calling) };
  }

  /** Time that is by hand has to be moved for what ends. */
  async #ended(work: PromiseLike<void>): Promise<void> {
    const state = { over: false };
    const ending = Promise.resolve(work).finally(() => (state.over = true));
    while (this.#clock !== undefined && !state.over) await this.#clock.advance(500);
    await ending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** All items. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of items) taken.push(item);
  return taken;
}

/** The first items; the rest is left. */
export async function take<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of items) {
    taken.push(item);
    if (taken.length === count) break;
  }
  return taken;
}

/** Something that gives items, and remembers how it was left. */
export class Source {
  /** Items that it was asked for. */
  given = 0;
  /** How often it was left or came to its end. */
  left = 0;

  /** 1, 2, ... up to `to`. */
  async *numbers(to: number = Number.POSITIVE_INFINITY): AsyncGenerator<number> {
    try {
      for (let number = 1; number <= to; number++) {
        this.given++;
        yield number;
      }
    } finally {
      this.left++;
    }
  }

  /** 1, 2, ... up to `to`, and then nothing, for as long as anybody waits. */
  held(to: number): AsyncIterable<number> {
    let number = 0;
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          if (number === to) return new Promise<never>(() => {});
          this.given++;
          return Promise.resolve({ done: false, value: ++number });
        },
        return: () => {
          this.left++;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
  }

  /** The same value for ever. */
  async *endless<T>(value: T): AsyncGenerator<T> {
    try {
      for (;;) {
        this.given++;
        yield value;
      }
    } finally {
      this.left++;
    }
  }
}
