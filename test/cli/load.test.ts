import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { Load, type LoadOptions } from "../../src/cli/load.ts";
import type { Gee } from "../../src/index.ts";
import { FakeClock, inTime, turn } from "../support/clock.ts";

type Call = ReturnType<Gee["call"]>;

/** What a call answers: one result, or items. */
function callOf(result: Promise<unknown>, items: readonly unknown[] = []): Call {
  return Object.assign(result, {
    async *[Symbol.asyncIterator]() {
      yield* items;
    },
  });
}

/** A server that answers after so long; `NaN` for never. */
function after(clock: FakeClock, delayMs: () => number): () => Call {
  return () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const ms = delayMs();
    if (ms >= 0) clock.after(ms, () => resolve(3));
    return callOf(promise);
  };
}

function load(clock: FakeClock, own: Partial<LoadOptions>): Load {
  return new Load({
    clock,
    mode: { kind: "open", ratePerSecond: 1_000 },
    warmupMs: 0,
    durationMs: 1_000,
    maxInFlight: 20_000,
    call: after(clock, () => 1),
    ...own,
  });
}

test("with a rate every start of the time counts, and none of the warm-up", async () => {
  const clock = new FakeClock();
  const run = load(clock, { warmupMs: 500, durationMs: 2_000 });
  await inTime(clock, run.run());
  expect(run).toMatchObject({ ok: 2_000, failed: 0, late: 0, dropped: 0, unfinished: 0 });
  expect([run.latency.count, run.service.count]).toEqual([2_000, 2_000]);
  expect(run.latency.maxMs).toBeCloseTo(1);
  // Those of the warm-up that are answered at its very end are on neither side.
  expect(run.answeredPerSecond).toBeWithin(999, 1_001);
  expect(clock.pending()).toBe(0);
});

/** Answers within 1 ms, but from the 2nd to the 3rd second not at all: then all that waited at once. */
function stalling(clock: FakeClock): () => Call {
  const startedAt = clock.now();
  return after(clock, () => {
    const at = clock.now() - startedAt;
    return at >= 2_000 && at < 3_000 ? 3_001 - at : 1;
  });
}

test("a stall of a second is in the p99 of a rate, for every call that was due in it", async () => {
  const clock = new FakeClock();
  const open = load(clock, { durationMs: 5_000, call: stalling(clock) });
  await inTime(clock, open.run());
  expect(open.ok).toBe(5_000);
  // A fifth of the calls were due in the stall, and waited up to a second.
  expect(open.latency.quantile(0.79)).toBeLessThan(2);
  expect(open.latency.quantile(0.9) / 500).toBeWithin(0.95, 1.05);
  expect(open.latency.quantile(0.99) / 950).toBeWithin(0.95, 1.05);
});

test("calls one behind the other see it once: that is what a rate is for", async () => {
  const clock = new FakeClock();
  const mode = { kind: "closed", concurrency: 1 } as const;
  const closed = load(clock, { mode, durationMs: 5_000, call: stalling(clock) });
  await inTime(clock, closed.run());
  expect(closed.latency.quantile(0.99)).toBeLessThan(2);
  expect(closed.latency.maxMs).toBeGreaterThan(990);
});

test("a client that stood still counts its late starts, and measures from when they were due", async () => {
  const clock = new FakeClock();
  const run = load(clock, { durationMs: 1_000 });
  const ended = run.run();
  await clock.advance(500);
  clock.stall(300);
  await inTime(clock, ended);
  expect(run.ok).toBe(1_000);
  expect(run.late).toBe(289);
  expect(run.latency.quantile(0.99)).toBeGreaterThan(280);
  expect(run.service.quantile(0.99)).toBeLessThan(2);
});

test("with too many in flight a start is dropped and counted, never made later", async () => {
  const clock = new FakeClock();
  let made = 0;
  const call = after(clock, () => (++made <= 100 ? 600 : 1));
  const run = load(clock, { maxInFlight: 100, call });
  await inTime(clock, run.run());
  // From the 100th on nothing until 600 ms after the first.
  expect(run).toMatchObject({ ok: 500, dropped: 500, failed: 0 });
  expect(made).toBe(500);
});

