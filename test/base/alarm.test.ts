import { expect, test } from "bun:test";
import { Alarm } from "../../src/base/alarm.ts";
import { Deadlines } from "../../src/base/deadlines.ts";
import { limits } from "../../src/base/limits.ts";
import { FakeClock } from "../support/clock.ts";

/** An alarm, and how long after the start it rang each time. */
function open() {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const start = clock.now();
  const rang: number[] = [];
  const alarm = new Alarm(clock, deadlines, () => rang.push(clock.now() - start));
  return { clock, deadlines, start, rang, alarm };
}

test("it rings at its moment, not before, and once", async () => {
  const { clock, deadlines, start, rang, alarm } = open();
  alarm.set(start + 500);
  await clock.advance(499);
  expect(rang).toEqual([]);
  await clock.advance(100_000);
  expect(rang).toEqual([500]);
  expect(deadlines.size).toBe(0);
});

test("one that was never set does not ring, and costs no timer", async () => {
  const { clock, deadlines, rang } = open();
  expect(clock.pending()).toBe(0);
  await clock.advance(100_000);
  expect(rang).toEqual([]);
  expect(deadlines.size).toBe(0);
});

test("set anew it rings at the later moment alone, be that nearer or farther", async () => {
  const { clock, deadlines, start, rang, alarm } = open();
  alarm.set(start + 500);
  alarm.set(start + 9_000);
  expect(deadlines.size).toBe(1);
  await clock.advance(600);
  expect(rang).toEqual([]);
  alarm.set(start + 700);
  await clock.advance(100_000);
  expect(rang).toEqual([700]);
});

test("cleared it does not ring until it is set again, and clearing twice does nothing", async () => {
  const { clock, deadlines, start, rang, alarm } = open();
  alarm.clear();
  alarm.set(start + 500);
  alarm.clear();
  alarm.clear();
  expect(deadlines.size).toBe(0);
  await clock.advance(1_000);
  expect(rang).toEqual([]);
  alarm.set(start + 2_000);
  await clock.advance(1_000);
  expect(rang).toEqual([2_000]);
});

test("it may be set again while it rings", async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  let rang = 0;
  const alarm = new Alarm(clock, deadlines, () => {
    if (++rang < 3) alarm.set(clock.now() + 100);
  });
  alarm.set(clock.now() + 100);
  await clock.advance(250);
  expect(rang).toBe(2);
  await clock.advance(10_000);
  expect(rang).toBe(3);
});

test("what is due already rings with the next turn of the timer, and not while it is set", async () => {
  const { clock, start, rang, alarm } = open();
  alarm.set(start);
  expect(rang).toEqual([]);
  await clock.advance(0);
  expect(rang).toEqual([0]);
});

test("a turn that is hardly late is no excuse", async () => {
  const { clock, start, rang, alarm } = open();
  alarm.set(start + 100);
  clock.stall(100 + limits.lateTurnMs);
  await clock.advance(0);
  expect(rang).toEqual([100 + limits.lateTurnMs]);
});

test("a loop that stood still puts it off by as long as it was late", async () => {
  const { clock, start, rang, alarm } = open();
  alarm.set(start + 100);
  clock.stall(400);
  await clock.advance(299);
  expect(rang).toEqual([]);
  await clock.advance(1);
  expect(rang).toEqual([700]);
});

test("it can be cleared, and set anew, while it is put off", async () => {
  const { clock, start, rang, alarm } = open();
  alarm.set(start + 100);
  clock.stall(400);
  await clock.advance(0);
  alarm.clear();
  await clock.advance(10_000);
  expect(rang).toEqual([]);
  const again = clock.now() - start + 50;
  alarm.set(start + again);
  await clock.advance(1_000);
  expect(rang).toEqual([again]);
});

test("it is put off once for each time that it is set, not for ever", async () => {
  const { clock, start, rang, alarm } = open();
  for (const from of [0, 1_200]) {
    alarm.set(start + from + 100);
    clock.stall(400);
    await clock.advance(0);
    // Put off until 700, and then the loop is late again.
    clock.stall(800);
    expect(rang.length).toBe(from === 0 ? 0 : 1);
    await clock.advance(0);
    expect(rang.at(-1)).toBe(from + 1_200);
  }
});

test("alarms that share deadlines do not ring for each other", async () => {
  const { clock, deadlines, start, rang, alarm } = open();
  let other = 0;
  const second = new Alarm(clock, deadlines, () => other++);
  alarm.set(start + 300);
  second.set(start + 300);
  expect(clock.pending()).toBe(1);
  second.clear();
  await clock.advance(1_000);
  expect(rang).toEqual([300]);
  expect(other).toBe(0);
});
