import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import type { BeatState } from "../../src/discovery/beat-loop.ts";
import { createHeartbeat, type Heartbeat } from "../../src/discovery/heartbeat.ts";
import { createRegistryClient } from "../../src/discovery/registry-client.ts";
import { FakeClock, until } from "../support/clock.ts";
import { announcement, idOf, memoryLog, MemoryRegistry } from "../support/registry.ts";

interface Setup {
  readonly clock: FakeClock;
  readonly one: MemoryRegistry;
  readonly two: MemoryRegistry;
  readonly heartbeat: Heartbeat;
  readonly lines: string[];
  readonly states: BeatState[];
  readonly said: { weight: number };
}

function setUp(): Setup {
  const clock = new FakeClock();
  const one = new MemoryRegistry(clock, silentLog, "one");
  const two = new MemoryRegistry(clock, silentLog, "two");
  const { log, lines } = memoryLog();
  const states: BeatState[] = [];
  const said = { weight: 3 };
  const { revision: _none, ...description } = announcement({ leaseMs: 600 });
  const heartbeat = createHeartbeat({
    registries: [one.client, two.client],
    announcement: () => ({ ...description, ...said }),
    clock,
    log,
    random: () => 0.5,
    onState: (state) => states.push(state),
  });
  return { clock, one, two, heartbeat, lines, states, said };
}

test("the heartbeat outlives 50 failures in a row", async () => {
  const { clock, one, two, heartbeat, lines } = setUp();
  heartbeat.start();
  await clock.advance(1_000);
  one.down = true;
  const before = one.requests.length;
  while (one.requests.length < before + 50) await clock.advance(100);
  expect(one.table.addresses()).toEqual([]);
  expect(two.table.addresses()).toHaveLength(1);
  one.down = false;
  await clock.advance(400);
  expect(one.table.addresses()).toHaveLength(1);
  expect(lines.map((line) => line.split(" url=")[0])).toEqual([
    "warn registry takes no beats; will keep trying",
    "warn registry takes beats again",
  ]);
});

test("a registry that hangs holds up no other", async () => {
  const { clock, one, two, heartbeat } = setUp();
  one.hung = true;
  heartbeat.start();
  await clock.advance(10_000);
  expect(two.table.list()).toMatchObject([{ state: "up" }]);
  expect(two.requests.length).toBeGreaterThan(40);
});

test("a registry that knows the instance from one whose answer was lost takes it at once", async () => {
  const { clock, one, two, heartbeat, lines } = setUp();
  // Both answer from the same list.
  const { routes } = one;
  two.routes = routes;
  one.losesAnswers = true;
  two.down = true;
  heartbeat.start();
  await clock.advance(200);
  expect(one.table.list()).toMatchObject([{ state: "up" }]);
  one.down = true;
  two.down = false;
  await clock.advance(400);
  expect(await heartbeat.registered()).toBe(two.client.url);
  await clock.advance(5_000);
  expect(one.table.list()).toMatchObject([{ state: "up" }]);
  expect(lines.filter((line) => line.includes("secret"))).toEqual([]);
});

test("the first registry that takes the announcement is told once, to those who asked early or late", async () => {
  const { clock, one, two, heartbeat, states } = setUp();
  const early = heartbeat.registered();
  one.down = true;
  heartbeat.start();
  await clock.advance(1_000);
  expect([await early, await heartbeat.registered()]).toEqual([two.client.url, two.client.url]);
  expect(states.map(({ kind, url }) => `${kind} ${url}`)).toEqual([
    `failing ${one.client.url}`,
    `registered ${two.client.url}`,
  ]);
});

test("a change is announced at once, under the next revision", async () => {
  const { clock, one, two, heartbeat, said } = setUp();
  heartbeat.start();
  await clock.advance(200);
  said.weight = 0;
  heartbeat.update();
  await clock.advance(0);
  expect([one, two].map(({ table }) => table.list()[0])).toMatchObject([
    { revision: 2, weight: 0 },
    { revision: 2, weight: 0 },
  ]);
});

test("a registry that misses a change hears it with its next beat", async () => {
  const { clock, one, heartbeat, said } = setUp();
  heartbeat.start();
  await clock.advance(200);
  one.down = true;
  said.weight = 0;
  heartbeat.update();
  await clock.advance(300);
  one.down = false;
  await clock.advance(200);
  expect(one.table.list()).toMatchObject([{ revision: 2, weight: 0 }]);
});

test("starting twice beats once", async () => {
  const { clock, one, heartbeat } = setUp();
  heartbeat.start();
  heartbeat.start();
  await clock.advance(125);
  expect(one.requests).toEqual(["POST"]);
});

test("withdrawing leaves every registry at once, and no beat follows", async () => {
  const { clock, one, two, heartbeat } = setUp();
  heartbeat.start();
  await clock.advance(1_000);
  await heartbeat.withdraw();
  const asked = [one.requests.at(-1), two.requests.at(-1), one.requests.length];
  expect(asked.slice(0, 2)).toEqual(["DELETE", "DELETE"]);
  expect(one.table.list()).toMatchObject([{ id: idOf("a"), state: "left", revision: 2 }]);
  heartbeat.update();
  heartbeat.start();
  await clock.advance(60_000);
  expect(one.requests).toHaveLength(Number(asked[2]));
  expect(clock.pending()).toBe(0);
});

