import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import type { KeyValue } from "../../src/directory/etcd-api.ts";
import { EtcdMirror } from "../../src/directory/etcd-mirror.ts";
import { memoryLog } from "../support/memory-log.ts";
import { places, settle } from "./etcd-bench.ts";
import { type EtcdParts, etcdParts } from "./etcd-parts.ts";

class Bench implements AsyncDisposable {
  readonly parts: EtcdParts = etcdParts();
  readonly mirror: EtcdMirror;
  readonly lines: string[];
  /** What the target was told. */
  readonly told: string[] = [];
  /** What it has from that. */
  readonly content: Map<string, string> = new Map();

  constructor() {
    const { log, lines } = memoryLog();
    this.lines = lines;
    const { api, clock } = this.parts;
    this.mirror = new EtcdMirror({ api, clock, log, random: () => 0, target: this });
  }

  get etcd() {
    return this.parts.etcd;
  }

  /** Starts it, and waits until it has read everything. */
  async start(): Promise<void> {
    this.mirror.start();
    await this.mirror.ready;
    await settle();
  }

  whole(entries: readonly KeyValue[], revision: number, anew: boolean): void {
    this.told.push(`whole ${entries.length} at ${revision}${anew ? " anew" : ""}`);
    this.content.clear();
    for (const { key, value } of entries) this.content.set(key, value ?? "too large");
  }

  put({ key, revision, value }: KeyValue): void {
    this.told.push(`put ${key} at ${revision}`);
    this.content.set(key, value ?? "too large");
  }

  vanished(key: string, revision: number): void {
    this.told.push(`vanished ${key} at ${revision}`);
    this.content.delete(key);
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 20) {
      await settle();
      await this.parts.clock.advance(20);
    }
    await settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.mirror[Symbol.dispose]();
    await settle();
  }
}

test("it reads everything once, in the order of writing, and then every change", async () => {
  await using bench = new Bench();
  const { etcd, told, mirror } = bench;
  etcd.put("gee/b", "1");
  etcd.put("gee/a", "2");
  etcd.put("other", "3");
  expect(mirror.trouble).toBe("etcd has not answered yet");
  await bench.start();
  expect([...bench.content.keys()]).toEqual(["gee/b", "gee/a"]);
  expect([mirror.cluster, mirror.revision, mirror.trouble]).toEqual(["1092", 4, undefined]);
  etcd.put("gee/c", "4");
  etcd.remove("gee/a", "gee/b");
  etcd.put("other", "5");
  await settle();
  expect(told).toEqual([
    "whole 2 at 4",
    "put gee/c at 5",
    "vanished gee/a at 6",
    "vanished gee/b at 6",
  ]);
  expect(mirror.revision).toBe(6);
  expect(etcd.count("/v3/kv/range")).toBe(2);
});

test("more than a page is read in pages, and large pages in smaller ones", async () => {
  await using bench = new Bench();
  for (let n = 0; n < 1_100; n++) bench.etcd.put(`gee/${n}`, "x");
  await bench.start();
  expect(bench.told).toEqual(["whole 1100 at 1101"]);
  expect(bench.etcd.count("/v3/kv/range")).toBe(4);
  await using large = new Bench();
  for (let n = 0; n < 70; n++) large.etcd.put(`gee/${n}`, "x".repeat(1_000_000));
  large.mirror.start();
  await large.pass(1_000);
  expect(large.told).toEqual(["whole 70 at 71"]);
  expect([...large.content.values()].every((value) => value === "too large")).toBe(true);
});

test("no more is held than a full list can take up, and that is said", async () => {
  await using bench = new Bench();
  const { etcd, told, lines } = bench;
  // The largest that is held at all.
  const value = "x".repeat(limits.maxRegistryBodyBytes);
  const fits = Math.ceil((4 * limits.maxListBytes) / (value.length * (4 / 3)));
  for (let n = 0; n < fits + 300; n++) etcd.put(`gee/${n}`, value);
  bench.mirror.start();
  await bench.mirror.ready;
  expect(told).toEqual([expect.stringMatching(/^whole \d+ at /)]);
  // The page with which it was too much is the last.
  expect(bench.content.size).toBeWithin(fits - 1, fits + 200);
  expect([...bench.content.values()]).not.toContain("too large");
  expect(lines).toEqual([
    `warn etcd holds more bytes than are read maxBytes=${4 * limits.maxListBytes}`,
  ]);
});

test("a watch that is cut off goes on at another member where it ended, and nobody is troubled", async () => {
  await using bench = new Bench();
  const { etcd, told, lines } = bench;
  await bench.start();
  const [first] = etcd.watched;
  for (let round = 1; round <= 3; round++) {
    etcd.mute = true;
    etcd.put(`gee/${round}`, "x");
    etcd.mute = false;
    etcd.cut();
    await bench.pass(100);
  }
  expect(told).toEqual(["whole 0 at 1", "put gee/1 at 2", "put gee/2 at 3", "put gee/3 at 4"]);
  expect(etcd.watches).toBe(1);
  expect(etcd.watched).toEqual([first ?? ""]);
  expect([lines, bench.mirror.trouble]).toEqual([[], undefined]);
});

test("a member that is cut off from the others is left, though its watch is fine", async () => {
  await using bench = new Bench();
  const { etcd, mirror } = bench;
  await bench.start();
  const [member = ""] = etcd.watched;
  etcd.hung.add(member);
  await bench.pass(3_000);
  expect(etcd.watched).not.toContain(member);
  expect([etcd.watches, mirror.trouble]).toEqual([1, undefined]);
});

