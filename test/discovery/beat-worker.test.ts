import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import type { FromBeatThread } from "../../src/discovery/beat-messages.ts";
import { startBeatThread } from "../../src/discovery/beat-thread.ts";
import { createRegistryClient } from "../../src/discovery/registry-client.ts";
import { serveRegistry } from "../../src/registry.ts";
import { until } from "../support/clock.ts";
import { announcement, idOf } from "../support/registry.ts";

test("the thread announces what it is told, withdraws it, and ends by itself", async () => {
  await using registry = await serveRegistry({
    listen: "127.0.0.1:0",
    leaseMs: 300,
    log: silentLog,
  });
  const client = createRegistryClient({ url: registry.url, log: silentLog });
  const said: FromBeatThread[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<string | undefined>();
  const thread = startBeatThread({ onMessage: (message) => said.push(message), onEnd: resolve });
  const { revision, ...description } = announcement();
  const urls = [client.url];
  const secret = idOf("5");
  thread.post({ kind: "start", urls, description, revision, secret, hungAfterMs: 60_000 });
  await until(() => said.some(({ kind }) => kind === "registered"), "a registration");
  expect(said).toMatchObject([
    { kind: "claim", url: client.url, claim: { id: idOf("a"), revision: 1, secret, leaseMs: 300 } },
    { kind: "registered", url: client.url },
  ]);
  thread.post({ kind: "sign", description: { ...description, load: 4 }, lagMs: 1_500 });
  for (let weight = 1; weight !== 0;) {
    const [member] = (await client.list()).members;
    weight = member?.weight ?? 0;
    if (weight === 0) expect(member).toMatchObject({ load: 4, lagMs: 1_500, state: "up" });
  }
  thread.post({ kind: "withdraw" });
  expect(await ended).toBeUndefined();
  expect(said.at(-1)).toEqual({ kind: "withdrawn" });
  expect((await client.list()).members).toMatchObject([{ state: "left", revision: 2 }]);
});
