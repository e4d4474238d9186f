import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { limits } from "../../src/base/limits.ts";
import { systemClock } from "../../src/base/time.ts";
import { connect, serveRegistry } from "../../src/index.ts";
import { createDial } from "../../src/net/dial.ts";
import { Session } from "../../src/rpc/session.ts";
import type { Message } from "../../src/wire/message.ts";
import { FakeClock, turn, until } from "../support/clock.ts";
import { eventually } from "../support/cluster.ts";
import {
  failureOf,
  hostOf,
  openConnection,
  openSession,
  scripted,
  wires,
} from "../support/ends.ts";
import { built, executable, startCommand } from "../support/executable.ts";
import { linkPair } from "../support/links.ts";
import { memoryLog } from "../support/registry.ts";
import { frameOf, fromHex, rawFrame, ScriptedPeer } from "../support/scripted-peer.ts";
import { RandomValues, runSeed, seededRandom } from "../wire/random-values.ts";

// Rows of the threat table that are behaviours and no bytes.

const [memory] = wires;
const mebibyte = 1_048_576;

function callFrame(
  id: number,
  method: string,
  args: readonly unknown[],
  timeoutMs = 9_000,
): Buffer {
  return frameOf({
    kind: "call",
    id,
    method,
    timeoutMs,
    args,
    flags: 0,
    attempt: 0,
    metadata: undefined,
    idempotencyKey: undefined,
    streamArgument: undefined,
    idleMs: undefined,
  });
}

const ping = frameOf({ kind: "ping", id: 0, token: 7 });

function liveHeapBytes(): number {
  Bun.gc(true);
  return process.memoryUsage().heapUsed;
}

/** A session on a link by hand, whose hello is over. */
function openByHand(
  services: Readonly<Record<string, object>>,
  link: { readonly roomBytes?: number } = {},
) {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const host = hostOf(services, { clock, log });
  const pair = linkPair({ delivery: "by hand" }, { server: link });
  const session = new Session(pair.server, host);
  pair.server.open(session.channel);
  const peer = new ScriptedPeer(pair.caller, "caller");
  peer.hello();
  pair.deliver();
  return { clock, host, lines, pair, session, peer };
}

class Emitter {
  on(): string {
    return "inherited";
  }
}

class Probe extends Emitter {
  readonly kept: { bytes: Uint8Array; sum: number }[] = [];
  field = (): string => "a field";
  get Getter(): () => string {
    throw new Error("a getter was read");
  }
  Echo(value: unknown): unknown {
    return value;
  }
  Keep(bytes: Uint8Array): number {
    const sum = bytes.reduce((total, byte) => (total * 31 + byte) % 65_521, 7);
    this.kept.push({ bytes, sum });
    return sum;
  }
  Big(size: number): Uint8Array {
    return new Uint8Array(size);
  }
  Hang(): Promise<never> {
    return new Promise(() => {});
  }
  _secret(): string {
    return "a secret";
  }
  #hidden(): string {
    return "hidden";
  }
  Reveal(): number {
    return this.#hidden().length;
  }
  static Make(): Probe {
    return new Probe();
  }
}

test("T14, T15: a name reaches an exported method of the class itself, and nothing else", () => {
  const { peer, pair, session } = openByHand({ Probe: new Probe() });
  const inherited = [Object.prototype, Function.prototype, Array.prototype, Promise, Symbol]
    .flatMap((object) => Reflect.ownKeys(object))
    .filter((key) => typeof key === "string");
  const own = [
    "_secret",
    "#hidden",
    "hidden",
    "on",
    "field",
    "Getter",
    "Make",
    "kept",
    "prototype",
  ];
  const names = [...new Set([...inherited, ...own])];
  const methods = names.flatMap((name) => [name, `Probe.${name}`, `${name}.Echo`]);
  expect(methods.length).toBeGreaterThan(200);
  for (const [index, method] of methods.entries()) {
    // A name that cannot even be sent would not be tried.
    peer.send(callFrame(index + 1, method, []));
  }
  pair.deliver();
  const answers = peer.messages.filter(({ kind }) => kind === "fault");
  expect(answers.length).toBe(methods.length);
  for (const answer of answers) {
    expect(answer).toMatchObject({
      code: "UNIMPLEMENTED",
      reason: "NO_SUCH_METHOD",
      executed: "no",
    });
  }
  expect(session.isClosed).toBe(false);
});

