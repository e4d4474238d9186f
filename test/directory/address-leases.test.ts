import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { AddressLeases } from "../../src/directory/address-leases.ts";

const a = parseAddress("tcp@10.0.0.1:1");
const b = parseAddress("tcp@10.0.0.2:1");
const c = parseAddress("tcp@10.0.0.3:1");

test("an address is listed for its lease, strictly, and as long again after each POST", () => {
  const leases = new AddressLeases(1_000);
  leases.put(a, 0);
  leases.put(a, 900);
  expect(leases.sweep(1_899)).toMatchObject({ over: [], total: 1, late: 0, nextAt: 1_900 });
  expect(leases.member(a, 1_899)).toMatchObject({ address: a, ageMs: 1_899, beatMs: 999 });
  expect(leases.sweep(1_900)).toMatchObject({ over: [a], total: 1, late: 1, fresh: 1 });
  expect(leases.has(a)).toBe(true);
  leases.expire(a, 1_900);
  expect([leases.has(a), leases.size, leases.member(a, 1_900)]).toEqual([false, 0, undefined]);
});

test("a lease of 0 lasts for ever", () => {
  const leases = new AddressLeases(0);
  leases.put(a, 0);
  expect(leases.sweep(1e15)).toMatchObject({ over: [], late: 0 });
  leases.vanish(a);
  expect(leases.sweep(1e15).over).toEqual([a]);
});

test("a peer that comes in time after its lease was over begins afresh, and keeps its age", () => {
  const leases = new AddressLeases(1_000);
  leases.put(a, 0);
  leases.sweep(1_500);
  leases.put(a, 1_600);
  expect(leases.sweep(1_700)).toMatchObject({ over: [], late: 0, fresh: 0 });
  expect(leases.member(a, 1_700)).toMatchObject({ ageMs: 1_700, beatMs: 100 });
});

test("who went counts as late for another lease, unless it comes back", () => {
  const leases = new AddressLeases(1_000);
  leases.put(a, 0);
  leases.put(b, 100);
  leases.put(c, 5_000);
  for (const [address, at] of [
    [a, 1_000],
    [b, 1_100],
  ] as const) {
    expect(leases.sweep(at).over).toEqual([address]);
    leases.expire(address, at);
  }
  expect(leases.sweep(1_999)).toMatchObject({ total: 3, late: 2, fresh: 2 });
  expect(leases.sweep(2_000)).toMatchObject({ total: 2, late: 1, fresh: 1 });
  leases.put(b, 2_050);
  expect(leases.sweep(2_050)).toMatchObject({ total: 2, late: 0, fresh: 0 });
});

test("whoever is late at the end of a freeze is late and not fresh, until it speaks", () => {
  const leases = new AddressLeases(1_000);
  for (const address of [a, b]) leases.put(address, 0);
  leases.sweep(1_000);
  leases.spend();
  expect(leases.sweep(1_000)).toMatchObject({ late: 2, fresh: 0, over: [a, b] });
  leases.put(a, 1_000);
  expect(leases.sweep(2_000)).toMatchObject({ late: 2, fresh: 1 });
});

test("late for more than a lease is not fresh", () => {
  const leases = new AddressLeases(1_000);
  leases.put(a, 0);
  expect(leases.sweep(1_000).fresh).toBe(1);
  expect(leases.sweep(1_999).fresh).toBe(1);
  expect(leases.sweep(2_000)).toMatchObject({ late: 1, fresh: 0 });
});

test("what a store holds goes when the store lets it go, and not with time", () => {
  const leases = new AddressLeases(1_000);
  leases.put(a, 0, true);
  expect(leases.sweep(1e6)).toMatchObject({ over: [], late: 0, nextAt: Number.POSITIVE_INFINITY });
  leases.vanish(a);
  leases.vanish(b);
  expect(leases.sweep(1e6).over).toEqual([a]);
  leases.put(a, 1e6, true);
  expect(leases.sweep(1e6).over).toEqual([]);
});

test("time in which nobody could be heard does not count", () => {
  const leases = new AddressLeases(1_000);
  leases.put(a, 0);
  leases.put(b, 900);
  leases.postpone(500, 1_000);
  expect(leases.sweep(1_499).over).toEqual([]);
  expect(leases.sweep(1_500).over).toEqual([a]);
  // Nobody was heard in the future.
  expect(leases.sweep(1_999).over).toEqual([a]);
  expect(leases.sweep(2_000).over).toEqual([a, b]);
});

test("an address that another one took is not lost", () => {
  const leases = new AddressLeases(1_000);
  leases.put(a, 0);
  leases.drop(a);
  expect(leases.sweep(0)).toMatchObject({ total: 0, late: 0 });
  expect([...leases.addresses()]).toEqual([]);
});
