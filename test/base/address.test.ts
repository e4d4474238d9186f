import { expect, test } from "bun:test";
import {
  isCallable,
  isLoopbackHost,
  isUnspecifiedHost,
  parseAddress,
  parseEndpoint,
  parsePeerAddress,
} from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";

const good: readonly (readonly [text: string, written: string])[] = [
  ["tcp@127.0.0.1:4000", "tcp@127.0.0.1:4000"],
  ["tcp@127.0.0.1:1", "tcp@127.0.0.1:1"],
  ["tcp@255.255.255.255:65535", "tcp@255.255.255.255:65535"],
  ["tcp@Example.COM:80", "tcp@example.com:80"],
  ["tcp@a-b.c_d:80", "tcp@a-b.c_d:80"],
  ["tcp@1a.2b:80", "tcp@1a.2b:80"],
  [`tcp@${"a".repeat(63)}.b:80`, `tcp@${"a".repeat(63)}.b:80`],
  ["tcp@[::1]:4000", "tcp@[::1]:4000"],
  ["tcp@[::]:33833", "tcp@[::]:33833"],
  ["tcp@[0:0:0:0:0:0:0:1]:1", "tcp@[::1]:1"],
  ["tcp@[2001:DB8:0::1]:1", "tcp@[2001:db8::1]:1"],
  ["tcp@[2001:0db8:0000:0000:0000:0000:0000:0001]:1", "tcp@[2001:db8::1]:1"],
  ["tcp@[::ffff:10.0.0.1]:1", "tcp@[::ffff:a00:1]:1"],
  ["tcp@[1:2:3:4:5:6:7:8]:1", "tcp@[1:2:3:4:5:6:7:8]:1"],
  ["unix@/run/gee.sock", "unix@/run/gee.sock"],
  [`unix@/${"s".repeat(106)}`, `unix@/${"s".repeat(106)}`],
];

const hosts = [
  "",
  " ",
  "a b",
  "a,b",
  "a\r\nb",
  "a\nb",
  "a\tb",
  "a\0b",
  "user@a",
  "user:pass@a",
  "a#b",
  "a?b",
  "a/b",
  "a\\b",
  "a%20b",
  "a..b",
  ".a",
  "a.",
  "-a",
  "a-",
  "a.-b",
  "é",
  "a。b",
  "ａ",
  "1.2.3",
  "1.2.3.4.5",
  "256.1.1.1",
  "1.2.3.4.",
  "01.2.3.4",
  "127.1",
  "2130706433",
  "0x7f000001",
  "0x7f.1",
  "a.0x",
  "a.1",
  "0177.0.0.1",
  "a".repeat(64),
  `${"a.".repeat(127)}a`,
  "*",
  "[",
  "]",
  "[]",
  "[::1",
  "::1]",
  "[::1]]",
  "[[::1]]",
  "[fe80::1%eth0]",
  "[fe80::1%25eth0]",
  "[1.2.3.4]",
  "[:::]",
  "[:1]",
  "[1:]",
  "[1::2::3]",
  "[1:2:3:4:5:6:7]",
  "[1:2:3:4:5:6:7:8:9]",
  "[::1:2:3:4:5:6:7:8]",
  "[12345::]",
  "[g::1]",
  "[::1.2.3]",
  "[::1.2.3.4:1]",
  "[1.2.3.4::1]",
  "[::256.0.0.1]",
  "[v1.a]",
  "::1",
  "::",
  "a:b",
  "$(id)",
  "`id`",
  "a;b",
  "a|b",
  "a'b",
  'a"b',
  "<a>",
  "a=b",
  "a&b",
  "\u202eabc",
  "\ufeffa",
];
const ports = [
  "",
  "0",
  "65536",
  "99999",
  "100000",
  "-1",
  "+1",
  "1.5",
  "1e3",
  "0x50",
  "01",
  " 80",
  "80 ",
  "80,",
  "８０",
  "80\n",
  "80/",
  "80#",
  "NaN",
  "80@",
];
const wholes = [
  "",
  "tcp",
  "tcp@",
  "@",
  "@a:1",
  "tcp@a",
  "tcp@:1",
  "tcp@a:1:2",
  "tcp:a:1",
  "tcp://a:1",
  "TCP@a:1",
  " tcp@a:1",
  "tcp@a:1 ",
  "tcp @a:1",
  "http@a:1",
  "udp@a:1",
  "tcp@tcp@a:1",
  "tcp@a:1,tcp@b:2",
  "tcp@a:1\r\nX-Evil: 1",
  "unix@",
  "unix@relative",
  "unix@/",
  "unix@/a/",
  "unix@/a/../b",
  "unix@/a/.",
  "unix@/with space",
  "unix@/with,comma",
  "unix@/nul\0",
  "unix@/line\n",
  "unix@/ünix",
  "unix@/del\u007f",
  `unix@/${"s".repeat(107)}`,
  "unix@\\run",
  "unix@@abstract",
  "file@/run/a",
  "tcp@/run/a",
  "unix@127.0.0.1:1",
];
const hostile = [
  ...hosts.map((host) => `tcp@${host}:4000`),
  ...ports.flatMap((port) => [`tcp@a.b:${port}`, `tcp@127.0.0.1:${port}`, `tcp@[::1]:${port}`]),
  ...wholes,
];

