import { expect, test } from "bun:test";
import { eventually } from "../support/cluster.ts";
import { idsAt, idsOf, leaseMs, listOf, RegistryScene } from "./registry-scene.ts";

test("with half the fleet cut off from the registry nobody is removed, and answers say frozen", async () => {
  await using scene = await RegistryScene.create();
  const { url } = await scene.registry();
  const proxy = await scene.proxy(url);
  const near = await scene.servers(4, url);
  const far = await scene.servers(4, proxy.url);
  const all = idsAt([...near, ...far]);
  // Those that may be late on a busy machine at the start have their beats again.
  await eventually(async () => idsOf(await listOf(url)).length === 8, "eight servers up");
  const gee = scene.client(url);
  const lengths = new Set<number>();
  const watching = (async () => {
    for await (const members of gee.watchMembers()) lengths.add(members.length);
  })();
  const load = scene.load(10, gee);
  await load.more(100);

  proxy.close();
  await eventually(async () => (await listOf(url))?.frozen === true, "a freeze");
  // Well beyond the three leases after which each of them would be gone.
  const until = performance.now() + 5 * leaseMs;
  while (performance.now() < until) {
    const list = await listOf(url);
    expect(list?.members.map(({ id = "?" }) => id).toSorted()).toEqual(all);
    await Bun.sleep(50);
  }
  const list = await listOf(url);
  expect(list?.frozen).toBe(true);
  for (const { said } of far) expect(idsOf(list, "suspect")).toContain(said.id);
  const listed = await scene.gee("list", "Work", "--registry", url, "--json");
  expect(JSON.parse(listed.stdout)).toHaveLength(8);
  expect(listed.stdout.match(/"state":"suspect"/g)?.length).toBeGreaterThanOrEqual(4);
  await load.more(100);

  await proxy.open();
  await eventually(async () => idsOf(await listOf(url)).length === 8, "all up again");
  await eventually(async () => (await listOf(url))?.frozen === false, "the end of the freeze");
  await load.stop();
  expect(load.failed).toEqual([]);
  expect(lengths).toEqual(new Set([8]));
  await gee[Symbol.asyncDispose]();
  await watching;
}, 40_000);

test("half of two is no half: with few servers, who is silent goes", async () => {
  await using scene = await RegistryScene.create();
  const { url } = await scene.registry();
  const proxy = await scene.proxy(url);
  const near = await scene.servers(2, url);
  const far = await scene.servers(2, proxy.url);
  proxy.close();
  await eventually(async () => (await listOf(url))?.members.length === 2, "two that are left");
  expect((await listOf(url))?.members.map(({ id = "?" }) => id).toSorted()).toEqual(idsAt(near));
  // They live, and come back by themselves.
  await proxy.open();
  await eventually(async () => idsOf(await listOf(url)).length === 4, "all four");
  expect(idsOf(await listOf(url))).toEqual(idsAt([...near, ...far]));
}, 30_000);
