import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { type Change, LeaseTable } from "../../src/discovery/lease-table.ts";
import { FakeClock } from "../support/clock.ts";
import { announcement, idOf } from "../support/registry.ts";

interface Setup {
  readonly clock: FakeClock;
  readonly table: LeaseTable;
  readonly changes: string[];
}

function setUp(options: { leaseMs?: number; oldLeaseMs?: number } = {}): Setup {
  const clock = new FakeClock();
  const changes: string[] = [];
  const onChange = ({ kind, id }: Change): number => changes.push(`${kind} ${id?.[0] ?? "-"}`);
  return { clock, changes, table: new LeaseTable({ clock, onChange, ...options }) };
}

function codeOf(run: () => unknown): string {
  try {
    run();
    return "fine";
  } catch (thrown) {
    return GeeError.from(thrown).code;
  }
}

const a = parseAddress("tcp@127.0.0.1:4000");
const b = parseAddress("tcp@127.0.0.1:5000");

test("an instance lives for its lease and no longer, and every beat gives it a whole one", async () => {
  const { clock, table, changes } = setUp();
  const { secret, leaseMs } = table.put(announcement());
  expect(leaseMs).toBe(limits.leaseMs);
  await clock.advance(8_999);
  table.renew(idOf("a"), secret, 1);
  await clock.advance(8_999);
  expect(table.list()).toMatchObject([{ state: "up", ageMs: 17_998, beatMs: 8_999 }]);
  await clock.advance(1);
  expect(table.list()).toEqual([]);
  expect(codeOf(() => table.renew(idOf("a"), secret, 1))).toBe("NOT_FOUND");
  expect(changes).toEqual(["joined a", "expired a"]);
});

test("a wall clock that jumps an hour expires nothing", async () => {
  const { clock, table } = setUp();
  table.put(announcement());
  clock.jumpWall(3_600_000);
  expect(table.addresses()).toEqual([a]);
});

test("a lease that is asked for is granted within 200 ms and 5 minutes", () => {
  const { table } = setUp();
  const granted = [0, 199, 200, 600, 300_000, 300_001, 1e15].map(
    (leaseMs, index) => table.put(announcement({ id: idOf(`${index}`), leaseMs })).leaseMs,
  );
  expect(granted).toEqual([200, 200, 200, 600, 300_000, 300_000, 300_000]);
});

test("a header-only peer has the old lease, strictly", async () => {
  const { clock, table, changes } = setUp({ oldLeaseMs: 1_000 });
  table.putAddress(a);
  await clock.advance(600);
  table.putAddress(a);
  await clock.advance(999);
  expect(table.addresses()).toEqual([a]);
  await clock.advance(1);
  expect(table.addresses()).toEqual([]);
  expect(changes).toEqual(["joined -", "expired -"]);
});

test("an old lease of 0 lasts for ever, and does not touch instances", async () => {
  const { clock, table } = setUp({ oldLeaseMs: 0 });
  table.putAddress(a);
  table.put(announcement({ address: b }));
  await clock.advance(1e12);
  expect(table.addresses()).toEqual([a]);
});

test("nothing happens to an instance without its secret", () => {
  const { table } = setUp();
  const { secret } = table.put(announcement());
  table.renew(idOf("a"), secret, 1);
  const codes = [
    codeOf(() => table.renew(idOf("a"), "wrong", 1)),
    codeOf(() => table.leave(idOf("a"), "wrong")),
    codeOf(() => table.put(announcement({ address: b, revision: 9 }), "wrong")),
    codeOf(() => table.put(announcement({ address: b, revision: 9 }))),
  ];
  expect(codes).toEqual(Array(4).fill("PERMISSION_DENIED"));
  expect(table.list()).toMatchObject([{ address: a, revision: 1, state: "up" }]);
});

