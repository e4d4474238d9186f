import { expect, test } from "bun:test";
import { Reloads } from "../../src/cli/reloads.ts";
import { FakeChild } from "../support/fake-child.ts";
import { FakeClock } from "../support/clock.ts";

class Scene {
  readonly clock: FakeClock = new FakeClock();
  readonly servers: FakeChild[] = [];
  readonly listed: Set<string> = new Set();
  readonly events: string[] = [];
  readonly reloads: Reloads = new Reloads({
    clock: this.clock,
    drainTimeoutMs: 25_000,
    start: () => {
      const server = new FakeChild(this.servers.length);
      this.servers.push(server);
      return server;
    },
    isListed: async (id) => this.listed.has(id),
    events: {
      started: ({ id }, tookMs) => void this.events.push(`started ${id} ${tookMs}`),
      reloaded: ({ id }, files, tookMs) =>
        void this.events.push(`reloaded ${id} ${files.join("+")} ${tookMs}`),
      failed: ({ message }, goesOn) => void this.events.push(`failed ${message} ${goesOn}`),
      ended: (code) => void this.events.push(`ended ${code}`),
    },
  });

  server(index: number): FakeChild {
    const server = this.servers[index];
    if (server === undefined) throw new Error(`there are ${this.servers.length} servers`);
    return server;
  }

  change(...files: readonly string[]): void {
    this.reloads.change(files, this.clock.now());
  }

  /** A server that takes calls. */
  static async up(): Promise<Scene> {
    const scene = new Scene();
    scene.change("own.ts");
    await scene.server(0).isReady();
    scene.events.length = 0;
    return scene;
  }
}

test("the first server is started and told of when it is registered", async () => {
  const scene = new Scene();
  scene.change("own.ts");
  expect(scene.events).toEqual([]);
  await scene.clock.advance(300);
  await scene.server(0).isReady();
  expect(scene.events).toEqual(["started id-0 300"]);
  expect(scene.servers).toHaveLength(1);
});

test("an edit starts a new one; only when that is registered the old one drains", async () => {
  const scene = await Scene.up();
  scene.listed.add("id-0");
  scene.change("own.ts");
  await scene.clock.advance(100);
  expect(scene.server(0).signals).toEqual([]);
  await scene.server(1).isReady();
  expect(scene.server(0).signals).toEqual(["drain"]);
  // While whoever asks is still told of the old one, the new code is not all that runs.
  await scene.clock.advance(100);
  expect(scene.events).toEqual([]);
  scene.listed.delete("id-0");
  await scene.clock.advance(10);
  expect(scene.events).toEqual(["reloaded id-1 own.ts 210"]);
  await scene.server(0).ends(0);
  expect(scene.events).toHaveLength(1);
  expect(scene.clock.pending()).toBe(0);
});

test("a registry that lets go of nobody is not waited for without end", async () => {
  const scene = await Scene.up();
  scene.listed.add("id-0");
  scene.change("own.ts");
  await scene.server(1).isReady();
  await scene.clock.advance(6_000);
  expect(scene.events).toHaveLength(1);
});

test("of several edits only the last one counts, and all of their files are told", async () => {
  const scene = await Scene.up();
  scene.change("a.ts");
  await scene.clock.advance(100);
  scene.change("b.ts");
  expect(scene.server(1).signals).toEqual(["drain"]);
  await scene.server(1).isReady();
  expect(scene.server(0).signals).toEqual([]);
  await scene.server(1).ends(143);
  await scene.server(2).isReady();
  expect(scene.server(0).signals).toEqual(["drain"]);
  expect(scene.events).toEqual(["reloaded id-2 a.ts+b.ts 100"]);
});

test("code that does not start changes nothing, and what is saved next is tried", async () => {
  const scene = await Scene.up();
  scene.change("own.ts");
  await scene.server(1).ends(2);
  expect(scene.events).toEqual(["failed ended with 2 true"]);
  expect(scene.server(0).signals).toEqual([]);
  expect(scene.reloads.isWell).toBe(false);
  scene.change("own.ts");
  expect(scene.reloads.isWell).toBe(true);
  await scene.server(2).isReady();
  expect(scene.events.at(-1)).toBe("reloaded id-2 own.ts 0");
  expect(scene.reloads.isWell).toBe(true);
});

test("without an old one a failure says that nothing is served", async () => {
  const scene = new Scene();
  scene.change("own.ts");
  await scene.server(0).ends(2);
  expect(scene.events).toEqual(["failed ended with 2 false"]);
  scene.change("own.ts");
  await scene.server(1).isReady();
  expect(scene.events.at(-1)).toBe("started id-1 0");
});

test("a server that ends by itself is told of, and the next edit starts another", async () => {
  const scene = await Scene.up();
  await scene.server(0).ends(3);
  expect(scene.events).toEqual(["ended 3"]);
  expect(scene.reloads.isWell).toBe(false);
  scene.change("own.ts");
  await scene.server(1).isReady();
  expect(scene.events.at(-1)).toBe("started id-1 0");
});

test("an old one that does not end in its time is ended by force", async () => {
  const scene = await Scene.up();
  scene.change("own.ts");
  await scene.server(1).isReady();
  await scene.clock.advance(29_999);
  expect(scene.server(0).signals).toEqual(["drain"]);
  await scene.clock.advance(1);
  expect(scene.server(0).signals).toEqual(["drain", "kill"]);
});

test("of more than eight old ones the oldest is ended", async () => {
  const scene = await Scene.up();
  for (let edit = 1; edit <= 9; edit++) {
    scene.change("own.ts");
    await scene.server(edit).isReady();
  }
  const killed = scene.servers.filter(({ signals }) => signals.includes("kill"));
  expect(killed.map(({ pid }) => pid)).toEqual([0]);
  expect(scene.server(9).signals).toEqual([]);
});

test("stopping drains everybody, and waits for all of them", async () => {
  const scene = await Scene.up();
  scene.change("own.ts");
  await scene.server(1).isReady();
  scene.change("own.ts");
  let clean: boolean | undefined;
  const stopped = scene.reloads.stop().then((isClean) => {
    clean = isClean;
  });
  expect(scene.servers.map(({ signals }) => signals)).toEqual([["drain"], ["drain"], ["drain"]]);
  await scene.server(0).ends(0);
  await scene.server(2).ends(143);
  expect(clean).toBeUndefined();
  await scene.server(1).ends(0);
  await stopped;
  expect(clean).toBe(true);
  scene.change("own.ts");
  expect(scene.servers).toHaveLength(3);
  expect(scene.events).toEqual(["reloaded id-1 own.ts 0"]);
  expect(scene.clock.pending()).toBe(0);
});

test("code that did not start, and has not ended yet, is no unclean end", async () => {
  const scene = await Scene.up();
  scene.change("own.ts");
  await scene.server(1).fails();
  const stopped = scene.reloads.stop();
  await scene.server(0).ends(0);
  await scene.server(1).ends(2);
  expect(await stopped).toBe(true);
});

test("one that did not end well is told of by the end of all, and force ends everybody", async () => {
  const scene = await Scene.up();
  const stopped = scene.reloads.stop();
  scene.reloads.kill();
  expect(scene.server(0).signals).toEqual(["drain", "kill"]);
  expect(await stopped).toBe(false);
});
