import { expect, test } from "bun:test";
import { Pacer } from "../../src/cli/pacer.ts";
import { FakeClock } from "../support/clock.ts";

interface Start {
  readonly index: number;
  /** From the first one on. */
  readonly dueMs: number;
  readonly startedMs: number;
}

function pace(
  ratePerSecond: number,
  count: number,
  clock: FakeClock = new FakeClock(),
): { readonly clock: FakeClock; readonly pacer: Pacer; starts: Start[]; ends: number[] } {
  const origin = clock.now();
  const starts: Start[] = [];
  const ends: number[] = [];
  const pacer = new Pacer({
    clock,
    ratePerSecond,
    count,
    start: (index, dueAt) =>
      void starts.push({ index, dueMs: dueAt - origin, startedMs: clock.now() - origin }),
    done: () => void ends.push(clock.now() - origin),
  });
  pacer.begin();
  return { clock, pacer, starts, ends };
}

test("the first start is at once and each other one at its time", async () => {
  const { clock, starts, ends } = pace(4, 5);
  await clock.advance(2_000);
  expect(starts).toEqual(
    [0, 250, 500, 750, 1_000].map((ms, index) => ({ index, dueMs: ms, startedMs: ms })),
  );
  expect(ends).toEqual([1_000]);
  expect(clock.pending()).toBe(0);
});

/** A clock whose timers run on whole milliseconds alone, and 0.08 ms late, as the platform's do. */
class CoarseClock extends FakeClock {
  override after(...[delayMs, task, options]: Parameters<FakeClock["after"]>) {
    return super.after(Math.max(Math.floor(delayMs), 1) + 0.08, task, options);
  }
}

test("with timers of a millisecond the schedule holds at 50,000 a second", async () => {
  const { clock, starts, ends } = pace(50_000, 50_000, new CoarseClock());
  await clock.advance(999);
  const early = starts.length;
  expect(early).toBeGreaterThan(49_850);
  await clock.advance(10);
  expect(starts).toHaveLength(50_000);
  expect(ends).toHaveLength(1);
  for (const { index, dueMs, startedMs } of starts) {
    if (Math.abs(dueMs - index / 50) > 1e-6) throw new Error(`start ${index} is due at ${dueMs}`);
    const lateMs = startedMs - dueMs;
    if (lateMs < 0 || lateMs > 1.1) throw new Error(`start ${index} is ${lateMs} ms late`);
  }
});

test("a rate that divides no millisecond is met to the start", async () => {
  const { clock, starts } = pace(333.3, 1_000_000, new CoarseClock());
  await clock.advance(60_000);
  expect(starts.length).toBe(Math.floor(333.3 * 60 - 1e-9) + 1);
});

test("after a loop that stood still everything that is due starts at once, with its own time", async () => {
  const { clock, starts } = pace(1_000, 10_000);
  await clock.advance(10);
  expect(starts).toHaveLength(11);
  clock.stall(500);
  await clock.advance(0);
  expect(starts).toHaveLength(511);
  expect(starts.at(-1)).toEqual({ index: 510, dueMs: 510, startedMs: 510 });
  expect(starts[100]).toEqual({ index: 100, dueMs: 100, startedMs: 510 });
});

test("who looks in between starts what is due, and nothing twice", async () => {
  const { clock, pacer, starts, ends } = pace(1_000, 3, new CoarseClock());
  clock.stall(1);
  pacer.look(clock.now());
  pacer.look(clock.now());
  expect(starts.map(({ startedMs }) => startedMs)).toEqual([0, 1]);
  clock.stall(1);
  pacer.look(clock.now());
  expect(starts).toHaveLength(3);
  await clock.advance(5);
  expect(starts).toHaveLength(3);
  expect(ends).toHaveLength(1);
});

test("one that is stopped starts nothing more and does not say that it is done", async () => {
  const { clock, pacer, starts, ends } = pace(1_000, 100);
  await clock.advance(5);
  pacer.stop();
  await clock.advance(1_000);
  expect([starts.length, ends.length, clock.pending()]).toEqual([6, 0, 0]);
});
