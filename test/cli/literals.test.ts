import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { type DataSource, parseArgument, parseData, parseItem } from "../../src/cli/literals.ts";
import { frameOf } from "../../src/cli/usage.ts";

function failureOf(work: () => unknown): GeeError {
  try {
    work();
  } catch (thrown) {
    return GeeError.from(thrown);
  }
  throw new Error("it was accepted");
}

async function dataFailure(data: string, source: DataSource = nothing): Promise<GeeError> {
  try {
    await parseData(data, source);
  } catch (thrown) {
    return GeeError.from(thrown);
  }
  throw new Error("it was accepted");
}

function from(text: string | Uint8Array): DataSource {
  const bytes = async (): Promise<Uint8Array> =>
    typeof text === "string" ? new TextEncoder().encode(text) : text;
  return { file: bytes, stdin: bytes };
}

const nothing: DataSource = {
  file: () => Promise.reject(new Error("no such file")),
  stdin: () => Promise.reject(new Error("stdin was read")),
};

test("an argument is JSON where it parses as JSON, else text", () => {
  const typed = ["1", "-2", "2.5", "true", "null", "[1,2]", '{"a":1}', '"42"', " 7 "];
  expect(typed.map((text) => parseArgument(text, 1))).toEqual([
    1,
    -2,
    2.5,
    true,
    null,
    [1, 2],
    { a: 1 },
    "42",
    7,
  ]);
  for (const text of ["hello", "", "007", "-.5", "NaN", "undefined", "1,2", "it's", "-x"]) {
    expect(parseArgument(text, 1)).toBe(text);
  }
});

test("an integer beyond 2^53 is a bigint, and one that cannot travel a mistake", () => {
  expect(parseArgument("9007199254740993", 1)).toBe(9_007_199_254_740_993n);
  expect(failureOf(() => parseArgument("9".repeat(200), 1)).message).toContain("64 bytes");
});

test("what starts like JSON and is not is a mistake, with a caret below it", () => {
  const error = failureOf(() => parseArgument('{"a":1,bad}', 2));
  expect(error.code).toBe("INVALID_ARGUMENT");
  expect(error.message).toBe('argument 2 is not JSON: expected a name in ", found "b" (column 8)');
  expect(frameOf(error)).toBe('  {"a":1,bad}\n         ^');
  expect(failureOf(() => parseArgument("[1", 1)).message).toContain("but the text ends here");
  expect(failureOf(() => parseArgument('"x', 1)).message).toContain('expected a closing "');
});

test("the caret stands right behind wide characters and in a text that is cut", () => {
  expect(frameOf(failureOf(() => parseArgument('["日本"x]', 1)))).toBe('  ["日本"x]\n         ^');
  const long = `[${"1,".repeat(200)}x${",1".repeat(200)}]`;
  const [line = "", caret = ""] =
    frameOf(failureOf(() => parseArgument(long, 1)))?.split("\n") ?? [];
  expect(line[caret.indexOf("^")]).toBe("x");
  expect(line.length).toBeLessThan(80);
});

test("--data is one JSON value: an array is the argument list, anything else the one argument", async () => {
  expect(await parseData("[1,2]", nothing)).toEqual([1, 2]);
  expect(await parseData("[[1,2]]", nothing)).toEqual([[1, 2]]);
  expect(await parseData('{"a":1}', nothing)).toEqual([{ a: 1 }]);
  expect(await parseData("-1", nothing)).toEqual([-1]);
  expect(await parseData("[]", nothing)).toEqual([]);
});

test("--data reads a file for @FILE and standard input for @- alone", async () => {
  expect(await parseData("@args.json", { ...nothing, file: from("[3]").file })).toEqual([3]);
  expect(await parseData("@-", { ...nothing, stdin: from(" [4]\n").stdin })).toEqual([4]);
  expect((await dataFailure("@args.json")).message).toBe(
    "--data: cannot read args.json: no such file",
  );
  expect((await dataFailure("@")).message).toContain("needs a file name");
});

test("--data that is no JSON is a mistake with its line and column", async () => {
  expect((await dataFailure("hello")).message).toBe(
    '--data is not JSON: expected a value, found "h" (column 1)',
  );
  const error = await dataFailure("@f.json", from('[1,\n  "a" "b"]'));
  expect(error.message).toBe(
    '--data: f.json is not JSON: expected , or ], found "\\"" (line 2, column 7)',
  );
  expect(frameOf(error)).toBe('    "a" "b"]\n        ^');
  expect((await dataFailure("@f.json", from(new Uint8Array([0xff])))).message).toContain("UTF-8");
});

test("a line of a stream is one JSON value, and a mistake in it has the number of its line", () => {
  expect(parseItem(' {"a":1}', "--stream: f", 7)).toEqual({ a: 1 });
  const error = failureOf(() => parseItem("hello", "--stream: f", 7));
  expect(error.message).toBe(
    '--stream: f is not JSON: expected a value, found "h" (line 7, column 1)',
  );
  expect(frameOf(error)).toBe("  hello\n  ^");
  expect(error.hint).toContain("one JSON value a line");
});
