import { expect, test } from "bun:test";
import { join as joinPath } from "node:path";
import { parseAddress } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import { ListCache } from "../../src/discovery/list-cache.ts";
import type { Announcement, Member } from "../../src/discovery/member.ts";
import {
  createFixedResolver,
  createRegistryResolver,
  type Resolver,
} from "../../src/discovery/resolver.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { folder } from "../support/folder.ts";
import { memoryLog } from "../support/memory-log.ts";
import { announcement, idOf, MemoryRegistry } from "../support/registry.ts";
import { member, ScriptedRegistry } from "../support/scripted-registry.ts";

interface Setup {
  readonly clock: FakeClock;
  readonly one: ScriptedRegistry;
  readonly two: ScriptedRegistry;
  readonly resolver: Resolver;
  readonly lines: string[];
}

function setUp(kind: "new" | "old" = "new", cache?: ListCache, clock = new FakeClock()): Setup {
  const { log, lines } = memoryLog();
  const one = new ScriptedRegistry(clock, "one");
  const two = new ScriptedRegistry(clock, "two");
  one.kind = kind;
  two.kind = kind;
  const registries = [one.client, two.client];
  const resolver = createRegistryResolver({ registries, clock, log, random: () => 1, cache });
  return { clock, one, two, resolver, lines };
}

function join(registry: ScriptedRegistry, digit: string, changes: Partial<Member> = {}): void {
  registry.put(member(digit, changes));
}

/** A list that has been in use for so long that it is watched. */
async function watched(setup: Setup): Promise<void> {
  await setup.resolver.members();
  await setup.clock.advance(3_000);
  await setup.resolver.members();
  await turn();
}

/** What a watch brings is there. */
async function told(): Promise<void> {
  await turn();
  await turn();
}

function digits(members: readonly { readonly id?: string | undefined }[] | undefined): string {
  return (members ?? []).map(({ id }) => id?.[0] ?? "-").join("");
}

async function failureOf(work: Promise<unknown>): Promise<GeeError> {
  try {
    await work;
  } catch (thrown) {
    return GeeError.from(thrown);
  }
  throw new Error("it did not fail");
}

test("a fixed list is sorted, has each address once, and never changes", async () => {
  const addresses = ["tcp@b:1", "tcp@a:1", "tcp@b:1"].map(parseAddress);
  const resolver = createFixedResolver(addresses);
  const members = await resolver.members();
  expect<unknown[]>(members.map(({ address }) => address)).toEqual(["tcp@a:1", "tcp@b:1"]);
  await resolver.refresh();
  expect(resolver.current()).toBe(members);
  await resolver[Symbol.asyncDispose]();
});

test("nobody is asked before the first use, which waits for the list", async () => {
  const { clock, one, resolver } = setUp();
  join(one, "b");
  join(one, "a");
  await clock.advance(60_000);
  expect([resolver.current(), one.requests]).toEqual([undefined, []]);
  expect(digits(await resolver.members())).toBe("ab");
  expect(digits(resolver.current())).toBe("ab");
});

test("first uses at one time share one round", async () => {
  const { one, two, resolver } = setUp();
  join(one, "a");
  await Promise.all(Array.from({ length: 50 }, () => resolver.members()));
  expect([one.requests, two.requests]).toEqual([[""], [""]]);
});

test("the lists of several registries are one list", async () => {
  const { one, two, resolver } = setUp();
  join(one, "c");
  join(one, "a");
  join(two, "a");
  join(two, "b");
  expect(digits(await resolver.members())).toBe("abc");
});

test("one registry that is down harms nothing, and is one line in the log", async () => {
  const { clock, one, two, resolver, lines } = setUp();
  join(one, "a");
  two.down = true;
  for (let n = 0; n < 5; n++) {
    expect(digits(await resolver.members())).toBe("a");
    await clock.advance(3_000);
  }
  two.down = false;
  await clock.advance(5_000);
  expect(lines).toEqual([
    expect.stringMatching(/^warn registry gives no list url=http:\/\/two\.test.*refused/),
    expect.stringMatching(/^warn registry answers again url=http:\/\/two\.test/),
  ]);
});

