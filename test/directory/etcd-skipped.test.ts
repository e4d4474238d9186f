import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { EtcdSkipped } from "../../src/directory/etcd-skipped.ts";
import { FakeClock } from "../support/clock.ts";
import { memoryLog } from "../support/memory-log.ts";

test("many within a second are one line, with an example", async () => {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const skipped = new EtcdSkipped(clock, log);
  for (let n = 0; n < 500; n++) skipped.add(`gee/${n % 400}`, `broken ${n}`);
  expect([skipped.size, lines, clock.pending("foreground")]).toEqual([400, [], 0]);
  await clock.advance(1_000);
  expect(lines).toEqual([
    `warn values in etcd make no sense skipped=500 total=400 key=gee/0 why="broken 0"`,
  ]);
  skipped.drop("gee/1");
  skipped.drop("gee/x");
  skipped.add("gee/y", "odd");
  await clock.advance(5_000);
  expect(lines.slice(1)).toEqual([
    "warn values in etcd make no sense skipped=1 total=400 key=gee/y why=odd",
  ]);
  skipped.clear();
  expect(skipped.size).toBe(0);
});

test("however many there are, and however long their keys, little is kept", async () => {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const skipped = new EtcdSkipped(clock, log);
  for (let n = 0; n < limits.maxInstances + 10; n++) skipped.add(`${n}`, "odd");
  skipped.add("x".repeat(1_000_000), "odd");
  await clock.advance(1_000);
  expect(skipped.size).toBe(limits.maxInstances);
  expect(lines).toEqual([
    `warn values in etcd make no sense skipped=16395 total=16384 key=0 why=odd`,
  ]);
  skipped.drop("0");
  skipped.add("y".repeat(1_000_000), "odd");
  await clock.advance(1_000);
  expect(lines.at(-1)).toStartWith("warn values in etcd make no sense skipped=1 total=16384 ");
  expect(lines.at(-1)?.length).toBeLessThan(2_200);
});

test("it says nothing once it is disposed", async () => {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const skipped = new EtcdSkipped(clock, log);
  skipped.add("gee/x", "odd");
  skipped[Symbol.dispose]();
  await clock.advance(5_000);
  expect(lines).toEqual([]);
});
