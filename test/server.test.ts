import { expect, test } from "bun:test";
import { connect } from "../src/client.ts";
import { parseEndpoint } from "../src/base/address.ts";
import { limits } from "../src/base/limits.ts";
import { silentLog } from "../src/base/log.ts";
import { systemClock } from "../src/base/time.ts";
import { createDial } from "../src/net/dial.ts";
import { serveRegistry } from "../src/registry.ts";
import { callContext } from "../src/rpc/context.ts";
import { serve } from "../src/server.ts";
import type { Server, ServeOptions } from "../src/server.ts";
import type { CallMessage } from "../src/wire/message.ts";
import { callMessage } from "./support/calls.ts";
import { FakeClock, turn, until } from "./support/clock.ts";
import { failureOf, scripted } from "./support/ends.ts";
import { folder } from "./support/folder.ts";
import { memoryLog } from "./support/memory-log.ts";
import { bareHello, frameOf } from "./support/scripted-peer.ts";
import type { ScriptedPeer } from "./support/scripted-peer.ts";

class Foo {
  readonly open: PromiseWithResolvers<unknown>[] = [];
  readonly reasons: unknown[] = [];
  readonly disposed: string[];

  constructor(disposed: string[] = []) {
    this.disposed = disposed;
  }

  Sum(a: number, b: number): number {
    return a + b;
  }

  Hold(): Promise<unknown> {
    const { signal } = callContext();
    signal.addEventListener("abort", () => this.reasons.push(signal.reason));
    const held = Promise.withResolvers<unknown>();
    this.open.push(held);
    return held.promise;
  }

  Big(): Uint8Array {
    return new Uint8Array(4_000_000);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.disposed.push("Foo");
    return Promise.resolve();
  }
}

/** With a deadline that no test comes near. */
function callOf(id: number, method: string, args: readonly unknown[] = []): CallMessage {
  return callMessage(id, { method, args, timeoutMs: 60_000 });
}

async function start(options: Partial<ServeOptions> = {}) {
  const clock = new FakeClock();
  const foo = new Foo();
  const server = await serve({ services: { Foo: foo }, clock, log: silentLog, ...options });
  return { clock, foo, server };
}

/** A scripted caller that has said hello. */
async function dial(server: Server, hello = true): Promise<ScriptedPeer> {
  const { peer, attach } = scripted("caller");
  await createDial(systemClock)(parseEndpoint(server.address), { timeoutMs: 2_000 }, attach);
  if (hello) {
    peer.hello();
    await until(() => peer.frames.length > 0, "the server's hello");
  }
  return peer;
}

function settled(promise: Promise<unknown>): () => boolean {
  let done = false;
  void promise.then(() => (done = true));
  return () => done;
}

async function turns(count = 50): Promise<void> {
  for (let each = 0; each < count; each++) await turn();
}

test("a server resolves when callers can connect, at an address that was free", async () => {
  const { server, clock } = await start();
  expect(server.address).toMatch(/^tcp@127\.0\.0\.1:[1-9]\d*$/);
  expect(server.id).toMatch(/^[0-9a-f]{32}$/);
  expect(server.services).toEqual([{ name: "Foo", methods: ["Sum", "Hold", "Big"] }]);
  await server.registered;
  const peer = await dial(server);
  expect(server.connections()).toBe(1);
  peer.say(callOf(1, "Foo.Sum", [1, 2]));
  await until(() => peer.frames.length === 2);
  expect(peer.messages).toMatchObject([
    { kind: "serverHello", hello: { instance: server.id } },
    { kind: "result", value: 3 },
  ]);
  const stopped = server.stop({ lameDuckMs: 0 });
  await clock.advance(1);
  await stopped;
});