test("T17: a connection keeps nothing of the messages that it has read", () => {
  const { pair, session } = openByHand({ Probe: new Probe() });
  // What it answers is not kept here either.
  let heardBytes = 0;
  const events = { data: (bytes: Uint8Array) => (heardBytes += bytes.length) < 0, drain() {} };
  pair.caller.open({ ...events, closed() {} });
  const records = fromHex("01 192710 81 d9dfff 83 19e000 81 6161 01");
  const count = 100_000;
  let heapBytes = Number.NaN;
  for (let id = 1; id <= count; id++) {
    // Records, which cbor-x would remember, and keys and names that nobody has had before.
    const frame =
      id % 2 === 0
        ? rawFrame(1, id, 3, records)
        : callFrame(id, `Probe.N${id}`, [{ [`key ${id} of ${count}`]: `text ${id}` }]);
    pair.caller.write(frame, 0, frame.length);
    if (id % 100 === 0) pair.deliver();
    if (id === count / 10) heapBytes = liveHeapBytes();
  }
  expect(session.isClosed).toBe(false);
  expect(heardBytes).toBeGreaterThan(count * 20);
  expect(liveHeapBytes() - heapBytes).toBeLessThan(4 * mebibyte);
}, 30_000);

test("T21: what a handler keeps stays as it was, whatever is received later", () => {
  const probe = new Probe();
  const { peer, pair } = openByHand({ Probe: probe });
  for (let id = 1; id <= 1_000; id++) {
    peer.send(callFrame(id, "Probe.Keep", [new Uint8Array(200).fill(id % 256)]));
    pair.deliver();
  }
  const sum = (bytes: Uint8Array): number =>
    bytes.reduce((total, byte) => (total * 31 + byte) % 65_521, 7);
  expect(probe.kept.length).toBe(1_000);
  expect(probe.kept.filter((kept) => sum(kept.bytes) !== kept.sum)).toEqual([]);
  // Nor does it hold more than its own bytes, or see those of others.
  expect(probe.kept.filter(({ bytes }) => bytes.buffer.byteLength !== 200)).toEqual([]);
});

