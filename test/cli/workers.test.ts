import { expect, test } from "bun:test";
import { Workers } from "../../src/cli/workers.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { FakeChild } from "../support/fake-child.ts";

class Scene {
  readonly clock: FakeClock = new FakeClock();
  /** All that were started, in order. */
  readonly servers: FakeChild[] = [];
  readonly numbers: number[] = [];
  readonly events: string[] = [];
  readonly workers: Workers;

  constructor(count: number, fixed = false) {
    this.workers = new Workers({
      clock: this.clock,
      random: () => 1,
      count,
      fixed,
      drainTimeoutMs: 25_000,
      start: (number) => {
        const server = new FakeChild(this.servers.length);
        this.servers.push(server);
        this.numbers.push(number);
        return server;
      },
      events: {
        ended: (number, code, inMs) => void this.events.push(`ended ${number} ${code} ${inMs}`),
        back: (number, { id }) => void this.events.push(`back ${number} ${id}`),
        failed: (number, { message }, goesOn) =>
          void this.events.push(`failed ${number} ${message} ${goesOn}`),
        replaced: (number, { id }) => void this.events.push(`replaced ${number} ${id}`),
      },
    });
  }

  server(index: number): FakeChild {
    const server = this.servers[index];
    if (server === undefined) throw new Error(`there are ${this.servers.length} servers`);
    return server;
  }

  /** Workers that take calls, and are registered. */
  static async up(count: number, fixed = false): Promise<Scene> {
    const scene = new Scene(count, fixed);
    const started = scene.workers.start();
    for (let index = 0; index < count; index++) {
      await scene.server(index).isReady();
      await turn();
    }
    await started;
    return scene;
  }
}

test("the first starts alone, then the others side by side", async () => {
  const scene = new Scene(3);
  const started = scene.workers.start();
  expect(scene.numbers).toEqual([1]);
  await scene.server(0).listens();
  expect(scene.numbers).toEqual([1, 2, 3]);
  await scene.server(2).listens();
  await scene.server(1).listens();
  expect((await started).map(({ id }) => id)).toEqual(["id-0", "id-1", "id-2"]);
  expect(scene.events).toEqual([]);
});

test("when one does not start the others are ended, and why is thrown", async () => {
  const scene = new Scene(2);
  const started = scene.workers.start();
  started.catch(() => {});
  await scene.server(0).listens();
  await scene.server(1).fails("the port is in use");
  await scene.server(1).ends(1);
  expect(scene.server(0).signals).toEqual(["drain"]);
  await scene.server(0).ends(0);
  expect(started).rejects.toThrow("the port is in use");
  await scene.clock.advance(60_000);
  expect(scene.servers).toHaveLength(2);
  expect(scene.events).toEqual([]);
});

test("one that ends starts again, ever later, and as at first once it was well", async () => {
  const scene = await Scene.up(2);
  await scene.server(1).ends(137);
  expect(scene.events.splice(0)).toEqual(["ended 2 137 200"]);
  await scene.clock.advance(199);
  expect(scene.servers).toHaveLength(2);
  await scene.clock.advance(1);
  expect(scene.numbers).toEqual([1, 2, 2]);
  await scene.server(2).fails("it does not compile");
  await scene.server(2).ends(2);
  expect(scene.events.splice(0)).toEqual(["failed 2 it does not compile false", "ended 2 2 400"]);
  // That it has ended is said once.
  await scene.clock.advance(400);
  await scene.server(3).ends(7);
  expect(scene.events.splice(0)).toEqual(["ended 2 7 800"]);
  for (const waitMs of [1_600, 3_200, 6_400, 10_000, 10_000]) {
    await scene.clock.advance(10_000);
    await scene.server(scene.servers.length - 1).ends(1);
    expect(scene.events.at(-1)).toBe(`ended 2 1 ${waitMs}`);
  }
  await scene.clock.advance(10_000);
  await scene.server(scene.servers.length - 1).isReady();
  expect(scene.events.at(-1)).toBe(`back 2 id-${scene.servers.length - 1}`);
  await scene.clock.advance(10_000);
  await scene.server(scene.servers.length - 1).ends(1);
  expect(scene.events.at(-1)).toBe("ended 2 1 200");
  expect(scene.server(0).signals).toEqual([]);
});

test("a reload replaces one by one: the old one drains when the new one is ready", async () => {
  const scene = await Scene.up(2);
  const reloaded = scene.workers.reload();
  expect(scene.numbers).toEqual([1, 2, 1]);
  await scene.server(2).listens();
  expect(scene.server(0).signals).toEqual([]);
  await scene.server(2).isReady();
  expect(scene.server(0).signals).toEqual(["drain"]);
  // Somebody may still be told of the old one.
  expect(scene.events).toEqual([]);
  await scene.server(0).isWithdrawn();
  expect(scene.events).toEqual(["replaced 1 id-2"]);
  expect(scene.servers).toHaveLength(3);
  await scene.server(0).ends(0);
  expect(scene.numbers).toEqual([1, 2, 1, 2]);
  await scene.server(3).isReady();
  await scene.server(1).ends(0);
  await reloaded;
  expect(scene.events).toEqual(["replaced 1 id-2", "replaced 2 id-3"]);
});

test("with fixed ports the old one leaves first", async () => {
  const scene = await Scene.up(2, true);
  void scene.workers.reload();
  expect(scene.server(0).signals).toEqual(["drain"]);
  expect(scene.servers).toHaveLength(2);
  await scene.server(0).ends(0);
  expect(scene.numbers).toEqual([1, 2, 1]);
  await scene.server(2).isReady();
  expect(scene.events).toEqual(["replaced 1 id-2"]);
  expect(scene.server(1).signals).toEqual(["drain"]);
});

