import { expect, test } from "bun:test";
import { Pending } from "../../src/rpc/pending.ts";

interface Entry {
  readonly id: number;
}

function filled(ids: Iterable<number>): Pending<Entry> {
  const pending = new Pending<Entry>();
  for (const id of ids) pending.add({ id });
  return pending;
}

function* range(from: number, to: number): Generator<number> {
  for (let id = from; id <= to; id++) yield id;
}

test("whoever takes an entry is the only one who gets it", () => {
  const pending = filled([1, 2, 3]);
  expect(pending.take(2)).toEqual({ id: 2 });
  expect(pending.take(2)).toBeUndefined();
  expect(pending.size).toBe(2);
});

test("ids that were never added are not there, nor those that share a slot with one that is", () => {
  const pending = filled([5]);
  for (const id of [0, 1, 4, 6, 5 + 16, 5 + 64, 5 + 4_096, 2 ** 32 - 1]) {
    expect(pending.take(id)).toBeUndefined();
  }
  expect(pending.take(5)).toEqual({ id: 5 });
});

test("ten thousand in flight are all found, in any order", () => {
  const pending = filled(range(1, 10_000));
  expect(pending.size).toBe(10_000);
  for (let step = 0; step < 10_000; step++) {
    const id = ((step * 7_919) % 10_000) + 1;
    expect(pending.take(id)?.id).toBe(id);
  }
  expect(pending.size).toBe(0);
});

test("an entry that outlives many turns of the ring is still found", () => {
  const pending = filled([3]);
  for (const id of range(4, 30_000)) {
    pending.add({ id });
    pending.take(id);
  }
  expect(pending.size).toBe(1);
  expect(pending.take(3)?.id).toBe(3);
  expect(pending.size).toBe(0);
});

test("ids near the last one are kept apart", () => {
  const last = 2 ** 32 - 1;
  const pending = filled([last - 2, last - 1, last]);
  expect(pending.take(last)?.id).toBe(last);
  expect(pending.takeAbove(0).map(({ id }) => id)).toEqual([last - 2, last - 1]);
});

test("those above an id come out in the order of their ids, and the rest stays", () => {
  const pending = filled([...range(1, 5_000)].filter((id) => id % 3 !== 0));
  const above = pending.takeAbove(4_990).map(({ id }) => id);
  expect(above).toEqual([4_991, 4_993, 4_994, 4_996, 4_997, 4_999, 5_000]);
  expect(pending.take(4_990)?.id).toBe(4_990);
  expect(pending.take(4_991)).toBeUndefined();
});
