import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import type { EtcdDirectory } from "../../src/directory/etcd-directory.ts";
import { failureOf } from "../support/ends.ts";
import { EtcdBench, places, settle, states } from "./etcd-bench.ts";
import { id, instance } from "./table-bench.ts";

const old = parseAddress("tcp@old:1");
const key = `gee/i/${id(1)}`;

/** What both say: they have to agree. */
async function agreed(a: EtcdDirectory, b: EtcdDirectory): Promise<readonly string[]> {
  await settle();
  const { trouble: _a, warming: _wa, frozen: _fa, ...ofA } = a.status;
  const { trouble: _b, warming: _wb, frozen: _fb, ...ofB } = b.status;
  expect(ofB).toEqual(ofA);
  expect(states(b)).toEqual(states(a));
  return states(a);
}

test("two registries answer the same list, index and hash", async () => {
  await using bench = new EtcdBench();
  const [a, b] = [await bench.open(), await bench.open()];
  expect(a.status).toMatchObject({ epoch: "1092", warming: true, trouble: undefined });
  await bench.join(a, 1);
  await bench.join(b, 2, { weight: 3 });
  expect(await agreed(a, b)).toEqual(["1 up", "2 up"]);
  await a.putAddress(old);
  expect(await agreed(a, b)).toEqual(["1 up", "2 up", old]);
  await bench.join(b, 1, { revision: 2, tags: { a: "b" } });
  expect(await agreed(a, b)).toEqual(["1 up", "2 up", old]);
  expect(a.list()[0]).toMatchObject({ tags: { a: "b" }, revision: 2 });
  await a.leave(id(1), bench.secret(1), 3);
  expect(await agreed(a, b)).toEqual(["1 left", "2 up", old]);
  expect(b.addresses()).toEqual(a.addresses());
  const c = await bench.open();
  expect(states(c)).toEqual(states(a));
  expect(c.status).toMatchObject({ index: a.status.index, hash: a.status.hash });
});

test("what is written is a record without the secret, under a lease of three", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  const { secret } = await bench.join(a, 1, { leaseMs: 600 });
  const { value = "", lease = "" } = bench.etcd.keys.get(key) ?? {};
  expect(JSON.parse(value)).toMatchObject({
    leaseMs: 600,
    state: "up",
    announcement: { id: id(1) },
  });
  expect(value).not.toContain(secret);
  // 1.8 s is 2 s, and etcd grants nothing shorter.
  expect(bench.etcd.leases.get(lease)?.seconds).toBe(2);
  await bench.join(a, 2);
  const other = bench.etcd.keys.get(`gee/i/${id(2)}`)?.lease ?? "";
  expect(bench.etcd.leases.get(other)?.seconds).toBe(27);
});

test("beats write nothing, and start the lease anew once in a lease and in one request", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  await bench.join(a, 1);
  await bench.join(a, 2);
  const { revision } = bench.etcd;
  const before = bench.etcd.count("/v3/lease/keepalive");
  const both = [1, 2].map((n) => [a, n] as const);
  await bench.beating(90_000, both);
  expect(states(a)).toEqual(["1 up", "2 up"]);
  expect(bench.etcd.revision).toBe(revision);
  const kept = bench.etcd.count("/v3/lease/keepalive") - before;
  expect(kept).toBeGreaterThanOrEqual(10);
  expect(kept).toBeLessThanOrEqual(15);
});

test("registered at one and beating at the other: the one that does not hear it finds out", async () => {
  await using bench = new EtcdBench();
  const [a, b] = [await bench.open(), await bench.open()];
  await bench.join(a, 1);
  const { revision } = bench.etcd;
  await bench.beating(90_000, [[b, 1]]);
  expect(await agreed(a, b)).toEqual(["1 up"]);
  expect(bench.etcd.revision).toBe(revision);
  expect(bench.etcd.count("/v3/lease/timetolive")).toBe(1);
});

