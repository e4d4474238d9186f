import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { BeatDesk } from "../../src/discovery/beat-desk.ts";
import type { FromBeatThread } from "../../src/discovery/beat-messages.ts";
import type { Description } from "../../src/discovery/heartbeat.ts";
import type { Member } from "../../src/discovery/member.ts";
import { registriesBy } from "../support/beat-thread.ts";
import { FakeClock } from "../support/clock.ts";
import { announcement, idOf, MemoryRegistry } from "../support/registry.ts";

interface Setup {
  readonly clock: FakeClock;
  readonly registry: MemoryRegistry;
  readonly desk: BeatDesk;
  readonly said: FromBeatThread[];
  readonly description: Description;
  readonly ends: { count: number };
  /** What the registry lists of the server. */
  member(): Member | undefined;
  /** Time passes and the main loop says so every 500 ms. */
  alive(ms: number): Promise<void>;
}

function setUp(hungAfterMs = 60_000): Setup {
  const clock = new FakeClock();
  const registry = new MemoryRegistry(clock, silentLog);
  const said: FromBeatThread[] = [];
  const ends = { count: 0 };
  const { revision: _none, ...description } = announcement({ leaseMs: 900, load: 1 });
  const { url } = registry.client;
  const desk = new BeatDesk(
    { kind: "start", urls: [url], description, revision: 1, secret: idOf("5"), hungAfterMs },
    {
      clock,
      post: (message) => said.push(structuredClone(message)),
      onEnd: () => ends.count++,
      createRegistry: registriesBy([registry]),
      random: () => 0.5,
    },
  );
  const alive = async (ms: number): Promise<void> => {
    for (let rest = ms; rest > 0; rest -= 500) {
      await clock.advance(Math.min(rest, 500));
      desk.take({ kind: "sign", description, lagMs: 2 });
    }
  };
  const member = (): Member | undefined => registry.table.list()[0];
  return { clock, registry, desk, said, description, ends, member, alive };
}

test("it beats with what the last sign said", async () => {
  const { clock, desk, description, member, alive } = setUp();
  await alive(1_000);
  expect(member()).toMatchObject({ id: idOf("a"), weight: 1, load: 1, lagMs: 2, state: "up" });
  desk.take({ kind: "sign", description: { ...description, load: 7 }, lagMs: 40 });
  await clock.advance(300);
  expect(member()).toMatchObject({ weight: 1, load: 7, lagMs: 40, revision: 1 });
});

test("a main loop that is busy for 20 s keeps its server listed, with weight 0, and back comes its weight", async () => {
  const { clock, registry, desk, description, member, alive } = setUp();
  await alive(3_000);
  const states = new Set<string>();
  const weights: number[] = [];
  const lags: number[] = [];
  for (let passed = 0; passed < 20_000; passed += 100) {
    await clock.advance(100);
    states.add(String(member()?.state));
    weights.push(member()?.weight ?? -1);
    lags.push(member()?.lagMs ?? -1);
  }
  expect([...states]).toEqual(["up"]);
  // The sign was due after half a second, may be a second late, and then comes the next beat.
  expect(weights.slice(0, 15)).toEqual(Array(15).fill(1));
  expect(weights.slice(18)).toEqual(Array(182).fill(0));
  expect(lags.at(-1)).toBeGreaterThan(19_000);
  expect(registry.table.list()).toHaveLength(1);

  // The first tick after that says how late it was. One beat tells; the next one is like any other.
  desk.take({ kind: "sign", description, lagMs: 19_950 });
  await clock.advance(300);
  expect(member()).toMatchObject({ weight: 0, lagMs: 19_950 });
  await alive(300);
  expect(member()).toMatchObject({ weight: 1, state: "up", revision: 1 });
});

test("a main loop that hangs makes its server suspect, then gone, and listed again at its first sign", async () => {
  const { clock, desk, registry, description, said, member, alive } = setUp(5_000);
  await alive(2_000);
  await clock.advance(4_900);
  expect(member()).toMatchObject({ state: "up", weight: 0 });
  await clock.advance(1_300);
  expect(member()).toMatchObject({ state: "suspect" });
  await clock.advance(2_000);
  expect(member()).toBeUndefined();
  const asked = registry.requests.length;
  await clock.advance(60_000);
  expect(registry.requests).toHaveLength(asked);

  desk.take({ kind: "sign", description, lagMs: 68_000 });
  await clock.advance(0);
  expect(member()).toMatchObject({ state: "up", weight: 0 });
  expect(said.filter(({ kind }) => kind === "log")).toMatchObject([
    { level: "warn", fields: { silentMs: 68_200 } },
  ]);
  await alive(600);
  expect(member()).toMatchObject({ state: "up", weight: 1, revision: 1 });
});

test("an update is announced at once, under the next revision, and is a sign of life", async () => {
  const { clock, desk, description, member, alive } = setUp(5_000);
  await alive(1_000);
  await clock.advance(4_000);
  desk.take({ kind: "update", description: { ...description, draining: true } });
  await clock.advance(0);
  expect(member()).toMatchObject({ revision: 2, draining: true });
  await clock.advance(4_000);
  expect(member()).toMatchObject({ state: "up" });
});

test("the main thread hears of the registration, of every claim, and in words what went wrong", async () => {
  const { clock, registry, said, alive } = setUp();
  const { url } = registry.client;
  await alive(1_000);
  expect(said).toMatchObject([
    { kind: "claim", url, claim: { id: idOf("a"), revision: 1, secret: idOf("5"), leaseMs: 900 } },
    { kind: "registered", url },
  ]);
  registry.down = true;
  await alive(1_000);
  expect(said.slice(2)).toMatchObject([
    {
      kind: "log",
      level: "warn",
      message: "registry takes no beats; will keep trying",
      fields: { url, error: expect.stringContaining("connection refused") },
    },
  ]);
  registry.restart();
  registry.down = false;
  await alive(1_000);
  // It was told the same secret again, and the claim is what it was.
  expect(said.slice(3).map(({ kind }) => kind)).toEqual(["log", "registered"]);
  expect(clock.pending()).toBe(1);
});

test("a withdrawal is prompt, also of a loop that hangs; it is said last, and ends the thread", async () => {
  const { clock, desk, said, ends, member, alive } = setUp(5_000);
  await alive(1_000);
  await clock.advance(5_100);
  desk.take({ kind: "withdraw" });
  await clock.advance(0);
  expect(member()).toMatchObject({ state: "left", revision: 2 });
  expect([said.at(-1), ends.count, clock.pending()]).toEqual([{ kind: "withdrawn" }, 1, 0]);
});
