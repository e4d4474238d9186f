import { expect, test } from "bun:test";
import { Turns } from "../../src/base/turns.ts";
import { Arrivals } from "../../src/rpc/arrivals.ts";
import type { CallMessage } from "../../src/wire/message.ts";
import { callMessage } from "../support/calls.ts";
import { FakeClock } from "../support/clock.ts";
import { openBench } from "../wire/recorder.ts";

function call(id: number): CallMessage {
  return callMessage(id, { timeoutMs: 1_000 });
}

function setUp() {
  const clock = new FakeClock();
  const { channel } = openBench();
  const turns = new Turns(clock);
  turns.watch();
  const arrivals = new Arrivals(channel, clock, turns);
  const started: (readonly [id: number, at: number])[] = [];
  const start = (): void => arrivals.start(({ id }, at) => started.push([id, at]));
  return { clock, channel, arrivals, started, start };
}

test("calls are started in their order, with the moment at which their read began", async () => {
  const { clock, arrivals, started, start } = setUp();
  const at = clock.now();
  arrivals.add(call(1));
  arrivals.add(call(2));
  arrivals.readEnd();
  await clock.advance(5);
  arrivals.add(call(3));
  arrivals.readEnd();
  start();
  expect(started).toEqual([
    [1, at],
    [2, at],
    [3, at + 5],
  ]);
  expect(arrivals.size).toBe(0);
});

test("a call that is cancelled while it waits is never started", () => {
  const { arrivals, started, start } = setUp();
  arrivals.add(call(1));
  arrivals.add(call(2));
  expect(arrivals.cancel(1)).toBe(true);
  expect(arrivals.cancel(1)).toBe(false);
  start();
  expect(started.map(([id]) => id)).toEqual([2]);
});

test("what is read first after a pause counts as arrived when that began", async () => {
  const { clock, arrivals, started, start } = setUp();
  const pausedAt = clock.now();
  arrivals.paused();
  await clock.advance(700);
  arrivals.add(call(1));
  arrivals.readEnd();
  arrivals.add(call(2));
  start();
  expect(started).toEqual([
    [1, pausedAt],
    [2, pausedAt + 700],
  ]);
});

test("what has not been started can be taken out whole", () => {
  const { arrivals, started, start } = setUp();
  arrivals.add(call(1));
  arrivals.add(call(2));
  expect(arrivals.takeAll().map(({ id }) => id)).toEqual([1, 2]);
  start();
  expect(started).toEqual([]);
});

test("sixteen thousand calls and as many cancels take a moment", () => {
  const { arrivals, started, start } = setUp();
  for (let id = 1; id <= 16_000; id++) arrivals.add(call(id));
  const begun = performance.now();
  for (let id = 16_000; id >= 1; id--) expect(arrivals.cancel(id)).toBe(true);
  expect(performance.now() - begun).toBeLessThan(250);
  start();
  expect(started).toEqual([]);
});
