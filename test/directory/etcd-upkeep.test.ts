import { expect, test } from "bun:test";
import { EtcdBench, places, settle, states } from "./etcd-bench.ts";
import { id } from "./table-bench.ts";

const key = `gee/i/${id(1)}`;

test("who falls silent while etcd is away is suspect once that answers", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  await bench.join(a, 1);
  for (const place of places) bench.etcd.hung.add(place);
  await bench.pass(15_000);
  expect(states(a)).toEqual(["1 up"]);
  bench.etcd.hung.clear();
  await bench.pass(2_500);
  expect(states(a)).toEqual(["1 suspect"]);
  expect(bench.etcd.keys.get(key)?.value).toContain(`"suspect"`);
});

test("who beats again before it is written that it is late stays up", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  await bench.join(a, 1);
  for (const place of places) bench.etcd.down.add(place);
  await bench.pass(12_000);
  await bench.beat(a, 1);
  bench.etcd.down.clear();
  const { revision } = bench.etcd;
  await bench.beating(9_000, [[a, 1]]);
  expect([states(a), bench.etcd.revision]).toEqual([["1 up"], revision]);
});

test("who vanished and cannot be written again is a suspect", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  await bench.join(a, 1);
  bench.etcd.remove(key);
  for (const place of places) bench.etcd.down.add(place);
  await bench.pass(3_000);
  expect(states(a)).toEqual(["1 suspect"]);
  expect(bench.lines.filter((line) => line.includes("cannot be written again"))).toHaveLength(1);
  bench.etcd.down.clear();
  await bench.pass(1_000);
  await bench.beat(a, 1);
  expect(states(a)).toEqual(["1 up"]);
  expect(bench.etcd.keys.has(key)).toBe(true);
});

test("a lease that is over while its key seems to be there has everything read again", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  await bench.join(a, 1);
  await bench.pass(5_000);
  // The watch does not say that the key went.
  bench.etcd.mute = true;
  bench.etcd.revoke(bench.etcd.keys.get(key)?.lease ?? "");
  bench.etcd.mute = false;
  await bench.beat(a, 1);
  await bench.pass(2_000);
  expect(states(a)).toEqual(["1 up"]);
  expect(bench.etcd.keys.has(key)).toBe(true);
  const reads = bench.lines.filter((line) => line.includes("members read"));
  expect(reads).toHaveLength(2);
});

test("a lease that is over with its key, as the watch says, is no reason to read again", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  await bench.join(a, 1);
  await bench.pass(5_000);
  const { lease = "" } = bench.etcd.keys.get(key) ?? {};
  const beating = bench.beat(a, 1);
  bench.etcd.revoke(lease);
  await beating;
  await settle();
  await bench.pass(3_000);
  expect(states(a)).toEqual(["1 up"]);
  expect(bench.lines.filter((line) => line.includes("members read"))).toHaveLength(1);
});