test("while nobody answers it says so once and tries on, and says when that is over", async () => {
  await using bench = new Bench();
  const { etcd, mirror, lines } = bench;
  await bench.start();
  for (const place of places) etcd.down.add(place);
  etcd.cut();
  await bench.pass(30_000);
  expect(mirror.trouble).toContain("connection refused");
  expect(lines).toEqual([expect.stringMatching(/^warn etcd does not answer; .* why=/)]);
  // About four a second.
  expect(etcd.asked.length).toBeLessThan(150);
  etcd.down.clear();
  await bench.pass(1_000);
  expect(mirror.trouble).toBeUndefined();
  expect(lines.slice(1)).toEqual(["warn etcd answers again revision=1"]);
});

test("what was compacted away is read anew", async () => {
  await using bench = new Bench();
  const { etcd, told } = bench;
  etcd.put("gee/a", "1");
  await bench.start();
  etcd.mute = true;
  etcd.put("gee/b", "2");
  etcd.remove("gee/a");
  etcd.put("gee/c", "3");
  etcd.compact();
  etcd.mute = false;
  etcd.cut();
  await bench.pass(200);
  expect(told).toEqual(["whole 1 at 2", "whole 2 at 5"]);
  etcd.put("gee/d", "4");
  await settle();
  expect([...bench.content.keys()].sort()).toEqual(["gee/b", "gee/c", "gee/d"]);
});

test("a compaction between two pages begins the reading again", async () => {
  await using bench = new Bench();
  for (let n = 0; n < 600; n++) bench.etcd.put(`gee/${n}`, "x");
  const { fetch } = bench.etcd;
  bench.mirror.start();
  while (bench.etcd.count("/v3/kv/range") < 1) await settle();
  bench.etcd.put("gee/new", "x");
  bench.etcd.compact();
  await bench.pass(1_000);
  expect(bench.told).toEqual(["whole 601 at 602"]);
  expect(fetch).toBe(bench.etcd.fetch);
});

test("a revision that comes in parts counts when it is whole, and is told again if it is cut", async () => {
  await using bench = new Bench();
  const { etcd, told, mirror } = bench;
  await bench.start();
  etcd.mute = true;
  etcd.put("gee/a", "1");
  etcd.mute = false;
  const kv = { key: "Z2VlL2E=", mod_revision: "2", value: "MQ==" };
  etcd.say({ fragment: true, events: [{ kv }] });
  await settle();
  expect([told.length, mirror.revision]).toEqual([2, 1]);
  etcd.cut();
  await bench.pass(100);
  expect(told).toEqual(["whole 0 at 1", "put gee/a at 2", "put gee/a at 2"]);
  expect(mirror.revision).toBe(2);
});

test.each([
  ["another cluster", (bench: Bench) => void (bench.etcd.cluster += 1n)],
  ["one that went back", (bench: Bench) => bench.etcd.wipe()],
])("%s is read anew, as such, and within a second or two", async (_what, change) => {
  await using bench = new Bench();
  const { etcd, told, lines } = bench;
  for (const name of ["a", "b", "c"]) etcd.put(`gee/${name}`, "1");
  await bench.start();
  change(bench);
  etcd.put("gee/b", "1");
  await bench.pass(2_500);
  expect(told.at(-1)).toMatch(/^whole \d at \d anew$/);
  expect(bench.content.has("gee/b")).toBe(true);
  expect(lines.filter((line) => line.includes("another one"))).toHaveLength(1);
  const { length } = told;
  await bench.pass(5_000);
  expect(told.length).toBe(length);
  etcd.put("gee/c", "1");
  await settle();
  expect(bench.content.has("gee/c")).toBe(true);
});

test("whoever waits for a revision is told when it is there, or when the time is over", async () => {
  await using bench = new Bench();
  const { etcd, mirror, parts } = bench;
  await bench.start();
  const outcomes: string[] = [];
  const wait = (revision: number): void =>
    void mirror.reached(revision, 1_000).then((reached) => outcomes.push(`${revision} ${reached}`));
  for (const revision of [1, 2, 3, 9]) wait(revision);
  await settle();
  expect(outcomes).toEqual(["1 true"]);
  etcd.put("gee/a", "1");
  await settle();
  expect(outcomes).toEqual(["1 true", "2 true"]);
  etcd.put("gee/a", "2");
  await bench.pass(1_100);
  expect(outcomes).toEqual(["1 true", "2 true", "3 true", "9 false"]);
  wait(10);
  mirror[Symbol.dispose]();
  await settle();
  expect(outcomes.at(-1)).toBe("10 false");
  await bench.pass(2_000);
  expect(parts.clock.pending()).toBe(0);
});

test("it reads everything again when it is told to", async () => {
  await using bench = new Bench();
  await bench.start();
  bench.etcd.mute = true;
  bench.etcd.put("gee/a", "1");
  bench.mirror.reread();
  await bench.pass(200);
  expect(bench.told).toEqual(["whole 0 at 1", "whole 1 at 2"]);
  expect(bench.etcd.watches).toBe(1);
});

test("a line without end is no reason to keep it: everything is read again", async () => {
  await using bench = new Bench();
  await bench.start();
  bench.etcd.say({ events: [], cancel_reason: "x".repeat(17_000_000) });
  await bench.pass(500);
  expect(bench.told).toEqual(["whole 0 at 1", "whole 0 at 1"]);
});

test("once it is disposed nothing is asked or told", async () => {
  const bench = new Bench();
  await bench.start();
  await bench[Symbol.asyncDispose]();
  const asked = bench.etcd.asked.length;
  bench.etcd.put("gee/a", "1");
  await bench.pass(10_000);
  expect([bench.told, bench.etcd.asked.length]).toEqual([["whole 0 at 1"], asked]);
  const unready = new Bench();
  for (const place of places) unready.etcd.hung.add(place);
  unready.mirror.start();
  unready.mirror[Symbol.dispose]();
  await unready.mirror.ready;
});
