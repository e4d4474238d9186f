import { expect, test } from "bun:test";
import {
  belongTo,
  isCall,
  rejectTaken,
  resolveTaken,
  take,
  type Callable,
} from "../../src/rpc/callable.ts";

test("what settles a promise is there for whoever has just made it", async () => {
  const first: Callable = new Promise(take);
  const resolve = resolveTaken;
  const second: Callable = new Promise(take);
  rejectTaken(new Error("second"));
  resolve("first");
  expect(await first).toBe("first");
  expect(await second.catch((error: unknown) => error)).toEqual(new Error("second"));
});

test("a promise is iterated by the call that it belongs to", async () => {
  const promise: Callable = new Promise(take);
  expect(isCall(promise)).toBe(false);
  const items = { next: () => new Promise<never>(() => {}) };
  belongTo(promise, { iterate: () => items });
  expect(isCall(promise)).toBe(true);
  expect(promise[Symbol.asyncIterator]?.()).toBe(items);
  const iterate = promise[Symbol.asyncIterator];
  const stranger: Callable = new Promise(take);
  if (iterate !== undefined) stranger[Symbol.asyncIterator] = iterate;
  expect(() => stranger[Symbol.asyncIterator]?.()).toThrow(TypeError);
});