describe("T23: who is slow on purpose is not waited for", () => {
  const services = { Probe: new Probe() };
  const hello = (): Buffer => {
    const pair = linkPair({ delivery: "by hand" });
    const heard = new ScriptedPeer(pair.server, "server");
    new ScriptedPeer(pair.caller, "caller").hello();
    pair.deliver();
    return heard.received;
  };

  /** Sends one byte each `everyMs` until the connection ends; returns how long that took. */
  async function drip(bytes: Buffer, greeted: boolean, everyMs: number) {
    const { peer, clock } = await openSession(memory, services);
    if (greeted) {
      peer.hello();
      await until(() => peer.frames.length > 0, "the server's hello");
    }
    const startedAt = clock.now();
    for (const byte of bytes) {
      peer.send(Buffer.from([byte]));
      await turn();
      await clock.advance(everyMs);
      await turn();
      if (peer.closedWhy !== undefined) break;
    }
    return { peer, tookMs: clock.now() - startedAt };
  }

  test("eight bytes and silence", async () => {
    const { peer, clock } = await openSession(memory, services);
    peer.send(hello().subarray(0, 8));
    await clock.advance(limits.helloTimeoutMs - 1);
    await turn();
    expect(peer.closedWhy).toBeUndefined();
    await clock.advance(1);
    await turn();
    expect(peer.closedWhy).toBeDefined();
    expect(peer.messages).toMatchObject([{ kind: "fault", id: 0 }]);
  });

  test("a hello, byte by byte", async () => {
    const { peer, tookMs } = await drip(hello(), false, 1_000);
    expect(peer.closedWhy).toBeDefined();
    expect(tookMs).toBeLessThanOrEqual(limits.helloTimeoutMs);
  });

  test("a frame, byte by byte, as fast as it likes between", async () => {
    const frame = callFrame(1, "Probe.Echo", ["x".repeat(300)]);
    for (const everyMs of [100, 999]) {
      const { peer, tookMs } = await drip(frame, true, everyMs);
      expect(peer.messages.at(-1)).toMatchObject({
        kind: "fault",
        id: 0,
        code: "DEADLINE_EXCEEDED",
        reason: "FRAME_TIMEOUT",
      });
      expect(tookMs).toBeGreaterThanOrEqual(limits.frameBaseMs);
      expect(tookMs).toBeLessThanOrEqual(limits.frameBaseMs + 50 + everyMs);
    }
  });

  test("a server's answer, byte by byte", async () => {
    const { peer, clock, connection, call } = await openConnection(memory);
    peer.hello();
    await connection.ready;
    const waiting = call("Probe.Echo", [1], { timeoutMs: 60_000 });
    const value = "x".repeat(300);
    const answer = frameOf({ kind: "result", id: 1, value, metadata: undefined });
    for (const byte of answer) {
      peer.send(Buffer.from([byte]));
      await turn();
      await clock.advance(100);
      if (peer.closedWhy !== undefined) break;
    }
    const error = await failureOf(waiting.promise);
    expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "FRAME_TIMEOUT" });
    expect(peer.messages.at(-1)).toMatchObject({ kind: "fault", id: 0, reason: "FRAME_TIMEOUT" });
  });

  test("a large frame has a second for each 16 KiB, and whole frames between win no time", async () => {
    const { peer, clock } = await openSession(memory, services);
    peer.hello();
    await until(() => peer.frames.length > 0, "the server's hello");
    const size = 65_536;
    const frame = rawFrame(1, 1, 3, Buffer.alloc(size, 0x60));
    peer.send(ping, frame.subarray(0, 100));
    await turn();
    const allowedMs = limits.frameBaseMs + (1_000 * frame.length) / limits.frameBytesPerSecond;
    for (let sent = 0; sent < 5; sent++) {
      await clock.advance((allowedMs - 20) / 5);
      await turn();
      expect(peer.closedWhy).toBeUndefined();
      peer.send(frame.subarray(100 + sent, 101 + sent));
      await turn();
    }
    await clock.advance(40);
    await turn();
    expect(peer.messages.at(-1)).toMatchObject({ reason: "FRAME_TIMEOUT" });
  });
});

test("T22: a fault's text reaches a log and a person without its control characters", async () => {
  const { peer, pair, lines } = openByHand({ Probe: new Probe() });
  const names = ["Foo.\nERR", "a\u0000b", "\u001b[31m", "x".repeat(4_096)];
  for (const [index, name] of names.entries()) peer.send(callFrame(index + 1, name, []));
  peer.send(fromHex("0a0d1b5b33316d"));
  pair.deliver();
  await turn();
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.filter((line) => /\p{Cc}/u.test(line) || line.length > 600)).toEqual([]);
});

test.skipIf(!built)(
  "T25: a server out of descriptors refuses, does not spin, and answers those whom it has",
  async () => {
    const shell = `ulimit -n 300; exec "$0" server --listen tcp@127.0.0.1:0`;
    await using server = startCommand(["/bin/sh", "-c", shell, executable]);
    const [, address = ""] = await server.says(/^server +(\S+)/m);
    const [, port = ""] = /:(\d+)$/.exec(address) ?? [];
    await using client = connect({ address });
    expect(await client.call("Foo.Sum", [1, 2])).toBe(3);
    const dial = createDial(systemClock);
    const endpoint = { kind: "tcp", host: "127.0.0.1", port: Number(port) } as const;
    const peers = await Promise.all(
      Array.from({ length: 600 }, async () => {
        const { peer, attach } = scripted("caller");
        await dial(endpoint, { timeoutMs: 5_000 }, attach).catch(() => {});
        return peer;
      }),
    );
    await eventually(
      () => peers.filter(({ closedWhy }) => closedWhy !== undefined).length > 550,
      "most of them were refused",
    );
    const reasons = peers.flatMap(({ messages }) =>
      messages.map((message) => (message.kind === "fault" ? message.reason : message.kind)),
    );
    expect(reasons.length).toBeGreaterThan(100);
    const known = ["TOO_MANY_CONNECTIONS", "TOO_MANY_GREETINGS", "HELLO_TIMEOUT"];
    expect(reasons.filter((reason) => !known.includes(reason ?? ""))).toEqual([]);
    expect(await client.call("Foo.Sum", [20, 3])).toBe(23);
    const ticks = (): number => {
      const fields = readFileSync(`/proc/${server.pid}/stat`, "utf8").split(") ")[1]?.split(" ");
      return Number(fields?.[11]) + Number(fields?.[12]);
    };
    const before = ticks();
    await Bun.sleep(1_000);
    // Of a hundred ticks in that second.
    expect(ticks() - before).toBeLessThan(20);
    for (const peer of peers) peer.link.close();
    await using late = connect({ address });
    await eventually(
      () =>
        late.call("Foo.Sum", [1, 1]).then(
          (value) => value === 2,
          () => false,
        ),
      "there is room again",
    );
  },
  30_000,
);

