import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { checkCanary, checkSubset } from "../../src/routing/fleet-options.ts";

test("a subset has a size, or is all", () => {
  expect(checkSubset()).toBe(limits.subsetSize);
  for (const size of [0, 1, 1_000]) expect(checkSubset(size)).toBe(size);
  for (const size of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => checkSubset(size)).toThrow(`subsetSize is ${size}`);
  }
});

test("a canary has tags and a share", () => {
  expect(checkCanary(undefined)).toBeUndefined();
  for (const share of [0, 0.05, 1]) {
    const canary = { tags: { stage: "canary" }, share };
    expect(checkCanary(canary)).toBe(canary);
  }
  for (const share of [10, -0.1, Number.NaN]) {
    expect(() => checkCanary({ tags: { stage: "canary" }, share })).toThrow(
      `canary.share is ${share}, and must be from 0 to 1`,
    );
  }
  expect(() => checkCanary({ tags: {}, share: 0.5 })).toThrow("canary.tags are none");
});
