import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { limits } from "../../src/base/limits.ts";
import { MemberTable } from "../../src/directory/member-table.ts";
import { FakeClock } from "../support/clock.ts";
import { codeOf, id, instance, TableBench } from "./table-bench.ts";

const a = instance(1).address;
const b = instance(2).address;

test("an instance is up for its lease, then suspect, and gone after three", () => {
  const bench = new TableBench();
  const { table } = bench;
  bench.join(1);
  bench.pass(8_999);
  bench.beat(1);
  bench.pass(8_999);
  expect(table.list()).toMatchObject([{ state: "up", ageMs: 17_998, beatMs: 8_999 }]);
  bench.pass(1);
  expect(table.list()).toMatchObject([{ state: "suspect", ageMs: 17_999, beatMs: 9_000 }]);
  bench.pass(17_999);
  expect(table.list()).toMatchObject([{ state: "suspect", beatMs: 26_999 }]);
  bench.pass(1);
  expect(table.list()).toEqual([]);
  expect(codeOf(() => table.beat(id(1), bench.secret(1), 1))).toBe("NOT_FOUND");
  expect(bench.changes).toEqual(["joined 1", "suspect 1", "expired 1"]);
  expect([table.index, table.hash]).toEqual([3, 0n]);
});

test("a beat brings a suspect back, and gives it a whole term", () => {
  const bench = new TableBench();
  bench.join(1);
  bench.pass(26_999);
  bench.beat(1);
  expect(bench.states()).toEqual({ up: 1 });
  bench.pass(8_999);
  expect(bench.states()).toEqual({ up: 1 });
  bench.pass(18_000);
  expect(bench.states()).toEqual({ suspect: 1 });
  expect(bench.changes).toEqual(["joined 1", "suspect 1", "recovered 1", "suspect 1"]);
  expect(bench.table.index).toBe(4);
});

test("an announcement brings a suspect back as a beat does", () => {
  const bench = new TableBench();
  bench.join(1);
  bench.pass(9_000);
  bench.table.put(instance(1, { revision: 2, weight: 3 }), bench.secret(1));
  expect(bench.table.list()).toMatchObject([{ state: "up", weight: 3 }]);
  expect(bench.changes).toEqual(["joined 1", "suspect 1", "recovered 1"]);
});

test("who beats late, but before anybody noticed, never was suspect", () => {
  const bench = new TableBench();
  bench.join(1);
  bench.clock.stall(20_000);
  bench.beat(1);
  bench.table.sweep();
  expect(bench.changes).toEqual(["joined 1"]);
});

test("a silence that nobody noticed for three leases makes suspect and gone at once", () => {
  const bench = new TableBench();
  bench.join(1);
  bench.clock.stall(1e6);
  bench.table.sweep();
  expect(bench.changes).toEqual(["joined 1", "suspect 1", "expired 1"]);
});

test("a wall clock that jumps changes nothing", () => {
  const bench = new TableBench({ oldLeaseMs: 10_000 });
  bench.join(1);
  bench.leave(1);
  bench.join(2);
  bench.table.putAddress(parseAddress("tcp@b:1"));
  const before = [bench.table.list(), bench.table.index, bench.table.nextAt];
  for (const jumpMs of [3_600_000, -7_200_000, 1e12]) {
    bench.clock.jumpWall(jumpMs);
    bench.table.sweep();
    expect([bench.table.list(), bench.table.index, bench.table.nextAt]).toEqual(before);
  }
});

test("a lease that is asked for is granted within 200 ms and 5 minutes", () => {
  const { table } = new TableBench();
  const granted = [0, 199, 200, 600, 300_000, 300_001, 1e15].map(
    (leaseMs, n) => table.put(instance(n, { leaseMs })).leaseMs,
  );
  expect(granted).toEqual([200, 200, 200, 600, 300_000, 300_000, 300_000]);
});

