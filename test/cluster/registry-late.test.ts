import { expect, test } from "bun:test";
import { eventually } from "../support/cluster.ts";
import { leaseMs, listOf, RegistryScene } from "./registry-scene.ts";

/** Counts who tries to connect to an address that a server had. */
function haunt(address: string): Disposable & { readonly visits: () => number } {
  const [hostname = "", port = ""] = address.replace("tcp@", "").split(":");
  let count = 0;
  const listener = Bun.listen({
    hostname,
    port: Number(port),
    socket: {
      open(socket) {
        count += 1;
        socket.end();
      },
      data() {},
    },
  });
  return { visits: () => count, [Symbol.dispose]: () => listener.stop(true) };
}

test("after kill -9 a server is suspect, hence not chosen, within a lease and 1 s, and gone after three leases", async () => {
  await using scene = await RegistryScene.create();
  const { url } = await scene.registry();
  const [victim, ...others] = await scene.servers(3, url);
  if (victim === undefined) throw new Error("there are three");
  const { id, address } = victim.said;
  const gee = scene.client(url);
  const load = scene.load(10, gee);
  await load.more(100);
  const stateOf = async (): Promise<string> => {
    const list = await listOf(url);
    return list?.members.find((member) => member.id === id)?.state ?? "gone";
  };
  /** What a client that watches says of it, with the moment. */
  const seen = new Map<string, number>();
  const watching = (async () => {
    for await (const members of gee.watchMembers()) {
      const state = members.find((member) => member.id === id)?.state ?? "gone";
      if (!seen.has(state)) seen.set(state, performance.now());
    }
  })();
  await eventually(() => seen.has("up"), "a client that knows it");

  victim.signal("SIGKILL");
  const killedAt = performance.now();
  const after = (state: string): number => (seen.get(state) ?? Number.NaN) - killedAt;
  await eventually(async () => (await stateOf()) === "suspect", "a suspect");
  await eventually(() => seen.has("suspect"), "a client that has heard of it");
  expect(after("suspect")).toBeLessThan(leaseMs + 1_000);

  using stranger = haunt(address);
  const asked = await Promise.all(
    Array.from({ length: 30 }, async (_, index) => {
      const fresh = scene.client(url);
      const call = `fresh${index}`;
      return (await fresh.call("Work.Do", [call, 0])) === call;
    }),
  );
  // The machine may have been so slow that by now it is not a suspect any more, but gone.
  expect(asked).toEqual(Array.from(asked, () => true));
  expect(stranger.visits()).toBe(0);
  await eventually(() => seen.has("gone"), "a client that has heard of its end");
  // Three leases after its last beat, which was up to an interval before the end.
  expect(after("gone")).toBeGreaterThan(2 * leaseMs);
  expect(after("gone")).toBeLessThan(3 * leaseMs + 1_000);
  const left = (await listOf(url))?.members.map((member) => member.id).toSorted();
  expect(left).toEqual(others.map(({ said }) => said.id).toSorted());

  await load.stop();
  // Nothing else failed but what the killed one had.
  for (const { outcome } of load.failed) expect(outcome).toMatch(/^UNAVAILABLE maybe/);
  expect(load.failed.length).toBeLessThanOrEqual(10);
  await gee[Symbol.asyncDispose]();
  await watching;
}, 30_000);

test("a server that stops by its own word is out of everybody's list at once, while it still drains", async () => {
  await using scene = await RegistryScene.create();
  const { url } = await scene.registry();
  const [leaving, staying] = await scene.servers(2, url);
  if (leaving === undefined || staying === undefined) throw new Error("there are two");
  const gee = scene.client(url);
  const lists: (readonly (string | undefined)[])[] = [];
  const watching = (async () => {
    for await (const members of gee.watchMembers()) lists.push(members.map(({ id }) => id));
  })();
  const to = leaving.said.id;
  const long = gee.call("Work.Do", ["long", 2_000], { to });
  await eventually(async () => (await scene.cluster.begun()).length === 1, "a call at work");
  await eventually(() => lists.length > 0, "a list");
  leaving.signal("SIGTERM");
  const toldAt = performance.now();
  await eventually(() => lists.at(-1)?.includes(to) === false, "a list without it");
  expect(performance.now() - toldAt).toBeLessThan(leaseMs);
  expect(lists.at(-1)).toEqual([staying.said.id]);
  expect(await long).toBe("long");
  expect(await leaving.exited).toBe(0);
  await gee[Symbol.asyncDispose]();
  await watching;
}, 20_000);
