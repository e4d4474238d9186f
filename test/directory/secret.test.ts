import { expect, test } from "bun:test";
import { digestOf, matches, newSecret } from "../../src/directory/secret.ts";

test("secrets are 128 random bits in hex, and differ", () => {
  const secrets = Array.from({ length: 100 }, newSecret);
  expect(new Set(secrets).size).toBe(100);
  expect(secrets.every((secret) => /^[0-9a-f]{32}$/.test(secret))).toBe(true);
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
