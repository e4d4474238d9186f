import { expect, test } from "bun:test";
import { compareResults, parseEarlier } from "../../src/cli/bench-compare.ts";
import {
  bars,
  benchText,
  formatCount,
  formatLatency,
  formatShare,
  progressText,
  ratiosText,
} from "../../src/cli/bench-report.ts";
import { madeUp } from "./benched.ts";

test("an open loop's report, line by line", async () => {
  const instances = [{ id: "a", address: "tcp@127.0.0.1:1", calls: 1_000 }];
  const ms = (index: number): number => (index % 100 === 0 ? -20 : 1);
  expect(benchText(await madeUp({ ms, instances }))).toBe(
    [
      "Foo.Sum    open loop, 100/s for 10s",
      "calls      990 ok   10 failed   0 late starts",
      "rate       100/s offered   99/s achieved",
      "latency    p50 1ms   p90 1ms   p99 1ms   p99.9 20ms   max 20ms   (from when due)",
      "service    p50 1ms   p90 1ms   p99 1ms   p99.9 20ms   max 20ms   (from the start)",
      "instances  tcp@127.0.0.1:1 1,000",
      "status     OK 990   UNAVAILABLE 10",
      "client     41% of a CPU   loop lag p99 0.9ms   [10s]",
    ].join("\n"),
  );
});

test("a closed loop's report has one kind of latency, and says what was odd", async () => {
  const words = "--concurrency 2 --duration 1s --warmup 500ms";
  const text = benchText(await madeUp({ words, interrupted: true, strain: { cpus: 0.97 } }));
  expect(text).toBe(
    [
      "Foo.Sum    closed loop, 2 in flight for 1s, 500ms of warm-up not counted, interrupted",
      "calls      2,000 ok   0 failed   0 late starts",
      "rate       1,999/s achieved",
      "latency    p50 1ms   p90 1ms   p99 1ms   p99.9 1ms   max 1ms",
      "status     OK 2,000",
      "client     97% of a CPU   loop lag p99 0.9ms   [1.5s]",
      "note       the client was the limit: the rate is a lower bound, and the latencies are upper ones",
    ].join("\n"),
  );
});

test("of many instances those with the most calls are shown, and the rest is summed up", async () => {
  const instances = Array.from({ length: 20 }, (_, index) => ({
    id: null,
    address: `tcp@10.0.0.${index}:1`,
    calls: index * 10,
  }));
  const text = benchText(await madeUp({ instances }));
  expect(text).toContain("instances  tcp@10.0.0.19:1 190   tcp@10.0.0.18:1 180");
  expect(text).toContain("tcp@10.0.0.12:1 120   and 12 more 660");
});

test("dropped, unfinished and items are told when there are any", async () => {
  const result = await madeUp({ words: "--rate 100 --duration 1s" });
  const calls = { ...result.calls, dropped: 3, unfinished: 4 };
  expect(benchText({ ...result, calls, items: 5_000 })).toContain(
    "late starts   3 dropped (20,000 in flight)   4 unfinished   5,000 items",
  );
});

test("bars stand for spans of time, the longest as wide as there is room", async () => {
  const ms = (index: number): number => (index % 10 === 0 ? 30 : 1.5);
  const lines = bars(await madeUp({ ms }), 60).split("\n");
  expect(lines.map((line) => line.replace(/#+/, (all) => `${all.length}#`))).toEqual([
    "  to 2ms   41# 900 90%",
    "  to 5ms    0 0%",
    "  to 10ms   0 0%",
    "  to 20ms   0 0%",
    "  to 50ms  5# 100 10%",
  ]);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
});

test("two runs beside each other", async () => {
  const words = "--rate 100 --duration 1s --warmup 0";
  const earlier = parseEarlier("old.json", JSON.stringify(await madeUp({ words })));
  const ratios = compareResults(earlier, await madeUp({ words, ms: () => 2 }));
  expect(ratiosText("old.json", ratios)).toBe(
    [
      "compared   with old.json: now divided by then",
      "  rate     1.00x",
      "  latency  p50 2.00x   p90 2.00x   p99 2.00x   p99.9 2.00x   max 2.00x",
      "  service  p50 2.00x   p90 2.00x   p99 2.00x   p99.9 2.00x   max 2.00x",
      "  errors   -",
    ].join("\n"),
  );
});

test("while it runs one line says how it goes", () => {
  const at = {
    method: "Foo.Sum",
    warmupMs: 1_000,
    durationMs: 4_000,
    ok: 10_000,
    errors: 3,
    p99Ms: 1.3,
  };
  expect(progressText({ ...at, passedMs: 500 })).toBe(
    `Foo.Sum   [${" ".repeat(24)}]   warm-up 500ms`,
  );
  expect(progressText({ ...at, passedMs: 3_000 })).toBe(
    `Foo.Sum   [${"#".repeat(12)}${" ".repeat(12)}]   2.0s   5,000/s   3 errors   p99 1.3ms`,
  );
  expect(progressText({ ...at, passedMs: 60_000 })).toContain(`[${"#".repeat(24)}]   4.0s`);
});

test("figures are short", () => {
  expect([0, 0.0413, 0.413, 1.304, 9.994, 12.4, 1_240].map(formatLatency)).toEqual([
    "0ms",
    "0.041ms",
    "0.413ms",
    "1.3ms",
    "9.99ms",
    "12ms",
    "1.2s",
  ]);
  expect([0, 999, 25_000].map(formatCount)).toEqual(["0", "999", "25,000"]);
  expect([0, 0.001, 0.12345, 1].map(formatShare)).toEqual(["0%", "0.1%", "12.3%", "100%"]);
});