test("another registry goes on when the first one is gone", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  await bench.join(a, 1);
  await a[Symbol.asyncDispose]();
  const b = await bench.open();
  await bench.beating(60_000, [[b, 1]]);
  expect(states(b)).toEqual(["1 up"]);
  expect((await failureOf(b.renew(id(1), "x", 1, {}))).code).toBe("PERMISSION_DENIED");
  await bench.join(b, 1, { revision: 2, draining: true });
  expect(b.list()).toMatchObject([{ draining: true }]);
});

test.each([9_000, 600, 200, 2_500])(
  "with a lease of %i ms who falls silent is suspect for all within a lease and a second, then gone",
  async (leaseMs) => {
    await using bench = new EtcdBench();
    const [a, b] = [await bench.open(), await bench.open()];
    await bench.join(a, 1, { leaseMs });
    for (let beats = 0; beats < 6; beats++) {
      await bench.pass(leaseMs / 3);
      // At both in turn, as behind one name.
      await bench.beat(beats % 2 === 0 ? a : b, 1);
    }
    const { clock } = bench;
    const deadAt = clock.now();
    while (states(a)[0] === "1 up") await bench.pass(10);
    expect(clock.now() - deadAt).toBeGreaterThanOrEqual(leaseMs);
    expect(clock.now() - deadAt).toBeLessThanOrEqual(leaseMs + 1_000);
    expect(await agreed(a, b)).toEqual(["1 suspect"]);
    while (states(a).length > 0) await bench.pass(50);
    // The keys of etcd end in whole seconds, and none sooner than after two.
    expect(clock.now() - deadAt).toBeGreaterThanOrEqual(2 * leaseMs);
    expect(clock.now() - deadAt).toBeLessThanOrEqual(Math.max(3 * leaseMs, 2_000) + 1_000);
    // Each counts three leases from the last that it heard.
    await bench.pass(1_000);
    expect(await agreed(a, b)).toEqual([]);
  },
);

test("a suspect that is heard again is up for all", async () => {
  await using bench = new EtcdBench();
  const [a, b] = [await bench.open(), await bench.open()];
  await bench.join(a, 1);
  await bench.pass(10_000);
  expect(await agreed(a, b)).toEqual(["1 suspect"]);
  await bench.beat(b, 1);
  expect(await agreed(a, b)).toEqual(["1 up"]);
});

test("a weight that comes with a beat is written", async () => {
  await using bench = new EtcdBench();
  const [a, b] = [await bench.open(), await bench.open()];
  await bench.join(a, 1);
  await a.renew(id(1), bench.secret(1), 1, { weight: 0, load: 7 });
  await agreed(a, b);
  expect(b.list()).toMatchObject([{ weight: 0 }]);
  expect(a.list()).toMatchObject([{ weight: 0, load: 7 }]);
});

test("a key that vanishes while its member beats here is written again, and nobody notices", async () => {
  await using bench = new EtcdBench();
  const [a, b] = [await bench.open(), await bench.open()];
  await bench.join(a, 1);
  await a.putAddress(old);
  bench.etcd.remove(key, `gee/a/${old}`);
  await settle();
  expect(states(a)).toEqual(["1 up", old]);
  expect([...bench.etcd.keys.keys()].sort()).toEqual([`gee/a/${old}`, key]);
  await settle();
  expect(states(b)).toEqual(["1 up", old]);
  // Its beats count as before.
  await bench.pass(9_500);
  expect(states(b)).toEqual(["1 suspect", old]);
});

test("a key that vanishes without a word, unheard: suspect for two leases, then gone", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  await bench.join(a, 1);
  const b = await bench.open();
  await a[Symbol.asyncDispose]();
  await bench.pass(26_000);
  expect(states(b)).toEqual(["1 up"]);
  await bench.pass(1_100);
  expect(states(b)).toEqual(["1 suspect"]);
  await bench.pass(17_000);
  expect(states(b)).toEqual(["1 suspect"]);
  await bench.pass(1_100);
  expect(states(b)).toEqual([]);
});

test("one whose key vanished comes back with a beat, to all", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  await bench.join(a, 1);
  await a[Symbol.asyncDispose]();
  const [b, c] = [await bench.open(), await bench.open()];
  await bench.pass(28_000);
  expect(await agreed(b, c)).toEqual(["1 suspect"]);
  await bench.beat(b, 1);
  expect(await agreed(b, c)).toEqual(["1 up"]);
  expect(bench.etcd.keys.has(key)).toBe(true);
});

