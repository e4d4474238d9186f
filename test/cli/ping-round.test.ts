import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { pingRound } from "../../src/cli/ping-round.ts";
import { Foo } from "../../src/cli/demo-service.ts";
import { serve, serveRegistry, type Server } from "../../src/index.ts";
import { createRegistryClient } from "../../src/discovery/registry-client.ts";
import { FakeClock, inTime, turn } from "../support/clock.ts";
import { announcement, idOf } from "../support/registry.ts";

test("who drains is counted by itself, and need not be well", async () => {
  await using registry = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  await using server = await serve({
    services: { Foo: new Foo() },
    registry: registry.url,
    lameDuckMs: 0,
    log: silentLog,
  });
  await server.registered;
  const client = createRegistryClient({ url: registry.url, log: silentLog });
  const draining = { id: idOf("a"), services: ["Foo"], draining: true };
  await client.register(announcement(draining));
  const options = { registry: registry.url, log: silentLog };
  const round = await pingRound({ options, service: undefined, timeoutMs: 10_000 });
  expect(round.failure).toBeUndefined();
  expect(round.services).toMatchObject([
    { name: "Foo", instances: 1, ok: 1, draining: 1, suspect: 0, troubles: [] },
  ]);
});

test("servers by address are told apart by it", async () => {
  await using stack = new AsyncDisposableStack();
  const servers: Server[] = [];
  for (let index = 0; index < 5; index++) {
    servers.push(
      stack.use(await serve({ services: { Foo: new Foo() }, lameDuckMs: 0, log: silentLog })),
    );
  }
  const address = servers.map((server) => server.address);
  const options = { address, log: silentLog };
  const round = await pingRound({ options, service: undefined, timeoutMs: 10_000 });
  expect(round.registries).toEqual([]);
  expect(round.services.map(({ name }) => name).sort()).toEqual(address.toSorted());
  expect(round.services.every(({ ok, instances }) => ok === 1 && instances === 1)).toBe(true);
});

test("a server that is about to end, or has not the service, was reached and is not well", async () => {
  const clock = new FakeClock();
  const server = await serve({ services: { Foo: new Foo() }, clock, log: silentLog });
  const ask = async (service?: string) =>
    await pingRound({
      options: { address: server.address, log: silentLog },
      service,
      timeoutMs: 10_000,
    });
  const whyOf = async (service?: string) => {
    const { services, unreachable, failure } = await ask(service);
    const whys = services.flatMap(({ troubles }) => troubles.map(({ why }) => why));
    return { whys, unreachable, reason: failure?.reason };
  };
  expect(await whyOf("Foo")).toEqual({ whys: [], unreachable: false, reason: undefined });
  expect(await whyOf("Bar")).toEqual({
    whys: ["it does not serve Bar"],
    unreachable: false,
    reason: "NOT_WELL",
  });
  const stopped = server.stop();
  await turn();
  expect(await whyOf()).toEqual({
    whys: ["the server is shutting down"],
    unreachable: false,
    reason: "NOT_WELL",
  });
  await inTime(clock, stopped);
});
