import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { HostNames } from "../../src/directory/host-names.ts";

function failureOf(work: () => unknown): GeeError {
  try {
    work();
  } catch (thrown) {
    return GeeError.from(thrown);
  }
  throw new Error("it did not fail");
}

const names = (): HostNames => new HostNames(["registry.internal", "Reg-2.Example"]);

test.each([
  null,
  "localhost",
  "localhost:9999",
  "LocalHost:1",
  "127.0.0.1",
  "127.0.0.1:9999",
  "10.0.0.5:9999",
  "192.0.2.1",
  "[::1]",
  "[::1]:9999",
  "[2001:DB8::1]:80",
  "[::ffff:10.0.0.1]",
  "registry.internal",
  "registry.internal:9999",
  "REGISTRY.internal:443",
  "reg-2.example",
])("it may be asked for as %p", (host) => {
  const known = names();
  known.check(host);
  known.check(host);
});

test.each([
  "",
  " ",
  "evil.example",
  "evil.example:9999",
  "registry.internal.evil.example",
  "evil-registry.internal",
  "xregistry.internal",
  "internal",
  "localhost.evil.example",
  "a.localhost",
  "localhost.",
  "registry.internal.",
  "127.0.0.1.evil.example",
  "127.0.0.1.nip.io",
  "127.1",
  "2130706433",
  "0x7f.0.0.1",
  "127.0.0.01",
  "::1",
  "[::1",
  "::1]",
  "[::1]x",
  "[::1%eth0]",
  "[localhost]",
  "localhost:",
  "localhost:x",
  "localhost:999999",
  "localhost:1:2",
  "localhost, evil.example",
  "localhost,evil.example",
  "user@localhost",
  "localhost/",
  "localhost?",
  "localhost#",
  " localhost",
  "localhost ",
  "löcalhost",
  "127。0。0。1",
])("it may not be asked for as %p, whoever asked before", (host) => {
  const known = names();
  known.check("localhost");
  const error = failureOf(() => known.check(host));
  expect(error).toMatchObject({ code: "PERMISSION_DENIED", reason: "WRONG_HOST", executed: "no" });
  expect(error.message).toContain("--host");
  known.check("localhost");
});

test("a long or a strange name makes one short line", () => {
  const error = failureOf(() => names().check(`a\u001b\n${"x".repeat(9_000)}`));
  expect(error.message.length).toBeLessThan(200);
  expect(error.message).not.toMatch(/[\n\u001b]/);
});

test.each([
  "",
  " ",
  "a b",
  "a,b",
  "*",
  "*.a",
  "a:80",
  "http://a",
  "a/b",
  "é",
  "[::1]",
  "a.",
  "0x7f.1",
])("%p is no name of a host", (name) => {
  const error = failureOf(() => new HostNames([name]));
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "BAD_HOST", executed: "no" });
  expect(error.message).toContain(JSON.stringify(name));
});
