import { expect, test } from "bun:test";
import { connect } from "../../src/index.ts";
import { silentLog } from "../../src/base/log.ts";
import { Cluster, eventually, Load } from "../support/cluster.ts";

test("each of three servers is stopped and replaced in turn, under load, and no call is lost", async () => {
  await using cluster = await Cluster.create();
  const registry = await cluster.registry();
  const options = { registry: registry.said.url };
  const servers = await Promise.all([1, 2, 3].map(() => cluster.server(options)));
  await using gee = connect({ ...options, log: silentLog });
  const load = new Load(40, "call", (call) => gee.call("Work.Do", [call, 10]));
  await load.more(200);
  for (const server of servers) {
    await cluster.server(options);
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
    expect(server.errors()).toBe("");
    await load.more(200);
  }
  const settled = await load.stop();
  expect(load.failed).toEqual([]);
  expect(await cluster.repeated()).toEqual([]);
  expect((await cluster.begun()).length).toBe(settled.length);
}, 15_000);

test("a listener that is stopped with connections unaccepted loses no call", async () => {
  await using cluster = await Cluster.create();
  const servers = await Promise.all([1, 2].map(() => cluster.server({ lameDuckMs: 200 })));
  const address = servers.map(({ said }) => said.address);
  // A client for each call: there is always somebody in the queue of the listener.
  const load = new Load(50, "call", async (call) => {
    await using gee = connect({ address, log: silentLog });
    return await gee.call("Work.Do", [call, 0]);
  });
  await load.more(200);
  servers[0]?.signal("SIGTERM");
  expect(await servers[0]?.exited).toBe(0);
  await load.more(200);
  const settled = await load.stop();
  expect(load.failed).toEqual([]);
  expect(await cluster.repeated()).toEqual([]);
  expect((await cluster.begun()).length).toBe(settled.length);
}, 15_000);

test("calls that run when their server is told to stop are answered, however many there are", async () => {
  await using cluster = await Cluster.create();
  const server = await cluster.server({ lameDuckMs: 50 });
  await using gee = connect({ address: server.said.address, log: silentLog });
  await gee.call("Work.Do", ["warm", 0]);
  const calls = Array.from({ length: 500 }, (_, index) => gee.call("Work.Do", [`${index}`, 600]));
  await eventually(async () => (await cluster.begun()).length === 501, "500 calls at work");
  server.signal("SIGTERM");
  expect(await Promise.all(calls)).toEqual(Array.from({ length: 500 }, (_, index) => `${index}`));
  const answeredAt = performance.now();
  expect(await server.exited).toBe(0);
  // The drain ends with the last answer and not with its time.
  expect(performance.now() - answeredAt).toBeLessThan(2_000);
}, 15_000);
