// What is only held: calls that nobody answers, streams that say no more, clients with nothing to do.

import { heapStats } from "bun:jsc";
import { connect, serve } from "../../../src/index.ts";
import type { Gee } from "../../../src/index.ts";
import type { Trial } from "../trial.ts";

/** Calls or streams on one connection. */
const perConnection = 1_000;
const connectAtOnce = 200;
/** Longer than any trial. */
const options = { timeoutMs: 3_600_000, idleTimeoutMs: 3_600_000 };

class Hold {
  #running = 0;

  /** How many handlers run now, this one left out. */
  Running(): number {
    return this.#running;
  }

  Never(): Promise<never> {
    this.#running++;
    return Promise.withResolvers<never>().promise;
  }

  /** One item, and nothing after it. */
  async *Stream(): AsyncGenerator<number> {
    this.#running++;
    yield 1;
    await Promise.withResolvers<never>().promise;
  }
}

/** Bytes of the heap, once nothing is left to be collected. */
async function settle(): Promise<number> {
  for (let pass = 0; pass < 3; pass++) {
    Bun.gc(true);
    await Bun.sleep(100);
  }
  return heapStats().heapSize;
}

type What = "calls" | "streams" | "clients";

/** Holds more and more of something. */
class Holder {
  readonly #address: string;
  readonly #clients: Gee[] = [];
  readonly #iterators: AsyncIterator<number>[] = [];
  #held = 0;

  constructor(port: number) {
    this.#address = `tcp@127.0.0.1:${port}`;
  }

  /** Goes on until so many are held, and known to the other end. */
  async hold(what: What, wanted: number): Promise<number> {
    if (what === "clients") {
      while (this.#clients.length < wanted) {
        const count = Math.min(connectAtOnce, wanted - this.#clients.length);
        await Promise.all(Array.from({ length: count }, () => this.#connect()));
      }
      return this.#clients.length;
    }
    for (; this.#held < wanted; this.#held++) {
      const client = await this.#clientFor(Math.floor(this.#held / perConnection));
      if (what === "calls") void client.call("Hold.Never", [], options);
      else await this.#open(client);
    }
    const first = await this.#clientFor(0);
    while ((await first.service<Hold>("Hold").Running()) < wanted) await Bun.sleep(10);
    return this.#held;
  }

  async #connect(): Promise<Gee> {
    const client = connect({ address: this.#address });
    this.#clients.push(client);
    await client.service<Hold>("Hold").Running();
    return client;
  }

  async #clientFor(index: number): Promise<Gee> {
    return this.#clients[index] ?? this.#connect();
  }

  async #open(client: Gee): Promise<void> {
    const iterator = client.service<Hold>("Hold", options).Stream()[Symbol.asyncIterator]();
    const { value } = await iterator.next();
    if (value !== 1) throw new Error("wrong result");
    this.#iterators.push(iterator);
  }
}

function isWhat(word: string): word is What {
  return word === "calls" || word === "streams" || word === "clients";
}

export const trial: Trial = {
  async serve() {
    const server = await serve({
      services: { Hold: new Hold() },
      maxInFlight: 2 * perConnection,
      maxRunningHandlers: 1_000_000,
    });
    return Number(server.address.slice(server.address.lastIndexOf(":") + 1));
  },
  hear: settle,
  open(port) {
    const holder = new Holder(port);
    return Promise.resolve((order) => {
      const [what = "", wanted = "0"] = order.split(" ");
      return isWhat(what) ? holder.hold(what, Number(wanted)) : settle();
    });
  },
};
