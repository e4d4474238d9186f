import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { limits } from "../../src/base/limits.ts";
import type { KeyValue } from "../../src/directory/etcd-api.ts";
import { EtcdContent } from "../../src/directory/etcd-content.ts";
import { EtcdLeases } from "../../src/directory/etcd-leases.ts";
import { encodeRecord, keyOf } from "../../src/directory/etcd-records.ts";
import { EtcdSkipped } from "../../src/directory/etcd-skipped.ts";
import type { StoredMember } from "../../src/directory/store.ts";
import { memoryLog } from "../support/memory-log.ts";
import { etcdParts } from "./etcd-parts.ts";
import { storedInstance } from "./stored-members.ts";
import { id, TableBench } from "./table-bench.ts";

const old = { address: parseAddress("tcp@old:1"), old: true } as const;

function entry(member: StoredMember, revision: number, lease = "7"): KeyValue {
  const key = keyOf(member);
  const value = Buffer.from(encodeRecord(member)).toString("base64");
  return { key, rawKey: "", revision, lease, value };
}

function suspect(n: number): StoredMember {
  return { ...storedInstance(n), state: "suspect" };
}

function setUp() {
  const bench = new TableBench({ countsChanges: false, warms: false });
  const { clock, table } = bench;
  const { log, lines } = memoryLog();
  const leases = new EtcdLeases(etcdParts().api, clock, 300_000);
  const skipped = new EtcdSkipped(clock, log);
  const restored: string[] = [];
  const content = new EtcdContent({
    table,
    leases,
    skipped,
    allowLoopback: false,
    clock,
    log,
    restore: ({ key }) => restored.push(key),
    onWhole: () => {},
    onTaken: () => {},
  });
  return { bench, clock, table, leases, skipped, restored, content, lines };
}

test("what etcd has is in the table, at etcd's revision", () => {
  const { bench, table, leases, content, lines } = setUp();
  content.whole([entry(storedInstance(1), 3), entry(old, 4), entry(suspect(2), 9)], 12, false);
  expect([bench.states(), table.index, leases.size]).toEqual([{ up: 2, suspect: 1 }, 12, 3]);
  expect(lines).toEqual(["info members read from etcd count=3 revision=12"]);
  expect([table.since(12), table.since(11)]).toEqual([{ instances: [], gone: [] }, undefined]);
  content.put(entry(suspect(1), 13));
  expect([bench.states(), table.index]).toEqual([{ up: 1, suspect: 2 }, 13]);
  expect(table.since(12)).toMatchObject({ instances: [{ id: id(1) }] });
});

test("what is told again, or late, changes nothing", () => {
  const { bench, leases, content } = setUp();
  content.put(entry(suspect(1), 5));
  content.put(entry(storedInstance(1), 5));
  content.put(entry(storedInstance(1), 4));
  content.vanished(keyOf(storedInstance(1)), 4);
  content.vanished(keyOf(storedInstance(2)), 9);
  expect([bench.states(), leases.size]).toEqual([{ suspect: 1 }, 1]);
});

test("what cannot be read is counted, and is as good as not there", () => {
  const { bench, skipped, leases, content } = setUp();
  content.put(entry(storedInstance(1), 5));
  content.put({ ...entry(storedInstance(1), 6), value: "" });
  expect([bench.states(), skipped.size, leases.size]).toEqual([{ suspect: 1 }, 1, 0]);
  content.put(entry(storedInstance(1), 7));
  expect([bench.states(), skipped.size, leases.size]).toEqual([{ up: 1 }, 0, 1]);
  content.put({ ...entry(storedInstance(2), 8), value: undefined });
  content.vanished(keyOf(storedInstance(2)), 9);
  expect(skipped.size).toBe(0);
});

test("what vanishes goes, unless its beats come here", () => {
  const { bench, clock, leases, restored, content } = setUp();
  content.put(entry(storedInstance(1), 5));
  content.put(entry(storedInstance(2), 6));
  content.put(entry(old, 7));
  for (const held of leases.all()) if ("id" in held.of) held.beatAt = clock.now();
  bench.pass(8_999);
  const first = leases.get(keyOf(storedInstance(1)));
  if (first !== undefined) first.beatAt -= 1;
  for (const member of [storedInstance(1), storedInstance(2), old])
    content.vanished(keyOf(member), 9);
  expect(restored).toEqual([keyOf(storedInstance(2))]);
  bench.pass(0);
  expect([bench.states(), leases.size]).toEqual([{ up: 1, suspect: 1 }, 0]);
  // It has been silent for no longer than anybody could know.
  bench.pass(17_999);
  expect(bench.states()).toEqual({ up: 1, suspect: 1 });
  bench.pass(1);
  expect(bench.states()).toEqual({ up: 1 });
});

test("whoever was replaced is not brought back by being late", () => {
  const { bench, content, leases } = setUp();
  const { address } = storedInstance(1).announcement;
  content.put(entry(storedInstance(1), 5));
  content.put(entry(storedInstance(2, { address }), 6));
  content.put(entry(suspect(1), 7));
  expect(bench.states()).toEqual({ left: 1, up: 1 });
  expect(leases.get(keyOf(suspect(1)))?.revision).toBe(7);
});

test("what is not there any more when all is read has vanished", () => {
  const { bench, table, leases, content } = setUp();
  content.whole([entry(storedInstance(1), 3), entry(storedInstance(2), 4)], 5, false);
  content.whole([entry(storedInstance(2), 4), entry(storedInstance(3), 7)], 8, false);
  expect([bench.states(), table.index, leases.size]).toEqual([{ up: 2, suspect: 1 }, 8, 2]);
});

test.each([
  ["it is told so", true, 5],
  ["a key is older than it was", false, 3],
])("in another history the indexes go on, in an epoch of our own: %s", (_what, anew, revision) => {
  const { bench, table, content } = setUp();
  content.whole([entry(storedInstance(1), 100), entry(storedInstance(2), 5)], 100, false);
  expect([content.epochOf("ab"), content.indexOf(101)]).toEqual(["ab", 101]);
  content.whole([entry(suspect(2), revision)], 6, anew);
  expect(content.epochOf("ab")).toMatch(/^ab[0-9a-f]{12}$/);
  expect([bench.states(), table.index]).toEqual([{ suspect: 2 }, 106]);
  content.put(entry(storedInstance(2), 7));
  expect([bench.states(), table.index]).toEqual([{ up: 1, suspect: 1 }, 107]);
});

test("what would make the list too long for its readers is skipped", () => {
  const { table, skipped, content } = setUp();
  const tags = Object.fromEntries(
    Array.from({ length: limits.maxTags }, (_, n) => [`t${n}`, "v".repeat(256)]),
  );
  const entries = Array.from({ length: 4_000 }, (_, n) =>
    entry(storedInstance(n, { tags }), n + 1),
  );
  content.whole(entries, entries.length, false);
  const list = table.list();
  expect(JSON.stringify(list).length).toBeLessThan(limits.maxListBytes);
  expect([list.length > 2_000, list.length + skipped.size]).toEqual([true, 4_000]);
});

test("more members than there may be are skipped", () => {
  const { table, skipped, content } = setUp();
  const entries = Array.from({ length: limits.maxInstances + 5 }, (_, n) =>
    entry(storedInstance(n), n + 1),
  );
  content.whole(entries, entries.length, false);
  expect([table.list().length, skipped.size]).toEqual([limits.maxInstances, 5]);
});
