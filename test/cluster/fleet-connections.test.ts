import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { limits } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { connect } from "../../src/index.ts";
import { eventually } from "../support/cluster.ts";
import { shorter } from "../support/fast-clock.ts";
import { Caller, counts, Moody } from "../support/moody.ts";
import type { MoodyServer } from "../support/moody.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

// When a client opens connections, how many, and when they end.

test("a second connection is opened when the first is half full, at most four, and those that idle are closed", async () => {
  await using moody = await Moody.create();
  const maxInFlight = 40;
  const server = await moody.server({ maxInFlight, mood: { holds: true } });
  // Only what idles is closed sooner than it would be.
  const idleMs = 1_000;
  await using gee = connect({
    address: server.said.address,
    clock: shorter(limits.idleConnectionMs, idleMs),
    log: silentLog,
    drainTimeoutMs: 0,
  });
  const caller = new Caller(gee);
  const half = maxInFlight / 2;
  const open = async (count: number): Promise<void> => {
    for (let each = 0; each < count; each++) void caller.issue(`call${caller.issued}`);
    const { issued } = caller;
    await moody.until(`${issued} calls at work`, ({ length }) => length === issued);
  };
  // One by one: a connection of which the server knows may not be greeted yet.
  const openedAt: number[] = [];
  while (openedAt.length < limits.maxConnectionsPerServer) {
    await open(1);
    const connections = await server.connections();
    while (openedAt.length < connections) openedAt.push(caller.issued);
    expect(caller.issued).toBeLessThan(limits.maxConnectionsPerServer * half + half);
  }
  console.log(`opened at the calls ${openedAt.join(", ")}; each takes ${maxInFlight}`);
  for (const [index, at] of openedAt.entries()) expect(at).toBeGreaterThan(index * half);
  // All others are half full; now they are filled, but for the last few.
  await open(limits.maxConnectionsPerServer * maxInFlight - half - caller.issued);
  expect(await server.connections()).toBe(limits.maxConnectionsPerServer);

  expect(caller.told).toEqual([]);
  const heldAt = performance.now();
  await server.set({ holds: false });
  await eventually(() => caller.told.length === caller.issued, "the answers");
  expect(counts(caller.told)).toEqual({ ok: caller.issued });
  await eventually(
    async () => (await server.connections()) <= 1,
    "the end of those beyond the first",
  );
  await eventually(async () => (await server.connections()) === 0, "the end of the first");
  const closedMs = performance.now() - heldAt;
  console.log(`closed ${closedMs.toFixed(0)} ms after the last call, with ${idleMs} ms to idle`);
  // It looks once in that time, and closes what had no call between two looks.
  expect(closedMs).toBeGreaterThan(idleMs / 2);
  expect(closedMs).toBeLessThan(2 * idleMs + 500);
  expect((await caller.issue("later")).outcome).toBe("ok");
  expect(await server.connections()).toBe(1);
}, 20_000);

test("ready connects to every server, and no call dials any more", async () => {
  await using moody = await Moody.create();
  const servers = await moody.servers(3);
  using proxies = new DisposableStack();
  const doors = servers.map(({ said }) =>
    proxies.use(new TcpProxy({ address: parseAddress(said.address) })),
  );
  await using gee = connect({ address: doors.map(({ address }) => address), log: silentLog });
  expect(doors.map(({ connections }) => connections)).toEqual([0, 0, 0]);
  await gee.ready("Work");
  await eventually(() => doors.every(({ connections }) => connections === 1), "a connection each");
  const caller = new Caller(gee);
  caller.load(10);
  const isCalled = ({ pid }: MoodyServer): boolean => caller.share(pid, 0, 300) > 0.1;
  await eventually(() => servers.every(isCalled), "a share for each");
  await caller.stop();
  expect(counts(caller.told)).toEqual({ ok: caller.issued });
  expect(doors.map(({ connections }) => connections)).toEqual([1, 1, 1]);
}, 20_000);

test("ready waits for a server that is not there yet, and fails in time when none comes", async () => {
  await using moody = await Moody.create();
  const gone = await moody.server();
  gone.signal("SIGKILL");
  await gone.exited;
  await using gee = connect({ address: gone.said.address, log: silentLog });
  await expect(gee.ready("Work", { timeoutMs: 200 })).rejects.toMatchObject({
    code: "DEADLINE_EXCEEDED",
    executed: "no",
  });
  const ready = gee.ready("Work", { timeoutMs: 10_000 });
  await moody.server({ listen: gone.said.address });
  await ready;
  expect((await new Caller(gee).issue("call")).outcome).toBe("ok");
}, 20_000);

test("a server that is gone is dialled with growing waits however many calls wait for it, and found when it is back", async () => {
  await using moody = await Moody.create();
  const server = await moody.server();
  const { address } = server.said;
  await using gee = connect({ address, log: silentLog, drainTimeoutMs: 0 });
  const caller = new Caller(gee);
  caller.load(30, "Work.Do", { timeoutMs: 15_000, waitForReady: true });
  await caller.more(100);
  server.signal("SIGKILL");
  await server.exited;

  // In its place somebody who counts who comes, and shuts the door.
  const dials: number[] = [];
  const [hostname = "", port = ""] = address.replace("tcp@", "").split(":");
  const door = Bun.listen({
    hostname,
    port: Number(port),
    socket: {
      open(socket) {
        dials.push(performance.now());
        socket.terminate();
      },
      data() {},
    },
  });
  const before = caller.told.length;
  await eventually(() => dials.length === 6, "six dials");
  const waits = dials.slice(1).map((at, index) => at - (dials[index] ?? 0));
  door.stop(true);
  const again = await moody.server({ listen: address });
  const upAt = performance.now();
  await caller.more(100);
  const backMs = performance.now() - upAt;
  await caller.stop();
  console.log(
    `waits of ${waits.map((ms) => ms.toFixed(0)).join(", ")} ms; calls are answered again after ${backMs.toFixed(0)} ms`,
  );
  // Half of 300, 600, and from then on 1,000 ms at the least; a timer may be a little early.
  const { redialMinMs, redialMaxMs } = limits;
  for (const [index, waitMs] of waits.entries()) {
    expect(waitMs).toBeGreaterThan(Math.min(redialMinMs * 2 ** index, redialMaxMs) / 2 - 5);
  }
  expect(backMs).toBeLessThan(redialMaxMs + 2_000);
  // One connection to the one that is back; only those at work when it was killed are lost.
  expect(await again.connections()).toBe(1);
  const lost = caller.told.slice(before).filter(({ outcome }) => outcome !== "ok");
  expect(lost.filter(({ outcome }) => outcome !== "UNAVAILABLE maybe")).toEqual([]);
  expect(lost.length).toBeLessThanOrEqual(30);
}, 20_000);
