import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { idleSeconds } from "../../src/directory/registry-routes.ts";
import { serveRegistry } from "../../src/registry.ts";
import { createRegistryClient } from "../../src/discovery/registry-client.ts";
import { announcement, idOf } from "../support/registry.ts";
import { eventually } from "../support/cluster.ts";
import { connectRaw, registryPath as path } from "../support/raw-http.ts";

test("a watch may be silent for longer than a connection may be idle, and half a head may not", async () => {
  // The end of warming would be news.
  const leaseMs = 60_000;
  await using registry = await serveRegistry({ listen: "127.0.0.1:0", leaseMs, log: silentLog });
  const client = createRegistryClient({ url: registry.url, log: silentLog });
  const { token = "" } = await client.list();
  using watcher = await connectRaw(registry.url);
  const head = "Host: localhost\r\nAccept: application/json\r\n";
  watcher.say(`GET ${path}?after=${token}&wait=60s HTTP/1.1\r\n${head}\r\n`);
  using silent = await connectRaw(registry.url);
  silent.say(`POST ${path} HTTP/1.1\r\n`);
  using dripping = await connectRaw(registry.url);
  dripping.say(`POST ${path} HTTP/1.1\r\nX-Slow: `);
  // Bun looks every four seconds.
  const until = performance.now() + (idleSeconds + 5) * 1_000;
  while (performance.now() < until) {
    if (!dripping.isClosed) dripping.say("x");
    await Bun.sleep(500);
  }
  expect([silent.isClosed, dripping.isClosed]).toEqual([true, true]);
  expect([registry.watcherCount(), watcher.isClosed, watcher.heard]).toEqual([1, false, ""]);
  await client.register(announcement());
  await eventually(() => watcher.heard.includes(idOf("a")), "the news");
  expect(watcher.heard).toContain(`"delta":true`);
  // Now it is a connection like any other.
  await eventually(() => registry.watcherCount() === 0, "the end of the watch");
}, 30_000);
