import { expect, test } from "bun:test";
import { RetryBudget } from "../../src/fleet/retry-budget.ts";

/** How many attempts it gives at once. */
function drain(budget: RetryBudget, now: number): number {
  let count = 0;
  while (count < 100_000 && budget.withdraw(now)) count++;
  return count;
}

test("each second gives ten attempts, and ten seconds are kept", () => {
  const budget = new RetryBudget(0);
  expect(budget.balance(0)).toBe(10);
  expect(drain(budget, 0)).toBe(10);
  expect(drain(budget, 999)).toBe(0);
  expect(drain(budget, 1_000)).toBe(10);
  expect(budget.balance(4_500)).toBe(30);
  expect(budget.balance(1_000_000)).toBe(100);
});

test("five calls give one attempt more", () => {
  const budget = new RetryBudget(0);
  drain(budget, 0);
  for (let call = 0; call < 4; call++) budget.deposit(0);
  expect(budget.withdraw(0)).toBe(false);
  budget.deposit(0);
  expect(budget.withdraw(0)).toBe(true);
  expect(budget.withdraw(0)).toBe(false);
});

test("what was deposited is forgotten after ten seconds", () => {
  const budget = new RetryBudget(0, 0.2, 0);
  for (let call = 0; call < 50; call++) budget.deposit(0);
  expect(budget.balance(9_999)).toBe(10);
  expect(budget.balance(10_000)).toBe(0);
});

test("what was withdrawn is forgotten as well, and not what came later", () => {
  const budget = new RetryBudget(0, 0.2, 0);
  for (let call = 0; call < 50; call++) budget.deposit(0);
  expect(drain(budget, 5_000)).toBe(10);
  for (let call = 0; call < 50; call++) budget.deposit(9_000);
  expect(budget.balance(9_000)).toBe(10);
  // The first deposits are gone and what they paid for is not, so the later ones pay for it.
  expect(budget.balance(10_000)).toBe(0);
  expect(budget.balance(15_000)).toBe(10);
});

test("when every call asks for more, attempts stay within a fifth of them and ten a second", () => {
  for (const [perSecond, seconds] of [
    [0, 60],
    [7, 120],
    [1_000, 30],
  ] as const) {
    const budget = new RetryBudget(0);
    let calls = 0;
    let attempts = 0;
    for (let ms = 0; ms < seconds * 1_000; ms++) {
      const due = Math.floor(((ms + 1) * perSecond) / 1_000) - Math.floor((ms * perSecond) / 1_000);
      for (let call = 0; call < due; call++) {
        calls++;
        budget.deposit(ms);
      }
      attempts += drain(budget, ms);
      expect(attempts).toBeLessThanOrEqual(0.2 * calls + 10 * (Math.floor(ms / 1_000) + 1));
    }
    expect(attempts).toBeGreaterThanOrEqual(0.2 * calls + 10 * seconds - 1);
  }
});

test("a clock that jumps neither gives without end nor stops giving", () => {
  const budget = new RetryBudget(5_000_000);
  drain(budget, 5_000_000);
  expect(drain(budget, 1_400_000)).toBe(0);
  expect(drain(budget, 1_401_000)).toBe(10);
  expect(drain(budget, 5_000_000)).toBe(100);
  for (let turn = 0; turn < 1_000; turn++) budget.deposit(turn % 2 === 0 ? 0 : 500);
  expect(budget.balance(500)).toBe(200);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
  "a time of %p is the moment before",
  (odd) => {
    const budget = new RetryBudget(0);
    budget.deposit(odd);
    expect(budget.balance(odd)).toBe(10);
    expect(drain(budget, odd)).toBe(10);
    expect(drain(budget, 1_000)).toBe(10);
    const begunOddly = new RetryBudget(odd);
    drain(begunOddly, 0);
    expect(drain(begunOddly, 1_000)).toBe(10);
  },
);
