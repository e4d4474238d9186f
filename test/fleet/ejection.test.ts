import { describe, expect, test } from "bun:test";
import { Accrual, Ejection } from "../../src/fleet/ejection.ts";
import type { Outcome } from "../../src/fleet/endpoint.ts";
import { seededRandom } from "../wire/random-values.ts";

interface Member {
  readonly name: string;
  readonly accrual: Accrual;
}

function fleetOf(count: number): Member[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `m${index}`,
    accrual: new Accrual(),
  }));
}

/** An ejection with what it has told. */
class Watched extends Ejection<Member> {
  readonly told: (readonly [what: string, name: string, forMs: number, why: string])[];

  constructor(random: () => number = () => 1) {
    const told: (readonly [string, string, number, string])[] = [];
    super({
      random,
      onEject: ({ name }, forMs, why) => told.push(["out", name, forMs, why]),
      onReturn: ({ name }) => told.push(["in", name, 0, ""]),
    });
    this.told = told;
  }

  names(members: readonly Member[], now: number): string {
    return this.available(members, now)
      .map(({ name }) => name)
      .join(" ");
  }

  notes(member: Member | undefined, outcome: Outcome, now: number, count = 1): void {
    if (member === undefined) throw new Error("no such member");
    for (let index = 0; index < count; index++) this.note(member, outcome, now);
  }
}

/** Four members of which the first has just gone out, at 0, for 5 s. */
function withOneOut(random?: () => number): {
  readonly members: readonly Member[];
  readonly first: Member;
  readonly ejection: Watched;
} {
  const members = fleetOf(4);
  const [first] = members;
  if (first === undefined) throw new Error("no member");
  const ejection = new Watched(random);
  ejection.available(members, 0);
  ejection.notes(first, "failed", 0, 5);
  expect(ejection.told).toHaveLength(1);
  return { members, first, ejection };
}

describe("by its own failures", () => {
  test("five failures in a row and a member is out; its fellows are left in their order", () => {
    const members = fleetOf(4);
    const ejection = new Watched();
    expect(ejection.available(members, 0)).toBe(members);
    ejection.notes(members[1], "failed", 0, 4);
    expect(ejection.available(members, 0)).toBe(members);
    ejection.notes(members[1], "failed", 0);
    expect(ejection.names(members, 0)).toBe("m0 m2 m3");
    expect(ejection.told).toEqual([["out", "m1", 5_000, "failures in a row"]]);
  });

  test("an answer between them begins the row anew", () => {
    const members = fleetOf(4);
    const ejection = new Watched();
    ejection.available(members, 0);
    ejection.notes(members[0], "ok", 0, 100);
    for (let turn = 0; turn < 5; turn++) {
      ejection.notes(members[0], "failed", 0, 4);
      ejection.notes(members[0], "ok", 0);
    }
    expect(ejection.told).toEqual([]);
  });

  test("less than 80 % success over 30 s and a member is out", () => {
    const members = fleetOf(4);
    const ejection = new Watched();
    ejection.available(members, 0);
    ejection.notes(members[0], "ok", 0, 40);
    for (let call = 0; call < 9; call++) {
      ejection.notes(members[0], "failed", 25_000);
      ejection.notes(members[0], "ok", 25_000);
    }
    expect(ejection.told).toEqual([]);
    // The answers of 30 s ago count no more: 9 of 18 are too few.
    ejection.notes(members[0], "failed", 30_000);
    expect(ejection.told).toEqual([["out", "m0", 5_000, "success rate"]]);
  });

  test("what was refused or left counts for nothing, nor does it end a row", () => {
    const members = fleetOf(4);
    const ejection = new Watched();
    ejection.available(members, 0);
    for (let turn = 0; turn < 100; turn++) {
      ejection.notes(members[0], "refused", turn);
      ejection.notes(members[0], "left", turn);
    }
    expect(ejection.available(members, 100)).toBe(members);
    for (let turn = 0; turn < 5; turn++) {
      ejection.notes(members[0], "failed", 200);
      ejection.notes(members[0], "left", 200);
    }
    expect(ejection.told).toHaveLength(1);
  });

  test("the time is half of chance, doubles, and is never above 300 s", () => {
    const { first, ejection } = withOneOut(() => 0);
    let now = 0;
    for (let turn = 0; turn < 12; turn++) {
      now += 1_000_000;
      ejection.notes(first, "failed", now);
    }
    const forMs = ejection.told.map(([, , ms]) => ms);
    expect(forMs.slice(0, 7)).toEqual([2_500, 5_000, 10_000, 20_000, 40_000, 80_000, 150_000]);
    expect(Math.max(...forMs)).toBe(150_000);
  });

  test("chance that is no number is even", () => {
    expect(withOneOut(() => Number.NaN).ejection.told).toEqual([
      ["out", "m0", 3_750, "failures in a row"],
    ]);
  });
});

