import { describe, expect, test } from "bun:test";
import { Deadlines } from "../../src/base/deadlines.ts";
import type { Member } from "../../src/discovery/member.ts";
import { Roster } from "../../src/routing/roster.ts";
import type { RosterOptions } from "../../src/routing/roster.ts";
import { Pool } from "../../src/rpc/pool.ts";
import { FakeClock } from "../support/clock.ts";
import { portOf } from "../support/lone-fleet.ts";
import { any, foo, old } from "../support/routed-network.ts";
import { instanceAt } from "../support/scripted-site.ts";

/** A roster of these, whose lanes nobody dials. */
function rosterOf(members: readonly Member[], changes: Partial<RosterOptions> = {}): Roster {
  const clock = new FakeClock();
  const pool = new Pool({
    clock,
    deadlines: new Deadlines(clock),
    open: () => new Promise(() => {}),
  });
  const roster = new Roster({ pool, seed: 1, subsetSize: 0, ...changes });
  roster.use(members, 1_000);
  return roster;
}

function ports(list: Roster["all"]): string {
  return list.map(portOf).join(" ");
}

const a = { tags: { version: "a" } };
const b = { tags: { version: "b" } };
const suspect = { state: "suspect" } as const;

describe("a list", () => {
  test("has all, those that are asked first, and this client's part of them", () => {
    const members = [foo(1), foo(2), foo(3, suspect), foo(4, { draining: true }), foo(5)];
    const roster = rosterOf(members, { subsetSize: 2 });
    expect(ports(roster.all)).toBe("1 2 3 4 5");
    expect(roster.size).toBe(5);
    expect(ports(roster.first)).toBe("1 2 5");
    expect(roster.chosen).toHaveLength(2);
    for (const backend of roster.chosen) expect(roster.first).toContain(backend);
  });

  test("has them all in its part when that is large enough, or is to be all", () => {
    const members = [foo(1), foo(2), foo(3)];
    for (const subsetSize of [0, 3, 64]) {
      const roster = rosterOf(members, { subsetSize });
      expect(roster.chosen).toBe(roster.first);
    }
  });

  test("may be of nobody", () => {
    const roster = rosterOf([]);
    expect([roster.all, roster.first, roster.chosen]).toEqual([[], [], []]);
    expect(roster.find(instanceAt(1))).toBeUndefined();
    expect(roster.everybody({ to: undefined, tags: undefined })).toEqual([]);
    roster.use([foo(1)], 1_000);
    expect(ports(roster.all)).toBe("1");
    roster.use([], 1_000);
    expect(roster.size).toBe(0);
  });

  test("that names somebody twice has the later record of it, once", () => {
    const roster = rosterOf([foo(1, a), foo(2), foo(1, b)]);
    expect(ports(roster.all)).toBe("1 2");
    expect(roster.find(instanceAt(1))?.tags).toEqual(b.tags);
  });

  test("finds instances by id, also one of two addresses, and those without one not at all", () => {
    const moved = foo(2, { id: instanceAt(1) });
    const roster = rosterOf([foo(1), moved, any(3), old(4)]);
    expect(roster.size).toBe(4);
    expect(ports(roster.all.slice(0, 1))).toBe("1");
    expect(roster.find(instanceAt(1))).toBe(roster.all[0]);
    expect(roster.find(instanceAt(3))).toBeUndefined();
    roster.use([moved], 2_000);
    expect(roster.find(instanceAt(1))?.member).toBe(moved);
    roster.use([foo(3)], 3_000);
    expect(roster.find(instanceAt(1))).toBeUndefined();
    expect(roster.find(instanceAt(3))).toBe(roster.all[0]);
  });
});