test("many keys that vanish at once are held back under the freeze", async () => {
  await using bench = new EtcdBench();
  const [a, b] = [await bench.open(), await bench.open()];
  for (let n = 1; n <= 10; n++) await bench.join(a, n);
  await a[Symbol.asyncDispose]();
  await bench.pass(60_000);
  expect(states(b)).toHaveLength(10);
  expect([b.status.frozen, b.list().every(({ state }) => state === "suspect")]).toEqual([
    true,
    true,
  ]);
});

test("who left is listed as left for a lease, and comes back as another or with a new revision", async () => {
  await using bench = new EtcdBench();
  const [a, b] = [await bench.open(), await bench.open()];
  await bench.join(a, 1);
  await b.leave(id(1), bench.secret(1), 2);
  expect(await agreed(a, b)).toEqual(["1 left"]);
  await b.leave(id(1), bench.secret(1), 2);
  expect((await failureOf(bench.join(a, 1, { revision: 2 }))).code).toBe("FAILED_PRECONDITION");
  expect((await failureOf(bench.beat(a, 1))).code).toBe("NOT_FOUND");
  await bench.pass(9_000);
  expect(await agreed(a, b)).toEqual([]);
  expect((await failureOf(a.leave(id(1), bench.secret(1)))).code).toBe("NOT_FOUND");
  await bench.join(b, 1, { revision: 3 });
  expect(await agreed(a, b)).toEqual(["1 up"]);
});

test("who comes to an address replaces who was there, everywhere and in etcd", async () => {
  await using bench = new EtcdBench();
  const [a, b] = [await bench.open(), await bench.open()];
  await bench.join(a, 1);
  await bench.join(b, 2, { address: instance(1).address });
  expect(await agreed(a, b)).toEqual(["1 left", "2 up"]);
  expect([...bench.etcd.keys.keys()]).toEqual([`gee/i/${id(2)}`]);
});

test("a registration whose answer was lost on the way from etcd is not made twice", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  bench.etcd.losesAnswers = true;
  const joining = bench.join(a, 1);
  await settle();
  bench.etcd.losesAnswers = false;
  await bench.pass(500);
  const { secret } = await joining;
  expect(bench.etcd.keys.size).toBe(1);
  await a.renew(id(1), secret, 1, {});
});

test("two registries that write the same key at once agree on one of both", async () => {
  await using bench = new EtcdBench();
  const [a, b] = [await bench.open(), await bench.open()];
  await bench.join(a, 1);
  const both = [
    a.put(instance(1, { revision: 2, weight: 2 }), bench.secret(1)),
    b.put(instance(1, { revision: 3, weight: 3 }), bench.secret(1)),
  ];
  await Promise.all(both);
  expect(await agreed(a, b)).toEqual(["1 up"]);
  expect(a.list()).toMatchObject([{ revision: 3, weight: 3 }]);
});

test("an instance that registers at both at once, without a secret, is registered at one", async () => {
  await using bench = new EtcdBench();
  const [a, b] = [await bench.open(), await bench.open()];
  const results = await Promise.allSettled([a, b].map((at) => at.put(instance(1), undefined)));
  expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  const refused = results.find((result) => result.status === "rejected");
  expect(refused?.reason).toMatchObject({ code: "PERMISSION_DENIED" });
  expect(await agreed(a, b)).toEqual(["1 up"]);
});

test("without an answer from etcd the list is served, beats are taken and writes are refused", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  await bench.join(a, 1);
  for (const place of places) bench.etcd.down.add(place);
  bench.etcd.cut();
  const joining = failureOf(bench.join(a, 2));
  await bench.pass(3_000);
  expect(await joining).toMatchObject({ code: "UNAVAILABLE", reason: "STORE_UNAVAILABLE" });
  expect(a.status.trouble).toMatch(/^etcd at http:\/\/e\d:2379: connection refused$/);
  await bench.beating(60_000, [[a, 1]]);
  expect(states(a)).toEqual(["1 up"]);
  const told = bench.lines.filter((line) => line.includes("does not answer"));
  expect(told).toHaveLength(1);
  bench.etcd.down.clear();
  await bench.pass(2_000);
  expect(a.status.trouble).toBeUndefined();
  // Its lease ended meanwhile, and it was heard: it is there as before.
  expect(states(a)).toEqual(["1 up"]);
  expect(bench.etcd.keys.has(key)).toBe(true);
  await bench.join(a, 2);
  expect(states(a)).toEqual(["1 up", "2 up"]);
});

