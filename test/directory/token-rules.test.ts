import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import { digestOf } from "../../src/directory/secret.ts";
import { checkScope, parseTokens, type TokenRule } from "../../src/directory/token-rules.ts";

const one = "0123456789abcdef";
const two = "fedcba9876543210==";

function failureOf(work: () => unknown): GeeError {
  try {
    work();
  } catch (thrown) {
    return GeeError.from(thrown);
  }
  throw new Error("it did not fail");
}

function only(text: string): TokenRule {
  const [rule, ...others] = parseTokens(text);
  if (rule === undefined || others.length > 0) throw new Error("it is one");
  return rule;
}

test("a file has a token a line, and comments, and gaps", () => {
  const text = `# those who look
${one} read   # gee list

\t${two}\twrite services=Foo,Bar addresses=10.0.0.0/8,::1 \r
   # the end`;
  expect(parseTokens(text)).toEqual([
    {
      digest: digestOf(one),
      owner: digestOf(digestOf(one)).slice(0, 16),
      name: "line 2",
      writes: false,
      services: undefined,
      ranges: undefined,
    },
    {
      digest: digestOf(two),
      owner: digestOf(digestOf(two)).slice(0, 16),
      name: "line 4",
      writes: true,
      services: new Set(["Foo", "Bar"]),
      ranges: [
        { bits: 32, value: 0x0a00_0000n, prefix: 8 },
        { bits: 128, value: 1n, prefix: 128 },
      ],
    },
  ]);
});

test("an error names where the text is from, and the line", () => {
  const wrong = (text: string): string => failureOf(() => parseTokens(text, "/etc/gee")).message;
  expect(wrong("")).toStartWith("/etc/gee: there is none");
  expect(wrong(`${one} reads`)).toStartWith("/etc/gee, line 1: the second word");
  expect(wrong(`${one} read\n${one} write`)).toBe("/etc/gee, line 2: its token is that of line 1");
});

test("no rule has the token itself", () => {
  expect(Bun.inspect(parseTokens(`${one} write`))).not.toContain(one);
});

test("what is not named is not limited", () => {
  const rule = only(`${one} write`);
  for (const address of ["tcp@10.0.0.1:1", "tcp@web-1:1", "unix@/a"]) {
    checkScope(rule, parseAddress(address), ["Foo"]);
    checkScope(rule, parseAddress(address), undefined);
  }
});

const scoped = `${one} write services=Foo,Bar addresses=10.0.0.0/8,2001:db8::/32,192.0.2.1`;
const place = "tcp@10.1.2.3:4000";

test.each([
  [place, ["Foo"]],
  [place, ["Bar", "Foo"]],
  [place, []],
  ["tcp@192.0.2.1:1", ["Foo"]],
  ["tcp@[::ffff:10.0.0.1]:1", ["Foo"]],
  ["tcp@[2001:db8:1::1]:1", ["Foo"]],
])("the token may register %s with %j", (address, services) => {
  checkScope(only(scoped), parseAddress(address), services);
});

test.each([
  [place, ["Payments"], "may not register Payments"],
  [place, ["Foo", "Payments", "Users"], "may not register Payments, Users"],
  [place, ["foo"], "may not register foo"],
  [place, undefined, "may not register a peer that names no services"],
  ["tcp@11.0.0.1:1", ["Foo"], "may not register at tcp@11.0.0.1:1"],
  ["tcp@192.0.2.2:1", ["Foo"], "may not register at tcp@192.0.2.2:1"],
  ["tcp@10.example:1", ["Foo"], "may not register at tcp@10.example:1"],
  ["tcp@[2001:db9::1]:1", ["Foo"], "may not register at tcp@[2001:db9::1]:1"],
  ["tcp@[::10.0.0.1]:1", ["Foo"], "may not register at"],
  ["unix@/run/a.sock", ["Foo"], "may not register at unix@/run/a.sock"],
])("the token may not register %s with %j", (address, services, words) => {
  const error = failureOf(() => checkScope(only(scoped), parseAddress(address), services));
  expect(error).toMatchObject({
    code: "PERMISSION_DENIED",
    reason: "TOKEN_SCOPE",
    executed: "no",
    message: expect.stringContaining(words),
  });
});

test("a token that reads registers nothing", () => {
  const error = failureOf(() => checkScope(only(`${one} read`), parseAddress(place), ["Foo"]));
  expect(error).toMatchObject({ code: "PERMISSION_DENIED", reason: "TOKEN_SCOPE" });
});

const long = Array.from({ length: 1_025 }, (_, n) => `${one}${n} read`).join("\n");

test.each([
  ["", "tokens: there is none"],
  ["# nobody\n\n", "tokens: there is none"],
  [`${one}`, "line 1: the second word is neither read nor write"],
  [`${one} admin`, "line 1: the second word"],
  [`${one} Read`, "line 1: the second word"],
  [`${one} read,write`, "line 1: the second word"],
  [`\n\n${one}\tread write`, "line 3: a token that only reads has nothing behind read"],
  [`${one} read services=Foo`, "line 1: a token that only reads"],
  ["short read", "line 1: a token has at least 16 characters"],
  ["0123456789abcdé read", "line 1: the first word has characters"],
  [`"${one}" read`, "line 1: the first word"],
  [`${one}, read`, "line 1: the first word"],
  [`${"x".repeat(513)} read`, "line 1: the first word"],
  [`\ufeff${two}é read`, "line 1: the first word"],
  [`${one}#x read`, "line 1: the first word"],
  [`${one} read\n${two} write\n${one} write`, "line 3: its token is that of line 1"],
  [`${one} write Foo`, "line 1: behind write come"],
  [`${one} write service=Foo`, "line 1: behind write come"],
  [`${one} write services Foo`, "line 1: behind write come"],
  [`${one} write services=Foo services=Bar`, "line 1: behind write come"],
  [`${one} write addresses=10.0.0.1 addresses=10.0.0.2`, "line 1: behind write come"],
  [`${one} write services=`, "line 1: services= has an empty entry"],
  [`${one} write services=Foo,`, "line 1: services= has an empty entry"],
  [`${one} write services=Foo, Bar`, "line 1: services= has an empty entry"],
  [`${one} write services=*`, 'line 1: "*" is no name of a service'],
  [`${one} write services=Foo.Sum`, 'line 1: "Foo.Sum" is no name of a service'],
  [`${one} write addresses=`, "line 1: addresses= has an empty entry"],
  [`${one} write addresses=10.0.0.1/8`, 'line 1: "10.0.0.1/8" is no IP address'],
  [`${one} write addresses=web-1`, 'line 1: "web-1" is no IP address'],
  [`${one} write addresses=10.0.0.1:4000`, 'line 1: "10.0.0.1:4000" is no IP address'],
  [`${one} write addresses=*`, 'line 1: "*" is no IP address'],
  [long, "line 1025: at most 1024 tokens"],
])("%j is refused, saying where and why, and not the token", (text, words) => {
  const error = failureOf(() => parseTokens(text));
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "BAD_TOKENS", executed: "no" });
  expect(error.message).toContain(words);
  expect(error.hint).toContain("TOKEN write");
  expect(error.message).not.toContain(one);
});