describe("another list", () => {
  test("of the same records changes nothing, and its lists stay the same", () => {
    const members = [foo(1), foo(2, suspect), any(3), old(4)];
    const roster = rosterOf(members, { subsetSize: 1 });
    const { all, first, chosen } = roster;
    roster.use([...members], 9_000);
    expect(roster.all).toBe(all);
    expect(roster.first).toBe(first);
    expect(roster.chosen).toBe(chosen);
  });

  test.each([
    ["one is new", [foo(1), foo(2), foo(3)], "1 2 3"],
    ["one is gone", [foo(1)], "1"],
    ["one is another", [foo(1), foo(3)], "1 3"],
    ["one drains", [foo(1), foo(2, { draining: true })], "1"],
    ["all are new", [foo(8), foo(9)], "8 9"],
  ] satisfies readonly (readonly [string, readonly Member[], string])[])(
    "is another when %s",
    (_what, members, expected) => {
      const roster = rosterOf([foo(1), foo(2)]);
      const { all, first } = roster;
      roster.use(members, 2_000);
      expect(roster.all).not.toBe(all);
      expect(ports(roster.first)).toBe(expected);
      // Lists are replaced and never changed: what was made of them holds for whoever has them.
      expect(ports(all)).toBe("1 2");
      expect(ports(first)).toBe("1 2");
    },
  );

  test("that is shorter or longer by records that it shares is another all the same", () => {
    const [one, two, three] = [foo(1), foo(2), foo(3)];
    const roster = rosterOf([one, two]);
    roster.use([one], 2_000);
    expect(ports(roster.all)).toBe("1");
    roster.use([one, two, three], 2_000);
    expect(ports(roster.all)).toBe("1 2 3");
    roster.use([one, three, two], 2_000);
    expect(ports(roster.all)).toBe("1 3 2");
  });

  test("goes on with what is known of those who stay, by their newer records", () => {
    const roster = rosterOf([foo(1, a), foo(2)]);
    const [known] = roster.all;
    known?.begin(1_000);
    roster.use([foo(1, { ...b, weight: 7 }), foo(3)], 2_000);
    expect(roster.all[0]).toBe(known);
    expect(known?.tags).toEqual(b.tags);
    expect(known?.weight).toBe(7);
    expect(known?.inFlight).toBe(1);
  });

  test("with another process at an address has somebody new there", () => {
    const roster = rosterOf([foo(1)]);
    const [before] = roster.all;
    roster.use([foo(1, { id: instanceAt(77) })], 2_000);
    expect(roster.all[0]).not.toBe(before);
    expect(roster.find(instanceAt(1))).toBeUndefined();
    expect(roster.find(instanceAt(77))).toBe(roster.all[0]);
  });
});

test("one and no other is lone, whatever its state", () => {
  expect(rosterOf([]).isLone).toBe(false);
  expect(rosterOf([foo(1, suspect)]).isLone).toBe(true);
  const roster = rosterOf([foo(1), foo(2, suspect)]);
  expect(roster.isLone).toBe(false);
  roster.use([foo(2)], 2_000);
  expect(roster.isLone).toBe(true);
});

describe("everybody who may answer a call", () => {
  const roster = rosterOf([foo(1, a), foo(2, b), foo(3, { ...a, ...suspect })]);

  test.each([
    ["without any wish", undefined, undefined, "1 2"],
    ["by tags", undefined, a.tags, "1"],
    ["by tags that nobody has", undefined, { version: "c" }, ""],
    ["by id", instanceAt(2), undefined, "2"],
    ["by the id of one that is not asked first", instanceAt(3), undefined, "3"],
    ["by id and tags", instanceAt(1), a.tags, "1"],
    ["by id and tags that it has not", instanceAt(2), a.tags, ""],
    ["by an id that nobody has", instanceAt(9), undefined, ""],
  ] as const)("%s", (_how, to, tags, expected) => {
    expect(ports(roster.everybody({ to, tags }))).toBe(expected);
  });

  test("is of those that are listed, all or by tags", () => {
    expect(roster.listed(undefined)).toBe(3);
    expect(roster.listed(a.tags)).toBe(2);
    expect(roster.listed({ version: "c" })).toBe(0);
  });
});
