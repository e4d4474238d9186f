import { expect, test } from "bun:test";
import { CallClock } from "../../src/routing/call-clock.ts";
import { FakeClock } from "../support/clock.ts";

test("calls that are made in one go share a look at the clock, 16 at the most", () => {
  const clock = new FakeClock();
  const calls = new CallClock(clock);
  const start = clock.now();
  expect(calls.now()).toBe(start);
  clock.stall(5);
  for (let call = 1; call < 16; call++) expect(calls.now()).toBe(start);
  expect(calls.now()).toBe(start + 5);
  clock.stall(5);
  expect(calls.now()).toBe(start + 5);
});

test("what is called later has a look of its own", async () => {
  const clock = new FakeClock();
  const calls = new CallClock(clock);
  const start = clock.now();
  expect(calls.now()).toBe(start);
  await Promise.resolve();
  clock.stall(1);
  expect(calls.now()).toBe(start + 1);
});
