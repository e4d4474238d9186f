import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { GeeError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import { Session } from "../../src/rpc/session.ts";
import { callMessage } from "../support/calls.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { hostOf } from "../support/ends.ts";
import { linkPair } from "../support/links.ts";
import type { MemoryLinkOptions } from "../support/links.ts";
import { frameOf, ScriptedPeer } from "../support/scripted-peer.ts";

class Foo {
  Sum(a: number, b: number): number {
    return a + b;
  }
  Big(bytes: number): Uint8Array {
    return new Uint8Array(bytes);
  }
}

function call(id: number, method: string, args: readonly unknown[]): Buffer {
  return frameOf(callMessage(id, { method, args, timeoutMs: 600_000 }));
}

async function open(server: MemoryLinkOptions = {}) {
  const clock = new FakeClock();
  const host = hostOf({ Foo: new Foo() }, { clock, log: silentLog });
  const pair = linkPair({}, { server });
  const session = new Session(pair.server, host);
  pair.server.open(session.channel);
  const peer = new ScriptedPeer(pair.caller, "caller");
  peer.hello();
  await clock.advance(0);
  await turn();
  return { clock, session, peer, pair };
}

async function drip(
  { clock, peer }: Awaited<ReturnType<typeof open>>,
  bytes: Uint8Array,
  everyMs: number,
): Promise<number> {
  let sent = 0;
  for (const byte of bytes) {
    if (peer.closedWhy !== undefined || peer.frames.length > 1) break;
    peer.send(Uint8Array.of(byte));
    sent++;
    await turn();
    await clock.advance(everyMs);
  }
  return sent;
}

test("a frame that drips in has two seconds, however busy its sender is", async () => {
  const bench = await open();
  const sent = await drip(bench, call(1, "Foo.Sum", [1, 2]), 500);
  expect(sent).toBeLessThanOrEqual(5);
  expect(bench.peer.messages[1]).toMatchObject({
    kind: "fault",
    id: 0,
    code: "DEADLINE_EXCEEDED",
    reason: "FRAME_TIMEOUT",
  });
  expect(bench.session.isClosed).toBe(true);
});

test("a large frame has a second more for every 16 KiB", async () => {
  const bench = await open();
  const { clock, peer, session } = bench;
  const frame = call(1, "Foo.Sum", [1, 2, new Uint8Array(4 * limits.frameBytesPerSecond)]);
  peer.send(frame.subarray(0, 1_000));
  await turn();
  await clock.advance(limits.frameBaseMs + 3_900);
  expect(session.isClosed).toBe(false);
  peer.send(frame.subarray(1_000));
  await turn();
  await clock.advance(60_000);
  expect(session.isClosed).toBe(false);
  expect(peer.messages[1]).toMatchObject({ kind: "result", value: 3 });
});

test("frames that are whole in time may come one after the other for ever", async () => {
  const bench = await open();
  const { clock, peer, session } = bench;
  for (let id = 1; id <= 20; id++) {
    const frame = call(id, "Foo.Sum", [id, 1]);
    peer.send(frame.subarray(0, 9));
    await turn();
    await clock.advance(1_500);
    peer.send(frame.subarray(9));
    await turn();
  }
  expect(session.isClosed).toBe(false);
  expect(peer.messages.length).toBe(21);
});

test("a loop that stood still does not hold that against the peer", async () => {
  const bench = await open();
  const { clock, peer, session } = bench;
  const frame = call(1, "Foo.Sum", [1, 2]);
  peer.send(frame.subarray(0, 9));
  await turn();
  // The alarm rings three seconds late, because nothing ran; then the rest is read.
  clock.stall(5_000);
  await clock.advance(0);
  expect(session.isClosed).toBe(false);
  peer.send(frame.subarray(9));
  await turn();
  expect(peer.messages[1]).toMatchObject({ kind: "result", value: 3 });
});

test("a caller that takes none of its answers for ten seconds is let go", async () => {
  const bench = await open({ roomBytes: 65_536 });
  const { clock, peer, session, pair } = bench;
  pair.caller.pause();
  peer.send(call(1, "Foo.Big", [1_000_000]));
  await turn();
  await clock.advance(limits.stalledWriteMs - 100);
  expect(session.isClosed).toBe(false);
  await clock.advance(200);
  expect(session.isClosed).toBe(true);
});

test("one that takes some of them every now and then is not", async () => {
  const bench = await open({ roomBytes: 65_536 });
  const { clock, peer, session, pair } = bench;
  pair.caller.pause();
  peer.send(call(1, "Foo.Big", [1_000_000]));
  await turn();
  for (let each = 0; each < 8; each++) {
    await clock.advance(8_000);
    pair.caller.resume();
    await turn();
    pair.caller.pause();
  }
  expect(session.isClosed).toBe(false);
});

test("half a frame behind a pause has the time that it had, and no more", async () => {
  const bench = await open({ roomBytes: 65_536 });
  const { clock, peer, session, pair } = bench;
  pair.caller.pause();
  const half = call(9, "Foo.Sum", [1, 2]).subarray(0, 15);
  peer.send(Buffer.concat([1, 2, 3].map((id) => call(id, "Foo.Big", [600_000]))), half);
  await turn();
  expect(pair.server.paused).toBe(true);
  await clock.advance(5_000);
  expect(session.isClosed).toBe(false);
  pair.caller.resume();
  await turn();
  await turn();
  expect(pair.server.paused).toBe(false);
  await clock.advance(limits.frameBaseMs + 100);
  expect(session.isClosed).toBe(true);
});

test("a loop that is late all the time puts the time-out off once, not for ever", async () => {
  const bench = await open();
  const { clock, peer, session } = bench;
  peer.send(call(1, "Foo.Sum", [1, 2]).subarray(0, 9));
  await turn();
  let waitedMs = 0;
  while (!session.isClosed && waitedMs < 60_000) {
    const stepMs = (clock.nextInMs() ?? 0) + 100;
    clock.stall(stepMs);
    waitedMs += stepMs;
    await clock.advance(0);
  }
  expect(waitedMs).toBeLessThan(2 * limits.frameBaseMs);
});

test("at its end a connection has a second for its last bytes, and is not cut off once they are taken", async () => {
  for (const takes of [true, false]) {
    const { clock, peer, session, pair } = await open({ roomBytes: 65_536 });
    pair.caller.pause();
    peer.send(call(1, "Foo.Big", [600_000]));
    await turn();
    session.end(new GeeError("UNAVAILABLE", "over"));
    if (takes) {
      pair.caller.resume();
      while (session.channel.unsentBytes > 0) await turn();
    }
    await clock.advance(limits.lameDuckMs + 100);
    expect(pair.server.ended).toBe(takes);
    expect(session.channel.unsentBytes).toBe(0);
    if (takes) expect(peer.messages[1]).toMatchObject({ kind: "result", id: 1 });
  }
});