test("one registry that hangs holds up the first use for 100 ms, and its answer counts when it comes", async () => {
  const { clock, one, two, resolver } = setUp();
  join(one, "a");
  two.hung = true;
  let found = "";
  const first = resolver.members().then((members) => (found = digits(members)));
  await clock.advance(99);
  expect(found).toBe("");
  await clock.advance(1);
  await first;
  expect(found).toBe("a");
  await clock.advance(2_000);
  expect(digits(resolver.current())).toBe("a");
  expect(clock.pending("foreground")).toBe(0);
});

test("an empty registry does not stand in for one that is slower", async () => {
  const { clock, two, resolver } = setUp();
  join(two, "a");
  two.slow = Promise.withResolvers();
  const first = resolver.members();
  await clock.advance(500);
  expect(resolver.current()).toBeUndefined();
  two.slow.resolve();
  expect(digits(await first)).toBe("a");
});

test("when no registry answers the first use fails with every reason, and the next one asks again", async () => {
  const { clock, one, two, resolver } = setUp();
  one.down = true;
  two.down = true;
  const error = await failureOf(resolver.members());
  expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "NO_REGISTRY", executed: "no" });
  expect(error.message).toContain("http://one.test/_geerpc_/registry: connection refused");
  expect(error.message).toContain("http://two.test/_geerpc_/registry: connection refused");
  expect(error.hint).toContain("gee registry");
  one.down = false;
  join(one, "a");
  const members = resolver.members();
  await clock.advance(100);
  expect(digits(await members)).toBe("a");
});

test("registries that all refuse are not said to be away, and one that lets in is enough", async () => {
  const { clock, one, two, resolver } = setUp();
  one.refuses = "UNAUTHENTICATED";
  two.refuses = "UNAUTHENTICATED";
  const error = await failureOf(resolver.members());
  expect(error).toMatchObject({ code: "UNAUTHENTICATED", reason: "REGISTRY_REFUSED" });
  expect([error.executed, error.message]).toEqual(["no", expect.stringContaining("two.test")]);
  expect(error.hint).toContain("--token-file");
  two.refuses = undefined;
  join(two, "a");
  const members = resolver.members();
  await clock.advance(1_000);
  expect(digits(await members)).toBe("a");
});

test("an old registry is asked again when its list is in use and older than 3 s, and nobody waits", async () => {
  const { clock, one, resolver } = setUp("old");
  join(one, "a");
  await resolver.members();
  join(one, "b");
  await clock.advance(2_999);
  await resolver.members();
  expect(one.requests).toHaveLength(1);
  await clock.advance(1);
  const [again, more] = await Promise.all([resolver.members(), resolver.members()]);
  expect([again.length, more.length]).toEqual([1, 1]);
  await turn();
  expect(await resolver.members()).toHaveLength(2);
  expect(one.requests).toHaveLength(2);
  await clock.advance(600_000);
  expect(one.requests).toHaveLength(2);
});

test("a list that is used for 3 s is watched, and a short use is one request", async () => {
  const { clock, one, two, resolver } = setUp();
  join(one, "a");
  await resolver.members();
  await clock.advance(2_999);
  await resolver.members();
  expect([one.requests, one.watchers]).toEqual([[""], 0]);
  await clock.advance(1);
  expect(digits(resolver.current())).toBe("a");
  await turn();
  expect([one.watchers, two.watchers]).toEqual([1, 1]);
  for (let second = 0; second < 600; second++) {
    await clock.advance(1_000);
    resolver.current();
  }
  expect(one.requests.length).toBe(12);
});

test("a watched list has all news at once: who joins, drains, leaves, is late", async () => {
  const setup = setUp();
  const { one, resolver } = setup;
  join(one, "a");
  join(one, "b");
  await watched(setup);
  join(one, "c");
  await told();
  expect(digits(resolver.current())).toBe("abc");
  join(one, "a", { draining: true });
  join(one, "b", { state: "left" });
  await told();
  expect(resolver.current()).toMatchObject([{ draining: true }, { state: "up" }]);
  join(one, "a", { state: "suspect" });
  await setup.clock.advance(100);
  expect(digits(resolver.current())).toBe("ca");
  expect(resolver.current()?.map(({ state }) => state)).toEqual(["up", "suspect"]);
});

