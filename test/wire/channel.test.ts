import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { Channel } from "../../src/wire/channel.ts";
import type { Message } from "../../src/wire/message.ts";
import { turn } from "../support/clock.ts";
import { linkPair } from "../support/links.ts";
import { frameOf, rawFrame } from "../support/scripted-peer.ts";
import { openBench, Recorder } from "./recorder.ts";

function ping(token: number): Message {
  return { kind: "ping", id: 0, token };
}

function result(id: number, value: unknown): Message {
  return { kind: "result", id, value, metadata: undefined };
}

const why = new GeeError("UNAVAILABLE", "over", { reason: "TEST", executed: "no" });

// ---------------------------------------------------------------- flushing

test("what is sent in one turn leaves with one write, before the turn is over", async () => {
  const { channel, link, peer, pair } = openBench();
  for (let token = 0; token < 23; token++) channel.send(ping(token));
  expect(link.writes).toBe(0);
  await Promise.resolve();
  expect(link.writes).toBe(1);
  pair.deliver();
  expect(peer.messages).toEqual(Array.from({ length: 23 }, (_, token) => ping(token)));
  await turn();
  expect(link.writes).toBe(1);
});

test("what is sent during a read leaves with one write at the end of that read", async () => {
  const { channel, link, owner, peer, pair } = openBench();
  owner.onMessage = (message) => channel.send(message);
  owner.onReadEnd = () => channel.send(ping(1_000));
  peer.say(...Array.from({ length: 23 }, (_, token) => ping(token)));
  expect(link.deliver()).toBe(true);
  expect(link.writes).toBe(1);
  await turn();
  expect(link.writes).toBe(1);
  pair.deliver();
  expect(peer.frames.length).toBe(24);
});

test("of many that are sent in one turn the first leave before the last are sent", async () => {
  const { channel, link, peer, pair } = openBench();
  const writes: number[] = [];
  for (let token = 0; token < 250; token++) {
    channel.send(ping(token));
    if (link.writes > writes.length) writes.push(token + 1);
  }
  expect(writes).toEqual([96, 192]);
  await turn();
  expect(link.writes).toBe(3);
  // Then half as many as in the turn before, and 24 at the least.
  for (let sent = 0; sent < 60; sent++) channel.send(ping(sent));
  await turn();
  expect(link.writes).toBe(4);
  for (let sent = 0; sent < 60; sent++) channel.send(ping(sent));
  expect(link.writes).toBe(6);
  await turn();
  pair.deliver();
  expect(peer.messages.length).toBe(370);
});

test("a read that is answered with nothing writes nothing", async () => {
  const { link, peer, pair } = openBench();
  peer.say(ping(1));
  pair.deliver();
  await turn();
  expect(link.writes).toBe(0);
});

test("what was sent before a read leaves with that read's answers, in order", async () => {
  const { channel, link, owner, peer, pair } = openBench();
  owner.onMessage = (message) => channel.send(message);
  channel.send(ping(1));
  peer.say(ping(2));
  pair.deliver();
  await turn();
  expect(link.writes).toBe(1);
  pair.deliver();
  expect(peer.messages).toEqual([ping(1), ping(2)]);
});

test("the end of a read comes once, behind all its messages", () => {
  const { owner, peer, pair } = openBench();
  peer.send(frameOf(ping(1)), frameOf(ping(2)), frameOf(ping(3)).subarray(0, 5));
  pair.deliver();
  peer.send(frameOf(ping(3)).subarray(5));
  pair.deliver();
  expect(owner.events).toEqual(["message", "message", "readEnd", "message", "readEnd"]);
});

// ---------------------------------------------------------------- sending

test("a message that cannot travel is thrown back and nothing is sent", async () => {
  const { channel, link } = openBench();
  expect(() => channel.send(result(1, new Map()))).toThrow("result: Map cannot travel");
  await turn();
  expect([link.writes, channel.unsentBytes]).toEqual([0, 0]);
});

test("a message larger than the peer accepts is thrown back, one that just fits is sent", async () => {
  const { channel, peer, pair } = openBench();
  channel.greeted(limits.maxMessageBytes, 100, false);
  expect(() => channel.send(result(1, new Uint8Array(99)))).toThrow(
    "the result would be larger than maxMessageBytes, 100",
  );
  channel.send(result(1, new Uint8Array(98)));
  await turn();
  pair.deliver();
  expect(peer.frames.map(({ bytes }) => bytes.length)).toEqual([112]);
});

