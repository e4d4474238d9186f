import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import type { FromBeatThread } from "../../src/discovery/beat-messages.ts";
import { createThreadedHeartbeat } from "../../src/discovery/threaded-heartbeat.ts";
import { beatsFrom, RemoteBeats, type MessageLine } from "../../src/server/remote-beats.ts";
import { registriesBy } from "../support/beat-thread.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { announcement, memoryLog, MemoryRegistry } from "../support/registry.ts";

/** Two processes in this one: what they say to each other travels as JSON, in order, and later. */
class Scene {
  readonly clock: FakeClock = new FakeClock();
  readonly registry: MemoryRegistry = new MemoryRegistry(this.clock, silentLog, "one");
  readonly server = memoryLog();
  readonly supervisor = memoryLog();
  readonly heard: FromBeatThread[] = [];
  isCut = false;
  #told: Parameters<MessageLine["listen"]>[0] | undefined;
  readonly remote: RemoteBeats = new RemoteBeats({
    clock: this.clock.elsewhere(),
    log: this.supervisor.log,
    createRegistry: registriesBy([this.registry]),
    send: (message) => {
      this.heard.push(message);
      this.#later(message, (copy) => this.#told?.onMessage(copy));
    },
  });
  readonly heartbeat = createThreadedHeartbeat({
    registries: [this.registry.client],
    announcement: () => {
      const { revision: _none, ...description } = announcement({ leaseMs: 900 });
      return description;
    },
    clock: this.clock,
    log: this.server.log,
    random: () => 0.5,
    startThread: beatsFrom({
      send: (message) => this.#later(message, (copy) => this.remote.take(copy)),
      listen: (told) => (this.#told = told),
    }),
  });

  #later(message: unknown, take: (copy: unknown) => void): void {
    const text = JSON.stringify(message);
    queueMicrotask(() => {
      if (!this.isCut) take(JSON.parse(text));
    });
  }

  cut(): void {
    this.isCut = true;
    this.#told?.onEnd("the process that started it has ended");
  }

  async registered(): Promise<void> {
    this.heartbeat.start();
    await this.clock.advance(1_000);
    expect(this.registry.table.list()).toMatchObject([{ state: "up", revision: 1 }]);
  }
}

test("the other process beats, as long as signs come, and withdraws when it is told to", async () => {
  const scene = new Scene();
  const { clock, heartbeat, registry, heard, remote } = scene;
  await scene.registered();
  expect(await heartbeat.registered()).toBe(registry.client.url);
  await clock.advance(10_000);
  expect(registry.table.list()).toMatchObject([{ state: "up" }]);
  await heartbeat.withdraw();
  expect(registry.table.list()).toMatchObject([{ state: "left", revision: 2 }]);
  expect(heard.at(-1)).toEqual({ kind: "withdrawn" });
  const before = registry.requests.length;
  remote.end();
  await remote.over;
  expect(registry.requests).toHaveLength(before);
});

test("a server that ends without a word is withdrawn at once", async () => {
  const scene = new Scene();
  await scene.registered();
  scene.isCut = true;
  scene.remote.end();
  scene.remote.end();
  await scene.remote.over;
  expect(scene.registry.table.list()).toMatchObject([{ state: "left", revision: 2 }]);
  const before = scene.registry.requests.length;
  await scene.clock.advance(60_000);
  expect(scene.registry.requests).toHaveLength(before);
});

test("what goes wrong then is in the log of the one that is left", async () => {
  const scene = new Scene();
  await scene.registered();
  scene.registry.down = true;
  scene.isCut = true;
  scene.remote.end();
  await scene.remote.over;
  expect(scene.supervisor.lines).toEqual([expect.stringContaining("warn could not withdraw")]);
});

test("one that has never begun to beat has nothing to withdraw, and begins no more", async () => {
  const scene = new Scene();
  scene.remote.end();
  await scene.remote.over;
  scene.heartbeat.start();
  await scene.clock.advance(1_000);
  expect(scene.registry.requests).toEqual([]);
});

test("a server whose supervisor is gone goes on by itself, and withdraws", async () => {
  const scene = new Scene();
  const { clock, heartbeat, registry } = scene;
  await scene.registered();
  scene.cut();
  await turn();
  expect(scene.server.lines).toEqual([
    expect.stringMatching(/^warn what beats .*why="the process that started it has ended"$/),
  ]);
  await heartbeat.withdraw();
  expect(registry.table.list()).toMatchObject([{ state: "left", revision: 2 }]);
  expect(clock.pending("foreground")).toBe(0);
});

test("what makes no sense is told once, and changes nothing", async () => {
  const scene = new Scene();
  await scene.registered();
  scene.remote.take({ kind: "sign" });
  expect(scene.supervisor.lines).toEqual([
    'warn a server says of itself what makes no sense error="beats.description: it is missing"',
  ]);
  await scene.clock.advance(3_000);
  expect(scene.registry.table.list()).toMatchObject([{ state: "up" }]);
});