test("the same list is the same object, however often it is confirmed", async () => {
  const setup = setUp();
  join(setup.one, "a");
  await watched(setup);
  const list = setup.resolver.current();
  await setup.clock.advance(600_000);
  await setup.resolver.refresh();
  expect(setup.resolver.current()).toBe(list);
});

test("a watched list is answered without a look at the clock", async () => {
  let looks = 0;
  class CountingClock extends FakeClock {
    override now(): number {
      looks++;
      return super.now();
    }
  }
  const setup = setUp("new", undefined, new CountingClock());
  join(setup.one, "a");
  await watched(setup);
  looks = 0;
  setup.resolver.current();
  expect(looks).toBe(0);
});

test("a registry that turns out to be old only later is asked from then on", async () => {
  const setup = setUp();
  const { clock, one, two, resolver } = setup;
  two.kind = "old";
  two.down = true;
  join(one, "a");
  await watched(setup);
  two.down = false;
  join(two, "b");
  await clock.advance(5_000);
  expect(resolver.current()).toHaveLength(2);
  join(two, "c");
  for (let second = 0; second < 4; second++) {
    resolver.current();
    await clock.advance(1_000);
  }
  expect(resolver.current()).toHaveLength(3);
});

test("an old registry beside a new one is asked, and the new one watched", async () => {
  const setup = setUp();
  const { clock, one, two, resolver } = setup;
  two.kind = "old";
  join(one, "a");
  join(two, "b");
  await watched(setup);
  expect([one.watchers, two.requests.length]).toEqual([1, 2]);
  join(two, "c");
  await clock.advance(3_000);
  resolver.current();
  await turn();
  expect(resolver.current()).toHaveLength(3);
  expect(one.requests).toHaveLength(2);
  // It is replaced by one of ours.
  two.kind = "new";
  await clock.advance(3_000);
  resolver.current();
  await told();
  expect([one.watchers, two.watchers]).toEqual([1, 1]);
});

test.each(["new", "old"] as const)(
  "losing every registry, %s ones, leaves the list good for ever, and asks them seldom (F21)",
  async (kind) => {
    const { clock, one, two, resolver, lines } = setUp(kind);
    join(one, "a");
    const before = (await resolver.members()).map(({ address }) => address);
    one.down = true;
    two.down = true;
    for (let second = 0; second < 3_600; second++) {
      await clock.advance(1_000);
      expect((await resolver.members()).map(({ address }) => address)).toEqual(before);
    }
    expect(one.requests.length).toBeLessThan(740);
    expect(one.requests.length).toBeGreaterThan(600);
    expect(lines).toHaveLength(2);
    one.down = false;
    join(one, "b");
    await clock.advance(5_000);
    await resolver.members();
    await turn();
    expect(await resolver.members()).toHaveLength(2);
  },
);

test("registries that are down for ten minutes fail no use, and their news come when they are back", async () => {
  const setup = setUp();
  const { clock, one, two, resolver } = setup;
  join(one, "a");
  join(two, "a");
  await watched(setup);
  for (const registry of [one, two]) {
    registry.down = true;
    registry.wake();
  }
  for (let second = 0; second < 600; second++) {
    await clock.advance(1_000);
    expect(resolver.current()).toMatchObject([{ state: "up" }]);
  }
  one.down = false;
  join(one, "a", { state: "left" });
  join(one, "b");
  await clock.advance(5_000);
  expect(digits(resolver.current())).toBe("b");
});

test("a refresh after a failed connect brings the news, and one round serves all", async () => {
  const { clock, one, resolver } = setUp();
  join(one, "a");
  join(one, "b");
  await resolver.members();
  join(one, "a", { state: "left" });
  await clock.advance(100);
  await Promise.all([resolver.refresh(), resolver.refresh(), resolver.refresh()]);
  expect(digits(resolver.current())).toBe("b");
  expect(one.requests).toHaveLength(2);
});

