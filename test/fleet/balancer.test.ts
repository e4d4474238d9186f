import { expect, test } from "bun:test";
import {
  createPolicy,
  createRandomPolicy,
  createRoundRobinPolicy,
  policyNames,
} from "../../src/fleet/balancer.ts";

test("round robin takes one after the other, from a random start", () => {
  const policy = createRoundRobinPolicy(() => 0.5);
  const first = policy(3);
  const next = Array.from({ length: 6 }, () => policy(3));
  expect(next).toEqual([1, 2, 3, 4, 5, 6].map((step) => (first + step) % 3));
});

test("clients that start together do not all begin with the same server", () => {
  const starts = Array.from({ length: 200 }, () => createRoundRobinPolicy()(5));
  expect(new Set(starts).size).toBe(5);
});

test("a change of the number of candidates keeps round robin within them", () => {
  const policy = createRoundRobinPolicy(() => 0.999_999);
  for (const count of [1, 7, 2, 100, 3, 1]) {
    const choice = policy(count);
    expect(Number.isInteger(choice)).toBe(true);
    expect(choice).toBeGreaterThanOrEqual(0);
    expect(choice).toBeLessThan(count);
  }
});

test("round robin gives each its share to the call", () => {
  const policy = createRoundRobinPolicy();
  const counts = [0, 0, 0, 0];
  for (let call = 0; call < 400; call++) {
    const choice = policy(4);
    counts[choice] = (counts[choice] ?? 0) + 1;
  }
  expect(counts).toEqual([100, 100, 100, 100]);
});

test("random takes what chance says, and never one beyond the last", () => {
  let value = 0;
  const policy = createRandomPolicy(() => value);
  for (const [chance, expected] of [
    [0, 0],
    [0.33, 0],
    [0.34, 1],
    [1 - Number.EPSILON, 2],
  ] as const) {
    value = chance;
    expect(policy(3)).toBe(expected);
  }
});

test("random reaches everybody", () => {
  const policy = createRandomPolicy();
  expect(new Set(Array.from({ length: 500 }, () => policy(5))).size).toBe(5);
});

test("there is a policy for every name", () => {
  for (const name of policyNames) expect(createPolicy(name)(1)).toBe(0);
});
