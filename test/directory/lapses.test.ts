import { expect, test } from "bun:test";
import { type Address, parseAddress } from "../../src/base/address.ts";
import { TableBench } from "./table-bench.ts";

// Instances 1 to `silent` beat no more; the others up to `total` go on.

test.each([
  [20, 3, "exactly 15 %", false],
  [19, 3, "a little over 15 %", true],
  [40, 6, "exactly 15 % of more", false],
  [40, 7, "over 15 % of more", true],
  [3, 3, "all three", true],
  [2, 2, "all two", false],
  [1, 1, "the only one", false],
])("of %d instances %d fall silent, %s: removals freeze: %p", (total, silent, _words, freezes) => {
  const bench = new TableBench();
  bench.join(1, total);
  bench.beating(27_000, silent + 1, total);
  expect(bench.table.frozen).toBe(freezes);
  const up = total > silent ? { up: total - silent } : {};
  expect(bench.states()).toEqual(freezes ? { ...up, suspect: silent } : up);
});

test("a freeze ends when enough have recovered, and who is silent a lease later is gone", () => {
  const bench = new TableBench();
  bench.join(1, 40);
  bench.beating(27_000, 11, 40);
  expect(bench.modes).toEqual(["warm", "frozen instances 10/40"]);
  bench.beating(30_000, 11, 40);
  bench.beat(1, 3);
  bench.beating(3_000, 1, 3);
  bench.beat(11, 40);
  expect([bench.table.frozen, bench.states()]).toEqual([true, { up: 33, suspect: 7 }]);
  bench.beat(4);
  bench.pass(0);
  // Beats are heard again, and those of some may just be next.
  expect([bench.table.frozen, bench.states()]).toEqual([false, { up: 34, suspect: 6 }]);
  expect(bench.modes.slice(2)).toEqual(["thawed instances 6/40"]);
  bench.beating(6_000, 11, 40);
  bench.beat(1, 4);
  expect(bench.states()).toEqual({ up: 34, suspect: 6 });
  bench.beating(6_000, 1, 4);
  bench.beat(11, 40);
  expect(bench.states()).toEqual({ up: 34 });
  expect(bench.changes.filter((change) => change.startsWith("expired"))).toHaveLength(6);
});

test("fewer than three that are late end a freeze, whatever their share", () => {
  const bench = new TableBench();
  bench.join(1, 3);
  bench.pass(9_000);
  expect(bench.modes).toEqual(["warm", "frozen instances 3/3"]);
  bench.beat(1);
  bench.pass(0);
  expect(bench.modes.slice(2)).toEqual(["thawed instances 2/3"]);
  bench.beating(18_000, 1, 1);
  expect(bench.states()).toEqual({ up: 1 });
});

test("a withdrawal by their own word may end it as well", () => {
  const bench = new TableBench();
  bench.join(1, 3);
  bench.pass(9_000);
  bench.leave(1);
  bench.pass(0);
  expect(bench.modes.slice(1)).toEqual(["frozen instances 3/3", "thawed instances 2/2"]);
});

test("a freeze ends five minutes after it began, and the same suspects begin no other", () => {
  const bench = new TableBench();
  bench.join(1, 10);
  bench.beating(9_000, 5, 10);
  expect(bench.modes).toEqual(["warm", "frozen instances 4/10"]);
  bench.beating(299_999, 5, 10);
  expect(bench.states()).toEqual({ suspect: 4, up: 6 });
  bench.pass(1);
  expect(bench.states()).toEqual({ up: 6 });
  bench.beating(600_000, 5, 10);
  expect(bench.modes.slice(2)).toEqual(["thawed instances 4/10"]);
});

test("it ends after five minutes though nothing else is due", () => {
  const bench = new TableBench();
  bench.join(1, 3);
  bench.pass(308_999);
  expect(bench.states()).toEqual({ suspect: 3 });
  bench.pass(1);
  expect(bench.states()).toEqual({});
});

test("suspects of a freeze that is over do not help to begin the next one", () => {
  const bench = new TableBench();
  bench.join(1, 40);
  bench.beating(6_000, 11, 40);
  for (let step = 0; step < 3; step++) {
    bench.pass(3_000);
    bench.beat(6, 10);
    bench.beat(13, 40);
  }
  // First ten are late, then five, and then two more: seven of forty within a lease, two fresh.
  expect(bench.states()).toEqual({ suspect: 7, up: 33 });
  bench.pass(0);
  expect(bench.modes.slice(1)).toEqual(["frozen instances 10/40", "thawed instances 5/40"]);
});

test("the same ones that beat again may begin the next one", () => {
  const bench = new TableBench();
  bench.join(1, 40);
  bench.beating(9_000, 9, 40);
  bench.beat(7, 8);
  bench.pass(0);
  expect(bench.modes.slice(1)).toEqual(["frozen instances 8/40", "thawed instances 6/40"]);
  bench.beat(1, 6);
  bench.beating(9_000, 8, 40);
  expect(bench.modes.slice(3)).toEqual(["frozen instances 7/40"]);
});

