import { expect, test } from "bun:test";
import { backoffMs, sleep, systemClock } from "../../src/base/time.ts";
import { FakeClock, until } from "../support/clock.ts";

test("a sleep ends at its time and not before", async () => {
  const clock = new FakeClock();
  let done = false;
  void sleep(clock, 100).then(() => (done = true));
  await clock.advance(99);
  expect(done).toBe(false);
  await clock.advance(1);
  expect(done).toBe(true);
  expect(clock.pending()).toBe(0);
});

test("a sleep that is aborted rejects with the reason at once and leaves no timer", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const slept = sleep(clock, 100, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await expect(slept).rejects.toThrow("enough");
  expect(clock.pending()).toBe(0);
  await expect(sleep(clock, 100, { signal: controller.signal })).rejects.toThrow("enough");
  expect(clock.pending()).toBe(0);
});

test("timers run in the order of their time, those of one time in the order of their making", async () => {
  const clock = new FakeClock();
  const ran: string[] = [];
  clock.after(20, () => ran.push("c"));
  clock.after(10, () => ran.push("a"));
  clock.after(10, () => ran.push("b"));
  clock.after(10, () => ran.push("never")).cancel();
  clock.after(5, () => clock.after(5, () => ran.push("nested")));
  await clock.advance(20);
  expect(ran).toEqual(["a", "b", "nested", "c"]);
});

test("the wall clock of a fake may jump while its time does not", async () => {
  const clock = new FakeClock();
  const before = clock.now();
  clock.jumpWall(3_600_000);
  await clock.advance(1);
  expect(clock.now() - before).toBe(1);
});

test("the system clock never goes back, runs what is due and keeps a cancelled timer still", async () => {
  const before = systemClock.now();
  const ran: string[] = [];
  const cancelled = systemClock.after(0, () => ran.push("cancelled"));
  cancelled.cancel();
  cancelled.cancel();
  systemClock.after(0, () => ran.push("after"));
  systemClock.nextPhase(() => ran.push("phase"));
  // Cut to the longest that the platform can: it would fire this one at once.
  const long = systemClock.after(2 ** 40, () => ran.push("long"), { background: true });
  await until(() => ran.length >= 2);
  long.cancel();
  expect(ran.sort()).toEqual(["after", "phase"]);
  expect(systemClock.now()).toBeGreaterThanOrEqual(before);
});

test("backoff doubles up to its limit, between half and the whole", () => {
  const range = { minMs: 100, maxMs: 5_000 };
  const whole = [1, 2, 3, 6, 7, 50, 1_000].map((attempt) => backoffMs(attempt, range, () => 1));
  expect(whole).toEqual([100, 200, 400, 3_200, 5_000, 5_000, 5_000]);
  expect(backoffMs(3, range, () => 0)).toBe(200);
});
