import { expect, test } from "bun:test";
import { digestOf, matches, newSecret } from "../../src/discovery/secret.ts";

test("a secret matches its own digest and no other, whatever its length", () => {
  const secret = newSecret();
  const digest = digestOf(secret);
  expect(matches(secret, digest)).toBe(true);
  for (const other of [
    newSecret(),
    "",
    secret.slice(1),
    `${secret}0`,
    secret.toUpperCase() + "x",
  ]) {
    expect(matches(other, digest)).toBe(false);
  }
});

test("secrets are 32 hex digits and differ", () => {
  const secrets = Array.from({ length: 100 }, newSecret);
  expect(new Set(secrets).size).toBe(100);
  expect(secrets.every((secret) => /^[0-9a-f]{32}$/.test(secret))).toBe(true);
});