describe("the way back", () => {
  test("when the time is over one call goes there, and no other until it has ended", () => {
    const { members, first, ejection } = withOneOut();
    expect(ejection.names(members, 4_999)).toBe("m1 m2 m3");
    expect(ejection.available(members, 5_000)).toBe(members);
    // It was not chosen yet, so it may be.
    expect(ejection.available(members, 5_001)).toBe(members);
    ejection.begin(first, 5_001);
    expect(ejection.names(members, 5_001)).toBe("m1 m2 m3");
    expect(ejection.note(first, "ok", 5_100)).toBe("returned");
    expect(ejection.available(members, 5_100)).toBe(members);
    expect(ejection.told.at(-1)).toEqual(["in", "m0", 0, ""]);
  });

  test("a member that is in is chosen without anything being noted", () => {
    const { members, ejection } = withOneOut();
    const found = ejection.available(members, 0);
    for (const member of members) ejection.begin(member, 0);
    expect(ejection.available(members, 0)).toBe(found);
  });

  test("it comes back with nothing counted", () => {
    const { first, ejection } = withOneOut();
    expect(ejection.note(first, "ok", 5_000)).toBe("returned");
    ejection.notes(first, "failed", 5_000, 4);
    expect(ejection.told).toHaveLength(2);
    expect(ejection.note(first, "failed", 5_000)).toBe("ejected");
  });

  test("a probe that fails keeps it out for twice as long", () => {
    const { members, first, ejection } = withOneOut();
    ejection.begin(first, 5_000);
    expect(ejection.note(first, "failed", 5_001)).toBe("ejected");
    expect(ejection.told.at(-1)).toEqual(["out", "m0", 10_000, "failed probe"]);
    expect(ejection.names(members, 15_000)).toBe("m1 m2 m3");
    expect(ejection.available(members, 15_001)).toBe(members);
  });

  test("a probe that does not end is lost after ten seconds", () => {
    const { members, first, ejection } = withOneOut();
    ejection.begin(first, 5_000);
    expect(ejection.names(members, 14_999)).toBe("m1 m2 m3");
    expect(ejection.available(members, 15_000)).toBe(members);
  });

  test.each(["refused", "left"] as const)(
    "a probe that was %s is followed by another",
    (outcome) => {
      const { members, first, ejection } = withOneOut();
      ejection.begin(first, 5_000);
      expect(ejection.note(first, outcome, 5_010)).toBeUndefined();
      expect(ejection.available(members, 5_010)).toBe(members);
      ejection.begin(first, 5_020);
      expect(ejection.names(members, 5_020)).toBe("m1 m2 m3");
    },
  );

  test("what ends while it is out began before, and changes nothing", () => {
    const { members, first, ejection } = withOneOut();
    for (const outcome of ["ok", "failed", "refused", "left"] as const) {
      expect(ejection.note(first, outcome, 4_000)).toBeUndefined();
    }
    expect(ejection.names(members, 4_000)).toBe("m1 m2 m3");
    expect(ejection.available(members, 5_000)).toBe(members);
    expect(ejection.told).toHaveLength(1);
  });
});