test("a getter may send on the channel that sends it: both frames come whole, at their positions", async () => {
  const { channel, peer, pair } = openBench();
  let inner = -1;
  const outer = channel.send(
    result(1, {
      get a() {
        inner = channel.send(ping(7));
        return 1;
      },
    }),
  );
  const last = channel.send(ping(8));
  expect([inner, outer, last]).toEqual([0, 13, 13 + 16]);
  expect(channel.withdraw(outer)).toBe("unsent");
  await turn();
  pair.deliver();
  expect(peer.frames.map(({ kind, id }) => [kind, id])).toEqual([
    [9, 0],
    [16, 1],
    [9, 0],
  ]);
});

test("a getter may close the channel that sends it: the frame is dropped", async () => {
  const { channel, link, owner } = openBench();
  channel.send(
    result(1, {
      get a() {
        channel.close(why);
        return 1;
      },
    }),
  );
  await turn();
  expect([channel.unsentBytes, link.writes]).toEqual([0, 0]);
  expect(owner.closedWhys).toEqual([why]);
});

test("a withdrawn frame is skipped by the channel that receives it", async () => {
  const pair = linkPair();
  const [sender, receiver] = [new Recorder(), new Recorder()];
  const caller = new Channel(pair.caller, sender, "server", 65_536);
  const server = new Channel(pair.server, receiver, "caller", 65_536);
  pair.caller.open(caller);
  pair.server.open(server);
  caller.send(ping(1));
  const position = caller.send(ping(2));
  caller.send(ping(3));
  expect(caller.withdraw(position)).toBe("unsent");
  await turn();
  expect(receiver.messages).toEqual([ping(1), ping(3)]);
  expect(caller.hasLeft(position)).toBe(true);
  expect(caller.withdraw(position)).toBe("sent");
});

test("a link that takes few bytes at a time gets everything, in order, and says so", async () => {
  for (const own of [{ maxTakenBytes: 1 }, { maxTakenBytes: 17 }, { roomBytes: 30 }]) {
    const { channel, owner, peer } = openBench({ both: { delivery: "microtask" }, own });
    for (let token = 0; token < 20; token++) channel.send(ping(token));
    await turn();
    expect(peer.messages).toEqual(Array.from({ length: 20 }, (_, token) => ping(token)));
    expect(owner.events[0]).toBe("blocked");
    expect(new Set(owner.events)).toEqual(new Set(["blocked", "drained"]));
    expect(channel.unsentBytes).toBe(0);
  }
});

// ---------------------------------------------------------------- receiving

test("a message as large as a hello may be is accepted before the hello is, and no larger one", () => {
  for (const from of ["caller", "server"] as const) {
    const max = from === "caller" ? limits.maxCallerHelloBytes : limits.maxServerHelloBytes;
    for (const size of [max, max + 1]) {
      const { owner, peer, pair } = openBench({ from, greeting: true });
      peer.send(rawFrame(17, 0, 1, new Uint8Array(size)));
      pair.deliver();
      expect(owner.closedWhys.map(({ reason }) => reason)).toEqual(
        size > max ? ["FRAME_TOO_LARGE"] : [],
      );
    }
  }
});

test("a large message behind a hello in one read is accepted when the hello is", () => {
  const { channel, owner, peer, pair } = openBench({ from: "server", greeting: true });
  owner.onMessage = () => channel.greeted(1_000_000, 1_000_000, false);
  peer.hello();
  peer.say(result(1, new Uint8Array(900_000)));
  pair.deliver();
  expect(owner.messages.map(({ kind }) => kind)).toEqual(["serverHello", "result"]);
});

test("what has come and is not whole is told, and dropped by its id", () => {
  const { channel, owner, peer, pair } = openBench();
  const content = frameOf(result(3, "abc")).subarray(5);
  const part = (bytes: Uint8Array, totalBytes?: number): Message => {
    return { kind: "part", id: 3, bytes, totalBytes };
  };
  peer.say(part(content.subarray(0, 8), content.length));
  peer.send("5a00");
  pair.deliver();
  expect(channel.incoming).toMatchObject({
    incompleteFrame: 1,
    incompleteBytes: 0,
    unfinishedMessage: 0,
    unfinishedBytes: 11,
  });
  expect([channel.dropUnfinished(3), channel.dropUnfinished(3)]).toEqual([true, false]);
  expect(channel.incoming.unfinishedMessage).toBeUndefined();
  expect(owner.closedWhys).toEqual([]);
});