test("a beat of somebody unknown is no reason to say so while etcd cannot be asked", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  expect((await failureOf(bench.beat(a, 1))).code).toBe("NOT_FOUND");
  for (const place of places) bench.etcd.down.add(place);
  const beating = failureOf(bench.beat(a, 1));
  await bench.pass(3_000);
  expect((await beating).code).toBe("UNAVAILABLE");
});

test("a registry that the watch has not reached yet looks for who beats", async () => {
  await using bench = new EtcdBench();
  const [a, b] = [await bench.open(), await bench.open()];
  bench.etcd.mute = true;
  const joining = bench.join(a, 1);
  await bench.pass(1_500);
  await joining;
  const beating = bench.beat(b, 1);
  await bench.pass(1_500);
  expect((await beating).leaseMs).toBe(9_000);
});

test("a leader that is gone: reads go on, writes resume when there is another", async () => {
  await using bench = new EtcdBench();
  const [a, b] = [await bench.open(), await bench.open()];
  await bench.join(a, 1);
  bench.etcd.headless = true;
  bench.etcd.cut();
  await bench.pass(1_000);
  expect(a.status.trouble).toContain("no leader");
  expect(states(a)).toEqual(["1 up"]);
  bench.etcd.headless = false;
  bench.etcd.elect();
  await bench.pass(600);
  await bench.join(a, 2);
  expect(await agreed(a, b)).toEqual(["1 up", "2 up"]);
  expect([a.status.trouble, b.status.trouble]).toEqual([undefined, undefined]);
});

test("a new leader that starts all leases anew is not taken for a sign of life", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  await bench.join(a, 1);
  await bench.pass(8_000);
  bench.etcd.elect();
  await bench.pass(5_000);
  expect(states(a)).toEqual(["1 up"]);
  await bench.pass(6_000);
  expect(states(a)).toEqual(["1 suspect"]);
});

test("the watched revision is compacted away: everything is read again", async () => {
  await using bench = new EtcdBench();
  const [a, b] = [await bench.open(), await bench.open()];
  await bench.join(a, 1);
  await bench.join(a, 2);
  await bench.join(a, 3);
  const { index } = a.status;
  bench.etcd.mute = true;
  // A cut-off watch misses this, and finds it compacted.
  const { value = "" } = bench.etcd.keys.get(key) ?? {};
  bench.etcd.put(key, value.replace(`"up"`, `"suspect"`), bench.etcd.keys.get(key)?.lease);
  bench.etcd.remove(`gee/i/${id(2)}`);
  bench.etcd.compact();
  bench.etcd.mute = false;
  bench.etcd.cut();
  await bench.pass(500);
  // The second one beat at the first registry a moment ago, and is written again.
  for (const directory of [a, b]) expect(states(directory)).toEqual(["1 suspect", "2 up", "3 up"]);
  expect(a.status.hash).toBe(b.status.hash);
  expect(a.since(index)).toBeUndefined();
  expect(a.since(a.status.index)).toEqual({ instances: [], gone: [] });
  await bench.join(b, 4);
  expect(await agreed(a, b)).toEqual(["1 suspect", "2 up", "3 up", "4 up"]);
});

test("a client may change registry: deltas by the other's index are right, or there are none", async () => {
  await using bench = new EtcdBench();
  const [a, b] = [await bench.open(), await bench.open()];
  await bench.join(a, 1);
  await settle();
  const { index } = b.status;
  await bench.join(a, 2);
  await bench.join(b, 3);
  await settle();
  for (const directory of [a, b]) {
    const delta = directory.since(index);
    expect(delta?.instances.map(({ id: of }) => of)).toEqual([id(2), id(3)]);
  }
  const c = await bench.open();
  expect(c.since(index)).toBeUndefined();
  expect(c.since(c.status.index)).toEqual({ instances: [], gone: [] });
  await bench.join(a, 4);
  await settle();
  expect(c.since(a.status.index - 1)?.instances.map(({ id: of }) => of)).toEqual([id(4)]);
});

