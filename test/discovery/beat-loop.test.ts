import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { BeatLoop, type BeatState } from "../../src/discovery/beat-loop.ts";
import type { Announcement } from "../../src/discovery/member.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { announcement, idOf, memoryLog, MemoryRegistry } from "../support/registry.ts";

interface Setup {
  readonly clock: FakeClock;
  readonly registry: MemoryRegistry;
  readonly loop: BeatLoop;
  readonly lines: string[];
  readonly states: string[];
  /** What the server says of itself from now on. */
  say(changes: Partial<Announcement>): void;
}

function setUp(random = 0.5): Setup {
  const clock = new FakeClock();
  const registry = new MemoryRegistry(clock, silentLog);
  const { log, lines } = memoryLog();
  const states: string[] = [];
  let said = announcement({ leaseMs: 600 });
  const loop = new BeatLoop({
    registry: registry.client,
    announcement: () => said,
    clock,
    log,
    random: () => random,
    onState: (state: BeatState) => states.push(state.kind),
  });
  const say = (changes: Partial<Announcement>): void => {
    said = { ...said, ...changes };
  };
  return { clock, registry, loop, lines, states, say };
}

test("the first beat comes after a random part of 250 ms, the next ones a third of the lease apart", async () => {
  const { clock, registry, loop, states } = setUp();
  loop.start();
  await clock.advance(124);
  expect(registry.requests).toEqual([]);
  await clock.advance(1);
  expect(registry.requests).toEqual(["POST"]);
  await clock.advance(199);
  expect(registry.requests).toHaveLength(1);
  await clock.advance(1);
  expect(registry.requests).toHaveLength(2);
  await clock.advance(60_000);
  expect(registry.requests).toHaveLength(302);
  expect(registry.table.list()).toMatchObject([{ state: "up", ageMs: 60_200 }]);
  expect(states).toEqual(["registered"]);
});

test.each([
  [0, 0, 180],
  [1, 250, 220],
])(
  "with %d for random the stagger is %d ms and the period %d ms",
  async (random, first, period) => {
    const { clock, registry, loop } = setUp(random);
    loop.start();
    await clock.advance(first);
    expect(registry.requests).toHaveLength(1);
    expect(clock.nextInMs()).toBeCloseTo(period, 6);
  },
);

test("what waits between beats does not keep the process alive", async () => {
  const { clock, loop } = setUp();
  loop.start();
  await clock.advance(1_000);
  expect([clock.pending(), clock.pending("foreground")]).toEqual([1, 0]);
});

test("a registry that restarted empty knows the instance again within one interval", async () => {
  const { clock, registry, loop } = setUp();
  loop.start();
  await clock.advance(1_000);
  registry.restart();
  await clock.advance(200);
  expect(registry.table.addresses()).toHaveLength(1);
});

test("after an outage, however long, the registry knows the instance within one interval", async () => {
  const { clock, registry, loop, lines, states } = setUp();
  loop.start();
  await clock.advance(1_000);
  registry.down = true;
  await clock.advance(3_600_000);
  registry.down = false;
  registry.restart();
  await clock.advance(200);
  expect(registry.table.addresses()).toHaveLength(1);
  expect(lines).toEqual([
    expect.stringMatching(/^warn registry takes no beats; will keep trying .*connection refused/),
    expect.stringMatching(/^warn registry takes beats again /),
  ]);
  expect(states).toEqual(["registered", "failing", "registered"]);
});

test("a lost answer to the first registration locks nobody out", async () => {
  const { clock, registry, loop } = setUp();
  registry.losesAnswers = true;
  loop.start();
  await clock.advance(125);
  expect(registry.table.addresses()).toHaveLength(1);
  registry.losesAnswers = false;
  await clock.advance(10_000);
  expect(registry.table.list()).toMatchObject([{ state: "up" }]);
  expect(registry.table.index).toBe(1);
});

test("a restart whose new answer was lost locks nobody out either", async () => {
  const { clock, registry, loop } = setUp();
  loop.start();
  await clock.advance(125);
  registry.restart();
  registry.table.put(announcement());
  await clock.advance(200);
  await clock.advance(10_000);
  expect(registry.table.list()).toMatchObject([{ state: "up" }]);
});

test("an answer that never comes is given up for another beat", async () => {
  const { clock, registry, loop } = setUp();
  loop.start();
  await clock.advance(1_000);
  registry.hung = true;
  await clock.advance(300);
  registry.hung = false;
  await clock.advance(1_000);
  expect(registry.table.list()).toMatchObject([{ state: "up" }]);
});

test("news that come during a beat are told right after it", async () => {
  const { clock, registry, loop, say } = setUp();
  loop.start();
  await clock.advance(124);
  const advanced = clock.advance(1);
  await turn();
  say({ revision: 2, weight: 0 });
  loop.wake();
  await advanced;
  await clock.advance(0);
  expect(registry.table.list()).toMatchObject([{ revision: 2, weight: 0 }]);
});

test("a broken description is a failed beat, and not the end", async () => {
  const { clock, registry, loop, lines } = setUp();
  const broken = new BeatLoop({
    registry: registry.client,
    announcement: () => {
      throw new Error("no idea");
    },
    clock,
    log: memoryLog().log,
    random: () => 0.5,
    onState: (state) => lines.push(state.kind),
  });
  broken.start();
  await clock.advance(60_000);
  expect(lines).toEqual(["failing"]);
  expect(clock.pending()).toBe(1);
  await loop.withdraw(2, new AbortController().signal);
});

test("withdrawing waits for the beat under way, as its answer has the secret", async () => {
  const { clock, registry, loop } = setUp();
  loop.start();
  const advanced = clock.advance(125);
  const withdrawn = loop.withdraw(2, new AbortController().signal);
  await Promise.all([advanced, withdrawn]);
  expect(registry.table.addresses()).toEqual([]);
  await clock.advance(60_000);
  expect(registry.table.addresses()).toEqual([]);
});

test("withdrawing gives up a beat that hangs when the signal says so", async () => {
  const { clock, registry, loop } = setUp();
  loop.start();
  await clock.advance(125);
  registry.hung = true;
  await clock.advance(200);
  const controller = new AbortController();
  const withdrawn = loop.withdraw(2, controller.signal);
  await turn();
  controller.abort(new Error("no more time"));
  await withdrawn;
  expect(clock.pending()).toBe(0);
});

test("withdrawing before the start, and before the first beat, asks nothing of the registry", async () => {
  const { clock, registry, loop } = setUp();
  loop.start();
  await loop.withdraw(2, new AbortController().signal);
  await clock.advance(60_000);
  expect([registry.requests, clock.pending()]).toEqual([[], 0]);
  expect(registry.table.list()).not.toContainEqual(expect.objectContaining({ id: idOf("a") }));
});
