import { expect, test } from "bun:test";
import { stat } from "node:fs/promises";
import { listOf, RegistryScene } from "./registry-scene.ts";

test("gee call finds a server by its cache when no registry answers, and goes by no cache while one does", async () => {
  await using scene = await RegistryScene.create();
  const registry = await scene.registry();
  const { url, host } = registry;
  // The server reaches the registry by a way of its own, which can be cut.
  const proxy = await scene.proxy(url);
  const [server] = await scene.servers(1, proxy.url);
  const file = scene.path("list.json");
  const call = (name: string, ...words: readonly string[]): ReturnType<typeof scene.gee> =>
    scene.gee("call", "Work.Do", name, "0", "--registry", url, "--timeout", "5s", ...words);

  expect(await call("first", "--cache", file)).toEqual({
    code: 0,
    stdout: '"first"\n',
    stderr: "",
  });
  const { mode } = await stat(file);
  expect(mode & 0o777).toBe(0o600);
  expect(await Bun.file(file).text()).toContain(server?.said.address ?? "no server");

  proxy.close();
  registry.kill("SIGKILL");
  await registry.exited;
  const without = await call("without");
  expect(without.code).toBe(78);
  expect(without.stderr).toMatch(/^error: UNAVAILABLE /);
  const second = await call("second", "--cache", file);
  expect(second).toMatchObject({ code: 0, stdout: '"second"\n' });
  expect(second.stderr).toMatch(
    /^warn no registry answers; a saved list is used members=1 ageS=\d+$/m,
  );
  const listed = await scene.gee("list", "--registry", url, "--cache", file, "--json");
  expect(JSON.parse(listed.stdout)).toMatchObject([{ service: "Work", instances: 1 }]);
  // The cache is that of one registry, or of several; it says nothing about another.
  const elsewhere = ["--registry", proxy.url, "--cache", file, "--timeout", "5s"];
  expect((await scene.gee("call", "Work.Do", "elsewhere", "0", ...elsewhere)).code).toBe(78);

  // A registry that answers is believed, though it knows nobody and the server would answer.
  await scene.registry(host);
  expect((await listOf(url))?.members).toEqual([]);
  const third = await call("third", "--cache", file);
  expect(third.code).toBe(78);
  expect(third.stderr).toContain("no server of Work is registered");
  expect(third.stderr).not.toContain("saved");
  // And an empty list is no list to save.
  expect(await Bun.file(file).text()).toContain(server?.said.address ?? "no server");

  const names = (await scene.cluster.begun()).map(([name]) => name);
  expect(names).toEqual(["first", "second"]);
}, 30_000);

test("a cache that is broken, or that others may write to, is not used and said to be so", async () => {
  await using scene = await RegistryScene.create();
  const registry = await scene.registry();
  const { url } = registry;
  await scene.servers(1, url);
  const file = scene.path("list.json");
  const call = (): ReturnType<typeof scene.gee> =>
    scene.gee("call", "Work.Do", "x", "0", "--registry", url, "--cache", file, "--timeout", "5s");
  expect((await call()).code).toBe(0);
  registry.kill("SIGKILL");
  await registry.exited;
  const good = await Bun.file(file).text();
  await Bun.$`chmod 666 ${file}`;
  const open = await call();
  expect(open).toMatchObject({ code: 78, stdout: "" });
  expect(open.stderr).toMatch(/^warn the saved list is not used .*others than its owner/m);
  await Bun.$`chmod 600 ${file}`;
  await Bun.write(file, good.slice(0, -20));
  const broken = await call();
  expect(broken.code).toBe(78);
  expect(broken.stderr).toMatch(/^warn the saved list is not used /m);
  await Bun.write(file, good);
  expect((await call()).code).toBe(0);
}, 30_000);
