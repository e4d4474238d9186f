// A registry with ten thousand instances: how soon it has them, what their beats cost, and how soon
// a thousand watchers know of a change. The other end speaks HTTP by hand, as fetch has a limit of 256.

import { heapStats } from "bun:jsc";
import { silentLog } from "../../../src/base/log.ts";
import { systemClock } from "../../../src/base/time.ts";
import { parseAddress } from "../../../src/base/address.ts";
import { MemberTable } from "../../../src/directory/member-table.ts";
import { newInstanceId, newSecret } from "../../../src/discovery/member.ts";
import { serveRegistry } from "../../../src/registry.ts";
import { quantile } from "../statistics.ts";
import type { Trial } from "../trial.ts";

/** What came of the beats, and of what went before. */
export interface BeatsResult {
  readonly heapBytesEach: number;
  readonly joinSeconds: number;
  readonly beats: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What came of one change. */
export interface WatchResult {
  readonly toldMs: number;
}

const count = 10_000;
/** Each beats every 3 s. */
const beatsPerMs = count / 3_000;
const connections = 64;
const watchers = 1_000;
const path = "/_geerpc_/registry";
/** Three beats, as ever. */
const leaseMs = 9_000;
/** The registry's own is longer than all of it takes: the end of warming would be news. */
const warmingMs = 120_000;
/** In less not everybody has beaten. */
const leastSeconds = 4;

function instance(n: number) {
  const address = parseAddress(`tcp@10.0.${n >> 8}.${n & 255}:7000`);
  const services = [`Service${n % 50}`];
  return {
    id: newInstanceId(),
    address,
    revision: 1,
    services,
    weight: 1,
    draining: false,
    leaseMs,
  };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A connection that is kept, with one request at a time. */
class Connection {
  #heard = "";
  #answered: PromiseWithResolvers<Answer> | undefined;
  #write: (text: string) => void = () => {};

  static async open(port: number): Promise<Connection> {
    const connection = new Connection();
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_socket, bytes) => connection.#hear(bytes.toString("latin1")),
        close: () => connection.#answered?.reject(new Error("the registry closed a connection")),
      },
    });
    connection.#write = (text) => {
      if (socket.write(text) !== text.length) throw new Error("a request did not fit");
    };
    return connection;
  }

  ask(method: string, query: string, body?: object): Promise<Answer> {
    this.#answered = Promise.withResolvers();
    const text = body === undefined ? "" : JSON.stringify(body);
    const type = "Accept: application/json\r\nContent-Type: application/json\r\n";
    const head = `${method} ${path}${query} HTTP/1.1\r\nHost: localhost\r\n${type}`;
    this.#write(`${head}Content-Length: ${text.length}\r\n\r\n${text}`);
    return this.#answered.promise;
  }

  #hear(text: string): void {
    this.#heard += text;
    const end = this.#heard.indexOf("\r\n\r\n");
    if (end < 0) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#heard.slice(0, end))?.[1] ?? 0);
    if (this.#heard.length < end + 4 + length) return;
    const answer = { status: Number(this.#heard.slice(9, 12)), body: this.#heard.slice(end + 4) };
    this.#heard = "";
    this.#answered?.resolve(answer);
  }
}

function check({ status, body }: Answer, wanted: number): void {
  if (status !== wanted)
    throw new Error(`wrong result: ${status} where ${wanted} is right: ${body}`);
}

/** What one of ten thousand takes up of the heap. */
function heapBytesEach(): number {
  const heap = (): number => {
    Bun.gc(true);
    return heapStats().heapSize;
  };
  const before = heap();
  const table = new MemberTable({ clock: systemClock, leaseMs });
  for (let n = 0; n < count; n++) table.put(instance(n), newSecret());
  const grown = heap() - before;
  if (table.list().length !== count) throw new Error("wrong result: a table that lost somebody");
  return grown / count;
}

async function open(port: number): Promise<(seconds: number) => Promise<unknown>> {
  const heap = heapBytesEach();
  const all = await Promise.all(Array.from({ length: connections }, () => Connection.open(port)));
  const members = Array.from({ length: count }, (_, n) => ({
    ...instance(n),
    secret: newSecret(),
  }));
  const beat = ({ id, secret }: { id: string; secret: string }) => ({ id, secret, revision: 1 });

  // As after an empty restart: each beats, is not known, and registers.
  const joinAt = performance.now();
  const rest = members.values();
  await Promise.all(
    all.map(async (connection) => {
      for (const member of rest) {
        check(await connection.ask("POST", "", beat(member)), 404);
        const { secret, ...said } = member;
        check(await connection.ask("POST", "", { instance: said, secret }), 200);
      }
    }),
  );
  const joinSeconds = (performance.now() - joinAt) / 1_000;

  const beats = async (seconds: number): Promise<BeatsResult> => {
    const total = Math.round(seconds * 1_000 * beatsPerMs);
    const latencies: number[] = [];
    const startedAt = performance.now();
    let next = 0;
    await Promise.all(
      all.map(async (connection) => {
        while (next < total) {
          const n = next++;
          // Late is late, be it for want of a free connection.
          const dueAt = startedAt + n / beatsPerMs;
          while (performance.now() < dueAt) await Bun.sleep(dueAt - performance.now());
          const member = members[n % count];
          if (member !== undefined) check(await connection.ask("POST", "", beat(member)), 200);
          latencies.push(performance.now() - dueAt);
        }
      }),
    );
    const sorted = new Float64Array(latencies).sort();
    return {
      heapBytesEach: heap,
      joinSeconds,
      beats: total,
      seconds: (performance.now() - startedAt) / 1_000,
      p50Ms: quantile(sorted, 0.5),
      p99Ms: quantile(sorted, 0.99),
    };
  };

  const watch = async (): Promise<WatchResult> => {
    const [first] = all;
    if (first === undefined) throw new Error("there is no connection");
    const list = await first.ask("GET", "");
    check(list, 200);
    const token = /"token":"([^"]+)"/.exec(list.body)?.[1] ?? "";
    const waiting: Promise<Answer>[] = [];
    for (let n = 0; n < watchers; n++) {
      const connection = await Connection.open(port);
      waiting.push(connection.ask("GET", `?after=${token}&wait=60s`));
    }
    await Bun.sleep(500);
    const news = instance(count);
    const changedAt = performance.now();
    check(await first.ask("POST", "", { instance: news, secret: newSecret() }), 200);
    for (const answer of await Promise.all(waiting)) {
      if (!answer.body.includes(news.id)) throw new Error("wrong result: no news for a watcher");
    }
    return { toldMs: performance.now() - changedAt };
  };

  return (seconds) => (seconds === 0 ? watch() : beats(Math.max(seconds, leastSeconds)));
}

export const trial: Trial = {
  async serve() {
    const registry = await serveRegistry({
      listen: "127.0.0.1:0",
      leaseMs: warmingMs,
      log: silentLog,
    });
    return Number(new URL(registry.url).port);
  },
  open,
};
