import { expect, test } from "bun:test";
import { madeUp } from "./benched.ts";

test("a result holds every figure, with its unit", async () => {
  const instances = [
    { id: "a", address: "tcp@127.0.0.1:1", calls: 400 },
    { id: null, address: "tcp@127.0.0.1:2", calls: 600 },
  ];
  // Every 10th takes 5 ms, and every 100th fails after 2 ms.
  const ms = (index: number): number => (index % 100 === 0 ? -2 : index % 10 === 5 ? 5 : 1);
  const result = await madeUp({ ms, instances });
  expect(result).toMatchObject({
    method: "Foo.Sum",
    argumentsHash: "abc",
    mode: "open",
    ratePerSecond: 100,
    concurrency: null,
    policy: "p2c",
    warmupMs: 0,
    durationMs: 10_000,
    interrupted: false,
    calls: { ok: 990, failed: 10, dropped: 0, late: 0, unfinished: 0 },
    items: 0,
    errorShare: 0.01,
    achievedPerSecond: 99,
    statuses: { OK: 990, UNAVAILABLE: 10 },
    instances: [instances[1], instances[0]],
    client: { cpus: 0.41, loopLagP99Ms: 0.9, wasTheLimit: false },
    tookMs: 10_040,
  });
  const { p50, p90, p99, p999, max, mean } = result.latencyMs;
  expect(p50).toBeWithin(0.99, 1.01);
  expect(p90).toBeWithin(1.98, 2.02);
  expect([p99, p999, max].map(Math.round)).toEqual([5, 5, 5]);
  expect(mean).toBeCloseTo((100 * 5 + 890 + 10 * 2) / 1_000, 2);
  expect(result.serviceMs).toEqual(result.latencyMs);
  expect(result.latencyBuckets.reduce((sum, { count }) => sum + count, 0)).toBe(1_000);
  expect(JSON.parse(JSON.stringify(result))).toEqual(result);
});

test("the client was the limit when it was busy, when its loop was late, when starts were", async () => {
  const wasTheLimit = async (own: Parameters<typeof madeUp>[0]): Promise<boolean> =>
    (await madeUp({ words: "--rate 100 --duration 1s --warmup 0", ...own })).client.wasTheLimit;
  expect(await wasTheLimit({})).toBe(false);
  expect(await wasTheLimit({ strain: { cpus: 0.95 } })).toBe(true);
  expect(await wasTheLimit({ strain: { loopLagP99Ms: 12 } })).toBe(true);
});

test("of a closed loop there is no rate that was offered", async () => {
  const result = await madeUp({ words: "--concurrency 3 --duration 1s --warmup 0" });
  expect(result).toMatchObject({ mode: "closed", ratePerSecond: null, concurrency: 3 });
  expect(result.calls.ok).toBe(3_000);
});

test("of nothing at all there are zeros", async () => {
  const result = await madeUp({ ms: () => -1, words: "--rate 1 --duration 1s --warmup 0" });
  expect(result).toMatchObject({
    achievedPerSecond: 0,
    errorShare: 1,
    statuses: { UNAVAILABLE: 1 },
  });
  expect(Object.values(result.latencyMs).every(Number.isFinite)).toBe(true);
});
