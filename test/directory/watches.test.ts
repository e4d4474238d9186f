import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { LocalDirectory } from "../../src/directory/local-directory.ts";
import { MemoryStore } from "../../src/directory/store.ts";
import { type WatchEnd, Watches } from "../../src/directory/watches.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { instance } from "./table-bench.ts";

interface Setup {
  readonly clock: FakeClock;
  readonly directory: LocalDirectory;
  readonly watches: Watches;
  /** Begins a watch; how it ended is in the list that it returns, empty until then. */
  watch(after?: number, waitMs?: number, signal?: AbortSignal): WatchEnd[];
}

function setUp(random = 0): Setup {
  const clock = new FakeClock();
  const store = new MemoryStore();
  const directory = new LocalDirectory({ clock, log: silentLog, store, leaseMs: 100_000 });
  const watches = new Watches({ clock, directory, random: () => random });
  const never = new AbortController().signal;
  return {
    clock,
    directory,
    watches,
    watch(after = directory.status.index, waitMs = 60_000, signal = never) {
      const ends: WatchEnd[] = [];
      void watches.hold(after, waitMs, signal).then((end) => ends.push(end));
      return ends;
    },
  };
}

test("a watch is held until something changes, and then for a few ms", async () => {
  const { clock, directory, watches, watch } = setUp();
  const ends = watch();
  await clock.advance(10_000);
  expect([ends, watches.size]).toEqual([[], 1]);
  await directory.put(instance(1), undefined);
  await clock.advance(4);
  expect(ends).toEqual([]);
  await clock.advance(1);
  expect([ends, watches.size]).toEqual([["news"], 0]);
});

test("many changes at once are one round", async () => {
  const { clock, directory, watch } = setUp();
  const ends = Array.from({ length: 5 }, () => watch());
  for (let n = 1; n <= 100; n++) await directory.put(instance(n), undefined);
  expect(clock.pending()).toBe(3); // the deadlines, the sweep, and one round
  await clock.advance(5);
  expect(ends.flat()).toEqual(Array(5).fill("news"));
});

test("1,000 watches hear of one change, in one round", async () => {
  const { clock, directory, watches, watch } = setUp();
  const ends = Array.from({ length: 1_000 }, () => watch());
  expect(watches.size).toBe(1_000);
  await directory.put(instance(1), undefined);
  await clock.advance(5);
  expect(ends.every(([end]) => end === "news")).toBe(true);
  expect(watches.size).toBe(0);
});

test("a watch of an earlier index is answered with the next round", async () => {
  const { clock, directory, watch } = setUp();
  await directory.put(instance(1), undefined);
  const ends = watch(0);
  await clock.advance(5);
  expect(ends).toEqual(["news"]);
});

test("who is ahead of us is held until we are as far", async () => {
  const { clock, directory, watch } = setUp();
  const ends = watch(2);
  await directory.put(instance(1), undefined);
  await clock.advance(1_000);
  expect(ends).toEqual([]);
  await directory.put(instance(2), undefined);
  await clock.advance(5);
  expect(ends).toEqual(["news"]);
});

test("rounds are paced by what the last one cost", async () => {
  const { clock, directory, watch } = setUp();
  for (let count = 0; count < 1_000; count++) watch();
  await directory.put(instance(1), undefined);
  await clock.advance(5);
  // 1,000 answers: 100 ms until the next round, whoever asks.
  const early = watch(0);
  await clock.advance(99);
  expect(early).toEqual([]);
  await clock.advance(1);
  expect(early).toEqual(["news"]);
  await clock.advance(10);
  const soon = watch(0);
  await clock.advance(5);
  expect(soon).toEqual(["news"]);
});

test("warming and frozen wake everybody, though the index stays", async () => {
  const { clock, directory, watch } = setUp();
  const ends = watch(0, 600_000);
  await clock.advance(100_000);
  expect(ends).toEqual([]);
  await clock.advance(5);
  expect([ends, directory.status]).toMatchObject([["news"], { index: 0, warming: false }]);
});

test.each([
  [0, 60_000],
  [0.5, 61_875],
  [1, 63_750],
])("with %d of jitter, a wait of a minute is over after %d ms", async (random, overMs) => {
  const { clock, watches, watch } = setUp(random);
  const ends = watch(0, 60_000);
  await clock.advance(overMs - 1);
  expect(ends).toEqual([]);
  await clock.advance(1);
  expect([ends, watches.size]).toEqual([["time"], 0]);
});

test("nobody waits longer than ten minutes", async () => {
  const { clock, directory, watches, watch } = setUp();
  // Past the time in which it warms.
  await clock.advance(200_000);
  const ends = watch(directory.status.index, 1e12);
  await clock.advance(limits.maxWatchMs - 1);
  expect(ends).toEqual([]);
  await clock.advance(1);
  expect([ends, watches.size]).toEqual([["time"], 0]);
});

test("a watcher that went away is forgotten", async () => {
  const { clock, watches, watch } = setUp();
  const controller = new AbortController();
  const ends = watch(0, 60_000, controller.signal);
  const other = watch();
  controller.abort();
  await turn();
  expect([ends, other, watches.size]).toEqual([["gone"], [], 1]);
  controller.abort();
  const late = watch(0, 60_000, controller.signal);
  await turn();
  expect([late, watches.size]).toEqual([["gone"], 1]);
  await clock.advance(60_000);
  expect(other).toEqual(["time"]);
});

test("without a wait, or beyond the most watches, the answer comes at once", async () => {
  const { directory, watches, watch } = setUp();
  const first = watch(0, 0);
  await turn();
  expect(first).toEqual(["time"]);
  const { status } = directory;
  Object.defineProperty(directory, "status", { value: status });
  for (let count = 0; count < limits.maxWatchers; count++) {
    watch(0, 60_000, new AbortController().signal);
  }
  const last = watch(0);
  await turn();
  expect([last, watches.size]).toEqual([["time"], limits.maxWatchers]);
});

test("its end answers everybody and keeps no timer", async () => {
  const { clock, directory, watches, watch } = setUp();
  const ends = [watch(), watch()];
  watches[Symbol.dispose]();
  watches[Symbol.dispose]();
  const late = watch();
  await turn();
  expect([ends, late, watches.size]).toEqual([[["time"], ["time"]], ["time"], 0]);
  await directory.put(instance(1), undefined);
  await directory[Symbol.asyncDispose]();
  await clock.advance(60_000);
  expect(clock.pending("foreground")).toBe(0);
});