test("a body that cannot be read is told with its kind, id and reason, and the rest is read", () => {
  const { owner, peer, pair } = openBench();
  peer.send(rawFrame(1, 5, 3, Buffer.from("0119271081ff", "hex")), frameOf(ping(1)));
  pair.deliver();
  expect(owner.badBodies).toEqual([
    { kind: 1, id: 5, why: expect.stringContaining("a simple value that is not allowed") },
  ]);
  expect(owner.events).toEqual(["badBody", "message", "readEnd"]);
});

test("an owner that throws loses this connection, told as a fault of our own", () => {
  const { owner, peer, pair } = openBench();
  const cause = new Error("a bug");
  owner.onMessage = () => {
    throw cause;
  };
  peer.say(ping(1), ping(2));
  pair.deliver();
  expect(owner.messages).toEqual([ping(1)]);
  expect(owner.closedWhys).toMatchObject([{ code: "INTERNAL" }]);
  expect(owner.closedWhys[0]?.cause).toBe(cause);
  expect(peer.messages).toMatchObject([
    { kind: "fault", id: 0, code: "INTERNAL", message: "a fault while reading" },
  ]);
});

// ---------------------------------------------------------------- closing

test("a refusal tells the peer why, tells the owner once, and ends", async () => {
  const { channel, owner, peer, pair, link } = openBench();
  channel.refuse(why);
  expect(owner.closedWhys).toEqual([why]);
  expect(channel.finished).toBe(true);
  channel.refuse(new GeeError("INTERNAL", "again"));
  channel.end(new GeeError("INTERNAL", "again"));
  pair.deliver();
  await turn();
  channel.close(new GeeError("INTERNAL", "again"));
  expect(peer.messages).toMatchObject([
    { kind: "fault", id: 0, code: "UNAVAILABLE", reason: "TEST", message: "over", executed: "no" },
  ]);
  expect(peer.closedWhy?.reason).toBe("CONNECTION_LOST");
  expect(owner.events).toEqual(["closed"]);
  expect(link.closed).toBe(true);
});

test("a refusal takes the place of what waits, which then has not left", async () => {
  const { channel, peer, pair } = openBench();
  const position = channel.send(ping(1));
  channel.refuse(why);
  await turn();
  pair.deliver();
  expect(peer.messages.map(({ kind }) => kind)).toEqual(["fault"]);
  expect(channel.hasLeft(position)).toBe(false);
  expect(channel.withdraw(position)).toBe("sent");
});

test("a refusal in the middle of a frame that is leaving closes without words", async () => {
  const { channel, owner, peer, pair, link } = openBench({ own: { maxTakenBytes: 5 } });
  const position = channel.send(ping(1));
  await turn();
  expect(link.writes).toBe(1);
  channel.refuse(why);
  pair.deliver();
  expect(peer.frames).toEqual([]);
  expect(peer.closedWhy?.reason).toBe("CONNECTION_LOST");
  expect(owner.closedWhys).toEqual([why]);
  expect(channel.hasLeft(position)).toBe(true);
});

test("a refusal from within a message ends that read: what follows in it is not delivered", () => {
  const { channel, owner, peer, pair } = openBench();
  owner.onMessage = () => channel.refuse(why);
  peer.say(ping(1), ping(2));
  peer.send("5a00");
  pair.deliver();
  expect(owner.messages).toEqual([ping(1)]);
  expect(owner.closedWhys).toEqual([why]);
  expect(peer.frames.length).toBe(1);
});

test("behind an end nothing is sent, read or told, and nothing throws", async () => {
  const { channel, owner, peer, pair, link } = openBench();
  channel.end(why);
  const { writes } = link;
  const position = channel.send(ping(1));
  channel.send(result(1, new Map()));
  peer.say(ping(2));
  peer.send("00");
  pair.deliver();
  await turn();
  expect(owner.events).toEqual(["closed"]);
  expect([link.writes, peer.frames.length, channel.hasLeft(position)]).toEqual([writes, 0, false]);
});

