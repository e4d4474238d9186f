import { expect, test } from "bun:test";
import { eventually } from "../support/cluster.ts";
import { idsAt, idsOf, leaseMs, listOf, RegistryScene, writtenMs } from "./registry-scene.ts";

test("after kill -9 a registry over sqlite has its list at once, marked warming, with nobody there to beat", async () => {
  await using scene = await RegistryScene.create();
  const store = ["--store", `sqlite:${scene.path("registry.db")}`];
  const registry = await scene.registry("127.0.0.1:0", store);
  const { url, host } = registry;
  const servers = await scene.servers(2, url);
  const before = await listOf(url);
  expect(idsOf(before)).toEqual(idsAt(servers));
  await Bun.sleep(writtenMs);
  registry.kill("SIGKILL");
  for (const server of servers) server.signal("SIGKILL");
  await Promise.all([registry.exited, ...servers.map(({ exited }) => exited)]);

  const restartedAt = performance.now();
  const again = await scene.registry(host, store);
  expect(again.stdout()).toContain("sqlite");
  const list = await listOf(url);
  // Only where the machine took no longer than a lease is this the start.
  if (performance.now() - restartedAt < leaseMs) {
    expect(list).toMatchObject({ warming: true });
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
  }
  expect(list?.members.map(({ id = "?" }) => id).toSorted()).toEqual(idsAt(servers));
  expect(list?.members.map(({ services }) => services)).toEqual([["Work"], ["Work"]]);
  // They have their full term from here on, and then their time is over as anybody's.
  await eventually(async () => idsOf(await listOf(url), "suspect").length === 2, "two suspects");
  expect(performance.now() - restartedAt).toBeGreaterThanOrEqual(leaseMs);
  await eventually(async () => (await listOf(url))?.members.length === 0, "an empty list");
  expect(performance.now() - restartedAt).toBeGreaterThanOrEqual(3 * leaseMs);
  // What is gone is gone from the file, in which changes are written a moment later.
  await Bun.sleep(writtenMs);
  again.kill("SIGKILL");
  await again.exited;
  await scene.registry(host, store);
  expect((await listOf(url))?.members).toEqual([]);
}, 30_000);

test("servers go on with the registry that was killed as if it had never been away, and leave it by their own word", async () => {
  await using scene = await RegistryScene.create();
  const store = ["--store", `sqlite:${scene.path("registry.db")}`];
  const registry = await scene.registry("127.0.0.1:0", store);
  const { url, host } = registry;
  const [one, two, ...rest] = await scene.servers(4, url);
  if (one === undefined || two === undefined) throw new Error("there are four");
  const gee = scene.client(url);
  const load = scene.load(10, gee);
  await load.more(50);
  // It leaves before the registry dies, and its withdrawal is what the store knows last of it.
  one.signal("SIGTERM");
  expect(await one.exited).toBe(0);
  await Bun.sleep(writtenMs);
  registry.kill("SIGKILL");
  await registry.exited;
  const again = await scene.registry(host, store);
  expect(idsOf(await listOf(url))).toEqual(idsAt([two, ...rest]));
  await Bun.sleep(4 * leaseMs);
  const list = await listOf(url);
  expect(list).toMatchObject({ warming: false, frozen: false });
  expect(list?.members.map(({ id = "?" }) => id).toSorted()).toEqual(idsAt([two, ...rest]));
  // The secret of before opens it still.
  two.signal("SIGTERM");
  expect(await two.exited).toBe(0);
  await eventually(async () => !idsOf(await listOf(url)).includes(two.said.id), "the withdrawal");
  expect(again.stderr()).not.toMatch(/denied|secret/i);
  await load.stop();
  expect(load.failed).toEqual([]);
  for (const server of [one, two, ...rest]) expect(server.errors()).not.toMatch(/could not/);
}, 30_000);
