import { expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { silentLog } from "../../src/base/log.ts";
import type { Member } from "../../src/discovery/member.ts";
import { createRegistryClient } from "../../src/discovery/registry-client.ts";
import { connect } from "../../src/index.ts";
import type { BeatServerOptions } from "../support/beat-server.ts";
import { Cluster, eventually, type ServerProcess } from "../support/cluster.ts";
import { failureOf } from "../support/ends.ts";
import { startScript } from "../support/processes.ts";

const leaseMs = 900;

interface Scene extends AsyncDisposable {
  readonly registry: string;
  server(options?: Omit<BeatServerOptions, "registry">): Promise<ServerProcess>;
  /** What the registry lists of a server. */
  listed(server: ServerProcess): Promise<Member | undefined>;
}

async function scene(): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  const cluster = stack.use(await Cluster.create());
  const { url } = (await cluster.registry({ leaseMs })).said;
  const client = createRegistryClient({ url, log: silentLog });
  return {
    registry: url,
    async server(options = {}) {
      const script = new URL("../support/beat-server.ts", import.meta.url);
      return stack.use(await startScript(script, { registry: url, ...options }));
    },
    async listed(server) {
      const { members } = await client.list();
      return members.find(({ id }) => id === server.said.id);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Looks again and again until work is done; resolves with all that it saw. */
async function watched<T>(work: Promise<unknown>, look: () => Promise<T>): Promise<readonly T[]> {
  const state = { over: false };
  const ending = work.finally(() => (state.over = true));
  const seen: T[] = [];
  while (!state.over) {
    seen.push(await look());
    await Bun.sleep(20);
  }
  await ending;
  return seen;
}

test("a handler that computes for five leases keeps its server listed, with weight 0, and then gets its weight back", async () => {
  await using fleet = await scene();
  const server = await fleet.server();
  await using gee = connect({ address: server.said.address, log: silentLog });
  const call = gee.call("Work.Burn", [5 * leaseMs], { timeoutMs: 30_000 });
  const seen = await watched(call, () => fleet.listed(server));
  // The call was not lost, nor was the server ever anything but up.
  expect(await call).toBe(1);
  expect([...new Set(seen.map((member) => member?.state))]).toEqual(["up"]);
  const weights = seen.map((member) => member?.weight);
  expect([...new Set(weights)]).toEqual([1, 0]);
  // Half a second until the sign is due, a second until that is late, the next beat.
  expect(weights.indexOf(0) / weights.length).toBeLessThan(0.7);
  expect(Math.max(...seen.map((member) => member?.lagMs ?? 0))).toBeGreaterThan(1_000);
  await eventually(async () => (await fleet.listed(server))?.weight === 1, "the weight");
  expect(await fleet.listed(server)).toMatchObject({ state: "up", revision: 1 });
  expect(server.errors()).toBe("");
}, 40_000);

test("calls go to another server meanwhile", async () => {
  await using fleet = await scene();
  const busy = await fleet.server();
  const idle = await fleet.server();
  await using direct = connect({ address: busy.said.address, log: silentLog });
  await using gee = connect({ registry: fleet.registry, log: silentLog });
  await gee.call("Work.Burn", [0]);
  const call = direct.call("Work.Burn", [6 * leaseMs], { timeoutMs: 30_000 });
  await eventually(async () => (await fleet.listed(busy))?.weight === 0, "weight 0");
  // The client watches the list, and hears of it at once.
  await eventually(
    async () => (await gee.members()).find(({ id }) => id === busy.said.id)?.weight === 0,
    "the client's list",
  );
  for (let index = 0; index < 20; index++) {
    expect(await gee.call("Work.Burn", [1], { timeoutMs: 1_000 })).toBe(1);
  }
  expect((await fleet.listed(idle))?.state).toBe("up");
  expect(await call).toBe(1);
}, 40_000);

test("beats from the main loop do not outlive such a handler: it is the thread that keeps the place", async () => {
  await using fleet = await scene();
  const server = await fleet.server({ beatThread: false });
  await using gee = connect({ address: server.said.address, log: silentLog });
  const call = gee.call("Work.Burn", [2.5 * leaseMs], { timeoutMs: 30_000 });
  const seen = await watched(call, () => fleet.listed(server));
  expect([...new Set(seen.map((member) => member?.state))]).toEqual(["up", "suspect"]);
  // The first beat after that is honest as well.
  await eventually(async () => (await fleet.listed(server))?.weight === 0, "weight 0");
  await eventually(async () => (await fleet.listed(server))?.weight === 1, "the weight");
}, 40_000);

test("a process whose main loop hangs for ever leaves the list", async () => {
  await using fleet = await scene();
  const server = await fleet.server({ hungAfterMs: 2_000 });
  const other = await fleet.server({ hungAfterMs: 2_000 });
  await using gee = connect({ address: server.said.address, log: silentLog });
  const hungAt = performance.now();
  const call = failureOf(gee.call("Work.Hang", [], { timeoutMs: 1_000 }));
  const states: (string | undefined)[] = [];
  await eventually(async () => {
    const state = (await fleet.listed(server))?.state;
    if (states.at(-1) !== state) states.push(state);
    return state === undefined;
  }, "its absence");
  const tookMs = performance.now() - hungAt;
  expect(await call).toMatchObject({ code: "DEADLINE_EXCEEDED" });
  expect(states).toEqual(["up", "suspect", undefined]);
  expect(tookMs).toBeGreaterThan(2_000 + 2 * leaseMs);
  expect(await fleet.listed(other)).toMatchObject({ state: "up", weight: 1 });
}, 40_000);

test("a process that is stopped becomes suspect, and is back with its first beat", async () => {
  await using fleet = await scene();
  const server = await fleet.server();
  server.signal("SIGSTOP");
  await eventually(async () => (await fleet.listed(server))?.state === "suspect", "suspicion");
  server.signal("SIGCONT");
  const goneOn = performance.now();
  await eventually(async () => (await fleet.listed(server))?.state === "up", "the server");
  expect(performance.now() - goneOn).toBeLessThan(leaseMs + 1_000);
  await eventually(async () => (await fleet.listed(server))?.weight === 1, "its weight");
  expect(await fleet.listed(server)).toMatchObject({ id: server.said.id, revision: 1 });
}, 40_000);

test("one that was stopped until it was gone is listed again, under the same id", async () => {
  await using fleet = await scene();
  const server = await fleet.server({ hungAfterMs: 1_500 });
  server.signal("SIGSTOP");
  await eventually(async () => (await fleet.listed(server)) === undefined, "its absence");
  server.signal("SIGCONT");
  await eventually(async () => (await fleet.listed(server))?.state === "up", "the server");
  await eventually(async () => (await fleet.listed(server))?.weight === 1, "its weight");
  expect(server.errors()).toMatch(/^warn the server gave no sign of life, .* silentMs=\d+\n$/);
}, 40_000);

test("a server that stops is withdrawn at once, and its thread keeps the process alive no longer", async () => {
  await using fleet = await scene();
  const server = await fleet.server();
  server.signal("SIGTERM");
  await eventually(async () => (await fleet.listed(server))?.state === "left", "the withdrawal");
  expect(await server.exited).toBe(0);
  expect([(await fleet.listed(server))?.state, server.errors()]).toEqual(["left", ""]);
}, 40_000);

test("a thread that beats keeps no process alive", async () => {
  await using fleet = await scene();
  const script = fileURLToPath(new URL("../support/lone-heartbeat.ts", import.meta.url));
  const child = Bun.spawn([process.execPath, script, fleet.registry], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const said = await new Response(child.stdout).text();
  expect([await child.exited, said.trim()]).toEqual([0, `${fleet.registry}/_geerpc_/registry`]);
}, 40_000);