test("behind an end what stands for a message is one that has not left, also when others had", async () => {
  for (const ends of [true, false]) {
    const { channel, pair } = openBench();
    channel.send(ping(1));
    await turn();
    if (ends) channel.end(why);
    else channel.close(why);
    pair.deliver();
    expect(channel.hasLeft(channel.send(ping(2)))).toBe(false);
    expect(channel.sendItem(1, 1)).toBe(0);
    expect(() => channel.sendEncoded(frameOf(ping(1)), 1)).not.toThrow();
    expect(channel.unsentBytes).toBe(0);
  }
});

test("an end writes what waits in parts as well, before it says so", async () => {
  const { channel, peer, link } = openBench({
    parts: true,
    both: { delivery: "microtask" },
    own: { roomBytes: 50_000 },
  });
  channel.send(result(1, new Uint8Array(300_000)));
  channel.send(result(2, new Uint8Array(200_000)));
  channel.end(why);
  expect(link.ended).toBe(false);
  await turn();
  expect(peer.frames.length).toBe(5 + 4);
  expect([link.closed, channel.unsentBytes]).toEqual([true, 0]);
});

test("an end writes what waits, however slowly the link takes it, and tells the owner at once", async () => {
  for (const own of [{}, { maxTakenBytes: 1 }, { roomBytes: 3 }]) {
    const { channel, owner, peer, link } = openBench({ both: { delivery: "microtask" }, own });
    for (let token = 0; token < 5; token++) channel.send(ping(token));
    channel.end(why);
    expect(owner.events).toEqual(["closed"]);
    await turn();
    expect(peer.messages.length).toBe(5);
    expect(peer.closedWhy).toBeDefined();
    expect(link.closed).toBe(true);
    expect(owner.events).toEqual(["closed"]);
  }
});

test("a close is at once, and what waits is lost", async () => {
  const { channel, owner, peer, pair, link } = openBench();
  channel.send(ping(1));
  channel.close(why);
  expect([owner.closedWhys, link.closed, channel.unsentBytes]).toEqual([[why], true, 0]);
  await turn();
  pair.deliver();
  expect([peer.frames, link.writes]).toEqual([[], 0]);
  expect(owner.events).toEqual(["closed"]);
});

test("a link that closes tells the owner once, whichever side closed it and how", () => {
  for (const how of ["end", "close", "cut"] as const) {
    const { channel, owner, peer, pair } = openBench();
    peer.say(ping(1));
    pair.deliver();
    peer.link[how]();
    pair.deliver();
    expect(owner.events).toEqual(["message", "readEnd", "closed"]);
    expect(owner.closedWhys).toMatchObject([{ code: "UNAVAILABLE", reason: "CONNECTION_LOST" }]);
    channel.close(why);
    channel.refuse(why);
    expect(owner.closedWhys.length).toBe(1);
  }
});

test("an owner that hears of the close may ask what had left", async () => {
  const { channel, owner, pair, link, peer } = openBench({ own: { maxTakenBytes: 14 } });
  const positions = [channel.send(ping(1)), channel.send(ping(2)), channel.send(ping(3))];
  await turn();
  expect(link.writes).toBe(1);
  let left: boolean[] = [];
  owner.onClosed = () => {
    left = positions.map((position) => channel.hasLeft(position));
  };
  peer.link.close();
  pair.deliver();
  expect(left).toEqual([true, true, false]);
});

test("an owner that closes the channel from its last event does no harm", () => {
  const { channel, owner, peer, pair } = openBench();
  owner.onClosed = () => {
    channel.close(why);
    channel.refuse(why);
    channel.send(ping(1));
  };
  channel.refuse(why);
  pair.deliver();
  expect(owner.events).toEqual(["closed"]);
  expect(peer.closedWhy).toBeDefined();
});

// ---------------------------------------------------------------- pressure

/** Sends one reply of so many bytes, its head included. */
function queue(channel: Channel, bytes: number): void {
  channel.greeted(limits.maxMessageBytes, bytes, false);
  // Head, byte string of a 32-bit length, content.
  channel.send(result(1, new Uint8Array(bytes - 17)));
}

test("the answering side stops reading when more than the limit waits, and not before", async () => {
  for (const [bytes, paused] of [
    [limits.pauseReadingBytes, false],
    [limits.pauseReadingBytes + 1, true],
  ] as const) {
    const { channel, link, peer, pair, owner } = openBench({ own: { roomBytes: 0 } });
    queue(channel, bytes);
    expect([channel.unsentBytes, link.paused]).toEqual([bytes, false]);
    await turn();
    expect(link.paused).toBe(paused);
    peer.say(ping(1));
    pair.caller.deliver();
    link.deliver();
    expect(owner.messages).toEqual(paused ? [] : [ping(1)]);
  }
});