test("a registration whose answer was lost can be made again until the secret was shown once", () => {
  const { table, changes } = setUp();
  const lost = table.put(announcement());
  expect(codeOf(() => table.put(announcement({ address: b })))).toBe("PERMISSION_DENIED");
  const again = table.put(announcement());
  expect(again.secret).not.toBe(lost.secret);
  expect(codeOf(() => table.renew(idOf("a"), lost.secret, 1))).toBe("PERMISSION_DENIED");
  table.renew(idOf("a"), again.secret, 1);
  expect(codeOf(() => table.put(announcement()))).toBe("PERMISSION_DENIED");
  expect(changes).toEqual(["joined a"]);
});

test("the highest revision holds, and an older one renews the lease alone", async () => {
  const { clock, table } = setUp();
  const { secret } = table.put(announcement({ revision: 5, weight: 2 }));
  await clock.advance(5_000);
  expect(table.put(announcement({ revision: 4, weight: 3 }), secret).secret).toBe(secret);
  await clock.advance(5_000);
  expect(table.list()).toMatchObject([{ revision: 5, weight: 2 }]);
  table.put(announcement({ revision: 6, weight: 4 }), secret);
  expect(table.list()).toMatchObject([{ revision: 6, weight: 4 }]);
});

test("a beat of a revision that the table has not heard of asks for the announcement", () => {
  const { table } = setUp();
  const { secret } = table.put(announcement());
  expect(codeOf(() => table.renew(idOf("a"), secret, 2))).toBe("NOT_FOUND");
});

test("the index rises on what callers care about, and on nothing else", () => {
  const { table } = setUp();
  const { secret } = table.put(announcement());
  let revision = 1;
  const rises = (change: Parameters<typeof announcement>[0]): number => {
    const before = table.index;
    revision += 1;
    table.put(announcement({ ...change, revision }), secret);
    const risen = table.index - before;
    revision += 1;
    table.put(announcement({ revision }), secret);
    return risen;
  };
  expect([
    rises({ services: ["Foo", "Bar"] }),
    rises({ weight: 2 }),
    rises({ draining: true }),
    rises({ address: b }),
    rises({ tags: { a: "b" } }),
    rises({ load: 7 }),
    rises({ version: "2" }),
    rises({}),
  ]).toEqual([1, 1, 1, 1, 1, 0, 0, 0]);
  const before = table.index;
  table.renew(idOf("a"), secret, 1, 99);
  table.list();
  expect(table.index).toBe(before);
  expect(table.list()).toMatchObject([{ load: 99 }]);
});

test("an instance that moved is listed at its new address alone", () => {
  const { table } = setUp();
  const { secret } = table.put(announcement());
  table.put(announcement({ address: b, revision: 2 }), secret);
  expect(table.addresses()).toEqual([b]);
});

test("an instance that left is answered as left for one lease, with the withdrawal's revision", async () => {
  const { clock, table, changes } = setUp();
  const { secret } = table.put(announcement());
  await clock.advance(8_000);
  table.leave(idOf("a"), secret, 2);
  table.leave(idOf("a"), secret);
  expect(table.addresses()).toEqual([]);
  await clock.advance(8_999);
  expect(table.list()).toMatchObject([{ id: idOf("a"), state: "left", revision: 2 }]);
  await clock.advance(1);
  expect(table.list()).toEqual([]);
  expect(changes).toEqual(["joined a", "left a"]);
});

test("a late beat or announcement does not bring back what left; a newer announcement does", () => {
  const { table } = setUp();
  const { secret } = table.put(announcement());
  table.leave(idOf("a"), secret, 2);
  expect(codeOf(() => table.renew(idOf("a"), secret, 1))).toBe("NOT_FOUND");
  expect(codeOf(() => table.put(announcement(), secret))).toBe("FAILED_PRECONDITION");
  expect(codeOf(() => table.put(announcement({ revision: 2 }), secret))).toBe(
    "FAILED_PRECONDITION",
  );
  expect(codeOf(() => table.put(announcement()))).toBe("PERMISSION_DENIED");
  expect(table.addresses()).toEqual([]);
  table.put(announcement({ revision: 3 }), secret);
  expect(table.addresses()).toEqual([a]);
});