test("a stop withdraws first, then sends calls elsewhere, closes the door, waits, and disposes", async () => {
  await using registry = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  const { server, clock, foo } = await start({ registry: registry.url });
  await clock.advance(300);
  await server.registered;
  expect(registry.memberCount()).toBe(1);
  const peer = await dial(server);
  peer.say(callOf(1, "Foo.Hold"));
  await until(() => server.inFlight() === 1);

  const stopped = server.stop();
  const isStopped = settled(stopped);
  expect(server.stop()).toBe(stopped);
  await until(() => peer.frames.length === 2, "a drain");
  expect(registry.memberCount()).toBe(0);
  expect(peer.messages[1]).toMatchObject({ kind: "drain", lastCallId: 1 });

  // The lame duck: new calls and new callers are accepted, and told to go elsewhere.
  await clock.advance(500);
  peer.say(callOf(2, "Foo.Sum", [1, 2]));
  await until(() => peer.frames.length === 3);
  const refusal = { kind: "fault", code: "UNAVAILABLE", reason: "DRAINING", executed: "no" };
  expect(peer.messages[2]).toMatchObject({ ...refusal, id: 2 });
  const late = await dial(server);
  expect(late.messages[0]).toMatchObject({ ...refusal, id: 0 });

  await clock.advance(500);
  await turns();
  expect(await failureOf(dial(server, false))).toMatchObject({ reason: "CONNECT_FAILED" });
  expect(isStopped()).toBe(false);
  expect(foo.disposed).toEqual([]);

  foo.open[0]?.resolve("done");
  await until(() => peer.frames.length === 4);
  expect(peer.messages[3]).toMatchObject({ kind: "result", id: 1, value: "done" });
  await stopped;
  await until(() => peer.closedWhy !== undefined && late.closedWhy !== undefined);
  expect(foo.reasons).toEqual([]);
  expect(foo.disposed).toEqual(["Foo"]);
  expect(server.connections()).toBe(0);
  await clock.advance(2_000);
  expect(clock.pending("foreground")).toBe(0);
});

test("what is still at work when the time is over is told to stop, and its callers are answered", async () => {
  const { server, clock, foo } = await start({ drainTimeoutMs: 3_000, lameDuckMs: 100 });
  const peer = await dial(server);
  peer.say(callOf(1, "Foo.Hold"));
  await until(() => server.inFlight() === 1);
  const stopped = server.stop();
  const isStopped = settled(stopped);
  await clock.advance(100);
  await turns();
  await clock.advance(2_999);
  expect(isStopped()).toBe(false);
  expect(foo.reasons).toEqual([]);
  await clock.advance(1);
  await until(() => peer.closedWhy !== undefined);
  expect(peer.messages.at(-1)).toMatchObject({
    kind: "fault",
    id: 1,
    code: "UNAVAILABLE",
    reason: "SHUT_DOWN",
    executed: "maybe",
  });
  expect(foo.reasons).toMatchObject([{ code: "UNAVAILABLE", reason: "SHUT_DOWN" }]);
  // What the handler uses stays there until it has stopped, and is let go of without a wait then.
  await turns();
  expect([isStopped(), ...foo.disposed]).toEqual([false]);
  foo.open[0]?.resolve("stopped");
  await stopped;
  expect(foo.disposed).toEqual(["Foo"]);
});

test("a handler that does not listen holds a stop up for its time and a second, and no longer", async () => {
  const { server, clock, foo } = await start({ lameDuckMs: 0, drainTimeoutMs: 50 });
  const peer = await dial(server);
  peer.say(callOf(1, "Foo.Hold"));
  await until(() => foo.open.length === 1);
  const stopped = server.stop();
  const isStopped = settled(stopped);
  await clock.advance(0);
  await turns();
  await clock.advance(50);
  await turns();
  await clock.advance(limits.lameDuckMs - 1);
  expect([isStopped(), ...foo.disposed]).toEqual([false]);
  await clock.advance(1);
  await stopped;
  expect(foo.disposed).toEqual(["Foo"]);
  foo.open[0]?.resolve("too late");
  await turns();
});

test("replies that their caller does not read are waited for, and then their connection is cut", async () => {
  const { server, clock } = await start({ drainTimeoutMs: 3_000, lameDuckMs: 0 });
  let received = 0;
  let closed = false;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(server.address.split(":").at(-1)),
    socket: {
      data: (_socket, bytes) => void (received += bytes.length),
      close: () => void (closed = true),
    },
  });
  socket.write(frameOf({ kind: "callerHello", id: 0, hello: bareHello() }));
  await until(() => received > 0, "a hello");
  socket.pause();
  const ids = [1, 2, 3, 4, 5, 6];
  socket.write(Buffer.concat(ids.map((id) => frameOf(callOf(id, "Foo.Big")))));
  await turns(200);
  const stopped = server.stop();
  const isStopped = settled(stopped);
  await clock.advance(0);
  await turns();
  await clock.advance(2_999);
  expect(isStopped()).toBe(false);
  await clock.advance(1);
  await stopped;
  await clock.advance(2_000);
  socket.resume();
  await until(() => closed, "the end of the connection");
  expect(received).toBeLessThan(20_000_000);
});

