import { expect, test } from "bun:test";
import type { Clock, Timer } from "../../src/base/time.ts";
import { Turns } from "../../src/base/turns.ts";
import { FakeClock } from "../support/clock.ts";

/** A clock whose loop can be blocked: timers run only by `fire`, however late that is. */
class BlockedClock implements Clock {
  time = 1_000;
  readonly timers: (() => void)[] = [];
  readonly phases: (() => void)[] = [];

  now(): number {
    return this.time;
  }

  wall(): number {
    return 0;
  }

  after(_delayMs: number, task: () => void): Timer {
    this.timers.push(task);
    return { cancel: () => this.timers.splice(this.timers.indexOf(task), 1) };
  }

  nextPhase(task: () => void): void {
    this.phases.push(task);
  }

  fire(): void {
    for (const task of this.timers.splice(0)) task();
  }

  phase(): void {
    for (const task of this.phases.splice(0)) task();
  }
}

test("what is read in a turn that is on time arrived when it was read", () => {
  const clock = new BlockedClock();
  const turns = new Turns(clock);
  turns.watch();
  clock.time += 20;
  clock.fire();
  clock.time += 7;
  expect(turns.arrivalOf(clock.now())).toBe(1_027);
});

test("what is read in a late turn arrived at the tick before it, through the turn's phases", () => {
  const clock = new BlockedClock();
  const turns = new Turns(clock);
  turns.watch();
  clock.time += 20;
  clock.fire();
  clock.time += 3_000;
  clock.fire();
  expect(turns.arrivalOf(clock.now())).toBe(1_020);
  clock.phase();
  expect(turns.arrivalOf(clock.now())).toBe(1_020);
  clock.phase();
  clock.phase();
  expect(turns.arrivalOf(clock.now())).toBe(4_020);
});

test("bytes that are read before the late tick itself count the same", () => {
  const clock = new BlockedClock();
  const turns = new Turns(clock);
  turns.watch();
  clock.time += 3_000;
  expect(turns.arrivalOf(clock.now())).toBe(1_000);
});

test("a tick that is late by as much as is allowed changes nothing, one millisecond more does", () => {
  const clock = new BlockedClock();
  const turns = new Turns(clock);
  turns.watch();
  clock.time += 40;
  expect(turns.arrivalOf(clock.now())).toBe(1_040);
  clock.time += 1;
  expect(turns.arrivalOf(clock.now())).toBe(1_000);
});

test("a late tick is not remembered by those who begin to watch after it", () => {
  const clock = new BlockedClock();
  const turns = new Turns(clock);
  turns.watch();
  clock.time += 3_000;
  clock.fire();
  turns.unwatch();
  clock.time += 10;
  turns.watch();
  expect(turns.arrivalOf(clock.now())).toBe(4_010);
});

test("it ticks while anybody watches, in the background, and not a moment longer", async () => {
  const clock = new FakeClock();
  const turns = new Turns(clock);
  expect(clock.pending()).toBe(0);
  turns.watch();
  turns.watch();
  await clock.advance(1_000);
  expect(clock.pending()).toBe(1);
  expect(clock.pending("foreground")).toBe(0);
  turns.unwatch();
  expect(clock.pending()).toBe(1);
  turns.unwatch();
  expect(clock.pending()).toBe(0);
});
