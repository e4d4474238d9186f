import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { EtcdLeases, type HeldKey } from "../../src/directory/etcd-leases.ts";
import type { StoredMember } from "../../src/directory/store.ts";
import { settle } from "./etcd-bench.ts";
import { type EtcdParts, etcdParts } from "./etcd-parts.ts";
import { storedInstance } from "./stored-members.ts";

const old = { address: parseAddress("tcp@a:1"), old: true } as const;

interface Bench extends EtcdParts {
  readonly leases: EtcdLeases;
  /** Holds a member under a lease of so many seconds. */
  hold(key: string, seconds: number, member?: StoredMember): HeldKey;
}

function setUp(oldLeaseMs = 300_000): Bench {
  const parts = etcdParts();
  const leases = new EtcdLeases(parts.api, parts.clock, oldLeaseMs);
  const hold: Bench["hold"] = (key, seconds, member = storedInstance(1)) => {
    const lease = seconds === 0 ? "0" : parts.etcd.grant(seconds);
    leases.hold({ key, rawKey: "", revision: 1, lease, value: undefined }, member);
    const held = leases.get(key);
    if (held === undefined) throw new Error("it is not held");
    return held;
  };
  return { ...parts, leases, hold };
}

test.each([
  [storedInstance(1), 300_000, 27],
  [{ ...storedInstance(1), leaseMs: 600 }, 300_000, 2],
  [{ ...storedInstance(1), leaseMs: 200 }, 300_000, 1],
  [old, 300_000, 300],
  [old, 0, 0],
] as const)("%# asks etcd for three leases, an old peer for one", (member, oldLeaseMs, seconds) => {
  expect(setUp(oldLeaseMs).leases.secondsOf(member)).toBe(seconds);
});

test("beats within 10 ms are one request, and the next one is half a lease later", async () => {
  const { clock, etcd, leases, hold } = setUp();
  const held = ["a", "b", "c"].map((key) => hold(key, 27));
  const beat = async (afterMs: number): Promise<number> => {
    await clock.advance(afterMs);
    for (const one of held) leases.beat(one);
    await clock.advance(10);
    await settle();
    return etcd.count("/v3/lease/keepalive");
  };
  expect(await beat(0)).toBe(1);
  expect(held.map(({ keptAt, term }) => [keptAt, term])).toEqual(held.map(() => [1_010, 2]));
  expect(await beat(4_400)).toBe(1);
  expect(await beat(100)).toBe(2);
  expect(clock.pending("foreground")).toBe(0);
});

test("as many leases as one request may have", async () => {
  const { clock, etcd, leases, hold } = setUp();
  const held = Array.from({ length: 300 }, (_, n) => hold(`k${n}`, 27));
  for (const one of held) leases.beat(one);
  for (const one of held) leases.beat(one);
  await clock.advance(10);
  await settle();
  expect(etcd.count("/v3/lease/keepalive")).toBe(3);
  expect(held.every(({ keptAt }) => keptAt > 0)).toBe(true);
});

test("a lease that is over is lost, and does for nobody; a key under a new one is fine", async () => {
  const { clock, etcd, leases, hold } = setUp();
  const member = storedInstance(1);
  const held = hold("a", 27, member);
  expect(leases.isFit(held, member)).toBe(true);
  expect(leases.isFit(held, { ...member, leaseMs: 600 })).toBe(false);
  etcd.revoke(held.lease);
  leases.beat(held);
  await clock.advance(10);
  await settle();
  expect([held.isLost, leases.isFit(held, member)]).toEqual([true, false]);
  expect(hold("a", 27, member)).toBe(held);
  expect([held.isLost, leases.isFit(held, member)]).toEqual([false, true]);
  expect(leases.isFit(hold("b", 0, member), member)).toBe(false);
});

test("a request that fails is made again with the next beat", async () => {
  const { clock, etcd, leases, hold } = setUp();
  const held = hold("a", 27);
  etcd.headless = true;
  leases.beat(held);
  for (let turns = 0; turns < 60; turns++) {
    await settle();
    await clock.advance(50);
  }
  expect([held.isQueued, held.isLost, held.keptAt]).toEqual([false, false, -Infinity]);
  etcd.headless = false;
  leases.beat(held);
  await clock.advance(10);
  await settle();
  expect(held.keptAt).toBe(clock.now());
});

test("an old peer's lease starts anew with every beat, and none at all has nothing to start", async () => {
  const { clock, etcd, leases, hold } = setUp();
  const [peer, stays] = [hold("a", 300, old), hold("b", 0, old)];
  for (let beats = 0; beats < 5; beats++) {
    leases.beat(peer);
    leases.beat(stays);
    await clock.advance(2_000);
    await settle();
  }
  expect(etcd.count("/v3/lease/keepalive")).toBe(5);
});

test("what is dropped is held no more, and a note about another lease is none", () => {
  const { leases, hold } = setUp();
  const held = hold("a", 27);
  leases.kept("a", "999", 5, 3);
  expect(held.keptAt).toBe(-Infinity);
  leases.kept("a", held.lease, 5, 3);
  expect([held.keptAt, held.term]).toEqual([5, 3]);
  expect([leases.size, leases.all()]).toEqual([1, [held]]);
  leases.drop("a");
  leases.kept("a", held.lease, 6, 3);
  expect([leases.size, leases.get("a")]).toEqual([0, undefined]);
  hold("b", 27);
  leases.clear();
  expect(leases.size).toBe(0);
});

test("nothing is kept alive once it is disposed", async () => {
  const { clock, etcd, leases, hold } = setUp();
  leases.beat(hold("a", 27));
  leases[Symbol.dispose]();
  await clock.advance(100);
  await settle();
  expect(etcd.asked).toEqual([]);
});
