import { expect, test } from "bun:test";
import { RegistryFeed } from "../../src/discovery/registry-feed.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { memoryLog } from "../support/memory-log.ts";
import { member, ScriptedRegistry } from "../support/scripted-registry.ts";

function setUp() {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const registry = new ScriptedRegistry(clock);
  const closing = new AbortController();
  const told: string[] = [];
  const feed = new RegistryFeed({
    registry: registry.client,
    clock,
    log,
    random: () => 1,
    signal: closing.signal,
    onAnswer: (_feed, news) => told.push(news ? "news" : "same"),
    onFailure: () => told.push("failure"),
  });
  const close = async (): Promise<void> => {
    closing.abort(new Error("closed"));
    await feed.ended();
  };
  return { clock, lines, registry, feed, told, close };
}

function digits(feed: RegistryFeed): string {
  return [...feed.replica.words()]
    .map(({ member: known }) => known.id?.[0] ?? "-")
    .sort()
    .join("");
}

test("it asks when it is told to, and for changes once it has the list", async () => {
  const { registry, feed, told } = setUp();
  registry.put(member("a"));
  expect([feed.answers, feed.old]).toEqual([false, false]);
  await feed.ask();
  await feed.ask();
  expect(registry.requests).toEqual(["", "?after=epoch1-1"]);
  expect([digits(feed), feed.answers, feed.old, told]).toEqual([
    "a",
    true,
    false,
    ["news", "same"],
  ]);
});

test("a watch waits at the registry, brings changes at once, and goes on", async () => {
  const { clock, registry, feed, told, close } = setUp();
  registry.put(member("a"));
  await feed.ask();
  feed.watch();
  feed.watch();
  await turn();
  expect([registry.watchers, registry.requests.at(-1)]).toEqual([
    1,
    "?after=epoch1-1&wait=60000ms",
  ]);
  registry.put(member("b"));
  await turn();
  await turn();
  expect([digits(feed), registry.watchers]).toEqual(["ab", 1]);
  registry.put(member("a", { draining: true }), member("b", { state: "left" }));
  await turn();
  await turn();
  expect([...feed.replica.words()]).toMatchObject([
    { member: { draining: true } },
    { member: { state: "left" } },
  ]);
  expect(told).toEqual(["news", "news", "news"]);
  await clock.advance(60_000);
  expect([told.at(-1), registry.watchers, registry.requests.length]).toEqual(["same", 1, 5]);
  await close();
  await turn();
  expect([registry.watchers, clock.pending()]).toEqual([0, 0]);
});

test("a watch keeps no process alive by its timers", async () => {
  const { clock, registry, feed, close } = setUp();
  registry.hung = true;
  feed.watch();
  await clock.advance(10_000);
  registry.hung = false;
  registry.down = true;
  await clock.advance(10_000);
  expect(clock.pending("foreground")).toBe(0);
  await close();
});

test("changes that never end are asked for at most every 100 ms, two at once", async () => {
  const { clock, registry, feed, close } = setUp();
  await feed.ask();
  feed.watch();
  await turn();
  const before = registry.requests.length;
  for (let ms = 0; ms < 1_000; ms++) {
    registry.put(member("a", { weight: ms }));
    await clock.advance(1);
  }
  const count = registry.requests.length - before;
  expect(count).toBeGreaterThanOrEqual(11);
  expect(count).toBeLessThanOrEqual(13);
  await close();
});

test("a registry that holds no watch is polled, slower and slower, every 3 s in the end", async () => {
  const { clock, registry, feed, close } = setUp();
  registry.impatient = true;
  await feed.ask();
  feed.watch();
  await clock.advance(10_000);
  const before = registry.requests.length;
  expect(before).toBeLessThan(15);
  await clock.advance(30_000);
  expect(registry.requests.length - before).toBe(10);
  // What it says then is heard as before.
  registry.put(member("a"));
  await clock.advance(3_000);
  expect(digits(feed)).toBe("a");
  registry.impatient = false;
  await clock.advance(3_000);
  expect(registry.watchers).toBe(1);
  await close();
});

test("a registry that is down is asked less and less often, and says so twice in the log", async () => {
  const { clock, registry, feed, told, lines, close } = setUp();
  registry.put(member("a"));
  await feed.ask();
  feed.watch();
  await turn();
  registry.down = true;
  registry.wake();
  await turn();
  // That a watch was cut off says little; the request after it tells.
  expect([feed.answers, lines]).toEqual([true, []]);
  await clock.advance(100);
  expect([feed.answers, feed.silentSince, feed.error?.code]).toEqual([
    false,
    clock.now(),
    "UNAVAILABLE",
  ]);
  const before = registry.requests.length;
  await clock.advance(600_000);
  expect(registry.requests.length - before).toBeLessThan(127);
  expect(registry.requests.length - before).toBeGreaterThan(110);
  registry.down = false;
  await clock.advance(5_000);
  expect([feed.answers, feed.silentSince, digits(feed), registry.watchers]).toEqual([
    true,
    undefined,
    "a",
    1,
  ]);
  expect(told.slice(-2)).toEqual(["failure", "news"]);
  expect(lines).toEqual([
    expect.stringMatching(/^warn registry gives no list url=.*refused.* kept=1$/),
    expect.stringMatching(/^warn registry answers again url=/),
  ]);
  await close();
});

