import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { bearerToken, checkToken, isToken } from "../../src/base/token.ts";

const good = ["a", "0123456789abcdef", "aB9._~+/-", "dG9rZW4=", "dG9rZW4==", "x".repeat(512)];

const bad = [
  "",
  " ",
  "a b",
  "a\n",
  "a\r\nX: y",
  "a\0",
  "é",
  "a,b",
  'a"b',
  "a=b",
  "a===",
  "=",
  "Bearer a",
  "x".repeat(513),
];

test.each(good)("%p is a token, and is read from a header again", (token) => {
  expect(isToken(token)).toBe(true);
  expect(() => checkToken(token)).not.toThrow();
  expect(bearerToken(`Bearer ${token}`)).toBe(token);
});

test.each(bad)("%p is no token, and no error shows it", (token) => {
  expect(isToken(token)).toBe(false);
  let thrown: unknown;
  try {
    checkToken(token);
  } catch (error) {
    thrown = error;
  }
  const error = GeeError.from(thrown);
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "BAD_TOKEN" });
  expect(error.hint).toContain("openssl");
  if (token.length > 3) expect(`${error.message} ${error.hint}`).not.toContain(token);
});

test.each([
  ["Bearer abc", "abc"],
  ["bearer abc", "abc"],
  ["BEARER   abc", "abc"],
  [null, undefined],
  ["", undefined],
  ["abc", undefined],
  ["Bearer", undefined],
  ["Bearer ", undefined],
  ["Bearerabc", undefined],
  [" Bearer abc", undefined],
  ["Basic abc", undefined],
  ["Bearer a b", undefined],
  ["Bearer a, Bearer b", undefined],
  ["Bearer a\u00e9", undefined],
])("in %p the token is %p", (header, token) => {
  expect(bearerToken(header)).toBe(token);
});
