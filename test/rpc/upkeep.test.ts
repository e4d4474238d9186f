import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { Upkeep } from "../../src/rpc/upkeep.ts";
import type { UpkeepOptions, UpkeepSession } from "../../src/rpc/upkeep.ts";
import { FakeClock, until } from "../support/clock.ts";

const period = limits.sweepMs;

/** A session that says what is done to it; `heard` is what its next look finds. */
class FakeSession implements UpkeepSession {
  isOpen = true;
  retireAt = 0;
  heard = false;
  looks = 0;
  readonly done: string[] = [];
  onPing: (() => void) | undefined = undefined;

  takeHeard(): boolean {
    this.looks++;
    const { heard } = this;
    this.heard = false;
    return heard;
  }

  ping(): void {
    this.done.push("ping");
    this.onPing?.();
  }

  giveUp(): void {
    this.done.push("give up");
  }

  retire(): void {
    this.done.push("retire");
  }
}

function open(count: number, options: Omit<UpkeepOptions, "clock"> = { maxConnectionAgeMs: 0 }) {
  const clock = new FakeClock();
  const upkeep = new Upkeep<FakeSession>({ clock, random: () => 0, ...options });
  const sessions = Array.from({ length: count }, () => new FakeSession());
  for (const session of sessions) upkeep.add(session);
  const [first = new FakeSession()] = sessions;
  return { clock, upkeep, sessions, first };
}

/** The loop stands still until so long after the next sweep is due, and then it goes on. */
async function lateBy(clock: FakeClock, lateMs: number): Promise<void> {
  clock.stall((clock.nextInMs() ?? 0) + lateMs);
  await clock.advance(0);
}

test("a silent session is pinged in one sweep and given up in the next, once", async () => {
  const { clock, first } = open(1);
  await clock.advance(period - 1);
  expect(first.done).toEqual([]);
  await clock.advance(1);
  expect(first.done).toEqual(["ping"]);
  await clock.advance(period - 1);
  expect(first.done).toEqual(["ping"]);
  await clock.advance(1);
  expect(first.done).toEqual(["ping", "give up"]);
  await clock.advance(10 * period);
  expect(first.done).toEqual(["ping", "give up"]);
  expect(clock.pending()).toBe(0);
});

test("a session that answers its pings is pinged for ever and never given up", async () => {
  const { clock, first } = open(1);
  first.onPing = () => {
    first.heard = true;
  };
  await clock.advance(6 * period);
  expect(first.done).toEqual(["ping", "ping", "ping"]);
});

test("a session that is heard in every period is left alone", async () => {
  const { clock, first } = open(1);
  for (let each = 0; each < 10; each++) {
    first.heard = true;
    await clock.advance(period);
  }
  expect(first.looks).toBe(10);
  expect(first.done).toEqual([]);
});

test("only the silent ones are pinged and given up", async () => {
  const { clock, sessions } = open(9);
  for (let each = 0; each < 3; each++) {
    for (const [index, session] of sessions.entries()) session.heard = index % 3 === 0;
    await clock.advance(period);
  }
  expect(sessions.map(({ done }) => done.join())).toEqual(
    sessions.map((_, index) => (index % 3 === 0 ? "" : "ping,give up")),
  );
});

test("a session that is not open is not even asked whether it was heard", async () => {
  const { clock, first } = open(1, { maxConnectionAgeMs: 1_000 });
  first.isOpen = false;
  await clock.advance(4 * period);
  expect(first.looks).toBe(0);
  expect(first.done).toEqual([]);
  first.isOpen = true;
  await clock.advance(period);
  expect(first.done).toEqual(["ping", "retire"]);
});

for (const [lateMs, gives] of [
  [limits.lateTurnMs, true],
  [limits.lateTurnMs + 1, false],
  [3_600_000, false],
] as const) {
  test(`a sweep that is ${lateMs} ms late ${gives ? "gives up" : "asks again"}`, async () => {
    const { clock, first } = open(1);
    await clock.advance(period);
    await lateBy(clock, lateMs);
    expect(first.done).toEqual(["ping", gives ? "give up" : "ping"]);
  });
}