test("it reads again once half of what may wait is left, and not before", async () => {
  const half = limits.pauseReadingBytes / 2;
  const { channel, link, owner, peer, pair } = openBench({ own: { roomBytes: half } });
  queue(channel, 3 * half + 500_000);
  await turn();
  expect(link.paused).toBe(true);
  peer.say(ping(1));
  // The caller takes the first half: more than half still waits.
  pair.caller.deliver();
  expect(link.deliver()).toBe(true);
  expect([link.paused, channel.unsentBytes]).toEqual([true, half + 500_000]);
  expect(owner.messages).toEqual([]);
  pair.caller.deliver();
  expect(link.deliver()).toBe(true);
  expect([link.paused, channel.unsentBytes]).toEqual([false, 500_000]);
  pair.deliver();
  expect(owner.messages).toEqual([ping(1)]);
});

test("one reply in parts stops no reading, however large: it holds nobody up", async () => {
  const { channel, link } = openBench({ parts: true, own: { roomBytes: 0 } });
  channel.send(result(1, new Uint8Array(4_000_000)));
  await turn();
  expect([link.paused, channel.pressureBytes < 100_000]).toEqual([false, true]);
  expect(channel.unsentBytes).toBeGreaterThan(4_000_000);
  channel.send(result(2, new Uint8Array(900_000)));
  await turn();
  expect(link.paused).toBe(false);
  channel.send(result(3, new Uint8Array(300_000)));
  await turn();
  expect(link.paused).toBe(true);
});

test("replies that are sent during a read stop it as well", () => {
  const { channel, link, owner, peer } = openBench({ own: { roomBytes: 0 } });
  owner.onMessage = () => queue(channel, limits.pauseReadingBytes + 1);
  peer.say(ping(1));
  link.deliver();
  expect(link.paused).toBe(true);
});

test("the calling side always reads, whatever waits", async () => {
  const { channel, link, owner, peer, pair } = openBench({
    from: "server",
    own: { roomBytes: 0 },
  });
  queue(channel, 5 * limits.pauseReadingBytes);
  await turn();
  peer.say(ping(1));
  pair.server.deliver();
  link.deliver();
  expect([link.paused, owner.messages.length]).toEqual([false, 1]);
});

test("a side that ends while it does not read still hears the other's end", async () => {
  const { channel, link, peer } = openBench({
    both: { delivery: "microtask" },
    own: { roomBytes: 100_000 },
  });
  peer.link.pause();
  queue(channel, 2 * limits.pauseReadingBytes);
  await turn();
  expect(link.paused).toBe(true);
  channel.end(why);
  peer.link.resume();
  await turn();
  expect(peer.frames.length).toBe(1);
  expect([link.closed, peer.closedWhy?.reason]).toEqual([true, "CONNECTION_LOST"]);
});

test("64 large messages at once both ways all arrive, and a slow reader bounds what waits", async () => {
  const pair = linkPair({ roomBytes: 200_000 }, { caller: { chunkBytes: 16_384 } });
  const [callerOwner, serverOwner] = [new Recorder(), new Recorder()];
  const caller = new Channel(pair.caller, callerOwner, "server", limits.maxMessageBytes);
  const server = new Channel(pair.server, serverOwner, "caller", limits.maxMessageBytes);
  pair.caller.open(caller);
  pair.server.open(server);
  const received: number[] = [];
  let mostUnsentBytes = 0;
  serverOwner.onMessage = (message) => {
    server.send(message);
    mostUnsentBytes = Math.max(mostUnsentBytes, server.unsentBytes);
  };
  callerOwner.onMessage = (message) => received.push(message.id);
  const bytes = new Uint8Array(1_048_576);
  for (let id = 1; id <= 64; id++) caller.send(result(id, bytes));
  await turn();
  expect(received).toEqual(Array.from({ length: 64 }, (_, index) => index + 1));
  expect([pair.server.paused, caller.unsentBytes, server.unsentBytes]).toEqual([false, 0, 0]);
  expect(mostUnsentBytes).toBeGreaterThan(limits.pauseReadingBytes);
  expect(mostUnsentBytes).toBeLessThan(limits.pauseReadingBytes + 2 * bytes.length);
});
