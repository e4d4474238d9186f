import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { BeatLoop, type BeatState, type Claim } from "../../src/discovery/beat-loop.ts";
import type { Announcement } from "../../src/discovery/member.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { announcement, idOf, memoryLog, MemoryRegistry } from "../support/registry.ts";

interface Setup {
  readonly clock: FakeClock;
  readonly registry: MemoryRegistry;
  readonly loop: BeatLoop;
  readonly lines: string[];
  readonly states: string[];
  readonly claims: Claim[];
  /** Keeps it from beating. */
  readonly held: { now: boolean };
  /** Another loop of the same instance. */
  another(claim: Claim | undefined, secret?: string): BeatLoop;
  /** What the server says of itself from now on. */
  say(changes: Partial<Announcement>): void;
}

function setUp(random = 0.5): Setup {
  const clock = new FakeClock();
  const registry = new MemoryRegistry(clock, silentLog);
  const { log, lines } = memoryLog();
  const states: string[] = [];
  const claims: Claim[] = [];
  const held = { now: false };
  let said = announcement({ leaseMs: 600 });
  const another = (claim: Claim | undefined, secret = idOf("5")): BeatLoop =>
    new BeatLoop({
      registry: registry.client,
      announcement: () => said,
      revision: () => said.revision,
      isHeld: () => held.now,
      clock,
      log,
      random: () => random,
      onState: (state: BeatState) => states.push(state.kind),
      secret,
      claim,
      onClaim: (granted) => claims.push(granted),
    });
  const loop = another(undefined);
  const say = (changes: Partial<Announcement>): void => {
    said = { ...said, ...changes };
  };
  return { clock, registry, loop, lines, states, claims, held, another, say };
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
  const { routes } = registry;
  registry.routes = async (request, source) => {
    const answer = await routes(request, source);
    if (answer.status === 200) throw new Error("lost");
    return answer;
  };
  await clock.advance(200);
  expect(registry.table.addresses()).toHaveLength(1);
  registry.routes = routes;
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
    revision: () => 1,
    isHeld: () => false,
    clock,
    log: memoryLog().log,
    random: () => 0.5,
    onState: (state) => lines.push(state.kind),
    secret: idOf("5"),
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

test("a loop that is held says nothing, and says all of it as soon as it is let go", async () => {
  const { clock, registry, loop, held } = setUp();
  loop.start();
  await clock.advance(1_000);
  const before = registry.requests.length;
  held.now = true;
  await clock.advance(2_400);
  expect(registry.requests).toHaveLength(before);
  expect(registry.table.list()).toEqual([]);
  held.now = false;
  loop.wake();
  await clock.advance(0);
  expect(registry.table.list()).toMatchObject([{ state: "up" }]);
});

test("a loop that is held and never woken looks again a third of the lease later", async () => {
  const { clock, registry, loop, held } = setUp();
  held.now = true;
  loop.start();
  await clock.advance(125);
  held.now = false;
  expect(clock.nextInMs()).toBeCloseTo(limits.leaseMs / 3, 6);
  await clock.advance(limits.leaseMs / 3);
  expect(registry.table.list()).toMatchObject([{ state: "up" }]);
});

test("a claim is told when it is new, and not with every beat", async () => {
  const { clock, loop, claims, say } = setUp();
  loop.start();
  await clock.advance(10_000);
  expect(claims).toMatchObject([{ id: idOf("a"), revision: 1, leaseMs: 600 }]);
  say({ revision: 2 });
  await clock.advance(1_000);
  expect(claims.map(({ revision }) => revision)).toEqual([1, 2]);
  expect(claims[1]?.secret).toBe(String(claims[0]?.secret));
});

test("another loop goes on from a claim where a new one would be refused", async () => {
  const { clock, registry, loop, lines, claims, another } = setUp();
  loop.start();
  await clock.advance(1_000);
  await loop.withdraw(1, AbortSignal.abort(new Error("it is no more")));
  const { index } = registry.table;
  const next = another(claims[0]);
  next.start();
  // Its lease is known from the claim, and the period with it.
  await clock.advance(100);
  expect([registry.requests.at(-1), clock.nextInMs()]).toEqual(["POST", 200]);
  await clock.advance(5_000);
  expect(registry.table.list()).toMatchObject([{ state: "up" }]);
  expect(registry.table.index).toBe(index);
  await next.withdraw(2, new AbortController().signal);
  expect(registry.table.list()).toMatchObject([{ state: "left", revision: 2 }]);
  expect(lines.filter((line) => !line.includes("no more"))).toEqual([]);
});

test("another loop without the secret has to wait until the registry forgets the instance", async () => {
  const { clock, registry, loop, lines, another } = setUp();
  loop.start();
  await clock.advance(1_000);
  await loop.withdraw(1, AbortSignal.abort(new Error("it is no more")));
  another(undefined, idOf("6")).start();
  await clock.advance(1_000);
  expect(lines).toContainEqual(expect.stringContaining("takes no beats"));
  expect(registry.table.list()).toMatchObject([{ state: "suspect" }]);
});

test("every registry is told one secret, so that one which knows the instance takes it at once", async () => {
  const { clock, loop, claims, lines, states, another } = setUp();
  loop.start();
  await clock.advance(200);
  expect(claims).toMatchObject([{ secret: idOf("5") }]);
  // As of a registry that shares the store, and has not been asked before.
  const second = another(undefined);
  second.start();
  await clock.advance(600);
  expect([states, lines]).toEqual([["registered", "registered"], []]);
  expect(claims[1]?.secret).toBe(idOf("5"));
});

test("what a registry refuses for other reasons does not cost the secret", async () => {
  const { clock, registry, loop, lines, claims, say } = setUp();
  loop.start();
  await clock.advance(1_000);
  const { routes } = registry;
  const words = `{"error":{"code":"PERMISSION_DENIED","message":"this token may read"}}`;
  const headers = { "content-type": "application/json" };
  registry.routes = async () => new Response(words, { status: 403, headers });
  await clock.advance(700);
  say({ revision: 2 });
  loop.wake();
  await clock.advance(700);
  expect(registry.table.list()).toMatchObject([{ state: "suspect", revision: 1 }]);
  // The token is put right while the registry still knows the instance.
  registry.routes = routes;
  await clock.advance(200);
  expect(registry.table.list()).toMatchObject([{ state: "up", revision: 2 }]);
  expect(claims.map(({ revision }) => revision)).toEqual([1, 2]);
  expect(lines).toEqual([
    expect.stringMatching(/^warn registry takes no beats; .*this token may read/),
    expect.stringMatching(/^warn registry takes beats again /),
  ]);
});

test("a registry that makes the secret itself is beaten with that one", async () => {
  const { clock, registry, loop, claims } = setUp();
  const { routes } = registry;
  registry.routes = async (request, source) => {
    const { url, method, headers } = request;
    const { secret, ...fields } = Object(await request.json());
    const known = secret === idOf("5") ? undefined : secret;
    const body = JSON.stringify({ ...fields, secret: known });
    headers.delete("content-length");
    return routes(new Request(url, { method, headers, body }), source);
  };
  loop.start();
  await clock.advance(60_000);
  expect(claims).toHaveLength(1);
  expect(claims[0]?.secret).toMatch(/^[0-9a-f]{32}$/);
  expect(claims[0]?.secret).not.toBe(idOf("5"));
  expect(registry.table.list()).toMatchObject([{ state: "up" }]);
  await loop.withdraw(2, new AbortController().signal);
  expect(registry.table.list()).toMatchObject([{ state: "left" }]);
});
