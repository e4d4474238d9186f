import { expect, test } from "bun:test";
import { parseJson, toJson } from "../../src/cli/json.ts";

function read(text: string): unknown {
  const reading = parseJson(text);
  if (reading.kind === "fault")
    throw new Error(`${reading.fault.offset}: ${reading.fault.message}`);
  return reading.value;
}

function faultOf(text: string): string {
  const reading = parseJson(text);
  if (reading.kind === "value") throw new Error(`${text} was accepted`);
  return `${reading.fault.offset}: ${reading.fault.message}`;
}

test("what JSON.parse accepts is read as JSON.parse reads it", () => {
  const texts = [
    "0",
    "-0",
    "1.5e3",
    "-12",
    "1E-2",
    "true",
    "false",
    "null",
    '""',
    '"\\u00e9\\n\\"\\\\\\/\\b\\f\\r\\t"',
    '"\\ud800"',
    '"日本 \u2028"',
    "[]",
    "{}",
    " [ 1 , [ ] , { } ] ",
    '{"a":{"b":[1,2,{"c":null}]},"a":2}',
    '\t{"":1}\r\n',
    "9007199254740991",
    "1e400",
  ];
  for (const text of texts) expect(read(text)).toEqual(JSON.parse(text));
  expect(Object.is(read("-0"), -0)).toBe(true);
});

test("__proto__ is an ordinary name", () => {
  const value = read('{"__proto__":{"x":1}}');
  expect(Object.keys(value ?? {})).toEqual(["__proto__"]);
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
});

test("an integer beyond 2^53 keeps all its digits as a bigint", () => {
  expect(read("9007199254740992")).toBe(9_007_199_254_740_992n);
  expect(read("[-18446744073709551615]")).toEqual([-18_446_744_073_709_551_615n]);
  expect(read(String(2n ** 512n - 1n))).toBe(2n ** 512n - 1n);
});

test("an integer beyond 64 bytes is a fault at its first digit", () => {
  expect(faultOf(`[1,${2n ** 512n}]`)).toBe("3: an integer has at most 64 bytes");
});

test.each([
  ["", "0: expected a value, but the text ends here"],
  ["{bad", '1: expected a name in ", found "b"'],
  ["[1,]", '3: expected a value, found "]"'],
  ["[1 2]", '3: expected , or ], found "2"'],
  ['{"a" 1}', '5: expected :, found "1"'],
  ['{"a":1,}', '7: expected a name in ", found "}"'],
  ['"abc', '4: expected a closing ", but the text ends here'],
  ['"a\nb"', "2: a control character in a string is written as \\u00.."],
  ['"\\x"', "1: there is no escape \\x"],
  ['"\\u12"', "1: \\u needs four hex digits"],
  ["1 2", '2: expected the end, found "2"'],
  ["01", '1: expected the end, found "1"'],
  ["-", '0: expected a number, found "-"'],
  ["truex", '4: expected the end, found "x"'],
  ["NaN", '0: expected a value, found "N"'],
  ["[".repeat(600), "513: a value is nested at most 512 deep"],
])("%p is a fault with its place", (text, fault) => {
  expect(faultOf(text)).toBe(fault);
});

test("what JSON cannot hold has a stated form", () => {
  const value = {
    bytes: new Uint8Array([1, 2, 3]),
    floats: new Float64Array([1.5, -2]),
    bigs: new BigInt64Array([1n]),
    bigint: 12n,
    date: new Date(0),
    nan: Number.NaN,
    infinity: Number.POSITIVE_INFINITY,
    gone: undefined,
    list: [undefined],
  };
  expect(toJson(value)).toBe(
    '{"bytes":"AQID","floats":[1.5,-2],"bigs":["1"],"bigint":"12",' +
      '"date":"1970-01-01T00:00:00.000Z","nan":null,"infinity":null,"list":[null]}',
  );
  expect(toJson(undefined)).toBe("null");
});

test("JSON text holds no character that a terminal or a line reader acts on", () => {
  expect(toJson("\u001b[31m\u009b\u007f\u2028\n")).toBe('"\\u001b[31m\\u009b\\u007f\\u2028\\n"');
});
