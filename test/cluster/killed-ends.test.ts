import { expect, test } from "bun:test";
import { connect, GeeError } from "../../src/index.ts";
import { limits } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { eventually } from "../support/cluster.ts";
import { Fleet } from "../support/fleet.ts";
import { journalNow } from "../support/journal.ts";

// Either end is killed with calls of every shape under way.

const isLong = Bun.env["GEE_LONG"] === "1";
const each = 20;
/** Known within 100 ms of the end of the connection; here ten times that. */
const atOnceMs = 1_000;

/** How something ended, and when. */
interface End {
  readonly call: string;
  readonly how: string;
  readonly at: number;
}

async function* endless(onEnd: () => void): AsyncGenerator<number> {
  try {
    for (let item = 1; ; item++) {
      yield item;
      await Bun.sleep(5);
    }
  } finally {
    onEnd();
  }
}

test("when a server is killed its calls and streams of every shape settle at once, as UNAVAILABLE and maybe", async () => {
  await using fleet = await Fleet.create();
  const server = await fleet.server({ stages: ["Stage"] });
  await using gee = connect({ address: server.said.address, log: silentLog });
  const ends: End[] = [];
  let sourcesEnded = 0;
  let received = 0;
  const watch = (call: string, work: Promise<unknown>): Promise<void> =>
    work.then(
      () => void ends.push({ call, how: "whole", at: performance.now() }),
      (error: unknown) => {
        const how =
          error instanceof GeeError
            ? `${error.code} ${error.executed} ${error.reason}`
            : String(error);
        ends.push({ call, how, at: performance.now() });
      },
    );
  const takeAll = async (items: AsyncIterable<unknown>): Promise<void> => {
    for await (const _ of items) received++;
  };
  const options = { timeoutMs: 60_000 };
  const works: Promise<void>[] = [];
  for (let index = 0; index < each; index++) {
    const source = endless(() => sourcesEnded++);
    works.push(
      watch(`wait${index}`, gee.call("Stage.Wait", [`wait${index}`], options)),
      watch(`count${index}`, takeAll(gee.call("Stage.Count", [`count${index}`, 1_000_000, 5]))),
      watch(`take${index}`, gee.call("Stage.Take", [`take${index}`, source])),
      watch(
        `keyed${index}`,
        gee.call("Stage.Work", [`keyed${index}`, 60_000], {
          ...options,
          idempotencyKey: `key${index}`,
          // Else it would wait for its server to come back.
          maxAttempts: 1,
        }),
      ),
    );
  }
  const count = works.length;
  await fleet.written("begun", count);
  await eventually(() => received > each, "items");
  expect(ends).toEqual([]);
  server.signal("SIGKILL");
  const killedAt = performance.now();
  await Promise.all(works);
  const slowestMs = Math.max(...ends.map(({ at }) => at - killedAt));
  console.log(`${ends.length} settled, the last ${slowestMs.toFixed(1)} ms after the kill`);
  expect(slowestMs).toBeLessThan(atOnceMs);
  expect(ends.map(({ how }) => how)).toEqual(
    Array.from({ length: count }, () => "UNAVAILABLE maybe CONNECTION_LOST"),
  );
  expect(new Set(ends.map(({ call }) => call)).size).toBe(count);
  await eventually(() => sourcesEnded === each, "the ends of what gave the arguments' items");
}, 20_000);

test("when a client is killed its handlers are told to stop, its streams' finally runs, and a call with a key is done all the same", async () => {
  await using fleet = await Fleet.create();
  const server = await fleet.server({ stages: ["Stage"] });
  const { address } = server.said;
  await using neighbour = connect({ address, log: silentLog });
  const client = await fleet.client({ address, each, keyedMs: 700 });
  await fleet.written("begun", 5 * each);
  await fleet.written("ticked", each);
  expect(await fleet.journal("aborted")).toEqual([]);
  expect(await fleet.journal("finally")).toEqual([]);
  client.signal("SIGKILL");
  const killedAt = journalNow();

  const named = (...names: readonly string[]) => {
    const all = names.flatMap((name) => Array.from({ length: each }, (_, at) => `${name}${at}`));
    return all.sort();
  };
  const aborted = await fleet.written("aborted", 4 * each);
  expect(aborted.map(({ call }) => call).sort()).toEqual(named("wait", "endless", "count", "take"));
  const left = await fleet.written("finally", 2 * each);
  expect(left.map(({ call }) => call).sort()).toEqual(named("endless", "count"));
  const failed = await fleet.written("failed", each);
  expect(failed.map(({ call }) => call).sort()).toEqual(named("take"));
  for (const { code } of [...aborted, ...failed]) expect(code).toBe("CANCELLED");
  const lateMs = [...aborted, ...left, ...failed].map(({ at }) => at - killedAt);
  console.log(`told to stop ${Math.max(...lateMs).toFixed(1)} ms after the kill at the latest`);
  expect(Math.max(...lateMs)).toBeLessThan(atOnceMs);

  const done = await fleet.written("done", each);
  expect(done.map(({ call }) => call).sort()).toEqual(named("keyed"));
  // Whoever comes back with the key, from the same address, gets that answer.
  const again = await neighbour.call("Stage.Work", ["keyed0", 700], { idempotencyKey: "key0" });
  expect(again).toBe("keyed0");
  expect((await fleet.journal("begun")).filter(({ call }) => call === "keyed0").length).toBe(1);
  expect(server.errors()).toBe("");
}, 20_000);

for (const { waitsOnly, what, fromMs, toMs } of [
  // Two sweeps, and what is left of the first.
  {
    waitsOnly: true,
    what: "owes nothing",
    fromMs: limits.sweepMs,
    toMs: 3 * limits.sweepMs,
  },
  {
    waitsOnly: false,
    what: "takes no items",
    fromMs: limits.stalledWriteMs,
    toMs: 3 * limits.stalledWriteMs,
  },
]) {
  test.skipIf(!isLong)(
    `a client that is stopped for good and ${what} is given up, and its handlers are told to stop`,
    async () => {
      const factor = 5;
      await using fleet = await Fleet.create();
      const server = await fleet.server({ stages: ["Stage"], clockFactor: factor });
      const client = await fleet.client({
        address: server.said.address,
        each,
        keyedMs: 0,
        waitsOnly,
      });
      await fleet.written("begun", waitsOnly ? each : 5 * each);
      client.signal("SIGSTOP");
      const stoppedAt = journalNow();
      const count = waitsOnly ? each : 4 * each;
      while ((await fleet.journal("aborted")).length < count && journalNow() - stoppedAt < 30_000) {
        await Bun.sleep(100);
      }
      const aborted = await fleet.written("aborted", count);
      const afterMs = (aborted[0]?.at ?? 0) - stoppedAt;
      console.log(`given up ${Math.round(afterMs * factor)} ms of the server's after the stop`);
      expect(afterMs).toBeGreaterThan(fromMs / factor - 100);
      for (const { at } of aborted) expect(at - stoppedAt).toBeLessThan(toMs / factor + 2_000);
    },
    60_000,
  );
}