test("each instance has the lease that it was granted, and may get another", () => {
  const bench = new TableBench();
  bench.join(1, 1, { leaseMs: 600 });
  bench.join(2, 2, { leaseMs: 60_000 });
  bench.pass(600);
  expect(bench.table.list()).toMatchObject([{ state: "suspect" }, { state: "up" }]);
  bench.table.put(instance(2, { revision: 2, leaseMs: 1_000 }), bench.secret(2));
  bench.pass(1_000);
  expect(bench.table.list()).toMatchObject([{ state: "suspect" }, { state: "suspect" }]);
});

test("a header-only peer is up for the old lease, strictly, and then gone", () => {
  const bench = new TableBench({ oldLeaseMs: 1_000 });
  bench.table.putAddress(a);
  bench.pass(600);
  bench.table.putAddress(a);
  bench.pass(999);
  expect(bench.table.list()).toMatchObject([{ address: a, state: "up", ageMs: 1_599 }]);
  bench.pass(1);
  expect([bench.table.addresses(), bench.table.hash]).toEqual([[], 0n]);
  expect(bench.changes).toEqual(["joined -", "expired -"]);
});

test("an old lease of 0 lasts for ever, and does not touch instances", () => {
  const bench = new TableBench({ oldLeaseMs: 0 });
  bench.table.putAddress(a);
  bench.join(2);
  bench.pass(1e12);
  expect(bench.table.addresses()).toEqual([a]);
});

test("nothing happens to an instance without its secret", () => {
  const bench = new TableBench();
  const { table } = bench;
  bench.join(1);
  bench.beat(1);
  const codes = [
    codeOf(() => table.beat(id(1), "wrong", 1)),
    codeOf(() => table.leave(id(1), "wrong")),
    codeOf(() => table.put(instance(1, { address: b, revision: 9 }), "wrong")),
    codeOf(() => table.put(instance(1, { address: b, revision: 9 }))),
  ];
  expect(codes).toEqual(Array(4).fill("PERMISSION_DENIED"));
  expect(table.list()).toMatchObject([{ address: a, revision: 1, state: "up" }]);
});

test("a registration whose answer was lost can be made again until the secret was shown once", () => {
  const { table, changes } = new TableBench();
  const lost = table.put(instance(1));
  expect(codeOf(() => table.put(instance(1, { address: b })))).toBe("PERMISSION_DENIED");
  const again = table.put(instance(1));
  expect(again.secret).not.toBe(lost.secret);
  expect(codeOf(() => table.beat(id(1), lost.secret, 1))).toBe("PERMISSION_DENIED");
  table.beat(id(1), again.secret, 1);
  expect(codeOf(() => table.put(instance(1)))).toBe("PERMISSION_DENIED");
  expect(changes).toEqual(["joined 1"]);
});

test("the highest revision holds, and an older one renews the lease alone", () => {
  const bench = new TableBench();
  const { table } = bench;
  const { secret } = table.put(instance(1, { revision: 5, weight: 2 }));
  bench.pass(5_000);
  expect(table.put(instance(1, { revision: 4, weight: 3 }), secret)).toMatchObject({
    secret,
    news: false,
  });
  bench.pass(5_000);
  expect(table.list()).toMatchObject([{ revision: 5, weight: 2, state: "up" }]);
  expect(table.put(instance(1, { revision: 6, weight: 4 }), secret).news).toBe(true);
  expect(table.list()).toMatchObject([{ revision: 6, weight: 4 }]);
});

test("a beat of a revision that the table has not heard of asks for the announcement", () => {
  const bench = new TableBench();
  bench.join(1);
  expect(codeOf(() => bench.table.beat(id(1), bench.secret(1), 2))).toBe("NOT_FOUND");
});

test("index and hash move on what callers care about, and on nothing else", () => {
  const { table } = new TableBench();
  const { secret } = table.put(instance(1));
  let revision = 1;
  const moves = (change: Parameters<typeof instance>[1]): readonly [number, boolean] => {
    const before = [table.index, table.hash] as const;
    revision += 1;
    table.put(instance(1, { ...change, revision }), secret);
    const moved = [table.index - before[0], table.hash !== before[1]] as const;
    revision += 1;
    table.put(instance(1, { revision }), secret);
    expect(table.hash).toBe(before[1]);
    return moved;
  };
  const told = [
    moves({ services: ["Foo", "Bar"] }),
    moves({ weight: 2 }),
    moves({ draining: true }),
    moves({ address: b }),
    moves({ tags: { a: "b" } }),
  ];
  for (const moved of told) expect(moved).toEqual([1, true]);
  const untold = [
    moves({ load: 7, lagMs: 8 }),
    moves({ version: "2", zone: "z", group: "g" }),
    moves({}),
  ];
  for (const moved of untold) expect(moved).toEqual([0, false]);
  const before = table.index;
  table.list();
  table.sweep();
  expect(table.index).toBe(before);
});

