import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { limits } from "../../src/base/limits.ts";
import { ChangeLog, keyOf } from "../../src/directory/change-log.ts";

const at = (n: number) => ({ address: parseAddress(`tcp@10.0.0.1:${n}`) });
const ports = (places: readonly { readonly address: string }[] | undefined): unknown =>
  places?.map(({ address }) => Number(address.split(":")[1]));

test("a change moves index and hash, what is as it was moves neither", () => {
  const log = new ChangeLog();
  expect(log.tell(at(1), 5n)).toBe(true);
  expect(log.tell(at(1), 5n)).toBe(false);
  expect(log.tell(at(2), 0n)).toBe(false);
  expect([log.index, log.hash]).toEqual([1, 5n]);
  log.tell(at(2), 6n);
  expect([log.index, log.hash]).toEqual([2, 5n ^ 6n]);
  log.tell(at(1), 7n);
  log.tell(at(2), 0n);
  expect([log.index, log.hash]).toEqual([4, 7n]);
  log.tell(at(1), 0n);
  expect([log.index, log.hash]).toEqual([5, 0n]);
});

test("it says who changed after an index, each once, the latest first", () => {
  const log = new ChangeLog();
  for (const port of [1, 2, 3, 1]) log.tell(at(port), BigInt(log.index + 1));
  expect(ports(log.since(0))).toEqual([1, 3, 2]);
  expect(ports(log.since(2))).toEqual([1, 3]);
  expect(ports(log.since(3))).toEqual([1]);
  expect(log.since(4)).toEqual([]);
  expect(log.since(5)).toBeUndefined();
});

test("an id is a key of its own, whatever its address", () => {
  const log = new ChangeLog();
  const id = "a".repeat(32);
  log.tell({ id, ...at(1) }, 1n);
  log.tell({ id, ...at(2) }, 2n);
  log.tell(at(2), 3n);
  expect(log.since(0)?.map(keyOf)).toEqual([at(2).address, id]);
  expect(log.since(0)?.[1]?.address).toBe(at(2).address);
});

test("beyond its length it forgets the oldest, and who is further behind gets no answer", () => {
  const log = new ChangeLog();
  const max = limits.maxChangeLog;
  for (let n = 1; n <= max; n++) log.tell(at(n % 100 || 100), BigInt(n));
  expect(log.since(0)).toHaveLength(100);
  log.tell(at(1), BigInt(max + 1));
  expect(log.since(0)).toBeUndefined();
  expect(log.since(1)).toHaveLength(100);
  for (let n = max + 2; n <= 3 * max + 7; n++) log.tell(at(n % 100 || 100), BigInt(n));
  expect(log.index).toBe(3 * max + 7);
  expect(log.since(2 * max + 6)).toBeUndefined();
  expect(log.since(2 * max + 7)).toHaveLength(100);
  expect(ports(log.since(log.index - 2))).toEqual([log.index % 100, (log.index - 1) % 100]);
});

test("with indexes from outside, several changes may share one, and it never falls", () => {
  const log = new ChangeLog(false);
  log.tell(at(1), 1n, 10);
  log.tell(at(2), 2n, 10);
  log.tell(at(3), 3n, 12);
  log.tell(at(4), 4n, 11);
  expect(log.index).toBe(12);
  expect(ports(log.since(9))).toEqual([4, 3, 2, 1]);
  expect(ports(log.since(10))).toEqual([4, 3]);
  expect(log.since(12)).toEqual([]);
});

test("a change without an index from outside is told to all who are not past it", () => {
  const log = new ChangeLog(false);
  log.tell(at(1), 1n, 10);
  log.tell(at(2), 2n);
  expect(log.index).toBe(10);
  expect(ports(log.since(9))).toEqual([2, 1]);
  expect(ports(log.since(10))).toEqual([2]);
  log.tell(at(3), 3n, 11);
  expect(ports(log.since(10))).toEqual([3, 2]);
  expect(log.since(11)).toEqual([]);
});

test("after a rebase only those who are there or further have an answer", () => {
  const log = new ChangeLog(false);
  log.tell(at(1), 1n, 10);
  log.rebase(20);
  expect([log.index, log.hash]).toEqual([20, 1n]);
  expect([log.since(19), log.since(20), log.since(21)]).toEqual([undefined, [], undefined]);
  log.tell(at(1), 2n, 21);
  expect(ports(log.since(20))).toEqual([1]);
});
