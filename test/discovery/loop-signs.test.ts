import { expect, test } from "bun:test";
import { LoopSigns, LoopTicks, ownSigns } from "../../src/discovery/loop-signs.ts";
import { FakeClock } from "../support/clock.ts";

test("a reader gets the worst lag since it asked last, and no other reader takes it away", () => {
  const signs = new LoopSigns({ clock: new FakeClock(), periodMs: 500 });
  const [one, two] = [signs.reader(), signs.reader()];
  signs.heard(3);
  signs.heard(70);
  signs.heard(5);
  expect([one(), one()]).toEqual([70, 0]);
  signs.heard(9);
  expect([one(), two(), two()]).toEqual([9, 70, 0]);
});

test.each([
  [0, 0],
  [500, 0],
  [501, 1],
  [20_500, 20_000],
])("a sign of every 500 ms that is missing for %d ms is %d ms late", async (silentMs, lagMs) => {
  const clock = new FakeClock();
  const signs = new LoopSigns({ clock, periodMs: 500 });
  const read = signs.reader();
  clock.stall(silentMs);
  expect(read()).toBe(lagMs);
});

test("a loop is hung from the moment on that it was silent for so long, and revives once", () => {
  const clock = new FakeClock();
  const signs = new LoopSigns({ clock, periodMs: 500, hungAfterMs: 60_000 });
  const revived: number[] = [];
  signs.onRevival = (silentMs) => revived.push(silentMs);
  signs.heard(0);
  clock.stall(59_999);
  expect(signs.isHung).toBe(false);
  clock.stall(1);
  expect(signs.isHung).toBe(true);
  clock.stall(1_000);
  signs.heard(61_000);
  expect([signs.isHung, revived]).toEqual([false, [61_000]]);
  signs.heard(0);
  expect(revived).toHaveLength(1);
});

test("without a limit no silence is too long", () => {
  const clock = new FakeClock();
  const signs = new LoopSigns({ clock, periodMs: 500 });
  clock.stall(1e9);
  expect(signs.isHung).toBe(false);
});

test("ticks tell how late they are, keep nothing alive, and end", async () => {
  const clock = new FakeClock();
  const lags: number[] = [];
  const ticks = new LoopTicks(clock, (lagMs) => lags.push(lagMs));
  ticks.start();
  ticks.start();
  await clock.advance(300);
  expect(lags).toEqual([0, 0, 0]);
  clock.stall(1_550);
  await clock.advance(0);
  await clock.advance(100);
  expect(lags).toEqual([0, 0, 0, 1_450, 0]);
  expect([clock.pending(), clock.pending("foreground")]).toEqual([1, 0]);
  ticks.stop();
  ticks.stop();
  expect(clock.pending()).toBe(0);
});

test("a loop that looks at itself knows of a stall before its own tick does", async () => {
  const clock = new FakeClock();
  const { signs, ticks } = ownSigns(clock);
  const read = signs.reader();
  ticks.start();
  await clock.advance(1_000);
  expect(read()).toBe(0);
  clock.stall(1_300);
  expect(read()).toBe(1_200);
  await clock.advance(100);
  // And the tick that was late says so once more, to those who have not asked.
  expect([read(), read()]).toEqual([1_200, 0]);
});
