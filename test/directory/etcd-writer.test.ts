import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import type { KeyValue } from "../../src/directory/etcd-api.ts";
import { EtcdLeases } from "../../src/directory/etcd-leases.ts";
import { EtcdMirror } from "../../src/directory/etcd-mirror.ts";
import { decodeRecord, instanceKey } from "../../src/directory/etcd-records.ts";
import { EtcdWriter } from "../../src/directory/etcd-writer.ts";
import type { StoredInstance } from "../../src/directory/store.ts";
import { silentLog } from "../../src/base/log.ts";
import { failureOf } from "../support/ends.ts";
import { places, settle } from "./etcd-bench.ts";
import { etcdParts } from "./etcd-parts.ts";
import { storedInstance } from "./stored-members.ts";
import { id } from "./table-bench.ts";

const key = instanceKey(id(1));

/** The first instance with some weight. */
function weighing(weight: number): StoredInstance {
  return storedInstance(1, { weight });
}

/** A writer whose mirror puts what it is told into the leases, and nowhere else. */
async function setUp() {
  const { api, clock, etcd } = etcdParts();
  const leases = new EtcdLeases(api, clock, 300_000);
  const taken: KeyValue[] = [];
  const put = (entry: KeyValue): void => {
    taken.push(entry);
    try {
      leases.hold(entry, decodeRecord(entry, true));
    } catch {
      leases.drop(entry.key);
    }
  };
  const target = {
    whole: (entries: readonly KeyValue[]): void => entries.forEach(put),
    put,
    vanished: (gone: string): void => leases.drop(gone),
  };
  const mirror = new EtcdMirror({ api, clock, log: silentLog, random: () => 0, target });
  const writer = new EtcdWriter({ api, mirror, leases, clock, take: put });
  mirror.start();
  await mirror.ready;
  await settle();
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 50) {
      await settle();
      await clock.advance(50);
    }
    await settle();
  };
  /** The weight that etcd has. */
  const weight = (): unknown => /"weight":(\d+)/.exec(etcd.keys.get(key)?.value ?? "")?.[1];
  return { etcd, clock, leases, mirror, writer, taken, pass, weight };
}

test("a key is made under a lease of its own, and written again under the same", async () => {
  const { etcd, clock, writer, leases, weight } = await setUp();
  const written = await writer.write(key, () => weighing(1));
  expect(written).toEqual({ record: weighing(1), revision: 2 });
  const { lease, keptAt, term, revision } = leases.get(key) ?? {};
  expect([keptAt, term, revision]).toEqual([clock.now(), 2, 2]);
  await writer.write(key, () => weighing(2));
  expect([weight(), etcd.keys.get(key)?.lease, etcd.leases.size]).toEqual(["2", lease, 1]);
});

test("another term is another lease, and so is one that ended", async () => {
  const { etcd, writer, leases } = await setUp();
  await writer.write(key, () => weighing(1));
  const first = leases.get(key)?.lease ?? "";
  await writer.write(key, () => ({ ...weighing(1), leaseMs: 600 }));
  const second = leases.get(key)?.lease ?? "";
  expect([second === first, etcd.leases.get(second)?.seconds]).toEqual([false, 2]);
  // It ends, and the watch has not said so yet.
  etcd.mute = true;
  etcd.leases.delete(second);
  etcd.mute = false;
  await writer.write(key, () => ({ ...weighing(2), leaseMs: 600 }));
  expect(leases.get(key)?.lease).not.toBe(second);
  const held = leases.get(key);
  if (held !== undefined) held.isLost = true;
  const grants = etcd.count("/v3/lease/grant");
  await writer.write(key, () => ({ ...weighing(3), leaseMs: 600 }));
  expect(etcd.count("/v3/lease/grant")).toBe(grants + 1);
});

test("what came between is taken in, and the write is made once more from that", async () => {
  const { etcd, writer, leases, taken, pass, weight } = await setUp();
  await writer.write(key, () => weighing(1));
  // The watch does not bring it in time.
  etcd.mute = true;
  etcd.put(key, JSON.stringify(weighing(5)), leases.get(key)?.lease);
  const known: (number | undefined)[] = [];
  const writing = writer.write(key, () => {
    known.push(leases.get(key)?.revision);
    return weighing(known.length + 6);
  });
  await pass(3_000);
  expect(await writing).toEqual({ record: weighing(8), revision: 4 });
  expect(known).toEqual([2, 3]);
  expect([weight(), taken.at(-1)?.revision]).toEqual(["8", 4]);
});

