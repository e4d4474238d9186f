import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import type { Address } from "../../src/base/address.ts";
import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import type { OpenLink } from "../../src/rpc/lane.ts";
import { Pool } from "../../src/rpc/pool.ts";
import type { PoolOptions } from "../../src/rpc/pool.ts";
import { Session } from "../../src/rpc/session.ts";
import { FakeClock, turn, until } from "../support/clock.ts";
import { callOf, failureOf, hostOf } from "../support/ends.ts";
import { linkPair } from "../support/links.ts";

const address: Address = parseAddress("tcp@127.0.0.1:4000");
const other: Address = parseAddress("tcp@127.0.0.1:4001");

const refused = (): GeeError =>
  new GeeError("UNAVAILABLE", "refused", { reason: "CONNECT_FAILED", executed: "no" });

/** A network with one server at every address, and a pool that dials into it. */
function network(options: Partial<PoolOptions> = {}) {
  const clock = new FakeClock();
  const open: PromiseWithResolvers<unknown>[] = [];
  const services = {
    Foo: {
      Echo: (value: unknown) => value,
      Hold: (value: unknown): Promise<unknown> => {
        const held = Promise.withResolvers<unknown>();
        open.push(held);
        return held.promise.then(() => value);
      },
    },
  };
  const state = { down: false, silent: false, hung: false, dials: 0 };
  const sessions: Session[] = [];
  const openLink: OpenLink = async (_endpoint, { signal }, attach) => {
    state.dials++;
    await turn();
    signal?.throwIfAborted();
    if (state.hung) {
      await new Promise((_resolve, reject) =>
        signal?.addEventListener("abort", () => reject(signal.reason)),
      );
    }
    if (state.down) throw refused();
    const pair = linkPair();
    if (!state.silent) {
      const session = new Session(pair.server, hostOf(services, { clock, log: silentLog }));
      sessions.push(session);
      pair.server.open(session.channel);
    }
    pair.caller.open(attach(pair.caller));
  };
  const deadlines = new Deadlines(clock);
  const pool = new Pool({ open: openLink, clock, deadlines, random: () => 1, ...options });
  const call = async (method: string, value: unknown) => {
    const connection = await pool.lane({ address }).connect();
    const started = callOf(method, [value], clock, deadlines);
    connection.start(started);
    return started;
  };
  return { clock, state, sessions, pool, open, call };
}

test("each address and each instance at it has a connection of its own", async () => {
  const { pool, state } = network();
  const targets = [{ address }, { address: other }, { address, id: "served" }];
  const connections = await Promise.all(targets.map((target) => pool.lane(target).connect()));
  expect(new Set(connections).size).toBe(3);
  expect(state.dials).toBe(3);
  await pool.close(1_000);
});

test("the lane to a target is one, until that is listed no more", async () => {
  const { pool, state } = network();
  const lane = pool.lane({ address, id: "served" });
  pool.keepOnly([{ address, id: "served" }]);
  expect(pool.lane({ address, id: "served" })).toBe(lane);
  expect(pool.lane({ address })).not.toBe(lane);
  pool.keepOnly([{ address }]);
  expect(pool.lane({ address, id: "served" })).not.toBe(lane);
  expect(state.dials).toBe(0);
  await pool.close(1_000);
});

test("connections without a call close after a while", async () => {
  const idleMs = 1_000;
  const { pool, clock, state, call, open } = network({ idleMs });
  const used = await pool.lane({ address }).connect();
  const unused = await pool.lane({ address: other }).connect();
  await (
    await call("Foo.Echo", 1)
  ).promise;
  await clock.advance(idleMs);
  const held = await call("Foo.Hold", 7);
  await clock.advance(idleMs);
  expect([used.usable, unused.usable]).toEqual([true, false]);
  await clock.advance(idleMs * 3);
  // A call that takes long is a use of its connection.
  expect(used.usable).toBe(true);
  open[0]?.resolve(0);
  expect(await held.promise).toBe(7);
  await clock.advance(idleMs * 2);
  expect(used.usable).toBe(false);
  expect(clock.pending("foreground")).toBe(0);
  expect(state.dials).toBe(2);
  await pool.close(1_000);
});

test("targets that are listed no more are forgotten, and their connections close when idle", async () => {
  const { pool, open, call, state } = network();
  const connection = await pool.lane({ address }).connect();
  const held = await call("Foo.Hold", 7);
  await until(() => open.length === 1);
  pool.keepOnly([{ address: other }]);
  expect(connection.usable).toBe(false);
  open[0]?.resolve(0);
  expect(await held.promise).toBe(7);
  await connection.closedPromise;
  await pool.lane({ address }).connect();
  expect(state.dials).toBe(2);
  await pool.close(1_000);
});

test("closing awaits what is in flight and opens nothing any more", async () => {
  const { pool, open, call } = network();
  const held = await call("Foo.Hold", 7);
  await until(() => open.length === 1);
  const closed = pool.close(1_000);
  open[0]?.resolve(0);
  expect(await held.promise).toBe(7);
  await closed;
  const late = failureOf(Promise.resolve(pool.lane({ address }).connect()));
  expect((await late).executed).toBe("no");
});

test("closing gives what is in flight its time and then fails it", async () => {
  const { pool, open, call, clock } = network();
  const held = await call("Foo.Hold", 7);
  await until(() => open.length === 1);
  const closed = pool.close(1_000);
  await clock.advance(1_000);
  expect(await failureOf(held.promise)).toMatchObject({ code: "UNAVAILABLE", reason: "CLOSED" });
  await closed;
  expect(clock.pending("foreground")).toBe(0);
});

test("closing ends a dial, a greeting and a wait that are under way", async () => {
  for (const obstacle of ["hung", "silent", "down"] as const) {
    const { pool, state, clock } = network();
    state[obstacle] = true;
    if (obstacle === "down") await failureOf(Promise.resolve(pool.lane({ address }).connect()));
    const attempt = failureOf(Promise.resolve(pool.lane({ address }).connect()));
    for (let turns = 0; turns < 5; turns++) await turn();
    await pool.close(1_000);
    expect(await attempt).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
    expect(clock.pending("foreground")).toBe(0);
  }
});