describe("T27: who does not take its answers", () => {
  test("is not read, has no further call started, and costs a bounded memory", async () => {
    const calls = 64;
    const size = mebibyte / 8;
    let begun = 0;
    const probe = {
      Big(): Uint8Array {
        begun++;
        return new Uint8Array(size);
      },
    };
    const { peer, pair, session } = openByHand({ Probe: probe }, { roomBytes: 65_536 });
    peer.link.pause();
    for (let id = 1; id <= calls; id++) peer.send(callFrame(id, "Probe.Big", []));
    pair.deliver();
    expect(pair.server.paused).toBe(true);
    expect(begun).toBeLessThanOrEqual(limits.pauseReadingBytes / size + 2);
    expect(session.channel.unsentBytes).toBeLessThan(2 * mebibyte);
    // It takes them after all: each is answered, once.
    peer.link.resume();
    for (let turns = 0; turns < 100 && peer.frames.length <= calls; turns++) {
      pair.deliver();
      await turn();
    }
    const ids = peer.frames.filter(({ kind }) => kind === 3).map(({ id }) => id);
    expect(ids).toEqual(Array.from({ length: calls }, (_, index) => index + 1));
    expect(begun).toBe(calls);
  });

  test("is let go after ten seconds", async () => {
    const { peer, pair, session, clock } = openByHand(
      { Probe: new Probe() },
      { roomBytes: 65_536 },
    );
    peer.link.pause();
    for (let id = 1; id <= 8; id++) peer.send(callFrame(id, "Probe.Big", [mebibyte / 2]));
    pair.deliver();
    await clock.advance(limits.stalledWriteMs - 100);
    pair.deliver();
    expect(session.isClosed).toBe(false);
    await clock.advance(300);
    pair.deliver();
    expect(session.isClosed).toBe(true);
  });
});

test("T28: of calls without end, as many as are allowed run, and the others are refused", async () => {
  const { peer, pair, session, host } = openByHand({ Probe: new Probe() });
  const calls = 5_000;
  for (let id = 1; id <= calls; id++) peer.send(callFrame(id, "Probe.Hang", []));
  pair.deliver();
  await turn();
  pair.deliver();
  expect(session.inFlight).toBe(limits.maxInFlight);
  expect(host.running).toBe(limits.maxInFlight);
  const faults = peer.messages.filter(({ kind }) => kind === "fault");
  expect(faults.length).toBe(calls - limits.maxInFlight);
  for (const fault of faults) {
    expect(fault).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      reason: "TOO_MANY_IN_FLIGHT",
      executed: "no",
    });
  }
  // Cancelled or not, a handler counts until it has ended.
  for (let id = 1; id <= limits.maxInFlight; id++) {
    peer.say({ kind: "cancel", id, code: "CANCELLED", message: undefined });
  }
  peer.send(callFrame(calls + 1, "Probe.Hang", []));
  pair.deliver();
  const last = peer.messages.at(-1);
  expect(last).toMatchObject({ kind: "fault", id: calls + 1, reason: "TOO_MANY_IN_FLIGHT" });
  expect(host.running).toBe(limits.maxInFlight);
}, 30_000);