test("a write that is made in vain twice is refused, and says that it was not made", async () => {
  const { etcd, writer, pass, weight } = await setUp();
  await writer.write(key, () => weighing(1));
  const writing = writer.write(key, () => {
    // Somebody else is faster each time.
    etcd.put(key, JSON.stringify(weighing(9)), etcd.keys.get(key)?.lease);
    return weighing(2);
  });
  const failing = failureOf(writing);
  await pass(3_000);
  expect(await failing).toMatchObject({ code: "UNAVAILABLE", reason: "STORE_UNAVAILABLE" });
  expect(weight()).toBe("9");
});

test("what make throws is thrown, and what it leaves is left", async () => {
  const { etcd, writer } = await setUp();
  const refusal = new GeeError("PERMISSION_DENIED", "no");
  const make = (): never => {
    throw refusal;
  };
  expect(await failureOf(writer.write(key, make))).toBe(refusal);
  expect(await writer.write(key, () => undefined)).toBeUndefined();
  expect(etcd.keys.size).toBe(0);
});

test("a key that is not there, or not there any more, is made only if that is meant", async () => {
  const { etcd, writer, pass } = await setUp();
  expect(await writer.write(key, () => weighing(1), false)).toBeUndefined();
  await writer.write(key, () => weighing(1));
  etcd.mute = true;
  etcd.remove(key);
  expect(await writer.write(key, () => weighing(2), false)).toBeUndefined();
  expect(etcd.keys.size).toBe(0);
  const writing = writer.write(key, () => weighing(3));
  await pass(1_500);
  expect(await writing).toMatchObject({ revision: 4 });
});

test("garbage at its key is written over", async () => {
  const { etcd, writer, weight } = await setUp();
  etcd.put(key, "garbage");
  await settle();
  await writer.write(key, () => weighing(4));
  expect(weight()).toBe("4");
});

test("a write whose answer was lost is not made twice", async () => {
  const { etcd, writer, pass } = await setUp();
  await writer.write(key, () => weighing(1));
  const { revision } = etcd;
  etcd.losesAnswers = true;
  const writing = writer.write(key, () => weighing(2));
  await settle();
  etcd.losesAnswers = false;
  await pass(1_000);
  expect(await writing).toEqual({ record: weighing(2), revision: revision + 1 });
  expect(etcd.revision).toBe(revision + 1);
});

test("when the watch brings nothing, what was written is taken in and all is read again", async () => {
  const { etcd, writer, taken, pass, mirror } = await setUp();
  etcd.mute = true;
  const writing = writer.write(key, () => weighing(1));
  await pass(900);
  expect(taken).toEqual([]);
  await pass(200);
  expect(await writing).toMatchObject({ revision: 2 });
  await pass(100);
  expect(taken.map(({ revision }) => revision)).toEqual([2, 2]);
  expect(mirror.revision).toBe(2);
});

test("etcd that does not answer is UNAVAILABLE, and it may have been written", async () => {
  const { etcd, writer, pass } = await setUp();
  for (const place of places) etcd.down.add(place);
  for (const work of [() => writer.write(key, () => weighing(1)), () => writer.look(key)]) {
    const failing = failureOf(work());
    await pass(2_500);
    const expected = { code: "UNAVAILABLE", reason: "STORE_UNAVAILABLE", executed: "maybe" };
    expect(await failing).toMatchObject(expected);
  }
});

test("a key is removed only as it was seen, and what fails is left to its lease", async () => {
  const { etcd, writer, leases, pass } = await setUp();
  await writer.write(key, () => weighing(1));
  const held = leases.get(key);
  if (held === undefined) throw new Error("it is not held");
  await writer.remove({ ...held, revision: 1 });
  expect(etcd.keys.size).toBe(1);
  await writer.remove(held);
  expect(etcd.keys.size).toBe(0);
  for (const place of places) etcd.down.add(place);
  const removing = writer.remove(held);
  await pass(3_000);
  await removing;
});

test("a key that the watch has not brought yet is looked for", async () => {
  const { etcd, writer, leases, pass } = await setUp();
  etcd.mute = true;
  etcd.put(key, JSON.stringify(weighing(1)), etcd.grant(27));
  const looking = writer.look(key);
  await pass(1_500);
  await looking;
  expect(leases.get(key)?.revision).toBe(2);
  await writer.look(instanceKey(id(2)));
});