test("withdrawing twice, and disposing, are one withdrawal", async () => {
  const { clock, one, heartbeat } = setUp();
  heartbeat.start();
  await clock.advance(1_000);
  await Promise.all([heartbeat.withdraw(), heartbeat.withdraw()]);
  await heartbeat[Symbol.asyncDispose]();
  expect(one.requests.filter((method) => method === "DELETE")).toHaveLength(1);
});

test("a withdrawal takes two seconds at most, and says what it could not do", async () => {
  const { clock, one, two, heartbeat, lines } = setUp();
  heartbeat.start();
  await clock.advance(1_000);
  one.hung = true;
  let done = false;
  const withdrawn = heartbeat.withdraw().then(() => (done = true));
  await clock.advance(1_999);
  expect([done, two.table.addresses()]).toEqual([false, []]);
  await clock.advance(1);
  await withdrawn;
  expect(lines).toEqual([expect.stringMatching(/^warn could not withdraw .*2000 ms/)]);
  expect(clock.pending()).toBe(0);
});

test("a registration that arrives after the withdrawal brings nothing back", async () => {
  const { clock, one, heartbeat } = setUp();
  heartbeat.start();
  await clock.advance(1_000);
  await heartbeat.withdraw();
  const late = one.client.register(announcement());
  expect((await late.catch((thrown: unknown) => thrown)) instanceof Error).toBe(true);
  expect(one.table.addresses()).toEqual([]);
});

test("who waits for a registration hears when there will be none", async () => {
  const { heartbeat } = setUp();
  const waiting = heartbeat.registered();
  await heartbeat.withdraw();
  expect(await waiting).toBeUndefined();
});

test("an old GeeRPC registry is beaten with its header, over a real port, and not withdrawn from", async () => {
  const seen: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    development: false,
    fetch(request) {
      seen.push(`${request.method} ${request.headers.get("X-Geerpc-Server")}`);
      return new Response(null, { status: request.method === "POST" ? 200 : 405 });
    },
  });
  try {
    const clock = new FakeClock();
    const { log, lines } = memoryLog();
    const registry = createRegistryClient({ url: server.url.origin, log, clock });
    const heartbeat = createHeartbeat({
      registries: [registry],
      announcement: () => announcement(),
      clock,
      log,
      random: () => 0.5,
    });
    heartbeat.start();
    await clock.advance(125);
    expect(await heartbeat.registered()).toBe(registry.url);
    for (let beats = 2; beats <= 4; beats++) {
      await until(
        () => clock.pending("foreground") === 0 && clock.pending() === 2,
        "a pause, and the ticks",
      );
      await clock.advance(3_000);
      await until(() => seen.length === beats, "a beat");
    }
    await heartbeat.withdraw();
    expect(seen).toEqual(Array(4).fill("POST tcp@127.0.0.1:4000"));
    expect(lines).toEqual([]);
  } finally {
    await server.stop(true);
  }
});

test("a loop that stood still for over a second has weight 0 in the next beat, and only in that", async () => {
  const { clock, one, two, heartbeat } = setUp();
  heartbeat.start();
  await clock.advance(10_000);
  expect(one.table.list()).toMatchObject([{ weight: 3, lagMs: 0 }]);
  clock.stall(1_350);
  await clock.advance(0);
  for (const { table } of [one, two]) {
    expect(table.list()).toMatchObject([{ weight: 0, revision: 1 }]);
    expect(table.list()[0]?.lagMs).toBeGreaterThan(1_000);
  }
  const { index } = one.table;
  await clock.advance(400);
  expect(one.table.list()).toMatchObject([{ weight: 3, lagMs: 0, state: "up" }]);
  expect(one.table.index).toBe(index + 1);
});

test("a lag of up to a second is told, and costs no weight", async () => {
  const { clock, one, heartbeat } = setUp();
  heartbeat.start();
  await clock.advance(1_000);
  const { index } = one.table;
  clock.stall(1_050);
  await clock.advance(0);
  const [told] = one.table.list();
  expect([told?.weight, told?.lagMs]).toEqual([3, 950]);
  await clock.advance(400);
  expect(one.table.list()).toMatchObject([{ weight: 3, lagMs: 0 }]);
  expect(one.table.index).toBe(index);
});

test("a loop that began long after the heartbeat was made is not late", async () => {
  const { clock, one, heartbeat } = setUp();
  clock.stall(60_000);
  heartbeat.start();
  await clock.advance(125);
  expect(one.table.list()).toMatchObject([{ weight: 3, lagMs: 0 }]);
});

test("every registry hears of a stall, also one that was asked later", async () => {
  const { clock, one, two, heartbeat } = setUp();
  heartbeat.start();
  await clock.advance(1_000);
  two.down = true;
  await clock.advance(500);
  two.down = false;
  clock.stall(1_500);
  await clock.advance(0);
  await clock.advance(100);
  const known = (registry: MemoryRegistry): unknown => registry.table.list()[0]?.weight;
  expect([known(one), known(two)]).toEqual([0, 0]);
});