test("services are disposed of in either way, and one that fails does not keep the others", async () => {
  const disposed: string[] = [];
  const { log, lines } = memoryLog();
  const clock = new FakeClock();
  const services = {
    A: {
      Run: () => 1,
      [Symbol.dispose]() {
        throw new Error("stuck");
      },
    },
    B: { Run: () => 1, [Symbol.dispose]: () => void disposed.push("B") },
    C: new Foo(disposed),
    D: { Run: () => 1, [Symbol.asyncDispose]: () => Promise.reject(new Error("stuck")) },
    E: { Run: () => 1, [Symbol.asyncDispose]: () => void disposed.push("E") },
  };
  const server = await serve({ services, clock, log, lameDuckMs: 0 });
  const stopped = server[Symbol.asyncDispose]();
  await clock.advance(1);
  await stopped;
  expect(disposed).toEqual(["B", "Foo", "E"]);
  expect(lines.length).toBe(2);
});

test("a server whose registry is not there serves all the same, and stops while it keeps trying", async () => {
  const registry = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  await registry[Symbol.asyncDispose]();
  const { server, clock } = await start({ registry: registry.url, lameDuckMs: 0 });
  const isRegistered = settled(server.registered);
  await clock.advance(300);
  const peer = await dial(server);
  peer.say(callOf(1, "Foo.Sum", [1, 2]));
  await until(() => peer.frames.length === 2);
  expect(isRegistered()).toBe(false);
  const stopped = server.stop();
  await until(() => peer.frames.length === 3);
  await clock.advance(1);
  await stopped;
  // It was never registered, and does not claim so.
  expect(await server.registered).toBeUndefined();
});

test("a server registers when a registry comes up after it, and again at one that has forgotten it", async () => {
  let registry = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  const listen = registry.url.slice("http://".length);
  await registry[Symbol.asyncDispose]();
  const { server, clock } = await start({ registry: registry.url, lameDuckMs: 0 });
  await clock.advance(300);
  for (let round = 0; round < 2; round++) {
    registry = await serveRegistry({ listen, log: silentLog });
    const givenUpAt = performance.now() + 4_000;
    while (registry.memberCount() === 0 && performance.now() < givenUpAt) {
      await clock.advance(200);
      await turns();
    }
    expect(registry.memberCount()).toBe(1);
    await registry[Symbol.asyncDispose]();
  }
  const stopped = server.stop();
  await clock.advance(3_000);
  await turns();
  await clock.advance(3_000);
  await stopped;
});

test("a server at a unix socket is reached there, and takes its file away", async () => {
  await using place = await folder();
  const path = `${place.path}/foo.sock`;
  const { server, clock } = await start({ listen: `unix@${path}`, lameDuckMs: 0 });
  expect(String(server.address)).toBe(`unix@${path}`);
  const peer = await dial(server);
  peer.say(callOf(1, "Foo.Sum", [1, 2]));
  await until(() => peer.frames.length === 2);
  const stopped = server.stop();
  await clock.advance(1);
  await stopped;
  expect(await Bun.file(path).exists()).toBe(false);
});

test("what cannot be right is refused before anything listens", async () => {
  const services = { Foo: new Foo() };
  const registry = "http://127.0.0.1:9";
  const wrong: readonly (readonly [Partial<ServeOptions>, string])[] = [
    [{ services: {} }, "NOTHING_TO_SERVE"],
    [{ listen: "tcp@0.0.0.0:0" }, "INSECURE_BIND"],
    [{ listen: "tcp@[::]:0", registry, insecure: true }, "BAD_ADDRESS"],
    [{ listen: "tcp@127.0.0.1:99999" }, "BAD_ADDRESS"],
    [{ advertise: "a,b", registry }, "BAD_ADDRESS"],
    [{ methods: { Foo: { Nope: {} } } }, "BAD_SERVICE"],
  ];
  for (const [options, reason] of wrong) {
    expect(await failureOf(serve({ services, log: silentLog, ...options }))).toMatchObject({
      reason,
      executed: "no",
    });
  }
  expect(await failureOf(serve({ services, registry: "ftp://x" }))).toMatchObject({
    code: "INVALID_ARGUMENT",
  });
});

test("callers are told the address that is advertised", async () => {
  await using registry = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  const options = { listen: "tcp@0.0.0.0:0", insecure: true, registry: registry.url };
  await using server = await serve({
    services: { Foo: new Foo() },
    advertise: "localhost",
    lameDuckMs: 0,
    log: silentLog,
    ...options,
  });
  expect(server.address).toMatch(/^tcp@localhost:\d+$/);
  await server.registered;
  await using gee = connect({ registry: registry.url, log: silentLog });
  expect(await gee.call("Foo.Sum", [1, 2])).toBe(3);
});
