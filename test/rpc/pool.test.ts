import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import type { Address } from "../../src/base/address.ts";
import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { Connection } from "../../src/rpc/connection.ts";
import { Pool } from "../../src/rpc/pool.ts";
import type { OpenLink } from "../../src/rpc/pool.ts";
import { Session } from "../../src/rpc/session.ts";
import { FakeClock, turn, until } from "../support/clock.ts";
import { callOf, failureOf, hostOf } from "../support/ends.ts";
import { linkPair } from "../support/links.ts";

const address: Address = parseAddress("tcp@127.0.0.1:4000");
const other: Address = parseAddress("tcp@127.0.0.1:4001");

const refused = (): GeeError =>
  new GeeError("UNAVAILABLE", "refused", { reason: "CONNECT_FAILED", executed: "no" });

/** A network with one server at every address, and a pool that dials into it. */
function network(options: { readonly firstCallId?: number } = {}) {
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
    const connection = await pool.connection({ address });
    const started = callOf(method, [value], clock, deadlines);
    connection.start(started);
    return started;
  };
  return { clock, state, sessions, pool, open, call };
}

test("whoever asks while a target is dialled shares that dial, and later its connection", async () => {
  const { pool, state } = network();
  const [one, two] = [pool.connection({ address }), pool.connection({ address })];
  expect(one).toBe(two);
  const connection = await one;
  expect(pool.connection({ address })).toBe(connection);
  expect(state.dials).toBe(1);
  await pool.close(1_000);
});

test("each address and each instance at it has a connection of its own", async () => {
  const { pool, state } = network();
  const targets = [{ address }, { address: other }, { address, id: "served" }];
  const connections = await Promise.all(targets.map((target) => pool.connection(target)));
  expect(new Set(connections).size).toBe(3);
  expect(state.dials).toBe(3);
  await pool.close(1_000);
});

test("an instance that is not the one that was meant is refused, and nothing was executed", async () => {
  const { pool } = network();
  const attempt = Promise.resolve(pool.connection({ address, id: "gone" }));
  expect(await failureOf(attempt)).toMatchObject({ reason: "WRONG_INSTANCE", executed: "no" });
  await pool.close(1_000);
});

test("after a failure the next dial waits, longer each time up to a second, and those who ask with it", async () => {
  const { pool, state, clock } = network();
  state.down = true;
  const waits: number[] = [];
  for (let attempt = 1; attempt <= 8; attempt++) {
    const failed = failureOf(Promise.resolve(pool.connection({ address })));
    await turn();
    const waitMs = clock.nextInMs() ?? 0;
    waits.push(waitMs);
    await clock.advance(waitMs);
    expect(await failed).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
    expect(state.dials).toBe(attempt);
    expect(pool.isFailing({ address })).toBe(true);
  }
  expect(waits).toEqual([0, 50, 100, 200, 400, 800, 1_000, 1_000]);
  state.down = false;
  const back = pool.connection({ address });
  await clock.advance(limits.redialMaxMs);
  expect(await back).toBeInstanceOf(Connection);
  expect(pool.isFailing({ address })).toBe(false);
  await pool.close(1_000);
});

test("a failing target is dialled again behind everybody's back, by one dial at a time", async () => {
  const { pool, state, clock } = network();
  state.down = true;
  await failureOf(Promise.resolve(pool.connection({ address })));
  const failures: unknown[] = [];
  const failed = (error: GeeError): void => void failures.push(error.reason);
  pool.retry({ address }, failed);
  pool.retry({ address }, failed);
  await clock.advance(1_000);
  await turn();
  expect(state.dials).toBe(2);
  expect(pool.isFailing({ address })).toBe(true);
  expect(failures).toEqual(["CONNECT_FAILED"]);
  state.down = false;
  pool.retry({ address }, failed);
  await clock.advance(1_000);
  await until(() => !pool.isFailing({ address }));
  expect(state.dials).toBe(3);
  expect(pool.connection({ address })).toBeInstanceOf(Connection);
  await pool.close(1_000);
});

test("a connection that is lost is dialled again without a wait when it is next needed", async () => {
  const { pool, state, sessions } = network();
  const first = await pool.connection({ address });
  sessions[0]?.channel.link.close();
  await until(() => !first.usable);
  expect(pool.isFailing({ address })).toBe(false);
  const second = await pool.connection({ address });
  expect(second).not.toBe(first);
  expect(state.dials).toBe(2);
  await pool.close(1_000);
});

test("a server that opens and says nothing counts as a failure after the hello's time", async () => {
  const { pool, state, clock } = network();
  state.silent = true;
  const failed = failureOf(Promise.resolve(pool.connection({ address })));
  await clock.advance(limits.helloTimeoutMs);
  expect(await failed).toMatchObject({ reason: "HELLO_TIMEOUT", executed: "no" });
  expect(pool.isFailing({ address })).toBe(true);
  await pool.close(1_000);
});

test("targets that are listed no more are forgotten, and their connections close when idle", async () => {
  const { pool, open, call, state } = network();
  const connection = await pool.connection({ address });
  const held = await call("Foo.Hold", 7);
  await until(() => open.length === 1);
  pool.keepOnly([{ address: other }]);
  expect(connection.usable).toBe(false);
  open[0]?.resolve(0);
  expect(await held.promise).toBe(7);
  await connection.closedPromise;
  await pool.connection({ address });
  expect(state.dials).toBe(2);
  await pool.close(1_000);
});

test("a connection near its last id rolls over with 1,000 calls in flight, and none is lost", async () => {
  const firstCallId = 2 ** 32 - 2 ** 16 - 999;
  const { pool, state, open, call, sessions } = network({ firstCallId });
  const first = await pool.connection({ address });
  const calls = [];
  for (let value = 0; value < 1_000; value++) calls.push(await call("Foo.Hold", value));
  expect(first.usable).toBe(false);
  expect(first.inFlight).toBe(1_000);
  const next = await call("Foo.Echo", "on another");
  expect(await next.promise).toBe("on another");
  expect(state.dials).toBe(2);
  expect(sessions.map(({ inFlight }) => inFlight)).toEqual([1_000, 0]);
  await until(() => open.length === 1_000);
  for (const held of open) held.resolve(0);
  expect(await Promise.all(calls.map(({ promise }) => promise))).toEqual(
    Array.from({ length: 1_000 }, (_, value) => value),
  );
  await first.closedPromise;
  expect(await (await call("Foo.Echo", 1)).promise).toBe(1);
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
  const late = failureOf(Promise.resolve(pool.connection({ address })));
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
    if (obstacle === "down") await failureOf(Promise.resolve(pool.connection({ address })));
    const attempt = failureOf(Promise.resolve(pool.connection({ address })));
    for (let turns = 0; turns < 5; turns++) await turn();
    await pool.close(1_000);
    expect(await attempt).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
    expect(clock.pending("foreground")).toBe(0);
  }
});