test("an etcd that lost everything gets it back from the beats, and indexes do not go back", async () => {
  await using bench = new EtcdBench();
  const [a, b] = [await bench.open(), await bench.open()];
  for (let n = 1; n <= 3; n++) await bench.join(a, n);
  await bench.join(b, 4);
  await settle();
  const before = a.status;
  bench.etcd.wipe();
  await bench.pass(3_000);
  for (let n = 1; n <= 3; n++) await bench.beat(a, n);
  await bench.beat(b, 4);
  await settle();
  expect(states(a)).toEqual(["1 up", "2 up", "3 up", "4 up"]);
  expect(states(b)).toEqual(states(a));
  expect(a.status.hash).toBe(b.status.hash);
  expect(a.status.epoch).not.toBe(before.epoch);
  expect(a.status.epoch).not.toBe(b.status.epoch);
  expect(a.status.epoch).toMatch(/^[0-9a-f]{1,32}$/);
  expect(a.status.index).toBeGreaterThanOrEqual(before.index);
  expect(bench.etcd.keys.size).toBe(4);
});

test("an etcd that lost everything and was filled again before one looked is noticed by the leases", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open({ members: ["http://e1:2379"] });
  const b = await bench.open({ members: ["http://e2:2379"] });
  for (let n = 1; n <= 3; n++) await bench.join(a, n);
  await bench.join(b, 4);
  const both = [1, 2, 3, 4].map((n) => [n < 4 ? a : b, n] as const);
  await bench.beating(3_000, both);
  bench.etcd.down.add("e2:2379");
  bench.etcd.wipe();
  bench.etcd.put("other", "1");
  await bench.beating(3_000, both);
  bench.etcd.down.clear();
  // As far as it can see nothing has happened.
  await bench.pass(500);
  expect(b.status).toMatchObject({ epoch: "1092", trouble: undefined });
  await bench.beating(12_000, both);
  expect(states(a)).toEqual(["1 up", "2 up", "3 up", "4 up"]);
  expect(states(b)).toEqual(states(a));
  expect(bench.etcd.keys.size).toBe(5);
});

test("500 broken values are skipped and counted, with one line, and the list is served", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  await bench.join(a, 1);
  const good = bench.etcd.keys.get(key)?.value ?? "";
  for (let n = 0; n < 500; n++) {
    const values = [
      "",
      "x",
      "{}",
      "[]",
      good,
      good.replace(`"up"`, `"dead"`),
      "\xff\xfe",
      `{"old":1}`,
    ];
    const names = [`i/${id(1_000 + n)}`, `a/${old}${n}`, `i/${n}`, `${n}`];
    bench.etcd.put(`gee/${names[n % 4]}`, values[n % 8] ?? "");
  }
  await bench.pass(2_000);
  expect(states(a)).toEqual(["1 up"]);
  const told = bench.lines.filter((line) => line.includes("make no sense"));
  expect(told).toEqual([expect.stringMatching(/skipped=500 total=500 key=gee\S+ why=/)]);
  const b = await bench.open();
  expect(states(b)).toEqual(["1 up"]);
  await bench.join(b, 2);
  expect(states(b)).toEqual(["1 up", "2 up"]);
});

test("garbage over a member's key: who is heard writes it again, who is not is as good as gone", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  await bench.join(a, 1);
  await bench.join(a, 2);
  bench.etcd.put(key, "garbage");
  await settle();
  expect(states(a)).toEqual(["1 up", "2 up"]);
  expect(bench.etcd.keys.get(key)?.value).toContain(id(1));
  await bench.beating(12_000, [[a, 2]]);
  expect(states(a)).toEqual(["1 suspect", "2 up"]);
  bench.etcd.put(key, "garbage");
  await bench.pass(100);
  await bench.beating(18_000, [[a, 2]]);
  expect(states(a)).toEqual(["2 up"]);
});

