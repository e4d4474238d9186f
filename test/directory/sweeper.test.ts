import { expect, test } from "bun:test";
import { Sweeper } from "../../src/directory/sweeper.ts";
import { id, TableBench } from "./table-bench.ts";

function setUp(): TableBench & { readonly sweeper: Sweeper } {
  const bench = new TableBench({ warms: false });
  const sweeper = new Sweeper(bench.clock, bench.table);
  return Object.assign(bench, { sweeper });
}

test("it sweeps when something is due, to the moment, and in the background", async () => {
  const bench = setUp();
  const { clock, table, sweeper, changes } = bench;
  sweeper.arm();
  expect(clock.pending()).toBe(0);
  bench.join(1);
  sweeper.arm();
  expect([clock.nextInMs(), clock.pending("foreground")]).toEqual([9_000, 0]);
  await clock.advance(8_999);
  expect(table.list()).toMatchObject([{ state: "up" }]);
  await clock.advance(1);
  expect(table.list()).toMatchObject([{ state: "suspect" }]);
  await clock.advance(18_000);
  expect(changes).toEqual(["joined 1", "suspect 1", "expired 1"]);
  expect(clock.pending()).toBe(0);
});

test("what is due earlier is swept earlier, and what is due later moves nothing", async () => {
  const bench = setUp();
  const { clock, sweeper } = bench;
  bench.join(1);
  sweeper.arm();
  bench.join(2, 2, { leaseMs: 600 });
  sweeper.arm();
  expect([clock.nextInMs(), clock.pending()]).toEqual([600, 1]);
  bench.join(3, 3, { leaseMs: 60_000 });
  sweeper.arm();
  expect([clock.nextInMs(), clock.pending()]).toEqual([600, 1]);
});

test("leases that end one after another are a few sweeps", async () => {
  const bench = setUp();
  const { clock, table, sweeper } = bench;
  let sweeps = 0;
  const sweep = table.sweep.bind(table);
  table.sweep = () => {
    sweeps += 1;
    sweep();
  };
  for (let n = 1; n <= 100; n++) {
    bench.join(n);
    clock.stall(1);
  }
  sweeper.arm();
  await clock.advance(9_000);
  expect(bench.states()).toEqual({ suspect: 100 });
  expect(sweeps).toBeLessThanOrEqual(12);
});

test("a loop that stood still gives everybody the time by which it is late", async () => {
  const bench = setUp();
  const { clock, table, sweeper } = bench;
  bench.join(1);
  sweeper.arm();
  clock.stall(60_000);
  await clock.advance(0);
  expect(table.list()).toMatchObject([{ state: "up" }]);
  // The beats that waited meanwhile come in now.
  table.beat(id(1), bench.secret(1), 1);
  await clock.advance(8_999);
  expect(table.list()).toMatchObject([{ state: "up" }]);
  await clock.advance(1);
  expect(table.list()).toMatchObject([{ state: "suspect" }]);
});

test("a sweep that is as late as turns may be is no pause", async () => {
  const bench = setUp();
  bench.join(1);
  bench.sweeper.arm();
  bench.clock.stall(9_020);
  await bench.clock.advance(0);
  expect(bench.states()).toEqual({ suspect: 1 });
});

test("after its end nothing is swept", async () => {
  const bench = setUp();
  bench.join(1);
  bench.sweeper.arm();
  bench.sweeper[Symbol.dispose]();
  bench.sweeper.arm();
  expect(bench.clock.pending()).toBe(0);
});