test("who recovered counts afresh when it falls silent again", () => {
  const bench = new TableBench();
  bench.join(1, 10);
  bench.beating(9_000, 5, 10);
  bench.beat(1, 4);
  bench.pass(0);
  bench.beating(9_000, 5, 10);
  expect(bench.modes.slice(1)).toEqual([
    "frozen instances 4/10",
    "thawed instances 0/10",
    "frozen instances 4/10",
  ]);
});

test("suspects that come apart by more than a lease freeze nothing", () => {
  const bench = new TableBench();
  bench.join(1, 10);
  // One falls silent every 5 s: two within a lease at most.
  for (let n = 1; n <= 8; n++) {
    for (let step = 0; step < 5; step++) {
      bench.pass(1_000);
      bench.beat(n + 1, 10);
    }
  }
  expect(bench.modes).toEqual(["warm"]);
  expect(bench.changes).toContain("expired 3");
});

test("what left is forgotten while removals are frozen", () => {
  const bench = new TableBench();
  bench.join(1, 10);
  bench.beating(9_000, 6, 10);
  expect(bench.table.frozen).toBe(true);
  bench.leave(10);
  bench.beating(9_000, 6, 9);
  expect(bench.states()).toEqual({ suspect: 5, up: 4 });
});

test("header-only peers have a freeze of their own, and count those that have just gone", () => {
  const bench = new TableBench({ oldLeaseMs: 10_000 });
  const peer = (n: number): Address => parseAddress(`tcp@old:${n}`);
  bench.join(1, 10);
  // They beat at different moments, as GeeRPC's servers do, and fall silent one by one.
  for (let n = 1; n <= 10; n++) {
    bench.table.putAddress(peer(n));
    bench.beating(500, 1, 10);
  }
  bench.beating(15_000, 1, 10);
  expect(bench.modes).toEqual(["warm", "frozen old peers 3/10"]);
  expect(bench.states()).toEqual({ up: 18 });
  expect(bench.table.frozen).toBe(true);
  // The ones that are held back are listed as before: GeeRPC knows no suspects.
  expect(bench.table.list().filter((member) => member.id === undefined)).toHaveLength(8);
  bench.beating(300_000, 1, 10);
  expect(bench.states()).toEqual({ up: 10 });
  expect(bench.modes).toHaveLength(3);
});

test("header-only peers that come back end their freeze", () => {
  const bench = new TableBench({ oldLeaseMs: 10_000 });
  const peers = Array.from({ length: 10 }, (_, n) => parseAddress(`tcp@old:${n + 1}`));
  for (const peer of peers) bench.table.putAddress(peer);
  bench.pass(10_000);
  expect(bench.modes).toEqual(["warm", "frozen old peers 10/10"]);
  for (const peer of peers.slice(0, 8)) bench.table.putAddress(peer);
  bench.table.sweep();
  expect(bench.modes.slice(2)).toEqual(["thawed old peers 2/10"]);
  expect(bench.table.addresses()).toHaveLength(8);
});

test("one class frozen does not hold the other back", () => {
  const bench = new TableBench({ oldLeaseMs: 10_000 });
  bench.table.putAddress(parseAddress("tcp@old:1"));
  bench.join(1, 10);
  bench.pass(9_000);
  expect(bench.modes).toEqual(["warm", "frozen instances 10/10"]);
  bench.pass(1_000);
  expect(bench.states()).toEqual({ suspect: 10 });
});

test("header-only peers that went before a freeze do not begin the next one", () => {
  const bench = new TableBench({ oldLeaseMs: 400_000 });
  const peer = (n: number): Address => parseAddress(`tcp@old:${n}`);
  for (let n = 1; n <= 100; n++) {
    bench.table.putAddress(peer(n));
    bench.pass(n > 15 ? 0 : 10);
  }
  const renew = (from: number): void => {
    for (let n = from; n <= 100; n++) bench.table.putAddress(peer(n));
  };
  bench.pass(300_000);
  renew(17);
  bench.pass(50_000);
  bench.table.putAddress(peer(17));
  bench.pass(50_000);
  expect(bench.modes).toEqual(["warm", "frozen old peers 16/100"]);
  expect(bench.states()).toEqual({ up: 85 });
  bench.pass(200_000);
  renew(18);
  bench.pass(100_000);
  expect(bench.modes.slice(2)).toEqual(["thawed old peers 16/100"]);
  expect(bench.states()).toEqual({ up: 84 });
  bench.pass(50_000);
  expect([bench.states(), bench.modes.length]).toEqual([{ up: 83 }, 3]);
});
