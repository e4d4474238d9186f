import { expect, test } from "bun:test";
import {
  anyText,
  anything,
  Fields,
  flag,
  integer,
  list,
  number,
  record,
  text,
  word,
} from "../../src/base/fields.ts";

function why(read: () => unknown): string {
  try {
    return `read ${JSON.stringify(read())}`;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : "";
  }
}

test("a field that is missing, and null in its place, are both refused by name", () => {
  const fields = new Fields({ nothing: null }, "body");
  expect(why(() => fields.need("id", text(8)))).toBe("body.id: it is missing");
  expect(why(() => fields.may("nothing", text(8)))).toBe("body.nothing: it must be a string");
  expect(fields.may("other", text(8))).toBeUndefined();
});

test("what Object.prototype has is not a field", () => {
  expect(new Fields({}, "body").may("toString", text(8))).toBeUndefined();
});

test("only an object has fields", () => {
  for (const value of [null, undefined, 1, "x", true, [], [1]]) {
    expect(why(() => new Fields(value, "body"))).toBe("body: it must be an object");
  }
});

test("each kind of value is read exactly at its limits and refused one beyond", () => {
  const results: readonly (readonly [unknown, string])[] = [
    [why(() => text(3)("abc", "p")), 'read "abc"'],
    [why(() => anyText("a\n\u2028", "p")), 'read "a\\n\u2028"'],
    [why(() => anyText(5, "p")), "p: it must be a string"],
    [why(() => anything(null)), "read null"],
    [why(() => text(3)("abcd", "p")), "p: at most 3 characters, not 4"],
    [why(() => text(3)("a\n", "p")), "p: it must match ^[\\x20-\\x7e]+$"],
    [why(() => number(0, 2)(2, "p")), "read 2"],
    [why(() => number(0, 2)(2.1, "p")), "p: it must be a number from 0 to 2"],
    [why(() => number(0, 2)(Number.NaN, "p")), "p: it must be a number from 0 to 2"],
    [why(() => number(0, 2)("1", "p")), "p: it must be a number from 0 to 2"],
    [why(() => integer(0, 2)(2, "p")), "read 2"],
    [why(() => integer(0, 2)(1.5, "p")), "p: it must be a whole number from 0 to 2"],
    [why(() => flag(true, "p")), "read true"],
    [why(() => flag(1, "p")), "p: it must be true or false"],
    [why(() => list(2, flag)([true, false], "p")), "read [true,false]"],
    [why(() => list(2, flag)([true, 1], "p")), "p[1]: it must be true or false"],
    [why(() => list(2, flag)([true, true, true], "p")), "p: at most 2, not 3"],
    [why(() => list(2, flag)({ length: 0 }, "p")), "p: it must be an array"],
    [why(() => record(1, text(3), flag)({ a: true }, "p")), 'read {"a":true}'],
    [why(() => record(1, text(3), flag)({ a: 1 }, "p")), "p.a: it must be true or false"],
    [why(() => record(1, text(3), flag)({ a: true, b: true }, "p")), "p: at most 1, not 2"],
    [why(() => word("up", "left")("left", "p")), 'read "left"'],
    [why(() => word("up", "left")("down", "p")), "p: it must be one of up, left"],
  ];
  expect(results.map(([got]) => got)).toEqual(results.map(([, wanted]) => wanted));
});

test("a __proto__ from outside stays data", () => {
  const read = record(4, text(16), text(4))(JSON.parse('{"__proto__":"x"}'), "p");
  expect(Object.entries(read)).toEqual([["__proto__", "x"]]);
  expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
});