test("refreshes that follow one another at once wait for one round that they share", async () => {
  const { clock, one, resolver } = setUp();
  join(one, "a");
  await resolver.members();
  const refreshed = Promise.all(Array.from({ length: 100 }, () => resolver.refresh()));
  expect(one.requests).toHaveLength(1);
  join(one, "b");
  await clock.advance(100);
  await refreshed;
  expect(one.requests).toHaveLength(2);
  expect(digits(resolver.current() ?? [])).toBe("ab");
});

test("before anybody has answered, callers in a hurry share rounds that back off", async () => {
  const { clock, one, two, resolver } = setUp();
  one.down = true;
  two.down = true;
  await failureOf(resolver.members());
  const waiting = Array.from({ length: 1_000 }, () => failureOf(resolver.members()));
  expect(one.requests).toHaveLength(1);
  await clock.advance(100);
  await Promise.all(waiting);
  expect(one.requests).toHaveLength(2);
});

test("a refresh asks for changes alone, beside a watch too", async () => {
  const setup = setUp();
  const { one, resolver } = setup;
  join(one, "a");
  await watched(setup);
  const before = one.requests.length;
  await resolver.refresh();
  expect(one.requests.slice(before)).toEqual(["?after=epoch1-1"]);
  // A watch that hangs hides nothing from a caller that has just failed.
  one.hung = true;
  join(one, "b");
  await told();
  one.hung = false;
  await setup.clock.advance(100);
  await resolver.refresh();
  expect(digits(resolver.current())).toBe("ab");
});

test("a refresh while every registry is down resolves", async () => {
  const { one, two, resolver } = setUp();
  one.down = true;
  two.down = true;
  await resolver.refresh();
  expect(resolver.current()).toBeUndefined();
  // They have a rest then, and nobody waits for its end.
  await resolver.refresh();
  expect([one.requests, two.requests]).toEqual([[""], [""]]);
});

test("a registry that restarted empty does not empty the list before one lease has passed", async () => {
  const setup = setUp();
  const { clock, one, two, resolver } = setup;
  join(one, "a");
  await watched(setup);
  two.down = true;
  one.restart();
  await told();
  await clock.advance(8_999);
  expect(digits(await resolver.members())).toBe("a");
  await clock.advance(1);
  expect(digits(resolver.current())).toBe("");
});

test("members that come back within the lease were never away", async () => {
  const setup = setUp();
  const { clock, one, resolver } = setup;
  join(one, "a");
  await watched(setup);
  for (let round = 0; round < 5; round++) {
    one.restart();
    await clock.advance(6_000);
    expect(digits(resolver.current())).toBe("a");
    join(one, "a");
    await clock.advance(6_000);
    expect(digits(resolver.current())).toBe("a");
  }
});

test("a registry that restarts, warming, loses nobody at any moment (F22)", async () => {
  const setup = setUp();
  const { clock, one, two, resolver } = setup;
  for (const digit of "abcd") join(one, digit);
  await watched(setup);
  // It is killed, and started again two seconds later with nothing in its memory.
  one.down = true;
  one.wake();
  await clock.advance(2_000);
  one.warming = true;
  one.restart();
  one.down = false;
  for (const digit of "abc") {
    await clock.advance(1_000);
    expect(digits(resolver.current())).toBe("abcd");
    join(one, digit);
  }
  await clock.advance(6_000);
  expect(digits(resolver.current())).toBe("abcd");
  // One has not come back within the lease.
  one.warming = false;
  one.wake();
  await clock.advance(100);
  expect([digits(resolver.current()), one.watchers]).toEqual(["abc", 1]);
  expect(two.watchers).toBe(1);
});

