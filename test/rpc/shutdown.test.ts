import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { callContext } from "../../src/rpc/context.ts";
import { Session } from "../../src/rpc/session.ts";
import { Shutdown } from "../../src/rpc/shutdown.ts";
import type { ShutdownSteps } from "../../src/rpc/shutdown.ts";
import { callMessage } from "../support/calls.ts";
import { FakeClock, turn, until } from "../support/clock.ts";
import { scripted, wires } from "../support/ends.ts";
import { hostOf } from "../support/hosts.ts";
import type { ScriptedPeer } from "../support/scripted-peer.ts";

const times = { lameDuckMs: 1_000, drainTimeoutMs: 5_000 };

class Foo {
  readonly open: PromiseWithResolvers<string>[] = [];
  readonly aborted: unknown[] = [];
  /** Whether a handler that is told to stop does. */
  obeys = true;

  Hold(): Promise<string> {
    const { signal } = callContext();
    const held = Promise.withResolvers<string>();
    signal.addEventListener("abort", () => {
      this.aborted.push(signal.reason);
      if (this.obeys) held.reject(signal.reason);
    });
    this.open.push(held);
    return held.promise;
  }
}

/** A server that is about to shut down, with so many callers, and what it did until now. */
async function open(callers: number) {
  const clock = new FakeClock();
  const startedAt = clock.now();
  const foo = new Foo();
  const sessions = new Set<Session>();
  const peers: ScriptedPeer[] = [];
  const steps: string[] = [];
  const said = (what: string): void => void steps.push(`${clock.now() - startedAt} ${what}`);
  const host = hostOf(
    { Foo: foo },
    {
      clock,
      changed(session) {
        if (session.isClosed) sessions.delete(session);
        shutdown.look();
      },
    },
  );
  const shutdown: Shutdown = new Shutdown(clock, host, sessions);
  for (let each = 0; each < callers; each++) {
    const { peer, attach } = scripted("caller");
    await wires[0].join(attach, (link) => {
      const session = new Session(link, host);
      sessions.add(session);
      return session.channel;
    });
    peer.hello();
    peers.push(peer);
  }
  await until(() => peers.every((peer) => peer.frames.length === 1), "hellos");
  const withdrawn = Promise.withResolvers<void>();
  const parts: ShutdownSteps = {
    withdraw() {
      said("withdraw");
      return withdrawn.promise;
    },
    stopListening: () => said("stop listening"),
    dispose() {
      said("dispose");
      return Promise.resolve();
    },
  };
  const run = (): Promise<void> => {
    withdrawn.resolve();
    return shutdown.run(times, parts).then(() => said("over"));
  };
  return { clock, foo, host, peers, sessions, shutdown, steps, parts, withdrawn, said, run };
}

async function turns(count = 20): Promise<void> {
  for (let each = 0; each < count; each++) await turn();
}

/** Begins, and lets the lame duck's time pass: the door is closed, and what runs is awaited. */
async function begin(clock: FakeClock, run: () => Promise<void>): Promise<{ over: Promise<void> }> {
  const over = run();
  await turns();
  await clock.advance(times.lameDuckMs);
  await turns();
  return { over };
}

test("nothing in flight: withdraw, announce, a lame duck, the door, and the end", async () => {
  const { clock, peers, sessions, steps, run } = await open(2);
  const over = run();
  await turns();
  expect(peers.map((peer) => peer.messages[1])).toMatchObject([
    { kind: "drain", lastCallId: 0 },
    { kind: "drain", lastCallId: 0 },
  ]);
  await clock.advance(times.lameDuckMs);
  await over;
  expect(steps).toEqual(["0 withdraw", "1000 stop listening", "1000 dispose", "1000 over"]);
  expect(sessions.size).toBe(0);
  await until(() => peers.every((peer) => peer.closedWhy !== undefined), "the end");
});

test("until every registry has let go, calls are still taken", async () => {
  const { clock, host, peers, shutdown, parts, withdrawn, steps } = await open(1);
  const over = shutdown.run(times, parts);
  await clock.advance(60_000);
  expect(host.draining).toBe(false);
  expect(steps).toEqual(["0 withdraw"]);
  expect(peers[0]?.messages.length).toBe(1);
  withdrawn.resolve();
  await turns();
  expect(host.draining).toBe(true);
  await clock.advance(times.lameDuckMs);
  await over;
});

