import { expect, test } from "bun:test";
import { digestOf, isSecret, matches } from "../../src/directory/secret.ts";
import { newSecret } from "../../src/discovery/member.ts";

test("what could be guessed is no secret that an instance may have made", () => {
  const secret = newSecret();
  expect(isSecret(secret)).toBe(true);
  const others = [
    "",
    "a",
    secret.slice(1),
    `${secret}0`,
    `${secret}\n`,
    "A".repeat(32),
    "g".repeat(32),
  ];
  expect(others.filter((text) => isSecret(text))).toEqual([]);
});

test("a digest is SHA-256 in hex", () => {
  expect(digestOf("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});

test("only the secret itself matches, whatever is tried", () => {
  const secret = newSecret();
  const digest = digestOf(secret);
  expect(matches(secret, digest)).toBe(true);
  for (const other of ["", secret.slice(1), `${secret}0`, secret.toUpperCase() + "x", digest]) {
    expect(matches(other, digest)).toBe(false);
  }
});

test("nothing matches a digest that is none", () => {
  for (const digest of ["", "ab", "zz".repeat(32)]) expect(matches("", digest)).toBe(false);
});
