import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { Freeze } from "../../src/directory/freeze.ts";

test.each([
  [20, 3, false],
  [19, 3, true],
  [20, 4, true],
  [100, 15, false],
  [100, 16, true],
  [10_000, 1_500, false],
  [10_000, 1_501, true],
  [3, 2, false],
  [2, 2, false],
  [3, 3, true],
  [0, 0, false],
])("of %d members %d that fall silent freeze removals: %p", (total, fresh, freezes) => {
  const freeze = new Freeze();
  const turn = freeze.update(0, { total, late: fresh, fresh });
  expect([turn, freeze.on]).toEqual(freezes ? ["began", true] : [undefined, false]);
});

test("only the fresh ones begin it, and all that are late keep it", () => {
  const freeze = new Freeze();
  expect(freeze.update(0, { total: 10, late: 9, fresh: 1 })).toBeUndefined();
  expect(freeze.update(0, { total: 10, late: 9, fresh: 3 })).toBe("began");
  expect(freeze.update(1, { total: 10, late: 9, fresh: 0 })).toBeUndefined();
  expect(freeze.on).toBe(true);
});

test.each([
  [20, 4, true],
  [20, 3, false],
  [10, 2, false],
  [100, 15, false],
  [100, 16, true],
])("of %d members %d that are late keep a freeze up: %p", (total, late, stays) => {
  const freeze = new Freeze();
  freeze.update(0, { total: 10, late: 10, fresh: 10 });
  const turn = freeze.update(1, { total, late, fresh: late });
  expect([turn, freeze.on]).toEqual(stays ? [undefined, true] : ["ended", false]);
});

test("it ends five minutes after it began, whatever is late", () => {
  const freeze = new Freeze();
  expect(freeze.endsAt).toBe(Number.POSITIVE_INFINITY);
  const all = { total: 10, late: 10, fresh: 10 };
  freeze.update(1_000, all);
  expect(freeze.endsAt).toBe(1_000 + limits.maxFreezeMs);
  expect(freeze.update(300_999, all)).toBeUndefined();
  expect(freeze.update(301_000, all)).toBe("ended");
  expect([freeze.on, freeze.endsAt]).toEqual([false, Number.POSITIVE_INFINITY]);
});
