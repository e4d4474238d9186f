import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import {
  createFixedResolver,
  createRegistryResolver,
  type Resolver,
} from "../../src/discovery/resolver.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { announcement, idOf, memoryLog, MemoryRegistry } from "../support/registry.ts";

interface Setup {
  readonly clock: FakeClock;
  readonly one: MemoryRegistry;
  readonly two: MemoryRegistry;
  readonly resolver: Resolver;
  readonly lines: string[];
}

function setUp(): Setup {
  const clock = new FakeClock();
  const one = new MemoryRegistry(clock, silentLog, "one");
  const two = new MemoryRegistry(clock, silentLog, "two");
  const { log, lines } = memoryLog();
  const registries = [one.client, two.client];
  const resolver = createRegistryResolver({ registries, clock, log, random: () => 1 });
  return { clock, one, two, resolver, lines };
}

/** Puts an instance that stays for ten minutes whatever time does. Returns its secret. */
function join(registry: MemoryRegistry, digit: string, leaseMs = 300_000): string {
  const address = parseAddress(`tcp@host-${digit}:1`);
  return registry.table.put(announcement({ id: idOf(digit), address, leaseMs })).secret;
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
  expect([one.requests, two.requests]).toEqual([["GET"], ["GET"]]);
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
  await resolver.members();
  await turn();
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
  expect(clock.pending()).toBe(0);
});

test("an empty registry does not stand in for one that is slower", async () => {
  const { clock, two, resolver } = setUp();
  join(two, "a");
  const routes = two.routes;
  const { promise: later, resolve } = Promise.withResolvers<void>();
  two.routes = async (request, source) => {
    await later;
    return routes(request, source);
  };
  const first = resolver.members();
  await clock.advance(500);
  resolve();
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

test("a list is asked for again when it is older than 3 s, and nobody waits for it", async () => {
  const { clock, one, resolver } = setUp();
  join(one, "a");
  await resolver.members();
  join(one, "b");
  await clock.advance(2_999);
  await resolver.members();
  expect(one.requests).toHaveLength(1);
  await clock.advance(1);
  const [again, more] = await Promise.all([resolver.members(), resolver.members()]);
  expect([digits(again), digits(more)]).toEqual(["a", "a"]);
  await turn();
  expect(digits(await resolver.members())).toBe("ab");
  expect(one.requests).toHaveLength(2);
});

test("losing every registry leaves the list good for ever, and asks them seldom", async () => {
  const { clock, one, two, resolver, lines } = setUp();
  join(one, "a");
  await resolver.members();
  one.down = true;
  two.down = true;
  for (let second = 0; second < 3_600; second++) {
    await clock.advance(1_000);
    expect(digits(await resolver.members())).toBe("a");
  }
  expect(one.requests.length).toBeLessThan(740);
  expect(lines).toHaveLength(2);
});

test("a refresh after a failed connect brings the news, and one round serves all", async () => {
  const { clock, one, resolver } = setUp();
  const secret = join(one, "a");
  join(one, "b");
  await resolver.members();
  one.table.leave(idOf("a"), secret);
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

test("a refresh while every registry is down resolves", async () => {
  const { one, two, resolver } = setUp();
  one.down = true;
  two.down = true;
  await resolver.refresh();
  expect(resolver.current()).toBeUndefined();
});

test("a registry that restarted empty does not empty the list before one lease has passed", async () => {
  const { clock, one, resolver } = setUp();
  join(one, "a");
  await resolver.members();
  one.restart();
  for (let seconds = 0; seconds <= 9; seconds += 3) {
    await clock.advance(3_000);
    expect(digits(await resolver.members())).toBe("a");
    await turn();
  }
  expect(digits(resolver.current())).toBe("");
});

test("members that come back within the lease were never away", async () => {
  const { clock, one, resolver } = setUp();
  join(one, "a");
  await resolver.members();
  for (let round = 0; round < 5; round++) {
    one.restart();
    await clock.advance(6_000);
    await resolver.refresh();
    expect(digits(resolver.current())).toBe("a");
    join(one, "a");
    await clock.advance(6_000);
    await resolver.refresh();
  }
});

test("the last server that leaves by its own word is gone at once", async () => {
  const { clock, one, resolver } = setUp();
  const secret = join(one, "a");
  await resolver.members();
  one.table.leave(idOf("a"), secret);
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