describe("never more than half", () => {
  test.each([
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 2],
    [64, 32],
  ])("of %p members %p go out", (count, most) => {
    const members = fleetOf(count);
    const ejection = new Watched();
    ejection.available(members, 0);
    for (const member of members) ejection.notes(member, "failed", 0, 50);
    expect(ejection.told).toHaveLength(most);
    // More than half should be: health is ignored.
    expect(ejection.available(members, 0)).toBe(members);
  });

  test("exactly half are out, and the other half is called", () => {
    const members = fleetOf(4);
    const ejection = new Watched();
    ejection.available(members, 0);
    ejection.notes(members[0], "failed", 0, 5);
    ejection.notes(members[1], "failed", 0, 5);
    expect(ejection.names(members, 0)).toBe("m2 m3");
  });

  test("when those that are left fail as well everybody is called, until they answer again", () => {
    const members = fleetOf(4);
    const ejection = new Watched();
    ejection.available(members, 0);
    for (const member of members.slice(0, 3)) ejection.notes(member, "failed", 0, 5);
    expect(ejection.available(members, 0)).toBe(members);
    ejection.notes(members[2], "ok", 0, 19);
    expect(ejection.available(members, 0)).toBe(members);
    ejection.notes(members[2], "ok", 0);
    expect(ejection.names(members, 0)).toBe("m2 m3");
  });

  test("a member that goes on failing goes out as soon as there is room", () => {
    const members = fleetOf(4);
    const [first, , third] = members;
    const ejection = new Watched();
    ejection.available(members, 0);
    for (const member of members.slice(0, 3)) ejection.notes(member, "failed", 0, 5);
    if (first !== undefined) expect(ejection.note(first, "ok", 5_000)).toBe("returned");
    ejection.notes(third, "failed", 5_000);
    expect(ejection.names(members, 5_000).includes("m2")).toBe(false);
  });

  test("a probe that fails while health is ignored makes no time longer", () => {
    const members = fleetOf(4);
    const ejection = new Watched();
    ejection.available(members, 0);
    for (const member of members) ejection.notes(member, "failed", 0, 5);
    for (const now of [5_000, 10_000, 15_000]) {
      expect(ejection.available(members, now)).toBe(members);
      for (const member of members) ejection.notes(member, "failed", now);
    }
    expect(ejection.told.map(([, , forMs]) => forMs)).toEqual(
      Array.from({ length: 8 }, () => 5_000),
    );
  });

  test("who has left the list is not counted", () => {
    const members = fleetOf(4);
    const ejection = new Watched();
    ejection.available(members, 0);
    ejection.notes(members[0], "failed", 0, 5);
    ejection.notes(members[1], "failed", 0, 5);
    const others = [...members.slice(2), ...fleetOf(2)];
    expect(ejection.available(others, 10)).toBe(others);
    ejection.notes(others[2], "failed", 10, 5);
    ejection.notes(others[3], "failed", 10, 5);
    expect(ejection.available(others, 10)).toHaveLength(2);
    // What still comes of those that are gone puts nobody in anybody's place.
    ejection.notes(members[0], "failed", 100_000, 50);
    ejection.notes(members[1], "ok", 20, 50);
    expect(ejection.available(others, 20)).toHaveLength(2);
  });

  test("of a list that shrinks to those that are out, everybody is called", () => {
    const members = fleetOf(4);
    const ejection = new Watched();
    ejection.available(members, 0);
    ejection.notes(members[0], "failed", 0, 5);
    ejection.notes(members[1], "failed", 0, 5);
    const left = members.slice(0, 2);
    expect(ejection.available(left, 10)).toBe(left);
    // And on a longer one they are out still.
    expect(ejection.available(members, 20)).toHaveLength(2);
  });

  test("failures of long ago are forgotten with the calls", () => {
    const members = fleetOf(4);
    const ejection = new Watched();
    ejection.available(members, 0);
    for (const member of members.slice(0, 3)) ejection.notes(member, "failed", 0, 5);
    for (const now of [10_000, 20_000, 30_000]) ejection.available(members, now);
    for (const member of members.slice(0, 2)) ejection.begin(member, 30_000);
    // The third would be out, as far as anybody knew: fewer than half would be healthy.
    expect(ejection.names(members, 30_000)).toBe("m2 m3");
    ejection.notes(members[2], "failed", 30_000, 4);
    expect(members[2]?.accrual.isSick).toBe(false);
  });

  test("who fails when it is listed no more goes nowhere", () => {
    const members = fleetOf(4);
    const ejection = new Watched();
    ejection.available(members, 0);
    ejection.available(members.slice(1), 1);
    ejection.notes(members[0], "failed", 2, 100);
    expect(ejection.told).toEqual([]);
    expect(members[0]?.accrual.isSick).toBe(false);
  });

  test("who fails and is on no list goes nowhere", () => {
    const [stray] = fleetOf(1);
    const ejection = new Watched();
    ejection.notes(stray, "failed", 0, 100);
    expect(ejection.told).toEqual([]);
    expect(stray?.accrual.isIn).toBe(true);
  });
});