test("load and lag ride along with a beat, and a changed weight is a change", () => {
  const bench = new TableBench();
  const { table } = bench;
  bench.join(1, 1, { load: 1 });
  expect(table.list()).toMatchObject([{ load: 1, lagMs: undefined }]);
  table.beat(id(1), bench.secret(1), 1, { load: 99, lagMs: 12.5 });
  expect(table.list()).toMatchObject([{ load: 99, lagMs: 12.5, weight: 1 }]);
  table.beat(id(1), bench.secret(1), 1, { weight: 1 });
  expect([table.list()[0], table.index]).toMatchObject([{ load: 99, lagMs: 12.5 }, 1]);
  table.beat(id(1), bench.secret(1), 1, { weight: 0 });
  expect([table.list()[0], table.index]).toMatchObject([{ weight: 0 }, 2]);
  bench.beat(1);
  expect([table.list()[0], table.index]).toMatchObject([{ weight: 0 }, 2]);
  expect(table.record(id(1))).toMatchObject({ announcement: { weight: 0 } });
});

test("an instance that moved is listed at its new address alone", () => {
  const { table } = new TableBench();
  const { secret } = table.put(instance(1));
  table.put(instance(1, { address: b, revision: 2 }), secret);
  expect(table.addresses()).toEqual([b]);
  expect(table.since(1)).toMatchObject({ instances: [{ address: b }], gone: [] });
});

test("an instance that left is answered as left for one lease, with the withdrawal's revision", () => {
  const bench = new TableBench();
  const { table } = bench;
  bench.join(1);
  bench.pass(8_000);
  table.leave(id(1), bench.secret(1), 2);
  table.leave(id(1), bench.secret(1));
  expect(table.addresses()).toEqual([]);
  bench.pass(8_999);
  expect(table.list()).toMatchObject([{ id: id(1), state: "left", revision: 2 }]);
  bench.pass(1);
  expect(table.list()).toEqual([]);
  expect(bench.changes).toEqual(["joined 1", "left 1", "forgotten 1"]);
});

test("a suspect may leave", () => {
  const bench = new TableBench();
  bench.join(1);
  bench.pass(20_000);
  bench.leave(1);
  bench.pass(8_999);
  expect(bench.states()).toEqual({ left: 1 });
  bench.pass(1);
  expect(bench.states()).toEqual({});
});

test("a late beat or announcement does not bring back what left; a newer announcement does", () => {
  const { table } = new TableBench();
  const { secret } = table.put(instance(1));
  table.leave(id(1), secret, 2);
  expect(codeOf(() => table.beat(id(1), secret, 1))).toBe("NOT_FOUND");
  expect(codeOf(() => table.put(instance(1), secret))).toBe("FAILED_PRECONDITION");
  expect(codeOf(() => table.put(instance(1, { revision: 2 }), secret))).toBe("FAILED_PRECONDITION");
  expect(codeOf(() => table.put(instance(1)))).toBe("PERMISSION_DENIED");
  expect(table.addresses()).toEqual([]);
  table.put(instance(1, { revision: 3 }), secret);
  expect(table.addresses()).toEqual([a]);
});

test("nobody leaves who is not there", () => {
  expect(codeOf(() => new TableBench().table.leave(id(1), "x"))).toBe("NOT_FOUND");
});

