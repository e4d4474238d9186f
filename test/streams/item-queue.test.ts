import { expect, test } from "bun:test";
import { ItemQueue } from "../../src/streams/item-queue.ts";

test("what goes in first comes out first, with its size, however far the ring has turned", () => {
  const queue = new ItemQueue();
  let pushed = 0;
  let shifted = 0;
  // More goes in than out, so it grows while its head stands in the middle.
  for (let round = 0; round < 200; round++) {
    for (let each = 0; each < 5; each++) queue.push(`item ${pushed}`, ++pushed);
    for (let each = 0; each < 3; each++) {
      expect(queue.firstBytes).toBe(shifted + 1);
      expect(queue.shift()).toBe(`item ${shifted++}`);
    }
  }
  expect(queue.length).toBe(400);
  while (queue.length > 0) expect(queue.shift()).toBe(`item ${shifted++}`);
  expect(shifted).toBe(pushed);
});

test("it knows the bytes of what it holds", () => {
  const queue = new ItemQueue();
  expect([queue.bytes, queue.firstBytes, queue.length]).toEqual([0, 0, 0]);
  queue.push("a", 3);
  queue.push("b", 4);
  expect([queue.bytes, queue.firstBytes, queue.length]).toEqual([7, 3, 2]);
  queue.shift();
  expect([queue.bytes, queue.firstBytes, queue.length]).toEqual([4, 4, 1]);
  queue.clear();
  expect([queue.bytes, queue.firstBytes, queue.length]).toEqual([0, 0, 0]);
});

test("taking from an empty one gives nothing and breaks nothing", () => {
  const queue = new ItemQueue();
  expect(queue.shift()).toBeUndefined();
  queue.push(undefined, 2);
  expect(queue.length).toBe(1);
  expect(queue.shift()).toBeUndefined();
  expect(queue.shift()).toBeUndefined();
  expect([queue.bytes, queue.length]).toEqual([0, 0]);
});

test("it goes on after a burst whose room was given back", () => {
  const queue = new ItemQueue();
  for (let burst = 0; burst < 2; burst++) {
    for (let each = 0; each < 10_000; each++) queue.push(each, 1);
    for (let each = 0; each < 10_000; each++) expect(queue.shift()).toBe(each);
    expect(queue.bytes).toBe(0);
  }
});

test("what was taken is held no longer", async () => {
  const queue = new ItemQueue();
  const collected: number[] = [];
  const registry = new FinalizationRegistry<number>((each) => collected.push(each));
  const fill = (): void => {
    for (let each = 0; each < 100; each++) {
      const value = { each };
      registry.register(value, each);
      queue.push(value, 1);
    }
    for (let each = 0; each < 99; each++) queue.shift();
  };
  fill();
  for (let tries = 0; tries < 100 && collected.length < 90; tries++) {
    Bun.gc(true);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(queue.length).toBe(1);
  // The collector looks at the stack as well, and may take one or two for used.
  expect(collected.length).toBeGreaterThanOrEqual(90);
});
