import { expect, test } from "bun:test";
import { parseEtcdUrl } from "../../src/directory/etcd-url.ts";
import { GeeError } from "../../src/base/errors.ts";

test.each([
  ["etcd://127.0.0.1:2379", ["http://127.0.0.1:2379"]],
  ["etcd://a:1,b:2,a:1/", ["http://a:1", "http://b:2"]],
  ["etcd://[::1]:2379,Host.Example:80", ["http://[::1]:2379", "http://host.example:80"]],
])("%p names the gateways %p", (text, members) => {
  expect(parseEtcdUrl(text)).toEqual(members);
});

test.each([
  "",
  "etcd:",
  "etcd://",
  "etcd:///",
  "http://a:1",
  "etcd://a",
  "etcd://a:0",
  "etcd://a:65536",
  "etcd://a:1,",
  "etcd://a:1,,b:2",
  "etcd://a:1 b:2",
  "etcd://me:secret@a:1",
  "etcd://a:1/v3",
  "etcd://a:1?x",
  "etcd://a:1#x",
  "etcd://0x7f.1:1",
  "etcd://[fe80::1%eth0]:1",
  "etcd://unix@/run/etcd",
  `etcd://${Array.from({ length: 17 }, (_, n) => `h${n}:1`).join(",")}`,
])("%p is refused", (text) => {
  let thrown: unknown;
  try {
    parseEtcdUrl(text);
  } catch (error) {
    thrown = error;
  }
  expect(GeeError.from(thrown)).toMatchObject({ code: "INVALID_ARGUMENT", reason: "BAD_STORE" });
});
