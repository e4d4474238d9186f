import { expect, test } from "bun:test";
import {
  contains,
  type Ip,
  parseIp,
  parseRange,
  translated,
} from "../../src/directory/ip-range.ts";

/** An address as `v4` or `v6` and its number in hex. */
function written(ip: Ip | undefined): string | undefined {
  if (ip === undefined) return undefined;
  return `${ip.bits === 32 ? "v4" : "v6"} ${ip.value.toString(16)}`;
}

test.each([
  ["0.0.0.0", "v4 0"],
  ["10.0.0.1", "v4 a000001"],
  ["255.255.255.255", "v4 ffffffff"],
  ["::", "v6 0"],
  ["::1", "v6 1"],
  ["1::", "v6 10000000000000000000000000000"],
  ["2001:DB8::1", "v6 20010db8000000000000000000000001"],
  ["1:2:3:4:5:6:7:8", "v6 10002000300040005000600070008"],
  ["::1.2.3.4", "v6 1020304"],
  ["64:ff9b::1.2.3.4", "v6 64ff9b000000000000000001020304"],
  ["::ffff:10.0.0.1", "v4 a000001"],
  ["::FFFF:a00:1", "v4 a000001"],
  ["0:0:0:0:0:ffff:0a00:0001", "v4 a000001"],
  ["::ffff:0:10.0.0.1", "v6 ffff00000a000001"],
])("%s is %s", (text, ip) => {
  expect(written(parseIp(text))).toBe(ip);
});

const none = ["", " ", "a", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "0x7f.1"];
const none6 = [
  ":",
  ":::",
  "1:2",
  "::g",
  "fe80::1%eth0",
  "[::1]",
  "::1/64",
  "::1]:1/[",
  "::1#",
  " ::1",
];

test.each([...none, ...none6])("%p is no IP address", (text) => {
  expect(parseIp(text)).toBeUndefined();
});

test.each([
  ["10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["9.255.255.255", "11.0.0.0"]],
  ["10.0.0.1", ["10.0.0.1"], ["10.0.0.0", "10.0.0.2", "::a00:1"]],
  ["10.0.0.0/31", ["10.0.0.0", "10.0.0.1"], ["10.0.0.2"]],
  ["0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "2001:db8::1"]],
  ["::/0", ["::", "2001:db8::1", "ffff::"], ["10.0.0.1", "::ffff:10.0.0.1"]],
  ["fe80::/10", ["fe80::1", "febf:ffff::"], ["fe7f::1", "fec0::1"]],
  ["2001:db8::/127", ["2001:db8::", "2001:db8::1"], ["2001:db8::2"]],
])("%s has %j and not %j", (text, inside, outside) => {
  const range = parseRange(text);
  if (range === undefined) throw new Error("it is a range");
  const has = (ip: string): boolean => {
    const parsed = parseIp(ip);
    return parsed !== undefined && contains(range, parsed);
  };
  expect(inside.filter((ip) => !has(ip))).toEqual([]);
  expect(outside.filter(has)).toEqual([]);
});

test.each([
  "",
  "/8",
  "10.0.0.0/",
  "10.0.0.0/33",
  "10.0.0.0/-1",
  "10.0.0.0/08",
  "10.0.0.0/8/8",
  "10.0.0.1/8",
  "10.0.0.0/8 ",
  "10.*",
  "10.0.0.0-10.0.0.9",
  "web-1",
  "::/129",
  "fe80::1/10",
  "::ffff:10.0.0.0/104",
])("%p is no range", (text) => {
  expect(parseRange(text)).toBeUndefined();
});

test.each([
  ["::169.254.169.254", "v4 a9fea9fe"],
  ["64:ff9b::169.254.169.254", "v4 a9fea9fe"],
  ["64:ff9b::", "v4 0"],
  ["::2", "v4 2"],
  ["::", undefined],
  ["::1", undefined],
  ["10.0.0.1", undefined],
  ["::ffff:10.0.0.1", undefined],
  ["2001:db8::1", undefined],
  ["64:ff9b:1::1.2.3.4", undefined],
])("%s leads to %p", (text, ip) => {
  const parsed = parseIp(text);
  if (parsed === undefined) throw new Error("it is an address");
  expect(written(translated(parsed))).toBe(ip);
});