test("a new one that does not start ends the reload, and the old one goes on", async () => {
  const scene = await Scene.up(2);
  const reloaded = scene.workers.reload();
  await scene.server(2).fails();
  await scene.server(2).ends(2);
  await reloaded;
  expect(scene.events).toEqual(["failed 1 it does not compile true"]);
  expect(scene.servers).toHaveLength(3);
  expect([scene.server(0).signals, scene.server(1).signals]).toEqual([[], []]);
});

test("a fixed one that does not start again is tried again", async () => {
  const scene = await Scene.up(1, true);
  const reloaded = scene.workers.reload();
  await scene.server(0).ends(0);
  await scene.server(1).fails();
  await scene.server(1).ends(2);
  await reloaded;
  expect(scene.events).toEqual(["failed 1 it does not compile false", "ended 1 2 200"]);
  await scene.clock.advance(200);
  expect(scene.servers).toHaveLength(3);
});

test("a new one that hangs is given up after a minute, and the old one goes on", async () => {
  const scene = await Scene.up(1);
  const reloaded = scene.workers.reload();
  await scene.server(1).listens();
  await scene.clock.advance(59_999);
  expect(scene.server(1).signals).toEqual([]);
  await scene.clock.advance(1);
  await reloaded;
  expect(scene.events).toEqual(["failed 1 it was not ready within 60s true"]);
  expect([scene.server(0).signals, scene.server(1).signals]).toEqual([[], ["drain"]]);
  await scene.server(1).ends(143);
  await scene.clock.advance(60_000);
  expect([scene.servers.length, scene.clock.pending()]).toEqual([2, 0]);
});

test.each([
  [true, []],
  [false, ["kill"]],
])("of those with fixed ports one that takes calls (%p) stays", async (listens, signals) => {
  const scene = await Scene.up(1, true);
  const reloaded = scene.workers.reload();
  await scene.server(0).ends(0);
  if (listens) await scene.server(1).listens();
  await scene.clock.advance(60_000);
  await reloaded;
  expect(scene.server(1).signals).toEqual(signals);
  expect(scene.events[0]).toStartWith("failed 1 it was not ready within 60s");
  await scene.clock.advance(200);
  expect(scene.servers).toHaveLength(listens ? 2 : 3);
});

test("a reload that is asked for during one follows it", async () => {
  const scene = await Scene.up(1);
  const reloaded = scene.workers.reload();
  void scene.workers.reload();
  await scene.server(1).isReady();
  await scene.server(0).ends(0);
  expect(scene.numbers).toEqual([1, 1, 1]);
  await scene.server(2).isReady();
  await scene.server(1).ends(0);
  await reloaded;
  expect(scene.servers).toHaveLength(3);
});

test("an old one that dies while the new one starts is not started twice", async () => {
  const scene = await Scene.up(1);
  void scene.workers.reload();
  await scene.server(0).ends(1);
  expect(scene.events.splice(0)).toEqual(["ended 1 1 200"]);
  await scene.server(1).isReady();
  await scene.clock.advance(60_000);
  expect(scene.servers).toHaveLength(2);
  expect(scene.events).toEqual(["replaced 1 id-1"]);
});

test("a stop drains all at once, starts nobody, and is clean when all of them are", async () => {
  const scene = await Scene.up(3);
  await scene.server(2).ends(1);
  const stopped = scene.workers.stop();
  expect(scene.server(0).signals).toEqual(["drain"]);
  expect(scene.server(1).signals).toEqual(["drain"]);
  await scene.server(0).ends(0);
  await scene.server(1).ends(0);
  expect(await stopped).toBe(true);
  await scene.clock.advance(60_000);
  expect(scene.servers).toHaveLength(3);
});

test("a stop during a reload ends the new one as well", async () => {
  const scene = await Scene.up(1);
  const reloaded = scene.workers.reload();
  const stopped = scene.workers.stop();
  // It may never be ready.
  expect(scene.server(1).signals).toEqual(["drain"]);
  await scene.server(1).ends(143);
  await scene.server(0).ends(0);
  await reloaded;
  expect(await stopped).toBe(true);
  expect([scene.events, scene.clock.pending()]).toEqual([[], 0]);
});

test("who is stopped while it starts had nothing to finish: that is a clean end", async () => {
  const scene = new Scene(2);
  const started = scene.workers.start();
  started.catch(() => {});
  await scene.server(0).listens();
  const stopped = scene.workers.stop();
  await scene.server(1).ends(143);
  await scene.server(0).ends(0);
  expect(await stopped).toBe(true);
  await expect(started).rejects.toThrow("ended with 143");
});

test("a stop is over when those who died before it are on no list either", async () => {
  const scene = await Scene.up(2);
  await scene.server(1).ends(137, false);
  let isOver = false;
  const stopped = scene.workers.stop().then(() => (isOver = true));
  await scene.server(0).ends(0);
  await turn();
  expect(isOver).toBe(false);
  await scene.server(1).isWithdrawn();
  await stopped;
  expect(isOver).toBe(true);
});

test("one that ends by force, or with a failure, makes a stop unclean; kill ends all now", async () => {
  const scene = await Scene.up(2);
  const stopped = scene.workers.stop();
  scene.workers.kill();
  expect(await stopped).toBe(false);
  expect(scene.server(0).signals).toEqual(["drain", "kill"]);
  expect(scene.server(1).signals).toEqual(["drain", "kill"]);
});
