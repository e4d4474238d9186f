import { expect, test } from "bun:test";
import { Strain } from "../../src/cli/strain.ts";
import { FakeClock } from "../support/clock.ts";

test("it tells CPU time by the time that passed, from its beginning on", async () => {
  const clock = new FakeClock();
  let usedMs = 5_000;
  const strain = new Strain(clock, () => usedMs);
  strain.begin();
  await clock.advance(1_000);
  usedMs += 410;
  expect(strain.end()).toEqual({ cpus: 0.41, loopLagP99Ms: 0 });
  expect(clock.pending()).toBe(0);
});

test("a loop that stood still is late, and what was before it begins does not count", async () => {
  const clock = new FakeClock();
  const strain = new Strain(clock, () => 0);
  strain.begin();
  clock.stall(500);
  await clock.advance(10);
  strain.begin();
  await clock.advance(100);
  clock.stall(80);
  await clock.advance(100);
  expect(strain.end().loopLagP99Ms).toBe(70);
});

test("without time nothing is said", () => {
  const clock = new FakeClock();
  const strain = new Strain(clock);
  strain.begin();
  expect(strain.end()).toEqual({ cpus: 0, loopLagP99Ms: 0 });
});

test("the process's own CPU time is measured", () => {
  const clock = new FakeClock();
  const strain = new Strain(clock);
  strain.begin();
  let sum = 0;
  for (let index = 0; index < 20_000_000; index++) sum += Math.sqrt(index);
  clock.stall(1_000);
  expect(sum).toBeGreaterThan(0);
  expect(strain.end().cpus).toBeWithin(0.001, 10);
});
