import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { digestOf } from "../../src/directory/secret.ts";
import type { StoredInstance } from "../../src/directory/store.ts";
import type { MemberState } from "../../src/discovery/member.ts";
import { codeOf, id, instance, TableBench } from "./table-bench.ts";

function stored(n: number, state: MemberState = "up", leaseMs = 9_000): StoredInstance {
  return { announcement: instance(n), digest: digestOf(`secret ${n}`), leaseMs, state };
}

// What is restored after a restart.

test("every restored instance has a full term from the start", () => {
  const bench = new TableBench();
  const { table } = bench;
  bench.pass(5_000);
  table.adopt(stored(1));
  table.adopt(stored(2, "suspect"));
  table.adopt(stored(3, "left"));
  expect(bench.states()).toEqual({ up: 1, suspect: 1, left: 1 });
  bench.pass(8_999);
  expect(bench.states()).toEqual({ up: 1, suspect: 1, left: 1 });
  bench.pass(1);
  expect(bench.states()).toEqual({ suspect: 2 });
  bench.pass(8_999);
  expect(bench.states()).toEqual({ suspect: 2 });
  bench.pass(1);
  expect(bench.table.list()).toMatchObject([{ id: id(1), state: "suspect" }]);
  bench.pass(9_000);
  expect(bench.states()).toEqual({});
});

test("a restored instance goes on with its secret, and nobody takes it over without", () => {
  const { table } = new TableBench();
  table.adopt(stored(1));
  expect(codeOf(() => table.put(instance(1)))).toBe("PERMISSION_DENIED");
  expect(codeOf(() => table.beat(id(1), "secret 2", 1))).toBe("PERMISSION_DENIED");
  expect(table.beat(id(1), "secret 1", 1)).toEqual({ leaseMs: 9_000, write: undefined });
  expect(table.record(id(1))).toEqual(stored(1));
});

test("suspects from before a restart freeze nothing", () => {
  const bench = new TableBench();
  for (let n = 1; n <= 5; n++) bench.table.adopt(stored(n, "suspect"));
  bench.pass(0);
  expect(bench.table.frozen).toBe(false);
  bench.pass(18_000);
  expect([bench.states(), bench.modes]).toEqual([{}, ["warm"]]);
});

test("restored instances that never beat freeze removals, as they fall silent at once", () => {
  const bench = new TableBench();
  for (let n = 1; n <= 5; n++) bench.table.adopt(stored(n));
  bench.pass(27_000);
  expect([bench.states(), bench.table.frozen]).toEqual([{ suspect: 5 }, true]);
});

test("a restored header-only peer has a full lease", () => {
  const bench = new TableBench({ oldLeaseMs: 1_000 });
  bench.pass(500);
  bench.table.adopt({ address: parseAddress("tcp@old:1"), old: true });
  bench.pass(999);
  expect(bench.states()).toEqual({ up: 1 });
  bench.pass(1);
  expect(bench.states()).toEqual({});
});

// What a store holds that others write to.

const held = (index: number) => ({ index, held: true });

function shared(): TableBench {
  return new TableBench({ countsChanges: false, warms: false, oldLeaseMs: 10_000 });
}

test("time changes nothing about what a store holds, and the store is asked about nobody", () => {
  const bench = shared();
  bench.table.adopt(stored(1), held(7));
  bench.table.adopt(stored(2, "suspect"), held(8));
  bench.table.adopt({ address: parseAddress("tcp@old:1"), old: true }, held(9));
  bench.pass(1e6);
  expect([bench.states(), bench.silent, bench.table.index]).toEqual([{ up: 2, suspect: 1 }, [], 9]);
});

test("the store is asked once about who beat here and falls silent", () => {
  const bench = shared();
  bench.table.adopt(stored(1), held(1));
  bench.table.beat(id(1), "secret 1", 1);
  bench.pass(8_999);
  expect(bench.silent).toEqual([]);
  bench.pass(1);
  expect([bench.silent, bench.states()]).toEqual([[1], { up: 1 }]);
  bench.pass(1e6);
  expect([bench.silent, bench.states()]).toEqual([[1], { up: 1 }]);
  bench.table.beat(id(1), "secret 1", 1);
  bench.pass(9_000);
  expect(bench.silent).toEqual([1, 1]);
});

test("who turns out to beat elsewhere is left alone", () => {
  const bench = shared();
  bench.table.adopt(stored(1), { ...held(1), here: true });
  bench.pass(9_000);
  bench.table.touch(id(1));
  expect(bench.table.list()).toMatchObject([{ state: "up", beatMs: 0 }]);
  bench.pass(1e6);
  expect(bench.silent).toEqual([1]);
  bench.table.touch(id(2));
});

test("what a beat changes of a held instance is for the store to say", () => {
  const bench = shared();
  const { table } = bench;
  table.adopt(stored(1, "suspect"), held(1));
  const { write } = table.beat(id(1), "secret 1", 1, { load: 4 });
  expect(write).toMatchObject({ ...stored(1), state: "up" });
  expect(table.list()).toMatchObject([{ state: "suspect", load: 4 }]);
  if (write !== undefined) table.adopt(write, held(5));
  expect([table.list()[0]?.state, table.index]).toEqual(["up", 5]);
  expect(table.beat(id(1), "secret 1", 1).write).toBeUndefined();
  const weighed = table.beat(id(1), "secret 1", 1, { weight: 0 });
  expect(weighed.write).toMatchObject({ state: "up", announcement: { weight: 0 } });
  expect(table.list()).toMatchObject([{ weight: 1 }]);
});