test("a closed loop keeps so many in flight, and starts none when its time is over", async () => {
  const clock = new FakeClock();
  let [inFlight, most] = [0, 0];
  const call = (): Call => {
    most = Math.max(most, ++inFlight);
    const { promise, resolve } = Promise.withResolvers<void>();
    clock.after(10, () => {
      inFlight--;
      resolve();
    });
    return callOf(promise);
  };
  const mode = { kind: "closed", concurrency: 7 } as const;
  const run = load(clock, { mode, warmupMs: 100, durationMs: 1_000, call });
  await inTime(clock, run.run());
  expect([most, inFlight]).toEqual([7, 0]);
  expect(run.ok).toBe(700);
  expect(run.answeredPerSecond).toBeWithin(699, 701);
  expect(run.latency.quantile(1)).toBeCloseTo(10);
});

test("failures are counted by code, and in a closed loop leave the others their turn", async () => {
  const clock = new FakeClock();
  let turnsOfOthers = 0;
  let made = 0;
  const call = (): Call => {
    // Sooner than any time passes: without a turn between them this would never end.
    if (++made > 50) clock.stall(1_000);
    const code = made % 5 === 0 ? "UNAVAILABLE" : "RESOURCE_EXHAUSTED";
    return callOf(Promise.reject(new GeeError(code, "no")));
  };
  const mode = { kind: "closed", concurrency: 1 } as const;
  const run = load(clock, { mode, durationMs: 500, call });
  const ended = run.run();
  const counting = setInterval(() => turnsOfOthers++, 0);
  await ended;
  clearInterval(counting);
  expect(run.failed).toBe(51);
  expect(Object.fromEntries(run.failures)).toEqual({ RESOURCE_EXHAUSTED: 41, UNAVAILABLE: 10 });
  expect(run.examples.get("UNAVAILABLE")?.message).toBe("no");
  expect(run.latency.count).toBe(51);
});

test("calls that were refused do not make the others look quick, those that were late count", async () => {
  const clock = new FakeClock();
  let made = 0;
  const call = (): Call => {
    const kind = made++ % 4;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const errors = [
      undefined,
      new GeeError("NOT_FOUND", "an answer", { executed: "yes" }),
      new GeeError("RESOURCE_EXHAUSTED", "refused", { executed: "no" }),
      new GeeError("DEADLINE_EXCEEDED", "late", { executed: "no" }),
    ];
    const error = errors[kind];
    const ms = [5, 5, 0, 50][kind] ?? 0;
    clock.after(ms, () => (error === undefined ? resolve(3) : reject(error)));
    return callOf(promise);
  };
  const run = load(clock, { mode: { kind: "open", ratePerSecond: 100 }, call });
  await inTime(clock, run.run());
  expect(run).toMatchObject({ ok: 25, failed: 75 });
  expect(run.latency.count).toBe(75);
  expect(run.latency.quantile(0)).toBeGreaterThan(4.9);
  expect(run.latency.maxMs).toBeCloseTo(50);
});

test("a method that answers with a stream is done with its last item", async () => {
  const clock = new FakeClock();
  const call = (): Call => {
    const wrong = new GeeError("INVALID_ARGUMENT", "a stream", { reason: "IS_A_STREAM" });
    return callOf(Promise.reject(wrong), [1, 2, 3]);
  };
  const run = load(clock, { mode: { kind: "open", ratePerSecond: 10 }, call });
  await inTime(clock, run.run());
  expect(run).toMatchObject({ ok: 10, failed: 0, items: 30 });
});

test("one that is stopped has what there is, and waits for nobody", async () => {
  const clock = new FakeClock();
  let made = 0;
  const call = after(clock, () => (++made > 200 ? Number.NaN : 1));
  const run = load(clock, { durationMs: 10_000, call });
  const ended = run.run();
  await clock.advance(300);
  run.stop();
  await ended;
  expect(run).toMatchObject({ ok: 200, unfinished: 101 });
  expect(run.answeredPerSecond).toBeCloseTo(200 / 0.3);
  await clock.advance(1_000);
  await turn();
  expect([made, clock.pending()]).toEqual([301, 0]);
});

test("one that is stopped in its warm-up has nothing", async () => {
  const clock = new FakeClock();
  const run = load(clock, { warmupMs: 1_000 });
  const ended = run.run();
  await clock.advance(300);
  run.stop();
  await ended;
  expect(run).toMatchObject({ ok: 0, unfinished: 0, answeredPerSecond: 0 });
});
