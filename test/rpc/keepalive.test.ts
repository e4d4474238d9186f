import { expect, test } from "bun:test";
import { Deadlines } from "../../src/base/deadlines.ts";
import type { DeadlineEntry } from "../../src/base/deadlines.ts";
import { limits } from "../../src/base/limits.ts";
import { Keepalive } from "../../src/rpc/keepalive.ts";
import { FakeClock } from "../support/clock.ts";

const period = limits.pingIntervalMs;

/** A keepalive, and what it said, with the time since it was made. */
function open(options: { readonly onStale?: (keepalive: Keepalive) => void } = {}) {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const start = clock.now();
  const said: string[] = [];
  const say = (what: string): void => void said.push(`${clock.now() - start} ${what}`);
  const keepalive: Keepalive = new Keepalive({
    clock,
    deadlines,
    send: (token) => say(`ping ${token}`),
    stale() {
      say("stale");
      options.onStale?.(keepalive);
    },
    revived: () => say("revived"),
  });
  return { clock, deadlines, start, said, keepalive };
}

/** The loop stands still until so long after the next look is due, and then it goes on. */
async function lateBy(clock: FakeClock, lateMs: number): Promise<void> {
  clock.stall((clock.nextInMs() ?? 0) + lateMs);
  await clock.advance(0);
}

test("a ping leaves when nothing was heard for a period, and not before", async () => {
  const { clock, said } = open();
  await clock.advance(period - 1);
  expect(said).toEqual([]);
  await clock.advance(1);
  expect(said).toEqual(["5000 ping 1"]);
});

test("an idle connection whose peer answers is pinged for ever and never stale", async () => {
  const { clock, said, keepalive } = open();
  for (let second = 0; second < 60; second++) {
    const pings = said.length;
    await clock.advance(1_000);
    if (said.length > pings) keepalive.heard();
  }
  expect(said).toEqual([
    "5000 ping 1",
    "15000 ping 2",
    "25000 ping 3",
    "35000 ping 4",
    "45000 ping 5",
    "55000 ping 6",
  ]);
});

test("while bytes come no ping is sent, be it one read in each period", async () => {
  const { clock, said, keepalive } = open();
  for (let second = 0; second < 60; second++) {
    if (second % 5 === 3) keepalive.heard();
    await clock.advance(1_000);
  }
  expect(said).toEqual([]);
});

test("the second silent period in a row makes it stale, once, and pings go on", async () => {
  const { clock, said } = open();
  await clock.advance(2 * period - 1);
  expect(said).toEqual(["5000 ping 1"]);
  await clock.advance(2 * period + 1);
  expect(said).toEqual([
    "5000 ping 1",
    "10000 stale",
    "10000 ping 2",
    "15000 ping 3",
    "20000 ping 4",
  ]);
});

test("a read between two silent periods begins the count anew", async () => {
  const { clock, said, keepalive } = open();
  await clock.advance(2 * period - 1);
  keepalive.heard();
  await clock.advance(1 + period);
  expect(said).toEqual(["5000 ping 1", "15000 ping 2"]);
  await clock.advance(period);
  expect(said).toEqual(["5000 ping 1", "15000 ping 2", "20000 stale", "20000 ping 3"]);
});

test("bytes on a stale connection revive it, and after that it may become stale again", async () => {
  const { clock, said, keepalive } = open();
  await clock.advance(2 * period + 1);
  keepalive.heard();
  said.length = 0;
  await clock.advance(period);
  expect(said).toEqual(["15000 revived"]);
  await clock.advance(2 * period);
  expect(said).toEqual(["15000 revived", "20000 ping 3", "25000 stale", "25000 ping 4"]);
});

test("bytes on a connection that was silent for one period are no revival", async () => {
  const { clock, said, keepalive } = open();
  await clock.advance(period);
  keepalive.heard();
  await clock.advance(period);
  expect(said).toEqual(["5000 ping 1"]);
});

for (const [lateMs, counts] of [
  [limits.lateTurnMs, true],
  [limits.lateTurnMs + 1, false],
  [3_600_000, false],
] as const) {
  test(`a look that is ${lateMs} ms late ${counts ? "counts" : "does not count"}`, async () => {
    const { clock, said } = open();
    await clock.advance(period);
    await lateBy(clock, lateMs);
    expect(said.some((line) => line.endsWith("stale"))).toBe(counts);
  });
}

test("behind a look that did not count a whole period begins", async () => {
  const { clock, said } = open();
  await clock.advance(period);
  await lateBy(clock, 60_000);
  await clock.advance(period - 1);
  expect(said).toEqual(["5000 ping 1"]);
  await clock.advance(1);
  expect(said).toEqual(["5000 ping 1", "75000 stale", "75000 ping 2"]);
});

test("a process that is stopped again and again does not take its peer for dead", async () => {
  const { clock, said } = open();
  for (let stop = 0; stop < 10; stop++) await lateBy(clock, 60_000);
  expect(said).toEqual([]);
});

test("a loop that is a little late at every look finds a dead peer all the same", async () => {
  const { clock, said } = open();
  for (let look = 0; look < 4; look++) await lateBy(clock, limits.lateTurnMs + 10);
  expect(said).toEqual(["10060 ping 1", "15090 stale", "15090 ping 2", "20120 ping 3"]);
});

test("after a read a look that is a little late is excused again", async () => {
  const { clock, said, keepalive } = open();
  await lateBy(clock, limits.lateTurnMs + 10);
  keepalive.heard();
  await lateBy(clock, 0);
  await lateBy(clock, limits.lateTurnMs + 10);
  expect(said).toEqual([]);
});

test("what was heard counts at a late look too", async () => {
  const { clock, said, keepalive } = open();
  await clock.advance(2 * period);
  keepalive.heard();
  said.length = 0;
  await lateBy(clock, 60_000);
  expect(said).toEqual(["75000 revived"]);
});

test("closed it says nothing and leaves nothing behind; closing twice does nothing", async () => {
  const { clock, deadlines, said, keepalive } = open();
  keepalive.close();
  keepalive.close();
  keepalive.heard();
  expect(deadlines.size).toBe(0);
  await clock.advance(60_000);
  expect(said).toEqual([]);
  expect(clock.pending()).toBe(0);
});

test("who closes it when it is stale sees no further ping", async () => {
  const { clock, deadlines, said } = open({ onStale: (keepalive) => keepalive.close() });
  await clock.advance(60_000);
  expect(said).toEqual(["5000 ping 1", "10000 stale"]);
  expect(deadlines.size).toBe(0);
});

test("closed by what falls due at the same moment it stays closed", async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const said: string[] = [];
  const closing: { keepalive?: Keepalive } = {};
  const first: DeadlineEntry = {
    deadlineAt: clock.now() + period,
    previous: undefined,
    next: undefined,
    expired: () => closing.keepalive?.close(),
  };
  deadlines.add(first);
  closing.keepalive = new Keepalive({
    clock,
    deadlines,
    send: () => said.push("ping"),
    stale: () => said.push("stale"),
    revived: () => said.push("revived"),
  });
  await clock.advance(60_000);
  expect(said).toEqual([]);
  expect(deadlines.size).toBe(0);
});

test("many share one timer, which does not keep the process alive", () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const quiet = { clock, deadlines, send(): void {}, stale(): void {}, revived(): void {} };
  const all = Array.from({ length: 1_000 }, () => new Keepalive(quiet));
  expect(deadlines.size).toBe(1_000);
  expect(clock.pending()).toBe(1);
  expect(clock.pending("foreground")).toBe(0);
  for (const one of all) one.close();
  expect(deadlines.size).toBe(0);
});