test("a late sweep puts the end off by one period and not for ever", async () => {
  const { clock, first } = open(1);
  await clock.advance(period);
  await lateBy(clock, 60_000);
  await clock.advance(period - 1);
  expect(first.done).toEqual(["ping", "ping"]);
  await clock.advance(1);
  expect(first.done).toEqual(["ping", "ping", "give up"]);
});

test("a late sweep counts as heard for nobody", async () => {
  const { clock, first } = open(1);
  await lateBy(clock, 60_000);
  expect(first.done).toEqual(["ping"]);
  await clock.advance(period);
  expect(first.done).toEqual(["ping", "give up"]);
});

test("a process that is stopped again and again gives nobody up", async () => {
  const { clock, first } = open(1);
  for (let stop = 0; stop < 10; stop++) await lateBy(clock, 60_000);
  expect(first.done).toEqual(Array.from({ length: 10 }, () => "ping"));
});

test("a loop that is a little late at every sweep gives up who is gone all the same", async () => {
  const { clock, first } = open(1);
  for (let sweep = 0; sweep < 4; sweep++) await lateBy(clock, limits.lateTurnMs + 10);
  expect(first.done).toEqual(["ping", "give up"]);
});

test("a session that left is looked at no more, and leaving twice does nothing", async () => {
  const { clock, upkeep, sessions, first } = open(2);
  await clock.advance(period);
  upkeep.remove(first);
  upkeep.remove(first);
  await clock.advance(period);
  expect(sessions.map(({ done }) => done)).toEqual([["ping"], ["ping", "give up"]]);
});

test("one that leaves while it is pinged is neither retired nor given up", async () => {
  const { clock, upkeep, first } = open(1, { maxConnectionAgeMs: 1_000 });
  first.onPing = () => upkeep.remove(first);
  await clock.advance(10 * period);
  expect(first.done).toEqual(["ping"]);
  expect(clock.pending()).toBe(0);
});

test("of one that left nothing is remembered, were it taken in again", async () => {
  const { clock, upkeep, first } = open(1);
  await clock.advance(period);
  upkeep.remove(first);
  upkeep.add(first);
  first.onPing = () => upkeep.remove(first);
  await clock.advance(period);
  upkeep.add(first);
  await clock.advance(period);
  expect(first.done).toEqual(["ping", "ping", "ping"]);
});

test("one timer, in the background, and only while there are sessions", async () => {
  const { clock, upkeep, sessions } = open(0);
  expect(clock.pending()).toBe(0);
  for (let each = 0; each < 3; each++) sessions.push(new FakeSession());
  for (const session of sessions) upkeep.add(session);
  expect(clock.pending()).toBe(1);
  expect(clock.pending("foreground")).toBe(0);
  await clock.advance(period);
  expect(clock.pending()).toBe(1);
  for (const session of sessions) upkeep.remove(session);
  expect(clock.pending()).toBe(0);
  await clock.advance(period);
  const late = new FakeSession();
  upkeep.add(late);
  await clock.advance(period - 1);
  expect(late.looks).toBe(0);
  await clock.advance(1);
  expect(late.looks).toBe(1);
});

/** How often the sessions were looked at, together. */
function looks(sessions: readonly FakeSession[]): number {
  return sessions.reduce((sum, session) => sum + session.looks, 0);
}

/** A clock whose next phases come when the test says so. */
class PhasedClock extends FakeClock {
  readonly phases: (() => void)[] = [];

  override nextPhase(task: () => void): void {
    this.phases.push(task);
  }

  phase(): void {
    for (const task of this.phases.splice(0)) task();
  }
}

function openPhased(count: number) {
  const clock = new PhasedClock();
  const upkeep = new Upkeep<FakeSession>({ clock, maxConnectionAgeMs: 0 });
  const sessions = Array.from({ length: count }, () => new FakeSession());
  for (const session of sessions) upkeep.add(session);
  return { clock, upkeep, sessions };
}

test("a sweep of many takes one phase for each 500, and the next waits for its end", async () => {
  const { clock, sessions } = openPhased(1_250);
  await clock.advance(period);
  expect(looks(sessions)).toBe(500);
  clock.phase();
  expect(looks(sessions)).toBe(1_000);
  expect(clock.pending()).toBe(0);
  clock.phase();
  expect(looks(sessions)).toBe(1_250);
  expect(clock.phases).toHaveLength(0);
  expect(clock.nextInMs()).toBe(period);
});

