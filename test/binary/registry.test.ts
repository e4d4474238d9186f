import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { built, gee, start, startRegistry, startServer } from "../support/executable.ts";
import { folder } from "../support/folder.ts";

setDefaultTimeout(30_000);

describe.skipIf(!built)("a registry of the executable", () => {
  test("has its list again after kill -9, from sqlite, marked warming", async () => {
    await using place = await folder();
    const store = ["--store", `sqlite:${place.path}/registry.db`];
    await using registry = await startRegistry(store);
    const { url } = registry;
    await using server = await startServer(url);
    const [, id = ""] = /id (\w{32})/.exec(server.stdout()) ?? [];
    // What changes is written behind, within a moment.
    await Bun.sleep(500);
    registry.kill("SIGKILL");
    server.kill("SIGKILL");
    await Promise.all([registry.exited, server.exited]);

    await using again = start(["registry", "--listen", new URL(url).host, ...store]);
    await again.says(/^registry .* sqlite /m);
    const headers = { accept: "application/json" };
    const list = await fetch(`${url}/_geerpc_/registry`, { headers });
    expect(await list.json()).toMatchObject({ warming: true, instances: [{ id, state: "up" }] });
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    const listed = await gee(["list", "Foo", "--registry", url, "--json"]);
    expect(JSON.parse(listed.stdout)).toMatchObject([{ id, state: "up" }]);
  });

  test("starts before its etcd does, and says what it waits for", async () => {
    await using registry = await startRegistry(["--store", "etcd://127.0.0.1:1"]);
    const readiness = await fetch(`${registry.url}/readyz`);
    expect(readiness.status).toBe(503);
    expect(await readiness.text()).toContain("connection refused");
    registry.kill("SIGTERM");
    expect(await registry.exited).toBe(0);
  });

  test("tells gee events who comes and who leaves", async () => {
    await using registry = await startRegistry();
    await using server = await startServer(registry.url);
    await using events = start(["events", "--registry", registry.url, "--json"]);
    await events.says(/"event":"up"/);
    server.kill("SIGTERM");
    expect(await server.exited).toBe(0);
    await events.says(/"event":"gone"/);
    const [up, gone] = events.stdout().trimEnd().split("\n");
    const { address } = server;
    const facts = { id: expect.stringMatching(/^[0-9a-f]{32}$/), address, services: ["Foo"] };
    expect(JSON.parse(up ?? "")).toEqual({ event: "up", ...facts });
    expect(JSON.parse(gone ?? "")).toEqual({ event: "gone", ...facts });
    events.kill("SIGINT");
    expect(await events.exited).toBe(130);
  });

  test("may be away for whoever has a cache", async () => {
    await using place = await folder();
    const registry = await startRegistry();
    await using server = await startServer(registry.url);
    const at = ["--registry", registry.url, "--cache", `${place.path}/list`, "--timeout", "5s"];
    expect((await gee(["list", ...at])).stdout).toContain(server.address);
    registry.kill("SIGTERM");
    expect(await registry.exited).toBe(0);
    const call = await gee(["call", "Foo.Sum", "1", "2", ...at]);
    expect(call).toMatchObject({ code: 0, stdout: "3\n" });
    expect(call.stderr).toContain("a saved list is used");
  });

  test("a server with one registry is told that two are better, with two it is not", async () => {
    await using one = await startRegistry();
    await using two = await startRegistry();
    await using alone = await startServer(one.url);
    expect(alone.stderr()).toMatch(/^hint: with one registry, /m);
    await using safe = await startServer(`${one.url},${two.url}`);
    expect(safe.stderr()).not.toContain("hint: ");
  });
});
