import { expect, test } from "bun:test";
import { countUnclaimed } from "../../src/rpc/unclaimed.ts";

test("all that wait are counted together", () => {
  const before = countUnclaimed(0);
  expect(countUnclaimed(5)).toBe(before + 5);
  expect(countUnclaimed(3)).toBe(before + 8);
  expect(countUnclaimed(-8)).toBe(before);
});