test("sessions that come and go between two phases are met, or not, exactly once", async () => {
  const { clock, upkeep, sessions } = openPhased(600);
  await clock.advance(period);
  const newcomer = new FakeSession();
  upkeep.add(newcomer);
  for (const session of sessions.slice(0, 550)) upkeep.remove(session);
  clock.phase();
  expect(looks(sessions.slice(500, 550))).toBe(0);
  expect(looks(sessions.slice(550))).toBe(50);
  expect(newcomer.looks).toBe(1);
  expect(clock.pending()).toBe(1);
});

test("when all go between two phases no timer is left, and one for who comes then", async () => {
  const { clock, upkeep, sessions } = openPhased(600);
  await clock.advance(period);
  for (const session of sessions) upkeep.remove(session);
  const newcomer = new FakeSession();
  upkeep.add(newcomer);
  expect(clock.pending()).toBe(0);
  upkeep.remove(newcomer);
  clock.phase();
  expect(clock.pending()).toBe(0);
  upkeep.add(newcomer);
  expect(clock.pending()).toBe(1);
});

test("a late sweep is late in all its phases", async () => {
  const { clock, sessions } = openPhased(1_000);
  await clock.advance(period);
  clock.phase();
  clock.phase();
  await lateBy(clock, 60_000);
  clock.phase();
  expect(sessions.filter(({ done }) => done.includes("give up"))).toEqual([]);
});

for (const [random, agedMs] of [
  // 0.9 + 0.2 * ((random + golden ratio) mod 1) of ten minutes, and then to the next sweep.
  [0, 615_000],
  [0.4, 555_000],
] as const) {
  test(`an old session is retired once, ${agedMs} ms after its birth`, async () => {
    const ageMs = 600_000;
    const { clock, first } = open(1, { maxConnectionAgeMs: ageMs, random: () => random });
    first.onPing = () => {
      first.heard = true;
    };
    await clock.advance(agedMs - 1);
    expect(first.done).not.toContain("retire");
    await clock.advance(1);
    expect(first.done).toContain("retire");
    await clock.advance(3 * ageMs);
    expect(first.done.filter((what) => what === "retire")).toHaveLength(1);
  });
}

test("a connection is replaced after half an hour unless something else is said", async () => {
  const { clock, first } = open(1, {});
  first.onPing = () => {
    first.heard = true;
  };
  await clock.advance(27 * 60_000 - 1);
  expect(first.done).not.toContain("retire");
  await clock.advance(6 * 60_000 + period);
  expect(first.done).toContain("retire");
});

for (const maxConnectionAgeMs of [0, Number.POSITIVE_INFINITY]) {
  test(`with an age of ${maxConnectionAgeMs} nobody is retired`, async () => {
    const { clock, first } = open(1, { maxConnectionAgeMs });
    first.onPing = () => {
      first.heard = true;
    };
    await clock.advance(3_600_000);
    expect(first.done).not.toContain("retire");
  });
}

test("10,000 connections of one moment are retired evenly over the window", async () => {
  const { clock, sessions } = open(10_000, { maxConnectionAgeMs: 600_000, random: Math.random });
  const retired: number[] = [];
  for (let sweep = 1; sweep <= 45; sweep++) {
    for (const session of sessions) session.heard = true;
    await clock.advance(clock.nextInMs() ?? 0);
    await until(() => clock.pending() === 1, "the end of a sweep");
    retired.push(sessions.filter(({ done }) => done.length > 0).length);
  }
  const bySweep = retired.map((sum, index) => sum - (retired[index - 1] ?? 0));
  const window = bySweep.slice(36, 44);
  // From 540 s to 660 s are eight sweeps.
  expect(bySweep.slice(0, 36).every((count) => count === 0)).toBe(true);
  expect(window.reduce((sum, count) => sum + count, 0)).toBe(10_000);
  for (const count of window) expect(Math.abs(count - 1_250)).toBeLessThan(20);
});
