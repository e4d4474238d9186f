import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { parseAddress } from "../../src/base/address.ts";
import { type Member, memberAt, parseMember } from "../../src/discovery/member.ts";
import { hashText, memberHash } from "../../src/discovery/member-hash.ts";
import { announcement, idOf } from "../support/registry.ts";

const member: Member = { ...announcement(), state: "up", ageMs: 1, beatMs: 2 };

test("a member's hash is the first 8 bytes of SHA-256 over what watchers are told of", () => {
  const text = `["${idOf("a")}","tcp@127.0.0.1:4000","up",["Foo"],1,false,[["a","1"],["b","2"]]]`;
  const digest = createHash("sha256").update(text).digest("hex");
  const hash = memberHash({ ...member, tags: { b: "2", a: "1" } });
  expect(hashText(hash)).toBe(digest.slice(0, 16));
});

test("it is pinned, as clients and registries of different versions compare it", () => {
  expect(hashText(memberHash(member))).toBe("d84fc54c6d8e77d8");
  expect(hashText(memberHash(memberAt(parseAddress("tcp@10.0.0.1:1"))))).toBe("47e9d25055d4748c");
});

test.each<[string, Partial<Member>]>([
  ["id", { id: idOf("b") }],
  ["no id", { id: undefined }],
  ["address", { address: parseAddress("tcp@127.0.0.1:4001") }],
  ["state", { state: "suspect" }],
  ["services", { services: ["Foo", "Bar"] }],
  ["no services", { services: undefined }],
  ["weight", { weight: 0.5 }],
  ["draining", { draining: true }],
  ["tags", { tags: { a: "b" } }],
])("another %s is another hash", (_what, change) => {
  expect(memberHash({ ...member, ...change })).not.toBe(memberHash(member));
});

test("what is told to nobody does not count", () => {
  const same: Partial<Member> = {
    revision: 9,
    load: 3,
    lagMs: 4,
    ageMs: 5,
    beatMs: 6,
    zone: "z",
    version: "v",
    contract: "c",
    contracts: { Foo: "0123456789abcdef" },
    tags: {},
  };
  expect(memberHash({ ...member, ...same })).toBe(memberHash(member));
});

test("a member that travelled has the hash that it had", () => {
  const odd = { ...member, weight: 0.1 + 0.2, tags: { b: "x y", B: "[]", a: '"' } };
  for (const sent of [member, odd, memberAt(parseAddress("unix@/run/a.sock"))]) {
    expect(memberHash(parseMember(JSON.parse(JSON.stringify(sent))))).toBe(memberHash(sent));
  }
});

test("a hash is written as 16 hex digits", () => {
  expect([0n, 1n, 2n ** 64n - 1n].map(hashText)).toEqual([
    "0000000000000000",
    "0000000000000001",
    "ffffffffffffffff",
  ]);
});
