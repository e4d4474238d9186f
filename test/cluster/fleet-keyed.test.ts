import { expect, test } from "bun:test";
import { connect } from "../../src/index.ts";
import type { Gee } from "../../src/index.ts";
import { parseAddress } from "../../src/base/address.ts";
import { silentLog } from "../../src/base/log.ts";
import { eventually } from "../support/cluster.ts";
import { Caller, counts, Moody, timesBegun } from "../support/moody.ts";
import type { Told } from "../support/moody.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

// Calls with an idempotency key, when nobody can say whether they have run: they go to the instance
// that knows the key, and to no other.

const count = 200;

/** So many calls with a key each, none of which is answered yet. */
async function hold(moody: Moody, caller: Caller): Promise<readonly Promise<Told>[]> {
  const calls = Array.from({ length: count }, (_, index) =>
    caller.issue(`keyed${index}`, "Work.Do", { timeoutMs: 15_000, idempotencyKey: `key${index}` }),
  );
  await moody.until("calls at work", (begun) => {
    return begun.filter(({ call }) => call.startsWith("keyed")).length === count;
  });
  return calls;
}

/** Calls that give the budget for those that are to be sent again. */
async function warm(gee: Gee): Promise<Caller> {
  const caller = new Caller(gee);
  await Promise.all(Array.from({ length: 6 * count }, (_, index) => caller.issue(`warm${index}`)));
  return caller;
}

/** Calls that were begun more than once. */
async function repeated(moody: Moody): Promise<readonly string[]> {
  const times = timesBegun(await moody.begun());
  return [...times].filter(([, starts]) => starts !== 1).map(([call]) => call);
}

test("calls with a key whose connection breaks are answered by the same instance, and run once", async () => {
  await using moody = await Moody.create();
  const server = await moody.server();
  const other = await moody.server();
  using proxy = new TcpProxy({ address: parseAddress(server.said.address) });
  await using gee = connect({
    address: [proxy.address, other.said.address],
    log: silentLog,
    drainTimeoutMs: 0,
  });
  const caller = await warm(gee);
  await Promise.all([server, other].map((each) => each.set({ holds: true })));
  const calls = await hold(moody, caller);
  const before = proxy.connections;
  proxy.cut();
  const begunBefore = (await moody.begun()).length;
  await eventually(() => proxy.connections > before, "another connection");
  await Promise.all([server, other].map((each) => each.set({ holds: false })));
  expect(counts(await Promise.all(calls))).toEqual({ ok: count });
  expect(proxy.connections).toBe(before + 1);
  expect((await moody.begun()).length).toBe(begunBefore);
  expect(await repeated(moody)).toEqual([]);
}, 20_000);

for (const isListed of [true, false]) {
  test(`calls with a key whose server was killed and another took its ${isListed ? "place in the registry" : "address"} reject as maybe, and run once`, async () => {
    await using moody = await Moody.create();
    const registry = isListed ? (await moody.registry()).said.url : undefined;
    const listed = registry === undefined ? {} : { registry };
    const server = await moody.server(listed);
    const { address } = server.said;
    await using gee = connect({
      ...(registry === undefined ? { address } : { registry }),
      log: silentLog,
      drainTimeoutMs: 0,
    });
    const caller = await warm(gee);
    await server.set({ holds: true });
    const calls = await hold(moody, caller);
    server.signal("SIGKILL");
    const killedAt = performance.now();
    await server.exited;
    // As soon as a process can be.
    await moody.server({ ...listed, listen: address });
    const upMs = performance.now() - killedAt;
    expect((await caller.issue("after")).outcome).toBe("ok");
    const told = await Promise.all(calls);
    const lastMs = Math.max(...told.map(({ settledAt }) => settledAt - killedAt));
    console.log(
      `the next was up after ${upMs.toFixed(0)} ms, the last heard after ${lastMs.toFixed(0)}`,
    );
    expect(counts(told)).toEqual({ "UNAVAILABLE maybe": count });
    expect(await repeated(moody)).toEqual([]);
  }, 20_000);
}