test("the same news by two ways are one change, and old news are none", () => {
  const bench = shared();
  const { table } = bench;
  const { record, proven } = table.prepare(instance(1), undefined);
  expect(table.list()).toEqual([]);
  table.adopt(record, held(5));
  table.adopt(record, { ...held(5), here: true, proven });
  table.adopt({ ...record, state: "suspect" }, held(4));
  expect([bench.changes, bench.states(), table.index]).toEqual([["joined 1"], { up: 1 }, 5]);
  // It registered here and has not shown its secret: it may ask for another.
  expect(codeOf(() => table.prepare(instance(1), undefined))).toBe("fine");
  bench.pass(9_000);
  expect(bench.silent).toEqual([1]);
});

test("the answer to a write may come before the watch has it", () => {
  const bench = shared();
  const { record, proven } = bench.table.prepare(instance(1), undefined);
  bench.table.adopt(record, { ...held(5), here: true, proven });
  bench.table.adopt(record, held(5));
  bench.pass(9_000);
  expect(bench.silent).toEqual([1]);
});

test("a secret that another registry gave counts as shown", () => {
  const bench = shared();
  const { record, proven } = bench.table.prepare(instance(1), undefined);
  bench.table.adopt(record, { ...held(5), here: true, proven });
  bench.table.adopt({ ...record, digest: digestOf("theirs") }, held(6));
  expect(codeOf(() => bench.table.prepare(instance(1), undefined))).toBe("PERMISSION_DENIED");
  expect(codeOf(() => bench.table.prepare(instance(1), "theirs"))).toBe("fine");
});

test("what vanishes from the store is suspect, and gone after three leases of silence", () => {
  const bench = shared();
  const { table } = bench;
  table.adopt(stored(1), held(1));
  bench.pass(100_000);
  table.vanish(id(1), 6);
  expect([bench.states(), table.index]).toEqual([{ suspect: 1 }, 6]);
  expect(table.since(5)).toMatchObject({ instances: [{ state: "suspect" }] });
  bench.pass(0);
  expect(bench.states()).toEqual({});
  expect(bench.changes).toEqual(["joined 1", "suspect 1", "expired 1"]);
});

test("what vanishes soon after a sign of life is suspect for two leases", () => {
  const bench = shared();
  bench.table.adopt(stored(1), held(1));
  bench.table.vanish(id(1), 2);
  bench.pass(17_999);
  expect(bench.states()).toEqual({ suspect: 1 });
  bench.pass(1);
  expect(bench.states()).toEqual({});
});

test("many that vanish at once are kept under the freeze", () => {
  const bench = shared();
  for (let n = 1; n <= 10; n++) bench.table.adopt(stored(n), held(n));
  for (let n = 1; n <= 5; n++) bench.table.vanish(id(n), 20 + n);
  bench.pass(100_000);
  expect([bench.states(), bench.table.frozen]).toEqual([{ up: 5, suspect: 5 }, true]);
  for (let n = 1; n <= 5; n++) bench.table.adopt(stored(n), held(30 + n));
  bench.pass(0);
  expect([bench.states(), bench.table.frozen]).toEqual([{ up: 10 }, false]);
});

test("who replaces a held instance makes it left, for one lease by time", () => {
  const bench = shared();
  const { address } = instance(1);
  bench.table.adopt(stored(1), held(1));
  bench.table.adopt({ ...stored(2), announcement: instance(2, { address }) }, held(2));
  expect([bench.states(), bench.table.index]).toEqual([{ left: 1, up: 1 }, 2]);
  bench.pass(8_999);
  expect(bench.states()).toEqual({ left: 1, up: 1 });
  bench.pass(1);
  expect(bench.states()).toEqual({ up: 1 });
});

test("what left and vanishes is listed as left for the rest of its lease", () => {
  const bench = shared();
  bench.table.adopt(stored(1, "left"), held(1));
  bench.pass(5_000);
  bench.table.vanish(id(1), 2);
  bench.table.vanish(id(2), 3);
  bench.pass(3_999);
  expect(bench.states()).toEqual({ left: 1 });
  bench.pass(1);
  expect(bench.states()).toEqual({});
});

test("a header-only peer that vanishes is gone, unless many do", () => {
  const bench = shared();
  const peers = Array.from({ length: 10 }, (_, n) => parseAddress(`tcp@old:${n + 1}`));
  for (const [n, address] of peers.entries())
    bench.table.adopt({ address, old: true }, held(n + 1));
  const vanish = (from: number, to: number): void => {
    for (const address of peers.slice(from, to)) bench.table.vanishAddress(address);
    bench.pass(0);
  };
  vanish(0, 1);
  expect([bench.states(), bench.table.frozen]).toEqual([{ up: 9 }, false]);
  vanish(1, 5);
  expect([bench.states(), bench.table.frozen]).toEqual([{ up: 9 }, true]);
});

test("a withdrawal is prepared with the highest revision, and true when it is adopted", () => {
  const bench = shared();
  bench.table.adopt(stored(1), held(1));
  const record = bench.table.prepareLeave(id(1), "secret 1", 4);
  expect(record).toMatchObject({ state: "left", announcement: { revision: 4 } });
  expect(bench.states()).toEqual({ up: 1 });
  bench.table.adopt(record, held(2));
  expect(bench.states()).toEqual({ left: 1 });
});
