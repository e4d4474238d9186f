import { expect, test } from "bun:test";
import { connect, GeeError } from "../../src/index.ts";
import type { Gee } from "../../src/index.ts";
import { silentLog } from "../../src/base/log.ts";
import { Load } from "../support/cluster.ts";
import type { ServerProcess } from "../support/cluster.ts";
import { failureOf } from "../support/ends.ts";
import { Fleet } from "../support/fleet.ts";

const lameDuckMs = 200;
const drainTimeoutMs = 700;

/** What became of one stream: its items in order, and how it ended. */
interface Ended {
  readonly call: string;
  readonly items: number;
  /** `whole`, or code and executed. */
  readonly end: string;
  readonly endedAt: number;
}

/** Streams one behind the other, by several hands, until it is told to stop. */
class Streams {
  readonly ended: Ended[] = [];
  #stopping = false;
  #next = 0;
  readonly #hands: readonly Promise<void>[];

  constructor(gee: Gee, hands: number, name: string, count: number, everyMs: number) {
    this.#hands = Array.from({ length: hands }, async () => {
      while (!this.#stopping) {
        const call = `${name}${this.#next++}`;
        let items = 0;
        let end = "whole";
        try {
          for await (const item of gee.call("Stage.Count", [call, count, everyMs])) {
            if (item !== ++items) throw new Error(`item ${String(item)} behind ${items - 1}`);
          }
        } catch (error) {
          if (!(error instanceof GeeError)) throw error;
          end = `${error.code} ${error.executed} ${error.reason}`;
        }
        this.ended.push({ call, items, end, endedAt: performance.now() });
      }
    });
  }

  async stop(): Promise<readonly Ended[]> {
    this.#stopping = true;
    await Promise.all(this.#hands);
    return this.ended;
  }
}

async function* upTo(count: number, everyMs: number): AsyncGenerator<number> {
  for (let item = 1; item <= count; item++) {
    yield item;
    await Bun.sleep(everyMs);
  }
}

test("each of three servers is told to stop under load and replaced: no call is lost, streams end whole, and only what is still open at the end of the drain ends with UNAVAILABLE", async () => {
  await using fleet = await Fleet.create();
  const { url } = (await fleet.registry()).said;
  const start = (): Promise<ServerProcess> =>
    fleet.server({ registry: url, stages: ["Stage"], lameDuckMs, drainTimeoutMs });
  const servers = await Promise.all([start(), start(), start()]);
  await using gee = connect({ registry: url, log: silentLog, drainTimeoutMs: 100 });
  const load = new Load(40, "call", (call) => gee.call("Stage.Work", [call, 50]));
  // A call that goes elsewhere sends its items there from the first on.
  const takes = new Load(8, "take", async (call) => {
    const taken = await gee.call("Stage.Take", [call, upTo(20, 10)]);
    return taken === 20 ? call : taken;
  });
  // 200 ms each, so that some are open whenever a server is told to stop.
  const short = new Streams(gee, 12, "short", 10, 20);
  // So many that some are on their way when a server says that it drains.
  const tiny = new Streams(gee, 6, "tiny", 1, 3);
  // Longer than anybody drains.
  const long = new Streams(gee, 6, "long", 1_000_000, 20);
  await load.more(200);
  await fleet.written("begun", 6, ({ call }) => call.startsWith("long"));

  const stopped: { readonly pid: number; readonly toldAt: number; readonly tookMs: number }[] = [];
  for (const server of servers) {
    const toldAt = performance.now();
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
    stopped.push({ pid: server.pid, toldAt, tookMs: performance.now() - toldAt });
    expect(server.errors()).toBe("");
    await start();
    await load.more(200);
  }
  const settled = await load.stop();
  const taken = await takes.stop();
  const shortEnded = await short.stop();
  const tinyEnded = await tiny.stop();
  // Those that are open on the new servers have to be ended by us.
  const longEnded = [...long.ended];
  const longStopped = long.stop();
  await gee[Symbol.asyncDispose]();
  await longStopped;

  console.log(
    `${settled.length} calls, ${taken.length} with items, ${shortEnded.length + tinyEnded.length} short streams, ${longEnded.length} cut off;`,
    `stopped in ${stopped.map(({ tookMs }) => Math.round(tookMs)).join(", ")} ms`,
  );
  expect(load.failed).toEqual([]);
  expect(takes.failed).toEqual([]);
  expect(shortEnded.filter(({ items, end }) => items !== 10 || end !== "whole")).toEqual([]);

  expect(tinyEnded.filter(({ items, end }) => items !== 1 || end !== "whole")).toEqual([]);

  const begun = await fleet.journal("begun");
  const names = begun.map(({ call }) => call);
  expect(new Set(names).size).toBe(names.length);
  const started = new Set(names);
  expect([...settled, ...taken].filter(({ call }) => !started.has(call))).toEqual([]);

  const serverOf = new Map(begun.map(({ call, pid }) => [call, pid]));
  expect(longEnded.length).toBeGreaterThan(0);
  for (const { call, items, end, endedAt } of longEnded) {
    expect(end).toBe("UNAVAILABLE maybe SHUT_DOWN");
    expect(items).toBeGreaterThan(0);
    // Cut off by a server that was told to stop, and not before its time was over.
    const stop = stopped.find(({ pid }) => pid === serverOf.get(call));
    expect(endedAt - (stop?.toldAt ?? endedAt)).toBeGreaterThanOrEqual(
      lameDuckMs + drainTimeoutMs - 20,
    );
  }
  // Their generators have ended as well, before the process did.
  const ended = new Set((await fleet.journal("finally")).map(({ call }) => call));
  expect(longEnded.filter(({ call }) => !ended.has(call))).toEqual([]);
  for (const { tookMs } of stopped)
    expect(tookMs).toBeLessThan(lameDuckMs + drainTimeoutMs + 3_000);
}, 30_000);

test("handlers that never end are told to stop when the drain is over, and keep no process alive", async () => {
  await using fleet = await Fleet.create();
  const server = await fleet.server({ stages: ["Stage"], lameDuckMs: 100, drainTimeoutMs: 300 });
  await using gee = connect({ address: server.said.address, log: silentLog });
  const options = { timeoutMs: 60_000 };
  const failures = [
    failureOf(gee.call("Stage.Wait", ["heeds"], options)),
    // One that looks at no signal.
    failureOf(gee.call("Stage.Work", ["ignores", 60_000], options)),
  ];
  await fleet.written("begun", 2);
  const toldAt = performance.now();
  server.signal("SIGTERM");
  for (const failure of failures) {
    expect(await failure).toMatchObject({
      code: "UNAVAILABLE",
      reason: "SHUT_DOWN",
      executed: "maybe",
    });
  }
  expect(performance.now() - toldAt).toBeGreaterThanOrEqual(399);
  expect(await server.exited).toBe(0);
  expect(performance.now() - toldAt).toBeLessThan(400 + 1_000 + 2_000);
  const aborted = await fleet.written("aborted", 2);
  expect(aborted.map(({ call }) => call).sort()).toEqual(["heeds", "ignores"]);
}, 20_000);
