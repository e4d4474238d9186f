import { expect, test } from "bun:test";
import { paint, pretty } from "../../src/cli/pretty.ts";

const plain = { colours: false, width: 40 };

test("a value is written on one line where it fits", () => {
  const value = { id: 7, name: "Ada", tags: ["a", "b"], none: null, gone: undefined, big: 1n };
  expect(pretty(value, { ...plain, width: 100 })).toBe(
    '{ id: 7, name: "Ada", tags: ["a", "b"], none: null, gone: undefined, big: 1n }',
  );
  expect([[], {}, true, 1.5, Number.NaN].map((each) => pretty(each, plain))).toEqual([
    "[]",
    "{}",
    "true",
    "1.5",
    "NaN",
  ]);
});

test("a value that is too wide is spread over lines, its parts only where they have to be", () => {
  const value = { list: ["aaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbb", "cc"], small: { a: 1 } };
  expect(pretty(value, plain)).toBe(
    [
      "{",
      "  list: [",
      '    "aaaaaaaaaaaaaaa",',
      '    "bbbbbbbbbbbbbbbbb",',
      '    "cc",',
      "  ],",
      "  small: { a: 1 },",
      "}",
    ].join("\n"),
  );
});

test("bytes, typed arrays and dates are told from text", () => {
  expect(pretty(new Uint8Array([1, 2, 3]), plain)).toBe("<3 bytes, base64 AQID>");
  expect(pretty(new Uint8Array(300), plain)).toEndWith("... and 44 more>");
  expect(pretty(new Float64Array([1, 2.5]), plain)).toBe("Float64Array [1, 2.5]");
  expect(pretty(new Date(0), plain)).toBe("1970-01-01T00:00:00.000Z");
});

test("no control character of a value or a name reaches the terminal", () => {
  const hostile = { "\u001b]0;x\u0007": "\u001b[2J\u009b1m\u202e\r\n" };
  const text = pretty(hostile, { colours: false, width: 200 });
  expect(/[\p{Cc}]/u.test(text)).toBe(false);
  expect(text).toContain("\\u001b[2J\\u009b1m");
});

test("colours are used when they are asked for, and end where they began", () => {
  expect(pretty("x", { colours: true, width: 80 })).toBe('\u001b[32m"x"\u001b[39m\u001b[22m');
  expect(paint("x", "red", false)).toBe("x");
});
