import { expect, test } from "bun:test";
import {
  beginCheck,
  fitsAmong,
  fitsAny,
  fitsArray,
  fitsLater,
  fitsOnce,
  fitsOptional,
  fitsTuple,
  plainFits,
  ValueTable,
} from "../../src/contract/small-fits.ts";
import type { Fits } from "../../src/contract/small-fits.ts";

const { string, number, boolean } = plainFits;

function all(fits: Fits, values: readonly unknown[]): readonly boolean[] {
  return values.map((value) => fits(value, 0));
}

test("among one, two and many values", () => {
  expect(all(fitsAmong(["a"]), ["a", "b", 1])).toEqual([true, false, false]);
  expect(all(fitsAmong(["a", 1]), ["a", 1, "1"])).toEqual([true, true, false]);
  expect(all(fitsAmong(["a", 1, null]), ["a", 1, null, undefined, "b"])).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});

test("any of none, one, two and many", () => {
  expect(all(fitsAny([]), ["a"])).toEqual([false]);
  expect(all(fitsAny([string]), ["a", 1])).toEqual([true, false]);
  expect(all(fitsAny([string, number]), ["a", 1, true])).toEqual([true, true, false]);
  expect(all(fitsAny([string, number, boolean]), ["a", 1, true, null])).toEqual([
    true,
    true,
    true,
    false,
  ]);
});

test("optional, arrays and tuples", () => {
  expect(all(fitsOptional(string), ["a", undefined, null])).toEqual([true, true, false]);
  expect(all(fitsArray(string), [[], ["a"], ["a", 1], "a"])).toEqual([true, true, false, false]);
  expect(all(fitsArray(undefined), [[1, "a"], {}])).toEqual([true, false]);
  const head = [string, fitsOptional(number)];
  const closed = fitsTuple({ head, rest: null, tail: [], needed: 1 });
  expect(all(closed, [[], ["a"], ["a", 1], ["a", 1, 2], ["a", "b"]])).toEqual([
    false,
    true,
    true,
    false,
    false,
  ]);
  const open = fitsTuple({ head: [string], rest: number, tail: [boolean], needed: 1 });
  expect(all(open, [["a"], ["a", true], ["a", 1, 2, true], ["a", "b", true], ["a", 1]])).toEqual([
    false,
    true,
    true,
    false,
    false,
  ]);
  const any = fitsTuple({ head: [undefined], rest: undefined, tail: [], needed: 1 });
  expect(all(any, [[], [1], [1, "a"]])).toEqual([false, true, true]);
});

test("a table finds values as they are", () => {
  const table = new ValueTable<string>([
    ["ab", "text"],
    [1, "number"],
    [null, "null"],
  ]);
  expect(["ab", 1, null, "1", "abc", undefined].map((value) => table.get(value))).toEqual([
    "text",
    "number",
    "null",
    undefined,
    undefined,
    undefined,
  ]);
});

test("what is made later is made once, and asked no deeper than values go", () => {
  let made = 0;
  let deepest = 0;
  const fits: Fits = fitsLater(() => {
    made += 1;
    return (value, depth) => {
      deepest = Math.max(deepest, depth);
      return fits(value, depth) && value === "x";
    };
  });
  beginCheck();
  expect(made).toBe(0);
  expect(fits("x", 0)).toBe(true);
  expect(fits("y", 0)).toBe(false);
  expect([made, deepest]).toEqual([1, 64]);
});

test("what is asked too often is not asked again until the next value", () => {
  const fits = fitsLater(() => () => false);
  beginCheck();
  let refused = 0;
  for (let at = 0; at < 1_000_001; at++) if (!fits(1, 0)) refused += 1;
  expect(refused).toBe(1_000_000);
  beginCheck();
  expect(fits(1, 0)).toBe(false);
});

test("an object is looked at once for each check, and anew in the next", () => {
  let looks = 0;
  const fits = fitsOnce((value) => {
    looks += 1;
    return Array.isArray(value);
  });
  const list: unknown[] = [];
  beginCheck();
  expect([fits(list, 0), fits(list, 0), fits({}, 0), fits("x", 0), fits("x", 0)]).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
  expect(looks).toBe(4);
  beginCheck();
  expect(fits(list, 0)).toBe(true);
  expect(looks).toBe(5);
});
