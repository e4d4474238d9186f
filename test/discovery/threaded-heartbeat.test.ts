import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import type { Heartbeat } from "../../src/discovery/heartbeat.ts";
import { createThreadedHeartbeat } from "../../src/discovery/threaded-heartbeat.ts";
import { FakeThread } from "../support/beat-thread.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { announcement, memoryLog, MemoryRegistry } from "../support/registry.ts";

interface Setup {
  readonly clock: FakeClock;
  readonly one: MemoryRegistry;
  readonly two: MemoryRegistry;
  readonly thread: FakeThread;
  readonly heartbeat: Heartbeat;
  readonly lines: string[];
  readonly said: { weight: number; load: number };
}

function setUp(startThread?: () => never): Setup {
  const clock = new FakeClock();
  const one = new MemoryRegistry(clock, silentLog, "one");
  const two = new MemoryRegistry(clock, silentLog, "two");
  const thread = new FakeThread(clock, [one, two]);
  const { log, lines } = memoryLog();
  const said = { weight: 3, load: 0 };
  const { revision: _none, ...description } = announcement({ leaseMs: 900 });
  const heartbeat = createThreadedHeartbeat({
    registries: [one.client, two.client],
    announcement: () => ({ ...description, ...said }),
    clock,
    log,
    random: () => 0.5,
    hungAfterMs: 5_000,
    startThread: startThread ?? thread.start,
  });
  return { clock, one, two, thread, heartbeat, lines, said };
}

const kinds = (thread: FakeThread): readonly string[] => thread.heard.map(({ kind }) => kind);

test("the thread is started behind the current turn, once, and gives a sign every half second", async () => {
  const { clock, one, two, thread, heartbeat, said } = setUp();
  heartbeat.start();
  heartbeat.start();
  expect(thread.starts).toBe(0);
  await turn();
  expect(thread.starts).toBe(1);
  expect(thread.heard).toMatchObject([
    { kind: "start", urls: [one.client.url, two.client.url], revision: 1, hungAfterMs: 5_000 },
  ]);
  await clock.advance(450);
  expect(kinds(thread)).toEqual(["start"]);
  said.load = 5;
  await clock.advance(1_050);
  expect(thread.heard.slice(1)).toMatchObject(
    [1, 2, 3].map(() => ({ kind: "sign", description: { load: 5 }, lagMs: 0 })),
  );
  expect(one.table.list()).toMatchObject([{ weight: 3, load: 5, state: "up" }]);
  expect(two.table.list()).toMatchObject([{ weight: 3, load: 5, state: "up" }]);
});

test("what waits between signs keeps no process alive", async () => {
  const { clock, heartbeat } = setUp();
  heartbeat.start();
  await clock.advance(1_000);
  expect([clock.pending(), clock.pending("foreground")]).toEqual([1, 0]);
});

test("a loop that stood still says so with its next tick", async () => {
  const { clock, thread, heartbeat } = setUp();
  heartbeat.start();
  await clock.advance(1_000);
  const before = thread.heard.length;
  clock.stall(20_030);
  await clock.advance(0);
  expect(thread.heard.slice(before)).toMatchObject([{ kind: "sign", lagMs: 19_930 }]);
  await clock.advance(500);
  expect(thread.heard.at(-1)).toMatchObject({ kind: "sign", lagMs: 0 });
});

test("short stalls add up to nothing: a sign carries the worst of its ticks", async () => {
  const { clock, thread, heartbeat } = setUp();
  heartbeat.start();
  await clock.advance(1_000);
  const before = thread.heard.length;
  for (const stallMs of [130, 190, 140]) {
    clock.stall(stallMs);
    await clock.advance(0);
  }
  await clock.advance(200);
  expect(thread.heard.slice(before)).toMatchObject([{ kind: "sign", lagMs: 90 }]);
});

test("an update reaches every registry at once, under the next revision", async () => {
  const { clock, one, two, heartbeat, said } = setUp();
  heartbeat.start();
  await clock.advance(1_000);
  said.weight = 4;
  heartbeat.update();
  await clock.advance(0);
  for (const { table } of [one, two]) {
    expect(table.list()).toMatchObject([{ weight: 4, revision: 2 }]);
  }
});

test("who waits for a registration hears of it, early or late", async () => {
  const { clock, one, two, heartbeat } = setUp();
  one.down = true;
  const early = heartbeat.registered();
  heartbeat.start();
  await clock.advance(1_000);
  expect([await early, await heartbeat.registered()]).toEqual([two.client.url, two.client.url]);
});

