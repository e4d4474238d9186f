import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import {
  checkRegistryToken,
  isLoopbackUrl,
  parseRegistryUrl,
  parseRegistryUrls,
} from "../../src/discovery/registry-url.ts";
import { memoryLog } from "../support/memory-log.ts";

test.each([
  ["http://127.0.0.1:9999", "http://127.0.0.1:9999/_geerpc_/registry"],
  ["http://127.0.0.1:9999/", "http://127.0.0.1:9999/_geerpc_/registry"],
  ["http://localhost:9999/_geerpc_/registry", "http://localhost:9999/_geerpc_/registry"],
  ["http://localhost:9999/_geerpc_/registry/", "http://localhost:9999/_geerpc_/registry"],
  ["https://Registry.Example", "https://registry.example/_geerpc_/registry"],
  ["HTTP://[::1]:80", "http://[::1]/_geerpc_/registry"],
])("the registry URL %p is %p", (text, url) => {
  expect(parseRegistryUrl(text)).toBe(url);
});

test.each([
  "",
  "127.0.0.1:9999",
  "localhost:9999",
  "tcp@127.0.0.1:9999",
  "ftp://a",
  "http:9999",
  "http://",
  "http:///x",
  "http://a:99999",
  "http://a/other",
  "http://a/_geerpc_/registry/x",
  "http://a?x=1",
  "http://a#x",
  "http://a/?",
  "http://user:pass@a",
  "http://user@a",
  " http://a",
])("the registry URL %p is refused with a hint", (text) => {
  let thrown: unknown;
  try {
    parseRegistryUrl(text);
  } catch (error) {
    thrown = error;
  }
  const error = GeeError.from(thrown);
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "BAD_URL" });
  expect(error.hint).toContain("http://127.0.0.1:9999");
  expect(error.message).not.toContain("pass@");
});

test("several URLs are a list, or text with commas", () => {
  const urls = ["http://a/_geerpc_/registry", "https://b/_geerpc_/registry"];
  expect(parseRegistryUrls("http://a, https://b,")).toEqual(urls);
  expect(parseRegistryUrls(["http://a", "https://b/"])).toEqual(urls);
  expect(() => parseRegistryUrls("http://a,b")).toThrow("starts with neither");
});

test.each([
  ["http://127.0.0.1:9999", true],
  ["http://127.9.9.9", true],
  ["http://[::1]:9999", true],
  ["http://localhost", true],
  ["http://10.0.0.1", false],
  ["http://localhost.example", false],
  ["http://[2001:db8::1]", false],
])("whether %s is this machine: %p", (url, is) => {
  expect(isLoopbackUrl(parseRegistryUrl(url))).toBe(is);
});

test("a token that can be read on the way is told once for each log and registry, without it", () => {
  const { log, lines } = memoryLog();
  const token = "a-token-of-24-characters";
  const urls = parseRegistryUrls(
    "http://10.0.0.1:9999,http://127.0.0.1:9999,https://registry.example,http://registry.example",
  );
  checkRegistryToken(urls, undefined, log);
  expect(lines).toEqual([]);
  for (let n = 0; n < 3; n++) checkRegistryToken(urls, token, log);
  expect(lines).toEqual([
    expect.stringContaining("in the clear; https would hide it"),
    expect.stringContaining("url=http://registry.example/_geerpc_/registry"),
  ]);
  expect(lines.join()).not.toContain(token);
  const other = memoryLog();
  checkRegistryToken(urls, token, other.log);
  expect(other.lines).toHaveLength(2);
});

test("what no header can carry is no token", () => {
  const { log } = memoryLog();
  expect(() => checkRegistryToken([], "a\r\nX: y", log)).toThrow("characters that no token has");
});
