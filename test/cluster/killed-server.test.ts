import { expect, test } from "bun:test";
import { connect } from "../../src/index.ts";
import { silentLog } from "../../src/base/log.ts";
import { Cluster, Load } from "../support/cluster.ts";

test("after kill -9 of one of three servers sent calls reject at once as maybe, and all others succeed", async () => {
  await using cluster = await Cluster.create();
  const registry = await cluster.registry();
  const options = { registry: registry.said.url };
  const servers = await Promise.all([1, 2, 3].map(() => cluster.server(options)));
  await using gee = connect({ ...options, log: silentLog });
  const load = new Load(60, "call", (call) => gee.call("Work.Do", [call, 20]));
  await load.more(300);
  const [victim] = servers;
  const killedAt = performance.now();
  victim?.signal("SIGKILL");
  await load.more(600);
  const settled = await load.stop();

  // What the victim had may or may not have run; nothing else was touched.
  for (const { outcome } of load.failed) {
    expect(outcome).toMatch(/^UNAVAILABLE maybe: connection lost|^UNAVAILABLE maybe: .*closed/);
  }
  expect(load.failed.length).toBeGreaterThan(0);
  expect(load.failed.length).toBeLessThanOrEqual(30);
  for (const { settledAt } of load.failed) expect(settledAt - killedAt).toBeLessThan(1_000);
  for (const { issuedAt, settledAt } of settled) {
    expect(settledAt - issuedAt).toBeLessThan(2_000);
  }
  // Nothing ran twice, and everything that succeeded ran.
  expect(await cluster.repeated()).toEqual([]);
  const begun = new Set((await cluster.begun()).map(([call]) => call));
  const succeeded = settled.filter(({ outcome }) => outcome === "ok");
  expect(succeeded.filter(({ call }) => !begun.has(call))).toEqual([]);
}, 15_000);

test("20 fresh clients find a server each, right after one of three was killed", async () => {
  await using cluster = await Cluster.create();
  const registry = await cluster.registry();
  const options = { registry: registry.said.url };
  const servers = await Promise.all([1, 2, 3].map(() => cluster.server(options)));
  servers[1]?.signal("SIGKILL");
  const answers = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      await using gee = connect({ ...options, log: silentLog });
      return await gee.call("Work.Do", [`fresh${index}`, 0]);
    }),
  );
  expect(answers).toEqual(Array.from({ length: 20 }, (_, index) => `fresh${index}`));
  expect(await cluster.repeated()).toEqual([]);
}, 15_000);
