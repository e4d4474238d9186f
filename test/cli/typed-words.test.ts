import { expect, test } from "bun:test";
import { sortWords, unquoted } from "../../src/cli/typed-words.ts";

test.each([
  ["Foo.Sum", "Foo.Sum"],
  ["'Foo.Sum'", "Foo.Sum"],
  ["'Foo.S", "Foo.S"],
  ['"Foo.S', "Foo.S"],
  ["\"a b\"c'd e'", "a bcd e"],
  ["a\\ b", "a b"],
  ["it\\'s", "it's"],
  ['"a\\"b\\n\\$"', 'a"b\\n$'],
  ["'a\\b'", "a\\b"],
  ["\\", ""],
  ["", ""],
  // What a shell would run is text like any other.
  ["$(touch x)", "$(touch x)"],
  ["`touch x`", "`touch x`"],
  ['"$(touch x)"', "$(touch x)"],
  ["$HOME/~", "$HOME/~"],
])("%s is %s", (typed, text) => {
  expect(unquoted(typed)).toBe(text);
});

const takesValue = (flag: string): boolean => ["--registry", "-o"].includes(flag);

test("words are a command, its arguments, and values of flags", () => {
  const words = [
    "--registry",
    "a",
    "--all",
    "call",
    "Foo.Sum",
    "--registry=b=c",
    "-1",
    "-.5",
    "-o",
  ];
  expect(sortWords(words, takesValue)).toEqual({
    command: "call",
    operands: ["Foo.Sum", "-1", "-.5"],
    values: new Map([["--registry", ["a", "b=c"]]]),
    awaits: "-o",
    onlyArguments: false,
  });
});

test("behind -- everything is an argument, and a value may be --", () => {
  const words = ["call", "--registry", "--", "--", "--all", "x"];
  expect(sortWords(words, takesValue)).toMatchObject({
    command: "call",
    operands: ["--all", "x"],
    values: new Map([["--registry", ["--"]]]),
    onlyArguments: true,
  });
  expect(sortWords(["--", "call"], takesValue)).toMatchObject({
    command: undefined,
    operands: ["call"],
  });
});
