import { expect, test } from "bun:test";
import { silentLog } from "../src/base/log.ts";
import { systemClock } from "../src/base/time.ts";
import { connect } from "../src/index.ts";
import { listen } from "../src/net/listen.ts";
import { featureNames } from "../src/wire/hello.ts";
import type { Message } from "../src/wire/message.ts";
import { endMessage, itemMessage, resultMessage } from "./support/calls.ts";
import { FakeClock, turn, until } from "./support/clock.ts";
import { failureOf, scripted } from "./support/ends.ts";
import type { ScriptedPeer } from "./support/scripted-peer.ts";

/** A server that says hello to everybody, and then nothing; and a client of it. */
async function open() {
  const clock = new FakeClock();
  const peers: ScriptedPeer[] = [];
  const endpoint = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const listener = await listen(endpoint, systemClock, (link) => {
    const { peer, attach } = scripted("server");
    peers.push(peer);
    const events = attach(link);
    const greet = setInterval(() => {
      if (peer.frames.length === 0) return;
      clearInterval(greet);
      peer.hello({ features: featureNames, complete: false });
    });
    return events;
  });
  const gee = connect({ address: listener.address, clock, log: silentLog, drainTimeoutMs: 0 });
  const close = async (): Promise<void> => {
    const closed = gee[Symbol.asyncDispose]();
    for (let each = 0; each < 5; each++) await clock.advance(1_000);
    await closed;
    listener.stop();
  };
  return { clock, peers, gee, [Symbol.asyncDispose]: close };
}

/** What a connection was sent behind the hello. */
function sent(peer: ScriptedPeer | undefined): readonly Message[] {
  return (peer?.messages ?? []).slice(1);
}

function callsOf(peer: ScriptedPeer | undefined): readonly Message[] {
  return sent(peer).filter(({ kind }) => kind === "call");
}

async function seconds(clock: FakeClock, count: number): Promise<void> {
  for (let each = 0; each < count; each++) {
    await clock.advance(1_000);
    for (let more = 0; more < 5; more++) await turn();
  }
}

test("a server that falls silent is pinged, and gets no new call on that connection", async () => {
  await using silent = await open();
  const { clock, peers, gee } = silent;
  const first = failureOf(gee.call("Foo.Sum", [1, 2], { timeoutMs: 60_000 }));
  await until(() => callsOf(peers[0]).length === 1, "the first call");
  // The answer to the hello was heard, so the first look forgives.
  await seconds(clock, 9);
  const second = failureOf(gee.call("Foo.Sum", [3, 4], { timeoutMs: 20_000 }));
  await until(() => callsOf(peers[0]).length === 2, "the second call");
  await seconds(clock, 6);
  expect(sent(peers[0]).some(({ kind }) => kind === "ping")).toBe(true);
  const third = failureOf(gee.call("Foo.Sum", [5, 6], { timeoutMs: 20_000 }));
  await until(() => callsOf(peers[1]).length === 1, "another connection");
  expect(callsOf(peers[0]).length).toBe(2);
  // What was under way has the time that it was given, and no more.
  await seconds(clock, 14);
  expect(await second).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "maybe" });
  await seconds(clock, 6);
  expect(await third).toMatchObject({ code: "DEADLINE_EXCEEDED" });
  await seconds(clock, 25);
  expect(await first).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "maybe" });
});

test("what it answers after all is taken", async () => {
  await using silent = await open();
  const { clock, peers, gee } = silent;
  const result = gee.call("Foo.Sum", [1, 2], { timeoutMs: 60_000 });
  const iterator = gee.call("Foo.Items", [], { timeoutMs: 60_000 })[Symbol.asyncIterator]();
  const item = iterator.next();
  await until(() => callsOf(peers[0]).length === 2, "both calls");
  await seconds(clock, 30);
  peers[0]?.say(resultMessage(1, 3), itemMessage(2, "late"), endMessage(2));
  expect(await result).toBe(3);
  expect(await item).toEqual({ done: false, value: "late" });
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
  // Nothing is left on it, and nothing more comes: it is over.
  await until(() => peers[0]?.closedWhy !== undefined, "the end of the connection");
  expect(peers.length).toBe(1);
});

test("one that says anything now and then keeps its calls", async () => {
  await using silent = await open();
  const { clock, peers, gee } = silent;
  void gee.call("Foo.Sum", [1, 2], { timeoutMs: 600_000 }).catch(() => {});
  await until(() => callsOf(peers[0]).length === 1, "the first call");
  for (let each = 0; each < 10; each++) {
    await seconds(clock, 7);
    peers[0]?.say({ kind: "pong", id: 0, token: each });
  }
  void gee.call("Foo.Sum", [3, 4]).catch(() => {});
  await until(() => callsOf(peers[0]).length === 2, "the second call");
  expect(peers.length).toBe(1);
});

test("an idle connection is found silent as well, before a call meets it", async () => {
  await using silent = await open();
  const { clock, peers, gee } = silent;
  const first = gee.call("Foo.Sum", [1, 2]);
  await until(() => callsOf(peers[0]).length === 1, "the first call");
  peers[0]?.say(resultMessage(1, 3));
  expect(await first).toBe(3);
  await seconds(clock, 20);
  await until(() => peers[0]?.closedWhy !== undefined, "the end of the connection");
  const second = gee.call("Foo.Sum", [3, 4]);
  await until(() => callsOf(peers[1]).length === 1, "another connection");
  peers[1]?.say(resultMessage(1, 7));
  expect(await second).toBe(7);
});