describe("T30: pings, and cancels of calls that were never opened", () => {
  const pongs = (messages: readonly Message[]): number =>
    messages.filter(({ kind }) => kind === "pong").length;

  test("are answered up to the limit in each window, and not one more", async () => {
    const { peer, pair, session, clock } = openByHand({ Probe: new Probe() });
    for (let window = 1; window <= 3; window++) {
      for (let count = 0; count < limits.maxControlFrames; count++) peer.send(ping);
      pair.deliver();
      expect(pongs(peer.messages)).toBe(window * limits.maxControlFrames);
      expect(session.isClosed).toBe(false);
      await clock.advance(limits.controlWindowMs + 1);
    }
    for (let count = 0; count < 100_000; count++) pair.caller.write(ping, 0, ping.length);
    pair.deliver();
    expect(session.isClosed).toBe(true);
    expect(pongs(peer.messages)).toBeLessThanOrEqual(4 * limits.maxControlFrames);
    expect(peer.messages.at(-1)).toMatchObject({
      kind: "fault",
      id: 0,
      code: "RESOURCE_EXHAUSTED",
      reason: "TOO_MANY_CONTROLS",
    });
  });

  test("cancels of calls that were opened are free", () => {
    const { peer, pair, session } = openByHand({ Probe: new Probe() });
    for (let id = 1; id <= 1_000; id++) {
      peer.send(callFrame(id, "Probe.Hang", []));
      peer.say({ kind: "cancel", id, code: "CANCELLED", message: undefined });
    }
    pair.deliver();
    expect(session.isClosed).toBe(false);
    const answered = peer.frames.filter(({ kind }) => kind === 4).map(({ id }) => id);
    expect(new Set(answered).size).toBe(1_000);
    expect(answered.length).toBe(1_000);
  });

  test("a caller holds a server to the same", async () => {
    const { peer, connection } = await openConnection(memory);
    peer.hello();
    await connection.ready;
    for (let count = 0; count <= limits.maxControlFrames; count++) peer.send(ping);
    await until(() => peer.closedWhy !== undefined, "the end");
    expect(peer.messages.at(-1)).toMatchObject({ kind: "fault", reason: "TOO_MANY_CONTROLS" });
  });
});

test("T33: whatever the order of a server's answers, a call settles once", async () => {
  const seed = runSeed();
  const random = new RandomValues(seededRandom(seed));
  for (let round = 0; round < 300; round++) {
    const { peer, connection, call, clock } = await openConnection(memory);
    peer.hello();
    await connection.ready;
    const settled: number[] = [];
    for (let index = 0; index < 5; index++) {
      const controller = new AbortController();
      const own = call("Foo.Sum", [index, 1], { signal: controller.signal, timeoutMs: 5_000 });
      const count = (): void => void settled.push(index);
      own.promise.then(count, count);
      if (random.below(4) === 0) controller.abort();
    }
    for (let answers = random.below(40); answers > 0; answers--) {
      const id = 1 + random.below(7);
      const result: Message = { kind: "result", id, value: id, metadata: undefined };
      const bad = rawFrame(3, id, 1, Buffer.from([0xff]));
      peer.send(
        [frameOf(result), bad, rawFrame(4, id, 3, fromHex("05 60 02"))][random.below(3)] ?? "",
      );
    }
    await clock.advance(6_000);
    await turn();
    expect({ seed, round, settled: settled.toSorted() }).toEqual({
      seed,
      round,
      settled: [0, 1, 2, 3, 4],
    });
    connection.channel.link.close();
  }
}, 30_000);

test("T35: a registry that is spoken to as a server closes, and goes on", async () => {
  const { log } = memoryLog();
  await using registry = await serveRegistry({ listen: "127.0.0.1:0", log });
  const url = new URL(registry.url);
  const { peer, attach } = scripted("caller");
  const endpoint = { kind: "tcp", host: url.hostname, port: Number(url.port) } as const;
  await createDial(systemClock)(endpoint, { timeoutMs: 2_000 }, attach);
  peer.hello();
  await until(() => peer.received.length > 0 || peer.closedWhy !== undefined, "an answer");
  expect(peer.received.toString("latin1")).toMatch(/^(?:HTTP\/1\.1 (?:400|505) |$)/);
  const response = await fetch(registry.url);
  expect(response.status).toBeLessThan(500);
  peer.link.close();
});