test("registries that disagree lose nobody to whoever switches between them (F26)", async () => {
  const setup = setUp();
  const { clock, one, two, resolver } = setup;
  for (const digit of "abc") join(one, digit);
  join(two, "b");
  await watched(setup);
  for (const [near, far] of [
    [two, one],
    [one, two],
    [two, one],
  ] as const) {
    near.down = false;
    far.down = true;
    far.wake();
    for (let second = 0; second < 60; second++) {
      await clock.advance(1_000);
      expect(digits(resolver.current()).split("").sort().join("")).toBe("abc");
    }
    // What only the silent one lists is still there, behind whoever is certain.
    expect(digits(resolver.current())).toBe(near === two ? "bac" : "abc");
  }
});

test("the last server that leaves by its own word is gone at once", async () => {
  const { clock, one, resolver } = setUp();
  join(one, "a");
  await resolver.members();
  join(one, "a", { state: "left" });
  await clock.advance(100);
  await resolver.refresh();
  expect(resolver.current()).toEqual([]);
});

test("an empty list is no good list: the next use waits for news", async () => {
  const { clock, one, resolver } = setUp();
  expect(await resolver.members()).toEqual([]);
  join(one, "a");
  await clock.advance(100);
  expect(digits(await resolver.members())).toBe("a");
});

test("a closed resolver ends its watches", async () => {
  const setup = setUp();
  const { clock, one, two, resolver, lines } = setup;
  join(one, "a");
  await watched(setup);
  two.down = true;
  two.wake();
  await clock.advance(10_000);
  await resolver[Symbol.asyncDispose]();
  await turn();
  const before = one.requests.length + two.requests.length;
  resolver.current();
  await clock.advance(600_000);
  expect([one.watchers, one.requests.length + two.requests.length]).toEqual([0, before]);
  expect([clock.pending(), lines.length]).toEqual([0, 1]);
});

test("a closed resolver forgets what it wanted to look at again", async () => {
  const setup = setUp();
  const { clock, one, resolver } = setup;
  join(one, "a");
  await watched(setup);
  one.restart();
  await told();
  expect(digits(resolver.current())).toBe("a");
  await resolver[Symbol.asyncDispose]();
  await turn();
  expect(clock.pending()).toBe(0);
});

test("a closed resolver fails, gives up what it asked, and leaves no timer", async () => {
  const { clock, one, two, resolver, lines } = setUp();
  one.hung = true;
  two.hung = true;
  const first = failureOf(resolver.members());
  await turn();
  await resolver[Symbol.asyncDispose]();
  await resolver[Symbol.asyncDispose]();
  expect((await first).code).toBe("UNAVAILABLE");
  expect((await failureOf(resolver.members())).message).toContain("closed");
  await resolver.refresh();
  expect([clock.pending(), lines]).toEqual([0, []]);
});

// Beside our own registry.

test("a client and our own registry: joins, leavings, lateness, restarts", async () => {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const registry = new MemoryRegistry(clock, log);
  const resolver = createRegistryResolver({ registries: [registry.client], clock, log });
  const running = new Map<string, Announcement>();
  const secrets = new Map<string, string>();
  const beat = (): void => {
    for (const [digit, instance] of running) {
      secrets.set(digit, registry.table.put(instance, secrets.get(digit)).secret);
    }
  };
  const pass = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 1_000) {
      beat();
      await clock.advance(Math.min(1_000, ms - at));
    }
  };
  const enter = (digit: string): void => {
    const address = parseAddress(`tcp@host-${digit}:1`);
    running.set(digit, announcement({ id: idOf(digit), address }));
    beat();
  };
  for (const digit of "abcde") enter(digit);
  expect(digits(await resolver.members())).toBe("abcde");
  await pass(3_000);
  resolver.current();
  await pass(9_000);
  expect([registry.watchers, digits(resolver.current())]).toEqual([1, "abcde"]);
  enter("f");
  await clock.advance(10);
  expect(digits(resolver.current())).toBe("abcdef");
  running.delete("a");
  registry.table.leave(idOf("a"), secrets.get("a") ?? "", 2);
  await clock.advance(10);
  expect(digits(resolver.current())).toBe("bcdef");
  running.delete("b");
  await pass(9_500);
  expect(resolver.current()?.map(({ state }) => state)).toEqual([
    "up",
    "up",
    "up",
    "up",
    "suspect",
  ]);
  expect(digits(resolver.current())).toBe("cdefb");
  // It restarts with nothing, and those that beat are back within a second.
  registry.restart();
  secrets.clear();
  await clock.advance(900);
  expect(digits(resolver.current())).toBe("cdefb");
  await pass(20_000);
  expect([digits(resolver.current()), registry.watchers]).toEqual(["cdef", 1]);
  expect(registry.requests.length).toBeLessThan(30);
  expect(lines.filter((line) => line.startsWith("warn"))).toEqual([]);
  await resolver[Symbol.asyncDispose]();
});