describe("beside the others", () => {
  function busy(count: number): {
    readonly members: readonly Member[];
    readonly ejection: Watched;
  } {
    const members = fleetOf(count);
    const ejection = new Watched();
    ejection.available(members, 100_000);
    for (const member of members.slice(1)) ejection.notes(member, "ok", 100_001, 200);
    // One in ten fails: not enough for a member by itself.
    for (let call = 0; call < 20; call++) {
      ejection.notes(members[0], "ok", 100_001, 9);
      ejection.notes(members[0], "failed", 100_001);
    }
    expect(ejection.told).toEqual([]);
    return { members, ejection };
  }

  test("every ten seconds the one that does worst goes out, for 30 s", () => {
    const { members, ejection } = busy(5);
    expect(ejection.available(members, 109_999)).toBe(members);
    expect(ejection.names(members, 110_000)).toBe("m1 m2 m3 m4");
    expect(ejection.told).toEqual([["out", "m0", 30_000, "worse than the others"]]);
    expect(ejection.names(members, 139_999)).toBe("m1 m2 m3 m4");
    expect(ejection.available(members, 140_000)).toBe(members);
  });

  test("an attempt that ends is enough to notice that the time has come", () => {
    const { members, ejection } = busy(5);
    ejection.notes(members[3], "ok", 110_000);
    expect(ejection.told).toHaveLength(1);
  });

  test("four are too few", () => {
    const { members, ejection } = busy(4);
    expect(ejection.available(members, 110_000)).toBe(members);
  });

  test("calls of a stretch that is long over say nothing", () => {
    const { members, ejection } = busy(5);
    expect(ejection.available(members, 121_000)).toBe(members);
    expect(ejection.told).toEqual([]);
  });

  test("never more than half, the worst first", () => {
    const members = fleetOf(5);
    const ejection = new Watched();
    ejection.available(members, 100_000);
    for (const [index, member] of members.entries()) {
      // No row of failures, and no failing note that would tell of the rate while it is too low.
      member.accrual.goOnTo(3);
      member.accrual.failed = 180 + index;
      member.accrual.ok = 20 - index;
    }
    ejection.available(members, 110_000);
    expect(ejection.told.map(([, name]) => name)).toEqual(["m4", "m3"]);
  });
});

