import { expect, test } from "bun:test";
import { StartClock } from "../../src/rpc/start-clock.ts";
import { FakeClock } from "../support/clock.ts";

test("a call whose time is over is late, to the millisecond", () => {
  const clock = new FakeClock();
  const starts = new StartClock(clock);
  const now = clock.now();
  expect(starts.isLate(now + 1)).toBe(false);
  clock.stall(1);
  expect(starts.isLate(now + 1)).toBe(true);
});

test("calls that have a second left share a look, eight at the most, and only with their own", () => {
  const clock = new FakeClock();
  const starts = new StartClock(clock);
  const deadlineAt = clock.now() + 1_000;
  expect(starts.isLate(deadlineAt)).toBe(false);
  clock.stall(2_000);
  for (let call = 2; call <= 8; call++) expect(starts.isLate(deadlineAt)).toBe(false);
  expect(starts.isLate(deadlineAt)).toBe(true);

  const next = clock.now() + 1_000;
  expect(starts.isLate(next)).toBe(false);
  clock.stall(2_000);
  starts.begin();
  expect(starts.isLate(next)).toBe(true);
});

test("a call with less than a second left has a look of its own", () => {
  const clock = new FakeClock();
  const starts = new StartClock(clock);
  expect(starts.isLate(clock.now() + 60_000)).toBe(false);
  const deadlineAt = clock.now() + 999;
  clock.stall(1_000);
  expect(starts.isLate(deadlineAt)).toBe(true);
});