test("a new instance at an address replaces the one that had it, suspect or not", () => {
  for (const silentMs of [0, 9_000]) {
    const bench = new TableBench();
    const { table } = bench;
    bench.join(1);
    bench.pass(silentMs);
    const before = table.index;
    table.put(instance(2, { address: a }));
    expect(table.list()).toMatchObject([
      { id: id(1), state: "left" },
      { id: id(2), state: "up" },
    ]);
    expect([table.addresses(), table.index]).toEqual([[a], before + 2]);
    expect(codeOf(() => bench.beat(1))).toBe("NOT_FOUND");
    expect(codeOf(() => table.put(instance(1), bench.secret(1)))).toBe("FAILED_PRECONDITION");
    // What was replaced may still withdraw, without touching its successor.
    table.leave(id(1), bench.secret(1), 2);
    expect(table.addresses()).toEqual([a]);
    expect(bench.changes.slice(-2)).toEqual(["replaced 1", "joined 2"]);
    bench.pass(8_999);
    expect(bench.states()).toEqual({ left: 1, up: 1 });
    bench.pass(1);
    expect(bench.states()).toEqual({ suspect: 1 });
  }
});

test("an instance and a header-only peer at one address are one line", () => {
  const bench = new TableBench();
  const { table } = bench;
  bench.join(1);
  table.putAddress(a);
  expect([table.addresses(), table.list().length, table.index]).toEqual([[a], 1, 1]);
  bench.leave(1);
  expect(table.addresses()).toEqual([a]);
  expect(table.list()).toMatchObject([{ state: "up" }, { state: "left", id: id(1) }]);
  expect(table.since(1)).toMatchObject({ instances: [{ state: "up" }, { state: "left" }] });
});

test("an instance takes over the line of a header-only peer at its address", () => {
  const bench = new TableBench();
  const { table } = bench;
  table.putAddress(a);
  bench.join(1);
  expect(table.since(1)).toMatchObject({ instances: [{ id: id(1) }], gone: [{ address: a }] });
  bench.leave(1);
  expect(table.addresses()).toEqual([]);
  expect(bench.changes).toEqual(["joined -", "replaced -", "joined 1", "left 1"]);
});

test("GeeRPC's list has who is up, and the suspects only when nobody is", () => {
  const bench = new TableBench();
  bench.join(1, 2);
  bench.pass(5_000);
  bench.beat(2);
  bench.pass(4_000);
  expect(bench.table.addresses()).toEqual([b]);
  bench.pass(5_000);
  expect(bench.table.addresses()).toEqual([a, b]);
  bench.table.putAddress(parseAddress("tcp@z:1"));
  expect<readonly string[]>(bench.table.addresses()).toEqual(["tcp@z:1"]);
});

test("addresses are sorted byte by byte", () => {
  const { table } = new TableBench();
  const written = ["unix@/a", "tcp@b:1", "tcp@a:9", "tcp@a:10", "tcp@[::1]:1", "tcp@10.0.0.1:1"];
  for (const text of written) table.putAddress(parseAddress(text));
  expect<readonly string[]>(table.addresses()).toEqual([...written].sort());
});

test("a full table refuses newcomers, keeps beats, and takes newcomers for what has left", () => {
  const bench = new TableBench();
  const { table } = bench;
  bench.join(1, 2);
  for (let n = 2; n < limits.maxInstances; n++) table.putAddress(parseAddress(`tcp@host${n}:1`));
  const more = parseAddress("tcp@more:1");
  expect(codeOf(() => table.putAddress(more))).toBe("RESOURCE_EXHAUSTED");
  expect(codeOf(() => bench.join(3))).toBe("RESOURCE_EXHAUSTED");
  table.putAddress(parseAddress("tcp@host2:1"));
  bench.beat(1);
  bench.leave(2);
  bench.join(3);
  expect(bench.changes.slice(-3)).toEqual(["left 2", "forgotten 2", "joined 3"]);
  expect(codeOf(() => table.putAddress(more))).toBe("RESOURCE_EXHAUSTED");
});

/** As large as an announcement may be. */
const large = {
  services: Array.from({ length: limits.maxServices }, (_, n) => `S${n}`.padEnd(64, "x")),
  tags: Object.fromEntries(
    Array.from({ length: limits.maxTags }, (_, n) => [`t${n}`.padEnd(64, "x"), "v".repeat(256)]),
  ),
};