test("what runs may finish, and the end does not wait for longer than that", async () => {
  const { clock, foo, peers, steps, run } = await open(1);
  peers[0]?.say(callMessage(1, { method: "Foo.Hold", args: [] }));
  await until(() => foo.open.length === 1, "a handler");
  const { over } = await begin(clock, run);
  await clock.advance(2_000);
  foo.open[0]?.resolve("done");
  await over;
  expect(steps.slice(2)).toEqual(["3000 dispose", "3000 over"]);
  expect(foo.aborted).toEqual([]);
  await until(() => peers[0]?.frames.length === 3, "the answer");
  expect(peers[0]?.messages[2]).toMatchObject({ kind: "result", value: "done" });
});

test("what is not done in time is told to stop, answered, and left a moment", async () => {
  const { clock, foo, host, peers, steps, run } = await open(1);
  foo.obeys = false;
  peers[0]?.say(callMessage(1, { method: "Foo.Hold", args: [] }));
  await until(() => foo.open.length === 1, "a handler");
  const { over } = await begin(clock, run);
  await clock.advance(times.drainTimeoutMs);
  await until(() => peers[0]?.frames.length === 3, "an answer");
  expect(peers[0]?.messages[2]).toMatchObject({
    kind: "fault",
    id: 1,
    code: "UNAVAILABLE",
    reason: "SHUT_DOWN",
    executed: "maybe",
  });
  expect(foo.aborted).toMatchObject([{ code: "UNAVAILABLE", reason: "SHUT_DOWN" }]);
  expect(host.running).toBe(1);
  expect(steps.at(-1)).toBe("1000 stop listening");
  await clock.advance(limits.lameDuckMs);
  await over;
  expect(steps.slice(2)).toEqual(["7000 dispose", "7000 over"]);
});

test("a handler that stops when it is told ends the waiting", async () => {
  const { clock, foo, peers, steps, run } = await open(1);
  peers[0]?.say(callMessage(1, { method: "Foo.Hold", args: [] }));
  await until(() => foo.open.length === 1, "a handler");
  const { over } = await begin(clock, run);
  await clock.advance(times.drainTimeoutMs);
  await over;
  expect(steps.slice(2)).toEqual(["6000 dispose", "6000 over"]);
});

test("of several callers the slowest is awaited", async () => {
  const { clock, foo, peers, steps, run } = await open(3);
  for (const peer of peers) peer.say(callMessage(1, { method: "Foo.Hold", args: [] }));
  await until(() => foo.open.length === 3, "handlers");
  const { over } = await begin(clock, run);
  foo.open[0]?.resolve("a");
  foo.open[2]?.resolve("c");
  await clock.advance(1_000);
  expect(steps.at(-1)).toBe("1000 stop listening");
  foo.open[1]?.resolve("b");
  await over;
  expect(steps.at(-1)).toBe("2000 over");
  expect(foo.aborted).toEqual([]);
});

test("a caller that leaves is not waited for", async () => {
  const { clock, foo, peers, steps, run } = await open(2);
  peers[0]?.say(callMessage(1, { method: "Foo.Hold", args: [] }));
  await until(() => foo.open.length === 1, "a handler");
  const { over } = await begin(clock, run);
  peers[0]?.link.cut();
  await over;
  expect(steps.slice(2)).toEqual(["1000 dispose", "1000 over"]);
  expect(foo.aborted).toMatchObject([{ reason: "CALLER_GONE" }]);
});

test("calls that come meanwhile are sent elsewhere", async () => {
  const { clock, peers, run } = await open(1);
  const over = run();
  await turns();
  peers[0]?.say(callMessage(1, { method: "Foo.Hold", args: [] }));
  await until(() => peers[0]?.frames.length === 3, "a refusal");
  expect(peers[0]?.messages[2]).toMatchObject({
    kind: "fault",
    id: 1,
    code: "UNAVAILABLE",
    reason: "DRAINING",
    executed: "no",
  });
  await clock.advance(times.lameDuckMs);
  await over;
});
