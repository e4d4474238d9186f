import { expect, test } from "bun:test";
import { silentLog } from "../src/base/log.ts";
import { parseDescribedService } from "../src/contract/described.ts";
import { serviceHash } from "../src/contract/hash.ts";
import { connect, serve, serveRegistry } from "../src/index.ts";
import { method, moduleOf, number, service } from "./support/contracts.ts";
import { failureOf } from "./support/ends.ts";
import { Loopback } from "./support/loopback.ts";

// Any server says what it serves, to whoever asks.

class Foo {
  Sum(a: number, b: number): number {
    return a + b;
  }
}

class Bar {
  Run(): string {
    return "ran";
  }
}

const foo = service([method("Sum", { a: number, b: number }, number)]);
const contract = moduleOf([foo]);

test("a server describes itself, and lists none of its own services", async () => {
  await using loopback = new Loopback();
  const { server, gee } = await loopback.pair({ Foo: new Foo(), Bar: new Bar() }, { contract });
  expect(server.services).toEqual([
    { name: "Foo", methods: ["Sum"], contract: serviceHash(foo) },
    { name: "Bar", methods: ["Run"] },
  ]);
  expect(await gee.call("gee.Reflection.Services")).toEqual([
    { name: "Foo", hash: serviceHash(foo), methods: ["Sum"] },
    { name: "Bar", methods: ["Run"] },
  ]);
  const answer = await gee.call("gee.Reflection.Describe", ["Foo"]);
  const [described] = Array.isArray(answer) ? answer.map((one) => parseDescribedService(one)) : [];
  expect(JSON.parse(described?.contract ?? "")).toEqual(foo);
  expect(described?.hash).toBe(serviceHash(foo));
  expect(await failureOf(gee.call("gee.Reflection.Describe", ["Fo"]))).toMatchObject({
    code: "NOT_FOUND",
    hint: "did you mean Foo?",
  });
  expect(await failureOf(gee.call("gee.Nothing.Run"))).toMatchObject({
    code: "UNIMPLEMENTED",
    reason: "NO_SUCH_METHOD",
  });
});

test("with a registry any server is asked, by a typed stub as well, and one that is named", async () => {
  await using registry = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  const options = { registry: registry.url, lameDuckMs: 0, log: silentLog };
  await using one = await serve({ ...options, services: { Foo: new Foo() }, contract });
  await using other = await serve({ ...options, services: { Bar: new Bar() } });
  await Promise.all([one.registered, other.registered]);
  await using gee = connect({ registry: registry.url, log: silentLog });

  interface Reflection {
    Services(): { name: string }[];
  }
  const reflection = gee.service<Reflection>("gee.Reflection", { policy: "round-robin" });
  const names = new Set<string>();
  for (let call = 0; call < 4; call++) {
    for (const { name } of await reflection.Services()) names.add(name);
  }
  expect([...names].sort()).toEqual(["Bar", "Foo"]);
  expect(await gee.call("gee.Reflection.Services", [], { to: other.id })).toEqual([
    { name: "Bar", methods: ["Run"] },
  ]);
  expect(await gee.broadcast("gee.Health.Check")).toEqual({ status: "SERVING" });
  expect((await gee.members("gee.Health")).length).toBe(2);
  await gee.ready("gee.Health");
});

test("the registry's list has the hashes of what a server serves, and names what people wrote", async () => {
  await using registry = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  const options = { registry: registry.url, lameDuckMs: 0, log: silentLog };
  await using known = await serve({
    ...options,
    services: { Foo: new Foo(), Bar: new Bar() },
    contract,
  });
  await using unknown = await serve({ ...options, services: { Bar: new Bar() } });
  await Promise.all([known.registered, unknown.registered]);
  await using gee = connect({ registry: registry.url, log: silentLog });
  const find = async (id: string) => (await gee.members()).find((member) => member.id === id);
  const listed = await find(known.id);
  expect(listed?.services).toEqual(["Bar", "Foo"]);
  expect(listed?.contracts).toEqual({ Foo: serviceHash(foo) });
  expect(listed?.contract).toMatch(/^[0-9a-f]{16}$/);
  const other = await find(unknown.id);
  expect(other?.contract).toBeUndefined();
  expect(other === undefined || "contracts" in other).toBe(false);
});
