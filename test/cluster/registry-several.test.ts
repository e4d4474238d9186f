import { expect, test } from "bun:test";
import { eventually } from "../support/cluster.ts";
import { idsAt, idsOf, leaseMs, listOf, RegistryScene } from "./registry-scene.ts";

test("of two registries one after the other is killed and comes back empty, and nobody notices", async () => {
  await using scene = await RegistryScene.create();
  const registries = [await scene.registry(), await scene.registry()];
  const urls = registries.map(({ url }) => url);
  const servers = await scene.servers(3, ...urls);
  const knowsAll = async (url: string): Promise<boolean> =>
    idsOf(await listOf(url)).length === servers.length;
  for (const url of urls) await eventually(() => knowsAll(url), "both know all");
  const gee = scene.client(...urls);
  const watched: string[][] = [];
  const watching = (async () => {
    for await (const members of gee.watchMembers()) {
      watched.push(members.map(({ id = "?" }) => id).toSorted());
    }
  })();
  await eventually(() => watched.length > 0, "a list");
  const load = scene.load(10, gee);
  await load.more(50);

  for (const registry of registries) {
    const known = idsAt(servers);
    registry.kill("SIGKILL");
    await registry.exited;
    // Longer than a lease: what the silent one alone knew would be in doubt by now.
    await Bun.sleep(2 * leaseMs);
    await load.more(50);
    // Whoever comes now is heard of through the other one.
    servers.push(...(await scene.servers(1, ...urls)));
    await eventually(() => watched.at(-1)?.length === servers.length, "the newcomer");
    await scene.registry(registry.host);
    await eventually(() => knowsAll(registry.url), "a registry that knows all again");
    await load.more(50);
    for (const id of known) {
      for (const ids of watched) expect(ids).toContain(id);
    }
    watched.splice(0, watched.length - 1);
  }
  // Whoever leaves is gone from both.
  const [leaving] = servers.splice(0, 1);
  leaving?.signal("SIGTERM");
  expect(await leaving?.exited).toBe(0);
  await eventually(() => watched.at(-1)?.length === servers.length, "a list without it");
  for (const url of urls) expect(idsOf(await listOf(url))).toEqual(idsAt(servers));
  expect(watched.at(-1)).toEqual(idsAt(servers));
  await load.stop();
  expect(load.failed).toEqual([]);
  await gee[Symbol.asyncDispose]();
  await watching;
}, 40_000);

test("a registry that is down from the start harms nobody", async () => {
  await using scene = await RegistryScene.create();
  const down = await scene.registry();
  down.kill("SIGKILL");
  await down.exited;
  const { url } = await scene.registry();
  const both = `${down.url},${url}`;
  const server = scene.start(["server", "--registry", both]);
  await server.says(/^registered /m);
  expect(server.stderr()).not.toContain("hint: with one registry");
  const call = await scene.gee("call", "Foo.Sum", "1", "2", "--registry", both);
  const away = `away       ${down.url} gives no list: connection refused\n`;
  expect(call).toEqual({ code: 0, stdout: "3\n", stderr: away });
  // It comes, and is told.
  await scene.registry(down.host);
  await eventually(async () => (await listOf(down.url))?.members.length === 1, "a list");
}, 20_000);

test("of two registries the one that is hung is named, and takes a tenth of a second", async () => {
  await using scene = await RegistryScene.create();
  using hung = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { url } = await scene.registry();
  const server = scene.start(["server", "--registry", url]);
  await server.says(/^registered /m);
  const both = `http://127.0.0.1:${hung.port},${url}`;
  const away = `away       http://127.0.0.1:${hung.port} gives no list: it has not answered yet`;
  for (const [words, stdout] of [
    [["call", "Foo.Sum", "1", "2"], "3\n"],
    [["call", "Foo.Sum", "1", "2", "--all"], " 3\n"],
    [["list"], "Foo "],
  ] as const) {
    const done = await scene.gee(...words, "--registry", both);
    expect(done.code).toBe(0);
    expect(done.stdout).toContain(stdout);
    expect(done.stderr.split("\n").filter((line) => !line.startsWith("warming "))).toEqual([
      away,
      "",
    ]);
  }
}, 20_000);