// A list in a file.

function cacheIn(path: string, clock: FakeClock): ListCache {
  const { log } = memoryLog();
  const registries = ["one", "two"].map((name) => `http://${name}.test/_geerpc_/registry`);
  return new ListCache({ file: joinPath(path, "list.json"), registries, clock, log });
}

/** A folder whose file has the members "a" and "b", saved just now. */
async function saved(clock: FakeClock) {
  const place = await folder();
  const { one, resolver } = setUp("new", cacheIn(place.path, clock), clock);
  join(one, "a");
  join(one, "b");
  await resolver.members();
  await resolver[Symbol.asyncDispose]();
  return place;
}

test("a client that starts while every registry is down uses the saved list, and says so", async () => {
  const clock = new FakeClock();
  await using place = await saved(clock);
  await clock.advance(60_000);
  const { one, two, resolver, lines } = setUp("new", cacheIn(place.path, clock), clock);
  one.down = true;
  two.down = true;
  expect(digits(await resolver.members())).toBe("ab");
  expect(lines.filter((line) => line.includes("saved"))).toEqual([
    "warn no registry answers; a saved list is used members=2 ageS=60",
  ]);
  // It is the registry's list again as soon as one answers.
  resolver.current();
  one.down = false;
  join(one, "c");
  await clock.advance(5_000);
  expect(digits(resolver.current())).toBe("c");
  for (const digit of "de") {
    join(one, digit);
    await told();
  }
  await resolver[Symbol.asyncDispose]();
  const file = await Bun.file(joinPath(place.path, "list.json")).text();
  expect([file.includes("host-a"), file.includes("host-e")]).toEqual([false, true]);
});

test("it is never used while a registry answers, though that one knows nobody", async () => {
  const clock = new FakeClock();
  await using place = await saved(clock);
  const { one, two, resolver } = setUp("new", cacheIn(place.path, clock), clock);
  one.down = true;
  two.warming = true;
  expect(await resolver.members()).toEqual([]);
  await resolver[Symbol.asyncDispose]();
});

test("nor when it is more than a day old", async () => {
  const clock = new FakeClock();
  await using place = await saved(clock);
  const { one, two, resolver } = setUp("new", cacheIn(place.path, clock), clock);
  one.down = true;
  two.down = true;
  clock.jumpWall(86_400_001);
  expect((await failureOf(resolver.members())).reason).toBe("NO_REGISTRY");
  await resolver[Symbol.asyncDispose]();
});

test("a list that stays the same for days is still saved as new", async () => {
  const clock = new FakeClock();
  await using place = await folder();
  const setup = setUp("new", cacheIn(place.path, clock), clock);
  join(setup.one, "a");
  await watched(setup);
  await clock.advance(48 * 3_600_000);
  const reader = cacheIn(place.path, clock);
  await setup.resolver[Symbol.asyncDispose]();
  expect((await reader.load())?.ageMs).toBeLessThan(3_700_000);
});

// Whoever wants to be told.

/** The lists that a watch told, by their digits. */
function tellings(resolver: Resolver): { readonly lists: string[]; readonly stop: () => void } {
  const lists: string[] = [];
  return { lists, stop: resolver.watch((list) => void lists.push(digits(list))) };
}