test("a watch that something between cuts off each time is no failure", async () => {
  const { clock, registry, feed, told, lines, close } = setUp();
  await feed.ask();
  feed.watch();
  for (let round = 0; round < 5; round++) {
    await clock.advance(30_000);
    registry.down = true;
    registry.wake();
    await turn();
    registry.down = false;
    await clock.advance(1_000);
    expect(registry.watchers).toBe(1);
  }
  expect([lines, told.includes("failure")]).toEqual([[], false]);
  await close();
});

test("a registry that hangs is given up after the wait, the jitter and the time-out", async () => {
  const { clock, registry, feed, close } = setUp();
  await feed.ask();
  registry.hung = true;
  feed.watch();
  await clock.advance(60_000 + 3_750 + 1_999);
  expect(registry.requests).toHaveLength(2);
  await clock.advance(1 + 100);
  expect(registry.requests.slice(2)).toEqual(["?after=epoch1-0"]);
  await clock.advance(2_000);
  expect(feed.answers).toBe(false);
  await close();
});

test("a list that came apart is read anew at once", async () => {
  const { clock, registry, feed, lines, close } = setUp();
  registry.put(member("a"));
  await feed.ask();
  registry.put(member("b"));
  registry.lies = true;
  await feed.ask();
  expect(registry.requests).toEqual(["", "?after=epoch1-1", ""]);
  expect([digits(feed), lines]).toEqual(["ab", [expect.stringContaining("came apart")]]);
  registry.lies = false;
  await feed.ask();
  feed.watch();
  await turn();
  registry.put(member("c"));
  await turn();
  await turn();
  expect([digits(feed), registry.watchers]).toEqual(["abc", 1]);
  registry.lies = true;
  registry.put(member("d"));
  await clock.advance(100);
  expect([digits(feed), registry.requests.slice(-2)]).toEqual([
    "abcd",
    ["", "?after=epoch1-4&wait=60000ms"],
  ]);
  await close();
});

test("a registry that restarts is asked for all of it", async () => {
  const { clock, registry, feed, close } = setUp();
  registry.put(member("a"), member("b"));
  await feed.ask();
  feed.watch();
  await turn();
  registry.warming = true;
  registry.down = true;
  registry.restart([member("a")]);
  await turn();
  registry.down = false;
  await clock.advance(100);
  expect([digits(feed), feed.replica.warming, registry.watchers]).toEqual(["ab", true, 1]);
  registry.warming = false;
  registry.wake();
  await turn();
  await turn();
  expect([digits(feed), registry.watchers]).toEqual(["a", 1]);
  await close();
});

test("an old registry is not watched until it is one that can be", async () => {
  const { clock, registry, feed, close } = setUp();
  registry.kind = "old";
  registry.put(member("a"));
  feed.watch();
  await clock.advance(60_000);
  expect([registry.requests, feed.old, digits(feed)]).toEqual([[""], true, "-"]);
  registry.kind = "new";
  await feed.ask();
  await turn();
  expect([feed.old, digits(feed), registry.watchers]).toEqual([false, "a", 1]);
  registry.kind = "old";
  registry.put(member("b"));
  await turn();
  await turn();
  expect(registry.watchers).toBe(0);
  await clock.advance(1_000);
  expect([feed.old, digits(feed)]).toEqual([true, "--"]);
  const before = registry.requests.length;
  await clock.advance(600_000);
  expect(registry.requests.length).toBe(before);
  await close();
});

test("it says how its registry stands, as was last heard", async () => {
  const { registry, feed } = setUp();
  const { url } = registry.client;
  const calm = { url, answers: false, error: undefined, warming: false, frozen: false };
  expect(feed.status).toEqual(calm);
  registry.frozen = true;
  await feed.ask();
  expect(feed.status).toEqual({ ...calm, answers: true, frozen: true });
  registry.down = true;
  await feed.ask();
  expect(feed.status).toMatchObject({ answers: false, error: { code: "UNAVAILABLE" } });
});

test("that a registry is frozen is said once", async () => {
  const { registry, feed, lines } = setUp();
  for (const frozen of [true, true, false, false, true]) {
    registry.frozen = frozen;
    await feed.ask();
  }
  expect(lines).toEqual([
    expect.stringMatching(/^warn registry holds removals back/),
    expect.stringMatching(/^warn registry removes members again/),
    expect.stringMatching(/^warn registry holds removals back/),
  ]);
});
