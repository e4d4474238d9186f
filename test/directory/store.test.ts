import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import {
  MemoryStore,
  parseStored,
  type StoredInstance,
  storeKey,
} from "../../src/directory/store.ts";
import { announcement, idOf } from "../support/registry.ts";

const digest = "ab".repeat(32);
const record: StoredInstance = {
  announcement: announcement({ tags: { a: "b" }, leaseMs: 600 }),
  digest,
  leaseMs: 600,
  state: "suspect",
};

test("what is stored is read as it was written", () => {
  expect<unknown>(parseStored(JSON.parse(JSON.stringify(record)), true)).toEqual({
    ...record,
    announcement: expect.objectContaining({ ...record.announcement }),
  });
  const old = { address: parseAddress("tcp@a:1"), old: true } as const;
  expect(parseStored(JSON.parse(JSON.stringify(old)), false)).toEqual(old);
});

test("whose an instance is, is read as well, where anybody said so", () => {
  const owned = { ...record, owner: "0123456789abcdef" };
  expect(parseStored(JSON.parse(JSON.stringify(owned)), true)).toMatchObject({
    owner: owned.owner,
  });
});

test.each([
  ["record.owner", { ...record, owner: "0123456789abcdeF" }],
  ["record.owner", { ...record, owner: "" }],
  ["record", null],
  ["record.announcement", {}],
  ["record.announcement.id", { ...record, announcement: { ...record.announcement, id: "x" } }],
  ["record.announcement.address", { ...record, announcement: { ...announcement(), address: "a" } }],
  ["record.digest", { ...record, digest: "ab" }],
  ["record.digest", { ...record, digest: digest.toUpperCase() }],
  ["record.leaseMs", { ...record, leaseMs: 199 }],
  ["record.leaseMs", { ...record, leaseMs: 300_001 }],
  ["record.state", { ...record, state: "dead" }],
  ["record.state", { ...record, state: undefined }],
  ["record.old", { address: "tcp@a:1", old: false }],
  ["record.address", { address: "tcp@a:1,tcp@b:2", old: true }],
  ["record.address", { old: true }],
])("a broken record is refused with the path %p", (path, value) => {
  let thrown: unknown;
  try {
    parseStored(value, true);
  } catch (error) {
    thrown = error;
  }
  expect(GeeError.from(thrown)).toMatchObject({ code: "INVALID_ARGUMENT" });
  expect(GeeError.from(thrown).message).toStartWith(`${path}: `);
});

test("it may be listed only where the network's rules let it be", () => {
  const refusal = (value: unknown, allowLoopback: boolean): string => {
    try {
      parseStored(value, allowLoopback);
      return "fine";
    } catch (thrown) {
      const { code, reason } = GeeError.from(thrown);
      return `${code} ${reason}`;
    }
  };
  const at = (address: string) => ({ ...record, announcement: { ...announcement(), address } });
  const oldAt = (address: string) => ({ address, old: true });
  for (const make of [at, oldAt]) {
    expect(refusal(make("tcp@169.254.169.254:80"), true)).toBe("INVALID_ARGUMENT BAD_ADDRESS");
    expect(refusal(make("tcp@[ff02::1]:80"), true)).toBe("INVALID_ARGUMENT BAD_ADDRESS");
    expect(refusal(make("tcp@127.0.0.1:80"), false)).toBe("PERMISSION_DENIED LOOPBACK_ADDRESS");
    expect(refusal(make("tcp@127.0.0.1:80"), true)).toBe("fine");
    expect(refusal(make("tcp@10.0.0.1:80"), false)).toBe("fine");
  }
  // A Go listener calls itself so, and is kept so where only this machine asks.
  expect(refusal(oldAt("tcp@[::]:80"), true)).toBe("fine");
  expect(refusal(oldAt("tcp@[::]:80"), false)).toBe("PERMISSION_DENIED LOOPBACK_ADDRESS");
  expect(refusal(at("tcp@[::]:80"), true)).toBe("INVALID_ARGUMENT BAD_ADDRESS");
});

test("a member's key is its id, or the address of an old peer", () => {
  expect(storeKey(record)).toBe(idOf("a"));
  expect(storeKey({ address: parseAddress("tcp@a:1"), old: true })).toBe("tcp@a:1");
});

test("the memory store keeps nothing and is always well", async () => {
  const store = new MemoryStore();
  store.put();
  store.remove();
  expect([await store.load(), store.trouble]).toEqual([[], undefined]);
  await store.close();
});
