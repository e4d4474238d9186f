import { expect, test } from "bun:test";
import { RegistryScene } from "./registry-scene.ts";
import { EtcdCluster, etcdPath, withoutEtcd } from "../support/etcd-cluster.ts";

// Registries that start before their etcd does, as after a power cut.

if (etcdPath === undefined) console.warn(withoutEtcd);

const away = [
  ["nobody listens", "127.0.0.1:1", /connection refused/],
  ["the host is unknown", "nobody.invalid:2379", /host name/],
  ["several are all away", "127.0.0.1:1,nobody.invalid:2379", /connection refused|host name/],
] as const;

test.concurrent.each(away)(
  "a registry listens and says what is wrong where %s",
  async (_why, members, why) => {
    await using scene = await RegistryScene.create();
    const { url } = await scene.registry("127.0.0.1:0", ["--store", `etcd://${members}`]);
    const readiness = await fetch(`${url}/readyz`);
    expect(readiness.status).toBe(503);
    expect(await readiness.text()).toMatch(why);
    const list = await fetch(`${url}/_geerpc_/registry`, {
      headers: { accept: "application/json" },
    });
    expect(await list.json()).toMatchObject({ warming: true, instances: [] });
  },
  30_000,
);

test.concurrent(
  "a registry listens although what answers is no etcd",
  async () => {
    await using scene = await RegistryScene.create();
    using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("hello") });
    const store = ["--store", `etcd://127.0.0.1:${other.port}`];
    const { url } = await scene.registry("127.0.0.1:0", store);
    const readiness = await fetch(`${url}/readyz`);
    expect(readiness.status).toBe(503);
    expect(await readiness.text()).toContain("etcd at ");
  },
  30_000,
);

test.skipIf(etcdPath === undefined)(
  "a registry that started without a majority of etcd keeps trying, and takes servers once there is one",
  async () => {
    await using scene = await RegistryScene.create();
    await using cluster = await EtcdCluster.start();
    const [, two, three] = cluster.members;
    two?.signal("SIGKILL");
    three?.signal("SIGKILL");
    const { url } = await scene.registry("127.0.0.1:0", ["--store", cluster.url]);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    const server = scene.start(["server", "--registry", url]);
    await server.says(/takes no beats.* the registry cannot write/);
    await Promise.all([two?.restart(), three?.restart()]);
    await server.says(/^registered /m);
    expect((await scene.gee("call", "Foo.Sum", "1", "2", "--registry", url)).stdout).toBe("3\n");
  },
  60_000,
);