describe("bad input", () => {
  test("an empty list is an empty list", () => {
    const none: readonly Member[] = [];
    const ejection = new Watched();
    for (const now of [0, 1, 100_000, Number.NaN]) expect(ejection.available(none, now)).toBe(none);
  });

  test("a member that is listed twice stands for two, and takes nobody's place", () => {
    const [one, two] = fleetOf(2);
    if (one === undefined || two === undefined) throw new Error("no members");
    const members = [one, one, two];
    const ejection = new Watched();
    ejection.available(members, 0);
    ejection.notes(one, "failed", 0, 10);
    expect(ejection.available(members, 0)).toBe(members);
    ejection.notes(two, "failed", 0, 10);
    expect(ejection.available(members, 0)).toBe(members);
    for (let now = 0; now < 100_000; now += 500) {
      ejection.notes(one, "failed", now);
      expect(ejection.available(members, now).length).toBeGreaterThan(0);
    }
  });

  test("a clock that goes back an hour keeps nobody out for longer", () => {
    const { members, first, ejection } = withOneOut();
    const hour = 3_600_000;
    expect(ejection.names(members, -hour)).toBe("m1 m2 m3");
    expect(ejection.available(members, -hour + 5_000)).toBe(members);
    ejection.begin(first, -hour + 5_000);
    expect(ejection.names(members, -2 * hour)).toBe("m1 m2 m3");
    expect(ejection.available(members, -2 * hour + 10_000)).toBe(members);
  });

  test("nor does one that begins late and goes back to its beginning", () => {
    const members = fleetOf(4);
    const ejection = new Watched();
    ejection.available(members, 7_200_000);
    ejection.notes(members[0], "failed", 7_200_000, 5);
    expect(ejection.names(members, 7_200_000)).toBe("m1 m2 m3");
    expect(ejection.names(members, 0)).toBe("m1 m2 m3");
    expect(ejection.available(members, 5_000)).toBe(members);
  });

  test("a clock that goes forth an hour lets the probe go", () => {
    const { members, ejection } = withOneOut();
    expect(ejection.available(members, 3_600_000)).toBe(members);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "a time of %p throws nothing, and all goes on afterwards",
    (odd) => {
      const { members, first, ejection } = withOneOut();
      expect(ejection.available(members, odd)).toHaveLength(3);
      ejection.begin(first, odd);
      ejection.notes(first, "failed", odd, 10);
      ejection.notes(members[1], "failed", odd, 5);
      expect(ejection.available(members, 0)).toHaveLength(2);
      expect(ejection.available(members, 5_000)).toBe(members);
    },
  );

  test("whatever happens, at most half are out and somebody is there", () => {
    const random = seededRandom(11);
    const pick = <T>(values: readonly T[]): T => {
      const value = values[Math.floor(random() * values.length)];
      if (value === undefined) throw new Error("nothing to pick from");
      return value;
    };
    const everybody = fleetOf(9);
    const ejection = new Watched(random);
    let members: readonly Member[] = everybody;
    let now = 0;
    for (let step = 0; step < 50_000; step++) {
      now += pick([0, 0, 1, 100, 5_000, 20_000, -50, 3_600_000, -3_600_000]);
      if (random() < 0.01) members = everybody.filter(() => random() < 0.7);
      const found = ejection.available(members, now);
      expect(found.length * 2).toBeGreaterThanOrEqual(members.length);
      const member = pick(everybody);
      if (found.includes(member)) ejection.begin(member, now);
      ejection.notes(member, pick(["failed", "failed", "failed", "ok", "refused", "left"]), now);
    }
  });
});

describe("over time", () => {
  /** A hundred calls a second, to any member at random; their shares of the calls. */
  function run(fails: readonly number[], forMs: number, seed: number): number[] {
    const random = seededRandom(seed);
    const members = fleetOf(fails.length);
    const ejection = new Watched(random);
    const calls = fails.map(() => 0);
    for (let now = 0; now < forMs; now += 10) {
      const list = ejection.available(members, now);
      const member = list[Math.floor(random() * list.length)];
      if (member === undefined) throw new Error("nobody is there");
      ejection.begin(member, now);
      const index = members.indexOf(member);
      calls[index] = (calls[index] ?? 0) + 1;
      ejection.notes(member, random() < (fails[index] ?? 0) ? "failed" : "ok", now + 1);
    }
    const total = calls.reduce((sum, count) => sum + count, 0);
    return calls.map((count) => count / total);
  }

  test.each([1, 2, 3, 4, 5])("one of four that fails gets less than 2 %% (seed %p)", (seed) => {
    expect(run([1, 0, 0, 0], 60_000, seed)[0]).toBeLessThan(0.02);
  });

  test.each([1, 2, 3, 4, 5])("of four that all fail half, nobody is starved (seed %p)", (seed) => {
    for (const forMs of [60_000, 600_000]) {
      expect(Math.min(...run([0.5, 0.5, 0.5, 0.5], forMs, seed))).toBeGreaterThan(0.2);
    }
  });

  test.each([1, 2, 3, 4, 5])("of four that all fail, nobody is starved (seed %p)", (seed) => {
    expect(Math.min(...run([1, 1, 1, 1], 60_000, seed))).toBeGreaterThan(0.2);
  });

  test.each([1, 2, 3])("two of four that fail half get little (seed %p)", (seed) => {
    const [first = 1, second = 1] = run([0.5, 0.5, 0, 0], 120_000, seed);
    expect(first + second).toBeLessThan(0.1);
  });

  test.each([1, 2, 3])("members that rarely fail are all called (seed %p)", (seed) => {
    expect(Math.min(...run([0.01, 0.01, 0.01, 0.01, 0.01], 120_000, seed))).toBeGreaterThan(0.15);
  });
});