test("the thread's lines come into the program's log", async () => {
  const { clock, one, heartbeat, lines } = setUp();
  one.down = true;
  heartbeat.start();
  await clock.advance(1_000);
  expect(lines).toEqual([
    expect.stringMatching(/^warn registry takes no beats; .* url=http:\/\/one.*connection refused/),
  ]);
});

test("a withdrawal leaves every registry, and the thread ends without a word", async () => {
  const { clock, one, two, thread, heartbeat, lines } = setUp();
  heartbeat.start();
  await clock.advance(1_000);
  await Promise.all([heartbeat.withdraw(), heartbeat[Symbol.asyncDispose]()]);
  for (const { table } of [one, two]) {
    expect(table.list()).toMatchObject([{ state: "left", revision: 2 }]);
  }
  const before = [one.requests.length, thread.heard.length];
  heartbeat.update();
  heartbeat.start();
  await clock.advance(60_000);
  expect([one.requests.length, thread.heard.length]).toEqual(before);
  expect([kinds(thread).at(-1), clock.pending(), lines]).toEqual(["withdraw", 0, []]);
});

test("a server that stops before it began to beat starts no thread", async () => {
  const { clock, thread, heartbeat } = setUp();
  const waiting = heartbeat.registered();
  heartbeat.start();
  await heartbeat.withdraw();
  await clock.advance(1_000);
  expect([thread.starts, await waiting, clock.pending()]).toEqual([0, undefined, 0]);
});

test("a thread that says nothing is waited for no longer than a withdrawal may take", async () => {
  const { clock, thread, heartbeat } = setUp();
  heartbeat.start();
  await clock.advance(1_000);
  thread.isStuck = true;
  let done = false;
  const withdrawn = heartbeat.withdraw().then(() => (done = true));
  await clock.advance(2_249);
  expect(done).toBe(false);
  await clock.advance(1);
  await withdrawn;
  expect(clock.pending()).toBe(0);
});

test("when the thread fails this loop goes on where it was, and says so once", async () => {
  const { clock, one, two, thread, heartbeat, lines, said } = setUp();
  heartbeat.start();
  await clock.advance(1_000);
  said.weight = 4;
  heartbeat.update();
  await clock.advance(100);
  const { index } = one.table;
  // What the registries gave the thread is known here; without it they would take no beat.
  await heartbeat.registered();
  thread.end("error: out of luck");
  await clock.advance(10_000);
  expect(lines).toEqual([
    'warn what beats for this server has ended; beats come from the main loop from here on why="error: out of luck"',
  ]);
  expect([one.table.index, thread.starts]).toEqual([index, 1]);
  for (const { table } of [one, two]) {
    expect(table.list()).toMatchObject([{ state: "up", revision: 2, weight: 4 }]);
  }
  said.weight = 5;
  heartbeat.update();
  await clock.advance(0);
  expect(one.table.list()).toMatchObject([{ revision: 3, weight: 5 }]);
  await heartbeat.withdraw();
  expect(two.table.list()).toMatchObject([{ state: "left", revision: 4 }]);
  expect(clock.pending("foreground")).toBe(0);
});

test("a thread that fails before it has registered anything is replaced as well", async () => {
  const { clock, two, thread, heartbeat } = setUp();
  const waiting = heartbeat.registered();
  heartbeat.start();
  await turn();
  thread.end(undefined);
  await clock.advance(1_000);
  expect(two.table.list()).toMatchObject([{ state: "up", revision: 1 }]);
  expect(await waiting).toBeString();
});

test("where no thread can be made this loop beats from the start", async () => {
  const { clock, one, heartbeat, lines } = setUp(() => {
    throw new Error("no threads here");
  });
  heartbeat.start();
  await clock.advance(1_000);
  expect(lines).toEqual([expect.stringContaining('why="no threads here"')]);
  expect(one.table.list()).toMatchObject([{ state: "up" }]);
  await heartbeat.withdraw();
  expect(one.table.list()).toMatchObject([{ state: "left" }]);
});

test("a thread that fails while it withdraws leaves the rest to this loop", async () => {
  const { clock, one, two, thread, heartbeat } = setUp();
  heartbeat.start();
  await clock.advance(1_000);
  one.hung = true;
  const withdrawn = heartbeat.withdraw();
  await clock.advance(100);
  one.hung = false;
  thread.end("error: out of luck");
  await withdrawn;
  for (const { table } of [one, two]) {
    expect(table.list()).toMatchObject([{ state: "left", revision: 2 }]);
  }
  await clock.advance(60_000);
  expect(clock.pending()).toBe(0);
});