test("a list that clients could not read any more takes nothing further, and stays readable", () => {
  const bench = new TableBench();
  const { table } = bench;
  bench.join(1);
  let count = 1;
  while (codeOf(() => bench.join(count + 1, count + 1, large)) === "fine") count += 1;
  expect(count).toBeLessThan(2_000);
  const bytes = (): number => JSON.stringify(table.list()).length;
  expect(bytes()).toBeGreaterThan(0.9 * limits.maxListBytes);
  expect(bytes()).toBeLessThan(limits.maxListBytes);
  // Who is there goes on, grows by little and not by much, and makes room when it leaves.
  bench.beat(1);
  table.put(instance(1, { revision: 2, draining: true, tags: { a: "b" } }), bench.secret(1));
  const grown = instance(1, { revision: 3, ...large });
  expect(codeOf(() => table.put(grown, bench.secret(1)))).toBe("RESOURCE_EXHAUSTED");
  bench.leave(2);
  table.put(grown, bench.secret(1));
  expect(codeOf(() => bench.join(9_000, 9_000, large))).toBe("RESOURCE_EXHAUSTED");
  table.put(instance(1, { revision: 4 }), bench.secret(1));
  bench.join(9_000, 9_000, large);
  expect(bytes()).toBeLessThan(limits.maxListBytes);
});

test("it says when to sweep: at the first moment at which something lapses", () => {
  const bench = new TableBench({ oldLeaseMs: 10_000, warms: false });
  const { table, clock } = bench;
  expect(table.nextAt).toBe(Number.POSITIVE_INFINITY);
  const start = clock.now();
  table.putAddress(a);
  expect(table.nextAt - start).toBe(10_000);
  bench.join(2);
  expect(table.nextAt - start).toBe(9_000);
  bench.join(3, 3, { leaseMs: 600 });
  expect(table.nextAt - start).toBe(600);
  clock.stall(600);
  table.sweep();
  expect(table.nextAt - start).toBe(1_800);
  bench.leave(3);
  expect(table.nextAt - start).toBe(1_200);
  clock.stall(600);
  table.sweep();
  expect(table.nextAt - start).toBe(9_000);
});

test("what replaces another one is no reason to remember that one for longer", () => {
  const bench = new TableBench({ warms: false });
  bench.join(1, 1, { leaseMs: 600 });
  bench.clock.stall(500);
  bench.join(2, 2, { address: a, leaseMs: 60_000 });
  bench.clock.stall(100);
  bench.table.sweep();
  bench.pass(499);
  expect(bench.states()).toEqual({ left: 1, up: 1 });
  bench.pass(1);
  expect(bench.states()).toEqual({ up: 1 });
});

test("it warms in time, though others lapse before and nothing else is due", () => {
  const bench = new TableBench();
  bench.join(1, 1, { leaseMs: 600 });
  bench.pass(8_999);
  expect([bench.states(), bench.modes]).toEqual([{}, []]);
  bench.pass(1);
  expect(bench.modes).toEqual(["warm"]);
});

test("it warms for its own lease, once", () => {
  const bench = new TableBench({ leaseMs: 2_000 });
  bench.pass(1_999);
  expect([bench.table.warming, bench.modes]).toEqual([true, []]);
  bench.pass(1);
  expect([bench.table.warming, bench.modes, bench.table.index]).toEqual([false, ["warm"], 0]);
  bench.pass(1e6);
  expect(bench.modes).toEqual(["warm"]);
  expect(new MemberTable({ clock: new FakeClock(), warms: false }).warming).toBe(false);
});

test("time in which nobody could be heard does not count", () => {
  const bench = new TableBench({ oldLeaseMs: 9_000 });
  bench.join(1);
  bench.table.putAddress(parseAddress("tcp@b:1"));
  bench.pass(8_000);
  bench.clock.stall(59_500);
  bench.table.postpone(59_000);
  bench.table.sweep();
  expect([bench.states(), bench.table.warming]).toEqual([{ up: 2 }, true]);
  bench.pass(499);
  expect([bench.states(), bench.table.warming]).toEqual([{ up: 2 }, true]);
  bench.pass(1);
  expect([bench.states(), bench.table.warming]).toEqual([{ suspect: 1 }, false]);
});
