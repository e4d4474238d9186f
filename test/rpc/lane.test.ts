import { describe, expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { Connection } from "../../src/rpc/connection.ts";
import { Lane } from "../../src/rpc/lane.ts";
import type { LaneOptions, OpenLink } from "../../src/rpc/lane.ts";
import type { OutgoingCall } from "../../src/rpc/outgoing-call.ts";
import { Session } from "../../src/rpc/session.ts";
import { FakeClock, turn, until } from "../support/clock.ts";
import { callOf, failureOf, hostOf } from "../support/ends.ts";
import { linkPair } from "../support/links.ts";

const address = parseAddress("tcp@127.0.0.1:4000");

const refused = (): GeeError =>
  new GeeError("UNAVAILABLE", "refused", { reason: "CONNECT_FAILED", executed: "no" });

/** A lane to a server that takes `maxInFlight` calls on a connection, and holds each of them. */
function network(changes: Partial<LaneOptions> = {}, maxInFlight = 4, id?: string) {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const held: PromiseWithResolvers<unknown>[] = [];
  const Hold = (value: unknown): Promise<unknown> => {
    const one = Promise.withResolvers<unknown>();
    held.push(one);
    return one.promise.then(() => value);
  };
  const services = { Foo: { Hold, Echo: (value: unknown) => value } };
  const state = { down: false, silent: false, dials: 0 };
  const sessions: Session[] = [];
  const opened: Connection[] = [];
  const open: OpenLink = async (_endpoint, { signal }, attach) => {
    state.dials++;
    await turn();
    signal?.throwIfAborted();
    if (state.down) throw refused();
    const pair = linkPair();
    if (!state.silent) {
      const host = hostOf(services, { clock, log: silentLog, maxInFlight });
      const session = new Session(pair.server, host);
      sessions.push(session);
      pair.server.open(session.channel);
    }
    pair.caller.open(attach(pair.caller));
  };
  const closing = new AbortController();
  const lane = new Lane(
    { address, id },
    {
      open,
      clock,
      deadlines,
      random: () => 1,
      maxMessageBytes: limits.maxMessageBytes,
      maxConnections: 3,
      closing: closing.signal,
      opened: (connection) => void opened.push(connection),
      ...changes,
    },
  );
  /** Starts a call as a router does: over what is ready, else over what is dialled. */
  const call = async (method = "Foo.Hold", value: unknown = 1): Promise<OutgoingCall> => {
    const connection = await lane.connect();
    const started = callOf(method, [value], clock, deadlines);
    connection.start(started);
    return started;
  };
  const calls = async (count: number): Promise<OutgoingCall[]> => {
    const started: OutgoingCall[] = [];
    for (let each = 0; each < count; each++) {
      started.push(await call());
      for (let turns = 0; turns < 4; turns++) await turn();
    }
    return started;
  };
  return { clock, state, sessions, opened, closing, lane, call, calls, held };
}

/** What it connects to, or why it does not. */
function dialled(lane: Lane): Promise<Connection> {
  return Promise.resolve(lane.connect());
}

describe("a dial", () => {
  test("is shared by whoever asks meanwhile, and its connection by whoever asks later", async () => {
    const { lane, state, opened } = network();
    expect([lane.ready, lane.isDialling, lane.hello]).toEqual([undefined, false, undefined]);
    const [one, two] = [lane.connect(), lane.connect()];
    expect(one).toBe(two);
    expect(lane.isDialling).toBe(true);
    const connection = await one;
    expect(lane.connect()).toBe(connection);
    expect(lane.ready).toBe(connection);
    expect(lane.hello?.instance).toBe("served");
    expect(lane.isDialling).toBe(false);
    expect(opened).toEqual([connection]);
    expect(state.dials).toBe(1);
  });

  test("is not over before what has to be done with its connection is", async () => {
    const looked = Promise.withResolvers<void>();
    const seen: (Connection | undefined)[] = [];
    const { lane, opened, clock } = network({
      greeted(connection) {
        seen.push(connection, lane.ready);
        return seen.length > 2 ? undefined : looked.promise;
      },
    });
    const dialling = dialled(lane);
    await clock.advance(100);
    expect(seen.map((each) => each?.hello?.instance)).toEqual(["served", undefined]);
    expect([lane.ready, lane.isDialling, opened.length]).toEqual([undefined, true, 0]);
    looked.resolve();
    const connection = await dialling;
    expect(seen[0]).toBe(connection);
    expect([lane.ready, lane.isDialling, opened.length]).toEqual([connection, false, 1]);
    // And where nothing has to be done nobody waits.
    connection.close(refused());
    await turn();
    expect(await dialled(lane)).not.toBe(connection);
  });

  test("that is abandoned ends also while that is done", async () => {
    const { lane, clock } = network({ greeted: (connection) => connection.closedPromise });
    const dialling = dialled(lane);
    await clock.advance(100);
    lane.abandonDial(refused());
    expect((await dialling).usable).toBe(false);
    expect(lane.ready).toBeUndefined();
  });

  test("to another instance than was meant is refused, and nothing was executed", async () => {
    const { lane } = network({}, 4, "gone");
    expect(await failureOf(dialled(lane))).toMatchObject({
      reason: "WRONG_INSTANCE",
      executed: "no",
    });
    expect(await network({}, 4, "served").lane.connect()).toBeInstanceOf(Connection);
  });

  test("after a failure waits, longer each time up to a second, and those who ask with it", async () => {
    const { lane, state, clock } = network();
    state.down = true;
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 8; attempt++) {
      const failed = failureOf(dialled(lane));
      await turn();
      const waitMs = clock.nextInMs() ?? 0;
      waits.push(waitMs);
      await clock.advance(waitMs);
      expect(await failed).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
      expect(state.dials).toBe(attempt);
      expect(lane.isFailing).toBe(true);
    }
    const { redialMinMs, redialMaxMs } = limits;
    const doubled = [1, 2, 4, 8, 16, 32, 64].map((times) => redialMinMs * times);
    expect(waits).toEqual([0, ...doubled.map((waitMs) => Math.min(waitMs, redialMaxMs))]);
    expect(waits.at(-1)).toBe(redialMaxMs);
    state.down = false;
    const back = dialled(lane);
    await clock.advance(limits.redialMaxMs);
    expect(await back).toBeInstanceOf(Connection);
    expect(lane.isFailing).toBe(false);
    // The next failure is a first one again.
    (await back).close(refused());
    state.down = true;
    await failureOf(dialled(lane));
    const next = failureOf(dialled(lane));
    await turn();
    expect(clock.nextInMs()).toBe(limits.redialMinMs);
    await clock.advance(limits.redialMinMs);
    await next;
  });

  test("that failed is repeated behind everybody's back, by one at a time", async () => {
    const { lane, state, clock } = network();
    state.down = true;
    await failureOf(dialled(lane));
    const failures: unknown[] = [];
    const failed = (error: GeeError): void => void failures.push(error.reason);
    lane.retry(failed);
    lane.retry(failed);
    await clock.advance(1_000);
    await turn();
    expect(state.dials).toBe(2);
    expect(lane.isFailing).toBe(true);
    expect(failures).toEqual(["CONNECT_FAILED"]);
    state.down = false;
    lane.retry(failed);
    await clock.advance(1_000);
    await until(() => !lane.isFailing);
    expect(state.dials).toBe(3);
    lane.retry(failed);
    expect(state.dials).toBe(3);
  });

  test("to a server that says nothing counts as a failure after the hello's time", async () => {
    const { lane, state, clock } = network();
    state.silent = true;
    const failed = failureOf(dialled(lane));
    await clock.advance(limits.slowDialMs - 1);
    expect(lane.isFailing).toBe(false);
    await clock.advance(1);
    expect(lane.isFailing).toBe(true);
    await clock.advance(limits.helloTimeoutMs);
    expect(await failed).toMatchObject({ reason: "HELLO_TIMEOUT", executed: "no" });
    expect(lane.isFailing).toBe(true);
  });

  test("whose greeting nobody wants any more is over at once", async () => {
    const { lane, state, clock } = network();
    state.silent = true;
    const failed = failureOf(dialled(lane));
    for (let turns = 0; turns < 3; turns++) await turn();
    lane.abandonDial(new GeeError("UNAVAILABLE", "the client is closed", { reason: "CLOSED" }));
    expect(await failed).toMatchObject({ reason: "CLOSED", executed: "no" });
    expect(clock.pending("foreground")).toBe(0);
  });

  test("is not made when nothing is to be dialled any more, nor waited for", async () => {
    const { lane, state, closing, clock } = network();
    state.down = true;
    await failureOf(dialled(lane));
    const waiting = failureOf(dialled(lane));
    closing.abort(new GeeError("UNAVAILABLE", "the client is closed", { reason: "CLOSED" }));
    expect(await waiting).toMatchObject({ reason: "CLOSED", executed: "no" });
    expect(state.dials).toBe(1);
    expect(clock.pending("foreground")).toBe(0);
  });
});