test.each(good)("%p is an address, written %p", (text, written) => {
  expect<string>(parseAddress(text)).toBe(written);
  expect<string>(parseAddress(written)).toBe(written);
});

test.each(hostile)("%p is refused in one line that names it", (text) => {
  let thrown: unknown;
  try {
    parseAddress(text);
  } catch (error) {
    thrown = error;
  }
  const error = GeeError.from(thrown);
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "BAD_ADDRESS", executed: "no" });
  expect(error.message).toContain(JSON.stringify(text));
  expect(error.message).not.toContain("\n");
  expect(error.hint).toContain("tcp@");
});

test.each(good.filter(([text]) => text.startsWith("tcp@")))(
  "%p behind HTTP is listed and never called",
  (text, written) => {
    const address = parsePeerAddress(text.replace("tcp@", "http@"));
    expect<string>(address).toBe(written.replace("tcp@", "http@"));
    expect(isCallable(address)).toBe(false);
    expect(isCallable(parsePeerAddress(text))).toBe(true);
  },
);

test.each(hostile)("%p is no address of others either", (text) => {
  const other = text.startsWith("tcp@") ? text.replace("tcp@", "http@") : text;
  if (other === "http@a:1") return;
  expect(() => parsePeerAddress(other)).toThrow(`malformed address ${JSON.stringify(other)}`);
});

test("port 0 is for listening alone", () => {
  expect(parseEndpoint("tcp@127.0.0.1:0", { anyPort: true })).toEqual({
    kind: "tcp",
    host: "127.0.0.1",
    port: 0,
  });
  expect(() => parseEndpoint("tcp@127.0.0.1:0")).toThrow("port 0 cannot be reached");
});

function hostOf(text: string): string {
  const endpoint = parseEndpoint(`tcp@${text}:1`);
  return endpoint.kind === "tcp" ? endpoint.host : "";
}

test("the unspecified host is known in all its spellings", () => {
  const yes = ["0.0.0.0", "[::]", "[0::0]", "[0:0:0:0:0:0:0:0]", "[::0.0.0.0]", "[::ffff:0.0.0.0]"];
  const no = ["127.0.0.1", "[::1]", "localhost", "10.0.0.0", "[::ffff:10.0.0.1]"];
  expect(yes.filter((text) => !isUnspecifiedHost(hostOf(text)))).toEqual([]);
  expect(no.filter((text) => isUnspecifiedHost(hostOf(text)))).toEqual([]);
});

test("loopback is known in all its spellings, and nothing else passes for it", () => {
  const yes = ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "a.localhost", "[::1]"];
  const mapped = ["[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]"];
  const no = ["0.0.0.0", "[::]", "10.0.0.1", "localhost.evil.com", "127.0.0.1.evil.com", "[::2]"];
  expect([...yes, ...mapped].filter((text) => !isLoopbackHost(hostOf(text)))).toEqual([]);
  expect([...no, "[1::1]"].filter((text) => isLoopbackHost(hostOf(text)))).toEqual([]);
  // As a socket names its peer.
  expect(isLoopbackHost("::ffff:127.0.0.1")).toBe(true);
});
