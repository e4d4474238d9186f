import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import {
  compareMembers,
  memberAt,
  newInstanceId,
  newSecret,
  parseAnnouncement,
  parseMember,
} from "../../src/discovery/member.ts";
import { announcement, idOf } from "../support/registry.ts";

const full = {
  ...announcement(),
  version: "1.2.3",
  contract: "c0ffee",
  contracts: { Foo: "0123456789abcdef" },
  zone: "eu-1",
  group: "1f".repeat(16),
  weight: 2.5,
  load: 3,
  lagMs: 12.5,
  draining: true,
  tags: { stage: "canary" },
  leaseMs: 600,
};

test("an announcement comes back as it was sent", () => {
  expect(parseAnnouncement(JSON.parse(JSON.stringify(full)))).toEqual(full);
});

test("what an announcement leaves out has its default, and unknown fields are ignored", () => {
  const { id, address, revision, services } = announcement();
  const least = { id, address, revision, services, mood: "good" };
  expect(parseAnnouncement(least)).toEqual(announcement());
});

test("services are listed once each, in order", () => {
  const { services } = parseAnnouncement({ ...full, services: ["B", "A", "B"] });
  expect(services).toEqual(["A", "B"]);
});

test("a member comes back as it was listed", () => {
  const member = { ...full, leaseMs: undefined, state: "left", ageMs: 5, beatMs: 1 };
  const text = JSON.stringify(member);
  expect<unknown>(parseMember(JSON.parse(text))).toEqual(JSON.parse(text));
});

test("a member of which no contract is known has no place for them", () => {
  expect("contracts" in parseMember({ address: "tcp@10.0.0.1:1" })).toBe(false);
  expect("contracts" in parseAnnouncement(announcement())).toBe(false);
});

test("a member of which only the address is known is up and has no services", () => {
  expect<string>(parseMember({ address: "http@10.0.0.1:1" }).address).toBe("http@10.0.0.1:1");
  const member = parseMember({ address: "tcp@10.0.0.1:1" });
  expect(member).toEqual(memberAt(parseAddress("tcp@10.0.0.1:1")));
  expect(member.services).toBeUndefined();
});

const many = Array.from({ length: limits.maxServices + 1 }, (_, index) => `S${index}`);

test.each([
  ["instance", 3],
  ["instance.id", { id: undefined }],
  ["instance.id", { id: "A".repeat(32) }],
  ["instance.id", { id: `${idOf("a")}a` }],
  ["instance.address", { address: "tcp@a:1,tcp@b:2" }],
  ["instance.address", { address: `tcp@${"a".repeat(400)}:1` }],
  ["instance.revision", { revision: -1 }],
  ["instance.revision", { revision: 1.5 }],
  ["instance.revision", { revision: 2 ** 53 }],
  ["instance.services", { services: "Foo" }],
  ["instance.services", { services: many }],
  ["instance.services[1]", { services: ["Foo", "No Name"] }],
  ["instance.services[0]", { services: ["X".repeat(65)] }],
  ["instance.weight", { weight: -1 }],
  ["instance.weight", { weight: "1" }],
  ["instance.load", { load: Number.NaN }],
  ["instance.draining", { draining: "yes" }],
  ["instance.zone", { zone: "a\nb" }],
  ["instance.group", { group: "g".repeat(65) }],
  ["instance.group", { group: 7 }],
  ["instance.version", { version: "" }],
  ["instance.contract", { contract: "x".repeat(129) }],
  ["instance.contracts", { contracts: [] }],
  ["instance.contracts", { contracts: Object.fromEntries(many.map((name) => [name, "0"])) }],
  ["instance.contracts name", { contracts: { "No Name": "0123456789abcdef" } }],
  ["instance.contracts name", { contracts: { "gee.Health": "0123456789abcdef" } }],
  ["instance.contracts.Foo", { contracts: { Foo: "new" } }],
  ["instance.contracts.Foo", { contracts: { Foo: "0".repeat(33) } }],
  ["instance.tags", { tags: [] }],
  ["instance.tags name", { tags: { "a b": "c" } }],
  ["instance.tags.a", { tags: { a: 1 } }],
  ["instance.tags", { tags: Object.fromEntries(many.map((name) => [name, ""])) }],
  ["instance.leaseMs", { leaseMs: "9s" }],
])("a wrong announcement is refused with the path %p", (path, change) => {
  let thrown: unknown;
  try {
    parseAnnouncement(typeof change === "number" ? change : { ...full, ...change });
  } catch (error) {
    thrown = error;
  }
  expect(GeeError.from(thrown).code).toBe("INVALID_ARGUMENT");
  expect(GeeError.from(thrown).message).toStartWith(`${path}: `);
});

test("a state of a later version makes a member unreadable, not up", () => {
  expect(() => parseMember({ address: "tcp@a:1", state: "asleep" })).toThrow("instance.state");
});

test("exactly the limit of services is fine", () => {
  const services = many.slice(1);
  expect(parseAnnouncement({ ...full, services }).services).toHaveLength(limits.maxServices);
});

test.each([newInstanceId, newSecret])("ids and secrets are 32 hex digits and differ", (make) => {
  const all = Array.from({ length: 100 }, () => make());
  expect(new Set(all).size).toBe(100);
  expect(all.every((text) => /^[0-9a-f]{32}$/.test(text))).toBe(true);
});

test("members are ordered by address byte by byte, then by id", () => {
  const written = ["tcp@b:1", "tcp@a:9", "tcp@a:10", "unix@/a", "tcp@[::1]:1"];
  const sorted = written.map((text) => memberAt(parseAddress(text))).sort(compareMembers);
  expect<string[]>(sorted.map(({ address }) => address)).toEqual([...written].sort());
  const two = ["b", "a"].map((digit) => ({
    ...memberAt(parseAddress("tcp@a:1")),
    id: idOf(digit),
  }));
  expect(two.sort(compareMembers).map(({ id }) => id)).toEqual([idOf("a"), idOf("b")]);
});
