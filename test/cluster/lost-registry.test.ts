import { expect, test } from "bun:test";
import { connect } from "../../src/index.ts";
import { silentLog } from "../../src/base/log.ts";
import { Cluster, eventually, Load } from "../support/cluster.ts";

test("calls flow while the only registry is killed and comes back, and servers register again by themselves", async () => {
  await using cluster = await Cluster.create();
  const registry = await cluster.registry({ leaseMs: 900 });
  const { url } = registry.said;
  const servers = await Promise.all([1, 2].map(() => cluster.server({ registry: url })));
  await using gee = connect({ registry: url, log: silentLog });
  const load = new Load(10, "call", (call) => gee.call("Work.Do", [call, 5]));
  await load.more(50);
  registry.signal("SIGKILL");
  await registry.exited;
  // Longer than a lease, and longer than a list counts as fresh.
  await Bun.sleep(3_500);
  await load.more(50);
  await cluster.registry({ leaseMs: 900, listen: url.slice("http://".length) });
  await using fresh = connect({ registry: url, log: silentLog });
  const ids = async (): Promise<readonly unknown[]> => {
    const members = await fresh.members("Work").catch(() => []);
    return members.map(({ id }) => id).sort();
  };
  const all = servers.map(({ said }) => said.id).sort();
  await eventually(async () => (await ids()).length === 2, "two members");
  expect(await ids()).toEqual(all);
  await load.more(50);
  await load.stop();
  expect(load.failed).toEqual([]);
  expect(await cluster.repeated()).toEqual([]);
}, 15_000);
