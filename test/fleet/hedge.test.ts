import { expect, test } from "bun:test";
import { Hedge } from "../../src/fleet/hedge.ts";
import { RetryBudget } from "../../src/fleet/retry-budget.ts";

function hedgeAfter(samples: readonly number[]): Hedge {
  const hedge = new Hedge(0);
  for (const sample of samples) {
    hedge.called(0);
    hedge.record(0, sample);
  }
  return hedge;
}

const hundred = Array.from({ length: 100 }, (_, index) => (index < 94 ? 10 : 1_000));

test("without twenty samples there is no second attempt to wait for", () => {
  const hedge = hedgeAfter(hundred.slice(0, 19));
  expect(hedge.delayMs(0)).toBeUndefined();
  hedge.record(0, 10);
  expect(hedge.delayMs(0)).toBeGreaterThanOrEqual(10);
});

test("it waits for what 95 % of the calls stay below", () => {
  expect(hedgeAfter(hundred).delayMs(0)).toBeGreaterThanOrEqual(1_000);
  const fewerSlow = hundred.map((ms, index) => (index < 96 ? 10 : ms));
  const delayMs = hedgeAfter(fewerSlow).delayMs(0);
  expect(delayMs).toBeGreaterThanOrEqual(10);
  expect(delayMs).toBeLessThan(11);
});

test("never less than a millisecond", () => {
  expect(hedgeAfter(hundred.map(() => 0.02)).delayMs(0)).toBe(1);
});

test("the delay follows within half a second, and not with every call", () => {
  const hedge = hedgeAfter(hundred.map(() => 10));
  const before = hedge.delayMs(0);
  for (let count = 0; count < 900; count++) hedge.record(100, 300);
  expect(hedge.delayMs(499)).toBe(before);
  expect(hedge.delayMs(500)).toBeGreaterThanOrEqual(300);
});

test("of a hundred calls ten are sent twice at the most", () => {
  const hedge = hedgeAfter(hundred);
  const shared = new RetryBudget(0);
  for (let call = 0; call < 1_000; call++) shared.deposit(0);
  const before = shared.balance(0);
  let sent = 0;
  while (hedge.withdraw(0, shared)) sent++;
  expect(sent).toBe(10);
  expect(shared.balance(0)).toBe(before - 10);
});

test("a few calls have no second attempt: there is no reserve", () => {
  const hedge = hedgeAfter(hundred.slice(0, 9));
  const shared = new RetryBudget(0);
  expect(hedge.withdraw(0, shared)).toBe(false);
  expect(hedge.withdraw(60_000, shared)).toBe(false);
  expect(shared.balance(0)).toBe(10);
});

test("an empty budget of the service forbids it, and costs the method nothing", () => {
  const hedge = hedgeAfter(hundred.slice(0, 10));
  const shared = new RetryBudget(0);
  while (shared.withdraw(0));
  expect(hedge.withdraw(0, shared)).toBe(false);
  for (let call = 0; call < 5; call++) shared.deposit(0);
  expect(hedge.withdraw(0, shared)).toBe(true);
});

test("a method that slows down all at once adds a tenth and no more", () => {
  const hedge = hedgeAfter(hundred.map(() => 10));
  const shared = new RetryBudget(0);
  let calls = 100;
  let sent = 0;
  for (let now = 1; now <= 60_000; now += 10) {
    calls++;
    hedge.called(now);
    shared.deposit(now);
    // Everybody waits longer than the delay, and the delay learns only when they are answered.
    if (hedge.delayMs(now) !== undefined && hedge.withdraw(now, shared)) sent++;
    expect(sent).toBeLessThanOrEqual(calls / 10);
  }
  expect(sent).toBeGreaterThan(0);
});

test("times that are no numbers, or jump by an hour, give a delay all the same", () => {
  const hour = 3_600_000;
  const hedge = hedgeAfter(hundred.map(() => 10));
  expect(hedge.delayMs(Number.NaN)).toBeGreaterThanOrEqual(10);
  expect(hedge.delayMs(-hour)).toBeGreaterThanOrEqual(10);
  expect(hedge.delayMs(hour)).toBeUndefined();
  for (let count = 0; count < 20; count++) hedge.record(0, 50);
  expect(hedge.delayMs(0)).toBeGreaterThanOrEqual(50);
  hedge.called(Number.NaN);
  expect(hedge.withdraw(Number.NaN, new RetryBudget(0))).toBe(true);
});