describe("a connection", () => {
  test("that is lost is dialled again without a wait when it is next needed", async () => {
    const { lane, state, sessions } = network();
    const first = await lane.connect();
    sessions[0]?.channel.link.close();
    await until(() => !first.usable);
    expect(lane.ready).toBeUndefined();
    expect(lane.isFailing).toBe(false);
    const second = await lane.connect();
    expect(second).not.toBe(first);
    expect(state.dials).toBe(2);
  });

  test("has a second one beside it when it is half full, and no call waits for that", async () => {
    const { lane, calls, sessions } = network();
    await calls(2);
    expect(sessions).toHaveLength(1);
    await calls(1);
    // The third has gone over the first and had the second dialled.
    expect(sessions.map(({ inFlight }) => inFlight)).toEqual([3, 0]);
    await calls(2);
    expect(sessions.map(({ inFlight }) => inFlight)).toEqual([3, 2]);
    expect(lane.inFlight).toBe(5);
  });

  test("has as many beside it as there may be, and they share the load", async () => {
    const { lane, calls, sessions } = network();
    await calls(12);
    expect(sessions.map(({ inFlight }) => inFlight)).toEqual([4, 4, 4]);
    const more = await calls(1);
    const [refusal] = more.map(({ promise }) => promise);
    expect(await failureOf(refusal ?? Promise.resolve())).toMatchObject({
      reason: "TOO_MANY_IN_FLIGHT",
      executed: "no",
    });
    expect(sessions).toHaveLength(3);
    expect(lane.inFlight).toBe(12);
  });

  test("takes calls all the same when no second one can be had", async () => {
    const { lane, state, calls, clock } = network();
    await calls(2);
    state.down = true;
    await calls(2);
    expect(lane.inFlight).toBe(4);
    expect(lane.isFailing).toBe(false);
    expect(state.dials).toBe(2);
    await clock.advance(1_000);
  });

  test("is alone when there may be one only", async () => {
    const { calls, sessions } = network({ maxConnections: 1 });
    await calls(4);
    expect(sessions.map(({ inFlight }) => inFlight)).toEqual([4]);
  });

  test("near its last id rolls over with 1,000 calls in flight, and none is lost", async () => {
    const firstCallId = 2 ** 32 - 2 ** 16 - 999;
    const { lane, state, held, call, sessions } = network({ firstCallId }, 4_000);
    const first = await lane.connect();
    const calls = [];
    for (let value = 0; value < 1_000; value++) calls.push(await call("Foo.Hold", value));
    expect(first.usable).toBe(false);
    expect(first.inFlight).toBe(1_000);
    const next = await call("Foo.Echo", "on another");
    expect(await next.promise).toBe("on another");
    expect(state.dials).toBe(2);
    expect(sessions.map(({ inFlight }) => inFlight)).toEqual([1_000, 0]);
    await until(() => held.length === 1_000);
    for (const one of held) one.resolve(0);
    expect(await Promise.all(calls.map(({ promise }) => promise))).toEqual(
      Array.from({ length: 1_000 }, (_, value) => value),
    );
    await first.closedPromise;
    expect(await (await call("Foo.Echo", 1)).promise).toBe(1);
    expect(state.dials).toBe(2);
  });
});

