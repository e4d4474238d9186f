import { expect, test } from "bun:test";
import { eventually } from "../support/cluster.ts";
import {
  idsAt,
  idsOf,
  isLong,
  leaseMs,
  listOf,
  patienceMs,
  RegistryScene,
} from "./registry-scene.ts";

/** How long the registries are down while calls flow. */
const downMs = isLong ? 600_000 : 5_000;

test(
  `no call fails while every registry is down for ${downMs / 1_000} s`,
  async () => {
    await using scene = await RegistryScene.create();
    const registries = await Promise.all([scene.registry(), scene.registry()]);
    const urls = registries.map(({ url }) => url);
    const servers = await scene.servers(3, ...urls);
    const gee = scene.client(...urls);
    const load = scene.load(8, gee);
    await load.more(100);
    for (const registry of registries) registry.kill("SIGKILL");
    await Promise.all(registries.map(({ exited }) => exited));
    await Bun.sleep(downMs);
    await load.more(100);
    const settled = await load.stop();
    expect(load.failed).toEqual([]);
    expect(new Set((await scene.cluster.begun()).map(([, pid]) => pid))).toEqual(
      new Set(servers.map(({ pid }) => pid)),
    );
    console.log(`${settled.length} calls, ${downMs / 1_000} s without a registry, 0 failed`);
  },
  downMs + 30_000,
);

test("a registry that is killed and restarted empty under load fails no call, and knows all within one interval", async () => {
  await using scene = await RegistryScene.create();
  let registry = await scene.registry();
  const { url, host } = registry;
  const servers = await scene.servers(5, url);
  const gee = scene.client(url);
  const watched: string[][] = [];
  const watching = (async () => {
    for await (const members of gee.watchMembers()) watched.push(members.map(({ id = "?" }) => id));
  })();
  const load = scene.load(20, gee);
  await load.more(100);
  for (let round = 0; round < 3; round++) {
    const before = await listOf(url);
    registry.kill("SIGKILL");
    await registry.exited;
    registry = await scene.registry(host);
    const upAt = performance.now();
    expect((await listOf(url))?.epoch).not.toBe(before?.epoch);
    await eventually(async () => idsOf(await listOf(url)).length === 5, "the full list");
    expect(performance.now() - upAt).toBeLessThan(patienceMs);
    // Through the time of warming, and out of it.
    await Bun.sleep(2 * leaseMs);
    const list = await listOf(url);
    expect(list).toMatchObject({ warming: false, frozen: false });
    expect([...idsOf(list), ...idsOf(list, "suspect")].toSorted()).toEqual(idsAt(servers));
    await load.more(100);
  }
  await load.stop();
  expect(load.failed).toEqual([]);
  expect(await scene.cluster.repeated()).toEqual([]);
  await gee[Symbol.asyncDispose]();
  await watching;
  // At no moment was anybody missing from the client's list.
  for (const list of watched) expect(list.toSorted()).toEqual(idsAt(servers));
}, 40_000);
