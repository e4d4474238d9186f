import { expect, test } from "bun:test";
import { TableDirectory } from "../../src/directory/table-directory.ts";
import { FakeClock } from "../support/clock.ts";
import { id, instance } from "./table-bench.ts";

/** A directory that keeps its members nowhere else. */
class Bare extends TableDirectory {
  readonly clock: FakeClock;

  constructor() {
    const clock = new FakeClock();
    super({ clock, leaseMs: 600, onChange: () => this.tell() });
    this.clock = clock;
  }

  join(n: number): void {
    this.table.put(instance(n), undefined);
  }

  [Symbol.dispose](): void {
    this.end();
  }
}

test("it is read as its table is", () => {
  using directory = new Bare();
  expect([directory.leaseMs, directory.list(), directory.addresses()]).toEqual([600, [], []]);
  directory.join(1);
  expect(directory.list()).toMatchObject([{ id: id(1) }]);
  expect(directory.addresses()).toEqual([instance(1).address]);
  expect(directory.announced(id(1))).toEqual(instance(1));
  expect(directory.announced(id(2))).toBeUndefined();
  expect(directory.since(0)).toMatchObject({ instances: [{ id: id(1) }], gone: [] });
});

test("whoever listens is told of each change, and of no more when he has ended that", () => {
  using directory = new Bare();
  const told: string[] = [];
  const leave = directory.onChange(() => told.push("one"));
  directory.onChange(() => told.push("other"));
  directory.join(1);
  leave();
  leave();
  directory.join(2);
  expect(told).toEqual(["one", "other", "other"]);
});

test("what it tells of is swept when it is due, and nothing is once it has ended", async () => {
  const directory = new Bare();
  let told = 0;
  directory.onChange(() => told++);
  directory.join(1);
  await directory.clock.advance(700);
  expect(directory.list()).toMatchObject([{ state: "suspect" }]);
  const before = told;
  expect(before).toBeGreaterThan(1);
  directory[Symbol.dispose]();
  directory[Symbol.dispose]();
  directory.join(2);
  await directory.clock.advance(10_000);
  expect(told).toBe(before);
  expect(directory.list()).toMatchObject([{ state: "suspect" }, { state: "up" }]);
  expect(directory.clock.pending()).toBe(0);
});