describe("what nobody uses", () => {
  test("closes at the second look, and not while a call is open", async () => {
    const { lane, opened, call, held } = network();
    const open = await call();
    lane.closeIdle();
    lane.closeIdle();
    expect(opened[0]?.usable).toBe(true);
    await until(() => held.length === 1);
    held[0]?.resolve(0);
    await open.promise;
    lane.closeIdle();
    expect(lane.ready).toBeUndefined();
    await opened[0]?.closedPromise;
    expect(await lane.connect()).not.toBe(opened[0]);
  });

  test("was used when a call was made since the last look", async () => {
    const { lane, opened, call } = network();
    for (let look = 0; look < 3; look++) {
      await (
        await call("Foo.Echo")
      ).promise;
      lane.closeIdle();
      expect(opened[0]?.usable).toBe(true);
    }
  });

  test("beyond the first closes at once, when it has no call", async () => {
    const { lane, opened, call, calls, held } = network();
    const started = await calls(5);
    expect(opened).toHaveLength(2);
    lane.closeIdle();
    expect(opened.map(({ usable }) => usable)).toEqual([true, true]);
    for (const one of held) one.resolve(0);
    await Promise.all(started.map(({ promise }) => promise));
    await (
      await call("Foo.Echo")
    ).promise;
    lane.closeIdle();
    expect(opened.map(({ usable }) => usable)).toEqual([true, false]);
  });
});

describe("a target that is listed no more", () => {
  test("has its connections closed when what is in flight is answered", async () => {
    const { lane, opened, call, held } = network();
    const open = await call();
    lane.forget();
    expect(lane.ready).toBeUndefined();
    await until(() => held.length === 1);
    held[0]?.resolve(0);
    expect(await open.promise).toBe(1);
    await opened[0]?.closedPromise;
  });

  test("still takes the calls that wait for its dial, and closes behind them", async () => {
    const { lane, opened, call } = network();
    const waiting = call("Foo.Echo", 7);
    lane.forget();
    expect(await (await waiting).promise).toBe(7);
    await opened[0]?.closedPromise;
  });
});

test("a dial that waits for its time is given up when others are asked, and begun again when it is wanted", async () => {
  const { clock, lane, state } = network();
  state.down = true;
  await failureOf(Promise.resolve(lane.connect()));
  const waiting = failureOf(Promise.resolve(lane.connect()));
  await turn();
  lane.rest();
  await clock.advance(limits.redialMaxMs);
  expect((await waiting).message).toContain("is not asked any more");
  expect(state.dials).toBe(1);
  state.down = false;
  const wanted = lane.connect();
  await clock.advance(limits.redialMaxMs);
  await wanted;
  expect(state.dials).toBe(2);
});
