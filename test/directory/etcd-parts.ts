import { EtcdApi } from "../../src/directory/etcd-api.ts";
import { EtcdClient } from "../../src/directory/etcd-client.ts";
import { FakeClock } from "../support/clock.ts";
import { places } from "./etcd-bench.ts";
import { FakeEtcd } from "./fake-etcd.ts";

/** An API over a cluster that is none. */
export interface EtcdParts {
  readonly clock: FakeClock;
  readonly etcd: FakeEtcd;
  readonly client: EtcdClient;
  readonly api: EtcdApi;
}

/** What a part of a registry over etcd is tested with. */
export function etcdParts(): EtcdParts {
  const clock = new FakeClock();
  const etcd = new FakeEtcd(clock);
  const members = places.map((place) => `http://${place}`);
  const client = new EtcdClient({ members, clock, random: () => 0, fetch: etcd.fetch });
  return { clock, etcd, client, api: new EtcdApi(client) };
}
