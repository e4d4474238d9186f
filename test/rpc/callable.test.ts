import { describe, expect, test } from "bun:test";
import {
  belongTo,
  failedCall,
  isCall,
  ownerOf,
  rejectTaken,
  resolveTaken,
  take,
  type Callable,
} from "../../src/rpc/callable.ts";
import { turn } from "../support/clock.ts";

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
  expect(ownerOf(promise)).toBeUndefined();
  const call = { iterate: () => items };
  belongTo(promise, call);
  expect(ownerOf(promise)).toBe(call);
  expect(isCall(promise)).toBe(true);
  expect(promise[Symbol.asyncIterator]?.()).toBe(items);
  const iterate = promise[Symbol.asyncIterator];
  const stranger: Callable = new Promise(take);
  if (iterate !== undefined) stranger[Symbol.asyncIterator] = iterate;
  expect(() => stranger[Symbol.asyncIterator]?.()).toThrow(TypeError);
});

describe("a call that could not be made", () => {
  const refusal = new TypeError("no such option");

  test("rejects with why, as often as it is asked", async () => {
    const call = failedCall(refusal);
    expect(isCall(call)).toBe(true);
    for (let each = 0; each < 2; each++) {
      expect(await call.catch((error: unknown) => error)).toBe(refusal);
    }
  });

  test("tells whoever iterates it, in the loop", async () => {
    const items: unknown[] = [];
    const iterate = async (): Promise<void> => {
      for await (const item of failedCall(refusal)) items.push(item);
    };
    expect(await iterate().catch((error: unknown) => error)).toBe(refusal);
    expect(items).toEqual([]);
  });

  test("rejects nowhere else once somebody iterates it, be it that they ask for nothing", async () => {
    failedCall(refusal)[Symbol.asyncIterator]();
    // A rejection that nobody handles would fail this test.
    await turn();
    expect.assertions(0);
  });
});