test("a watch tells each new list though nobody uses it, and not the same one twice", async () => {
  const { clock, one, two, resolver } = setUp();
  join(one, "a");
  await resolver.members();
  const { lists } = tellings(resolver);
  await turn();
  expect([one.watchers, two.watchers, lists]).toEqual([1, 1, []]);
  for (const digit of "bc") {
    join(one, digit);
    await told();
  }
  expect(lists).toEqual(["ab", "abc"]);
  one.wake();
  await clock.advance(600_000);
  expect(lists).toEqual(["ab", "abc"]);
  await resolver[Symbol.asyncDispose]();
});

test("a watch that begins before the first answer brings it about", async () => {
  const { clock, one, resolver } = setUp();
  join(one, "a");
  const { lists } = tellings(resolver);
  await clock.advance(100);
  expect(one.requests.length).toBeGreaterThan(0);
  expect(lists).toEqual(["a"]);
  await resolver[Symbol.asyncDispose]();
});

test("a watch outlives a registry that is away for an hour", async () => {
  const setup = setUp();
  const { clock, one, two, resolver } = setup;
  for (const registry of [one, two]) registry.down = true;
  const { lists } = tellings(resolver);
  await clock.advance(3_600_000);
  expect(lists).toEqual([]);
  join(one, "a");
  one.down = false;
  await clock.advance(10_000);
  expect(lists).toEqual(["a"]);
  join(one, "b");
  await told();
  expect(lists).toEqual(["a", "ab"]);
  await resolver[Symbol.asyncDispose]();
});

test("an old registry is asked every 3 s while somebody watches, and no more after that", async () => {
  const { clock, one, two, resolver } = setUp("old");
  join(one, "a");
  await resolver.members();
  const { lists, stop } = tellings(resolver);
  await clock.advance(30_000);
  const asked = one.requests.length;
  expect(asked).toBeGreaterThanOrEqual(9);
  expect(asked).toBeLessThanOrEqual(13);
  join(two, "b");
  await clock.advance(6_000);
  expect(lists.at(-1)).toHaveLength(2);
  stop();
  await clock.advance(60_000);
  expect(one.requests.length).toBeLessThanOrEqual(asked + 4);
  expect(clock.pending()).toBe(0);
  await resolver[Symbol.asyncDispose]();
});

test("of two watches one may end; the other goes on", async () => {
  const setup = setUp();
  const { one, resolver } = setup;
  join(one, "a");
  await watched(setup);
  const [first, second] = [tellings(resolver), tellings(resolver)];
  first.stop();
  first.stop();
  join(one, "b");
  await told();
  expect([first.lists, second.lists]).toEqual([[], ["ab"]]);
  second.stop();
  join(one, "c");
  await told();
  expect(second.lists).toEqual(["ab"]);
  await resolver[Symbol.asyncDispose]();
});

test("a closed resolver tells nobody, and a watch leaves no timer behind", async () => {
  const setup = setUp();
  const { clock, one, resolver } = setup;
  join(one, "a");
  await watched(setup);
  const { lists } = tellings(resolver);
  await resolver[Symbol.asyncDispose]();
  await turn();
  join(one, "b");
  await clock.advance(60_000);
  expect([lists, one.watchers, clock.pending()]).toEqual([[], 0, 0]);
});

test("a fixed list is watched in vain", async () => {
  const resolver = createFixedResolver([parseAddress("tcp@a:1")]);
  const { lists, stop } = tellings(resolver);
  await turn();
  stop();
  expect(lists).toEqual([]);
});

test("it says how each registry stands, in the order in which they were named", async () => {
  const { one, two, resolver } = setUp();
  const stand = (): unknown =>
    resolver.registries().map(({ url, answers, error }) => [url, answers, error?.code]);
  const [first, second] = [one.client.url, two.client.url];
  expect(stand()).toEqual([
    [first, false, undefined],
    [second, false, undefined],
  ]);
  join(two, "a");
  one.down = true;
  await resolver.members();
  expect(stand()).toEqual([
    [first, false, "UNAVAILABLE"],
    [second, true, undefined],
  ]);
  await resolver[Symbol.asyncDispose]();
  expect(createFixedResolver([]).registries()).toEqual([]);
});
