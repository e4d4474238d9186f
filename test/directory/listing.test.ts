import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { keyOf } from "../../src/directory/change-log.ts";
import type { Delta } from "../../src/directory/directory.ts";
import { compareMembers, type Member } from "../../src/discovery/member.ts";
import { memberHash } from "../../src/discovery/member-hash.ts";
import { seededRandom } from "../wire/random-values.ts";
import { codeOf, id, instance, TableBench } from "./table-bench.ts";

function hashOf(members: Iterable<Member>): bigint {
  let hash = 0n;
  for (const member of members) hash ^= memberHash(member);
  return hash;
}

/** A client's copy, kept by deltas and by full lists where there is no delta. */
class Copy {
  readonly members = new Map<string, Member>();
  index = -1;
  wholes = 0;

  follow({ table }: TableBench): void {
    const delta: Delta | undefined = table.since(this.index);
    if (delta === undefined) {
      this.members.clear();
      this.wholes += 1;
    }
    for (const place of delta?.gone ?? []) this.members.delete(keyOf(place));
    for (const member of delta?.instances ?? table.list()) this.members.set(keyOf(member), member);
    this.index = table.index;
  }

  /** All that is told of the members, in the order of the list. */
  told(): unknown {
    return tell([...this.members.values()].sort(compareMembers));
  }
}

function tell(members: readonly Member[]): unknown {
  return members.map(({ id: of, address, state, weight, draining }) => [
    of,
    address,
    state,
    weight,
    draining,
  ]);
}

/** One random thing that can happen to a registry. */
function happen(bench: TableBench, random: () => number): void {
  const upTo = (count: number): number => Math.floor(random() * count);
  const { table } = bench;
  const n = upTo(30);
  // More instances than addresses, so that they replace one another and hide old peers.
  const { address } = instance(upTo(20));
  switch (upTo(8)) {
    case 0:
    case 1: {
      const changes = { address, revision: upTo(50), weight: upTo(2), draining: random() < 0.2 };
      codeOf(() => bench.join(n, n, changes));
      break;
    }
    case 2:
      codeOf(() => table.put(instance(n, { revision: upTo(99), address }), bench.secret(n)));
      break;
    case 3:
      codeOf(() => table.beat(id(n), bench.secret(n), 0, { weight: upTo(3) }));
      break;
    case 4:
      codeOf(() => bench.leave(n));
      break;
    case 5:
      table.putAddress(address);
      break;
    case 6:
      for (let of = 0; of < 30; of++) codeOf(() => table.beat(id(of), bench.secret(of), 0));
      break;
    default:
      bench.pass(upTo(9_000));
  }
}

test.each([1, 2, 3, 4, 5])(
  "whatever happens, a copy that follows has the same list and hash (seed %d)",
  (seed) => {
    const random = seededRandom(seed);
    const bench = new TableBench({ oldLeaseMs: 8_000 });
    const copies = [
      { copy: new Copy(), looks: 1 },
      { copy: new Copy(), looks: 0.3 },
      { copy: new Copy(), looks: 0.02 },
    ];
    let index = 0;
    for (let step = 0; step < 1_200; step++) {
      const before = bench.table.hash;
      happen(bench, random);
      const { table } = bench;
      expect(table.hash).toBe(hashOf(table.list()));
      // What looks different has another index.
      if (table.hash !== before) expect(table.index).toBeGreaterThan(index);
      index = table.index;
      // Each copy looks at moments of its own, one of them seldom.
      for (const { copy, looks } of copies) {
        if (random() > looks) continue;
        copy.follow(bench);
        expect(hashOf(copy.members.values())).toBe(table.hash);
        expect(copy.told()).toEqual(tell(table.list()));
      }
    }
    expect(copies.map(({ copy }) => copy.wholes)).toEqual([1, 1, 1]);
    expect(bench.changes.length).toBeGreaterThan(400);
  },
);

test("it is so with indexes from outside and changes of our own between them", () => {
  const random = seededRandom(9);
  const bench = new TableBench({ oldLeaseMs: 8_000, countsChanges: false });
  const copies = [new Copy(), new Copy()];
  let revision = 0;
  for (let step = 0; step < 3_000; step++) {
    const n = Math.floor(random() * 30);
    const state = random() < 0.7 ? "up" : random() < 0.5 ? "suspect" : "left";
    const leaseMs = 9_000;
    const address = instance(Math.floor(random() * 20)).address;
    const from = { index: (revision += 1 + Math.floor(random() * 3)), held: true };
    const dice = random();
    if (dice < 0.6) {
      const announcement = instance(n, { address, revision, weight: Math.floor(random() * 3) });
      bench.table.adopt({ announcement, digest: "", leaseMs, state }, from);
    } else if (dice < 0.75) bench.table.vanish(id(n), revision);
    else if (dice < 0.8) bench.table.adopt({ address, old: true }, from);
    else if (dice < 0.85) bench.table.vanishAddress(address);
    else bench.pass(Math.floor(random() * 9_000));
    for (const [which, copy] of copies.entries()) {
      if (random() > (which === 0 ? 1 : 0.1)) continue;
      copy.follow(bench);
      expect(hashOf(copy.members.values())).toBe(bench.table.hash);
    }
  }
  expect(copies.map(({ wholes }) => wholes)).toEqual([1, 1]);
  expect(bench.changes.length).toBeGreaterThan(1_000);
});

test("a log that does not reach back asks for the whole list", () => {
  const bench = new TableBench();
  bench.join(1);
  bench.table.rebase(100);
  expect([bench.table.since(99), bench.table.since(100)]).toEqual([
    undefined,
    { instances: [], gone: [] },
  ]);
});

test("a delta is sorted as the list is, and says who is gone by id and address", () => {
  const bench = new TableBench();
  bench.join(1, 3);
  bench.table.putAddress(parseAddress("tcp@a:1"));
  const { index } = bench.table;
  bench.leave(2);
  bench.pass(9_000);
  bench.join(5, 6);
  const delta = bench.table.since(index);
  expect(delta?.instances.map((member) => member.id)).toEqual([1, 3, 5, 6].map(id));
  expect(delta?.gone).toEqual([{ id: id(2), address: instance(2).address }]);
  bench.pass(300_000);
  expect(bench.table.since(index)?.gone).toContainEqual({ address: parseAddress("tcp@a:1") });
});