test("a registry that starts while etcd is away is empty and warming until that answers", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  await bench.join(a, 1);
  for (const place of places) bench.etcd.down.add(place);
  const b = await bench.open();
  expect([states(b), b.status.warming]).toEqual([[], true]);
  expect(b.status.trouble).toContain("connection refused");
  expect((await failureOf(b.put(instance(2), undefined))).code).toBe("UNAVAILABLE");
  const { epoch } = b.status;
  await bench.beating(18_000, [[a, 1]]);
  expect(b.status.warming).toBe(true);
  // The other one says so.
  expect(bench.lines.filter((line) => line.includes("warm: "))).toHaveLength(1);
  let told = 0;
  b.onChange(() => (told += 1));
  bench.etcd.down.clear();
  await bench.pass(1_000);
  expect(states(b)).toEqual(["1 up"]);
  expect(b.status).toMatchObject({ warming: false, trouble: undefined, epoch: "1092" });
  expect([told > 0, epoch === b.status.epoch]).toEqual([true, false]);
});

test("a header-only peer is there while it posts, and gone a lease after its last", async () => {
  await using bench = new EtcdBench();
  const [a, b] = [
    await bench.open({ oldLeaseMs: 10_000 }),
    await bench.open({ oldLeaseMs: 10_000 }),
  ];
  for (let posts = 0; posts < 5; posts++) {
    await (posts % 2 === 0 ? a : b).putAddress(old);
    await bench.pass(8_000);
    expect(await agreed(a, b)).toEqual([old]);
  }
  await bench.pass(3_000);
  expect(await agreed(a, b)).toEqual([]);
});

test("with a lease of 0 a header-only peer stays", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open({ oldLeaseMs: 0 });
  await a.putAddress(old);
  await a.putAddress(old);
  await a[Symbol.asyncDispose]();
  await bench.pass(60_000);
  expect(states(await bench.open({ oldLeaseMs: 0 }))).toEqual([old]);
});

test("it says nothing and asks for nothing when it is disposed", async () => {
  await using bench = new EtcdBench();
  const a = await bench.open();
  await bench.join(a, 1);
  let told = 0;
  a.onChange(() => (told += 1));
  await a[Symbol.asyncDispose]();
  await a[Symbol.asyncDispose]();
  await settle();
  const { length } = bench.etcd.asked;
  await bench.pass(60_000);
  expect([told, bench.etcd.asked.length, bench.etcd.watches]).toEqual([0, length, 0]);
  expect((await failureOf(bench.join(a, 2))).code).toBe("UNAVAILABLE");
});

test("whose an address is, and whose not, holds at every registry, and for those that start later", async () => {
  await using bench = new EtcdBench();
  const [a, b] = [await bench.open(), await bench.open()];
  const [mine, theirs] = ["0123456789abcdef", "fedcba9876543210"];
  const { address } = instance(1);
  const first = await a.put(instance(1), undefined, mine);
  await settle();
  const c = await bench.open();
  for (const each of [a, b, c]) {
    const { revision } = bench.etcd;
    const failed = await failureOf(each.put(instance(2, { address }), undefined, theirs));
    expect(failed).toMatchObject({ code: "FAILED_PRECONDITION", reason: "ADDRESS_HELD" });
    expect([bench.etcd.revision, states(each)]).toEqual([revision, ["1 up"]]);
  }
  // A restart has the same token, whichever registry it comes to.
  await b.put(instance(3, { address }), undefined, mine);
  expect(await agreed(a, b)).toEqual(["1 left", "3 up"]);
  const lost = await failureOf(a.put(instance(1), first.secret, mine));
  expect(lost.message).toContain(`instance ${id(3)} has taken the address ${address}`);
  // When that is silent anybody may have it.
  await bench.pass(10_500);
  expect((await agreed(a, b)).at(-1)).toBe("3 suspect");
  await a.put(instance(2, { address }), undefined, theirs);
  await settle();
  expect(states(b).filter((line) => line.endsWith("up"))).toEqual(["2 up"]);
});
