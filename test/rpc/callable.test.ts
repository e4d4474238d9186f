import { expect, test } from "bun:test";
import {
  isCall,
  iterateOwner,
  owner,
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

test("a promise is iterated by the call that owns it, and by none of its own", () => {
  const promise: Callable = new Promise(take);
  expect(isCall(promise)).toBe(false);
  promise[Symbol.asyncIterator] = iterateOwner;
  expect(isCall(promise)).toBe(true);
  expect(() => promise[Symbol.asyncIterator]?.()).toThrow(TypeError);
  const items = { next: () => new Promise<never>(() => {}) };
  promise[owner] = { iterate: () => items };
  expect(promise[Symbol.asyncIterator]?.()).toBe(items);
});
