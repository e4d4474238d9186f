import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { AddressLeases } from "../../src/discovery/address-leases.ts";

const address = parseAddress("tcp@10.0.0.1:1");

test("an address lives while less than its lease passed since the last POST", () => {
  const leases = new AddressLeases(300);
  leases.put(address, 0);
  leases.put(address, 200);
  expect(leases.sweep(499)).toEqual([]);
  expect(leases.members(499)).toMatchObject([{ address, ageMs: 499, beatMs: 299, state: "up" }]);
  expect(leases.sweep(500)).toEqual([address]);
  expect([leases.size, leases.has(address), [...leases.addresses()]]).toEqual([0, false, []]);
});

test("a lease of 0 lasts for ever", () => {
  const leases = new AddressLeases(0);
  leases.put(address, 0);
  expect(leases.sweep(Number.MAX_SAFE_INTEGER)).toEqual([]);
});

test("an address that comes back after its lease is a new one", () => {
  const leases = new AddressLeases(300);
  leases.put(address, 0);
  leases.put(address, 300);
  expect(leases.members(310)).toMatchObject([{ ageMs: 10 }]);
});

test("a dropped address is gone", () => {
  const leases = new AddressLeases(0);
  leases.put(address, 0);
  leases.drop(address);
  expect(leases.size).toBe(0);
});