test("nobody leaves who is not there", () => {
  const { table } = setUp();
  expect(codeOf(() => table.leave(idOf("a"), "x"))).toBe("NOT_FOUND");
});

test("a new instance at an address replaces the one that had it", () => {
  const { table, changes } = setUp();
  const old = table.put(announcement());
  table.put(announcement({ id: idOf("b") }));
  expect(table.list()).toMatchObject([
    { id: idOf("a"), state: "left" },
    { id: idOf("b"), state: "up" },
  ]);
  expect(table.addresses()).toEqual([a]);
  expect(codeOf(() => table.renew(idOf("a"), old.secret, 1))).toBe("NOT_FOUND");
  expect(codeOf(() => table.put(announcement(), old.secret))).toBe("FAILED_PRECONDITION");
  // What was replaced may still withdraw, without touching its successor.
  table.leave(idOf("a"), old.secret, 2);
  expect(table.addresses()).toEqual([a]);
  expect(changes).toEqual(["joined a", "replaced a", "joined b"]);
});

test("an instance whose lease had run out is no longer replaced, it expired", async () => {
  const { clock, table, changes } = setUp();
  table.put(announcement());
  await clock.advance(9_000);
  table.put(announcement({ id: idOf("b") }));
  expect(changes).toEqual(["joined a", "expired a", "joined b"]);
});

test("an instance and a header-only peer at one address are one line", () => {
  const { table, changes } = setUp();
  const { secret } = table.put(announcement());
  table.putAddress(a);
  expect(table.addresses()).toEqual([a]);
  expect(table.list()).toHaveLength(1);
  expect(changes).toEqual(["joined a"]);
  table.leave(idOf("a"), secret);
  expect(table.addresses()).toEqual([a]);
});

test("an instance takes over the line of a header-only peer at its address", () => {
  const { table } = setUp();
  table.putAddress(a);
  const { secret } = table.put(announcement());
  table.leave(idOf("a"), secret);
  expect(table.addresses()).toEqual([]);
});

test("addresses are sorted byte by byte", () => {
  const { table } = setUp();
  const written = ["unix@/a", "tcp@b:1", "tcp@a:9", "tcp@a:10", "tcp@[::1]:1", "tcp@10.0.0.1:1"];
  for (const text of written) table.putAddress(parseAddress(text));
  expect<readonly string[]>(table.addresses()).toEqual([...written].sort());
});

test("a full table refuses newcomers, keeps beats, and takes newcomers when leases end", async () => {
  const { clock, table } = setUp();
  const { secret } = table.put(announcement());
  for (let n = 1; n < limits.maxInstances; n++) table.putAddress(parseAddress(`tcp@host${n}:1`));
  expect(codeOf(() => table.putAddress(parseAddress("tcp@more:1")))).toBe("RESOURCE_EXHAUSTED");
  expect(codeOf(() => table.put(announcement({ id: idOf("b"), address: b })))).toBe(
    "RESOURCE_EXHAUSTED",
  );
  table.putAddress(parseAddress("tcp@host1:1"));
  table.renew(idOf("a"), secret, 1);
  await clock.advance(limits.leaseMs);
  expect(codeOf(() => table.putAddress(parseAddress("tcp@more:1")))).toBe("fine");
});

test("every start has an epoch of its own", () => {
  expect(setUp().table.epoch).not.toBe(setUp().table.epoch);
});

test("sweeping forgets without anybody reading", async () => {
  const { clock, table, changes } = setUp();
  table.put(announcement());
  await clock.advance(limits.leaseMs);
  table.sweep();
  expect(changes).toEqual(["joined a", "expired a"]);
});
