import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { callContext } from "../../src/rpc/context.ts";
import { Session } from "../../src/rpc/session.ts";
import { callMessage, cancelMessage as cancel, itemMessage } from "../support/calls.ts";
import { FakeClock, turn, until } from "../support/clock.ts";
import { hostOf, openSession, wires } from "../support/ends.ts";
import { linkPair } from "../support/links.ts";
import {
  bareHello,
  frameOf,
  fromHex,
  fullHello,
  rawFrame,
  ScriptedPeer,
} from "../support/scripted-peer.ts";
import { inParts } from "./every-kind.ts";

function createFoo() {
  const started: unknown[] = [];
  const aborted: unknown[] = [];
  const open: PromiseWithResolvers<unknown>[] = [];
  const foo = {
    Sum: (a: number, b: number): number => {
      started.push("Sum");
      return a + b;
    },
    Hold: (name: unknown): Promise<unknown> => {
      started.push(name);
      const { signal } = callContext();
      signal.addEventListener("abort", () => aborted.push(name), { once: true });
      const held = Promise.withResolvers<unknown>();
      open.push(held);
      return held.promise;
    },
  };
  return { foo, started, aborted, open };
}

const [memory] = wires;

for (const wire of wires) {
  const name = (text: string): string => `${text}, over ${wire.name}`;

  test(
    name("a server says nothing before it has heard a hello, and then says what it is"),
    async () => {
      const { peer, session, clock } = await openSession(wire, { Foo: createFoo().foo });
      await clock.advance(100);
      expect(peer.received.length).toBe(0);
      peer.hello();
      await until(() => peer.frames.length === 1);
      expect(peer.messages).toMatchObject([
        { kind: "serverHello", hello: { version: 1, instance: "served", complete: true } },
      ]);
      session.channel.link.close();
    },
  );

  test(name("a caller that says no hello in two seconds is told so and cut off"), async () => {
    const { peer, session, clock } = await openSession(wire, { Foo: createFoo().foo });
    await clock.advance(1_999);
    expect(session.isClosed).toBe(false);
    await clock.advance(1);
    await until(() => peer.closedWhy !== undefined);
    expect(peer.messages).toMatchObject([
      { kind: "fault", id: 0, code: "INVALID_ARGUMENT", reason: "HELLO_TIMEOUT" },
    ]);
    expect(session.isClosed).toBe(true);
    // Nothing of it is left: neither the timer nor the watch over late turns.
    expect(clock.pending()).toBe(0);
  });

  test(name("a hello that drips in is held to the same two seconds"), async () => {
    const { peer, clock } = await openSession(wire, { Foo: createFoo().foo });
    for (const byte of [0x5a, 0, 0, 0]) {
      peer.send(Uint8Array.of(byte));
      await clock.advance(500);
    }
    await until(() => peer.closedWhy !== undefined);
    expect(peer.messages).toMatchObject([{ kind: "fault", reason: "HELLO_TIMEOUT" }]);
  });

  test(
    name(
      "a caller that wants another instance is refused, and a call behind its hello never starts",
    ),
    async () => {
      const { foo, started } = createFoo();
      const { peer } = await openSession(wire, { Foo: foo });
      peer.hello({ instance: "another" });
      peer.say(callMessage(1));
      await until(() => peer.closedWhy !== undefined);
      expect(peer.messages).toMatchObject([
        { kind: "fault", id: 0, code: "UNAVAILABLE", reason: "WRONG_INSTANCE", executed: "no" },
      ]);
      expect(started).toEqual([]);
    },
  );

  test(name("a later version is answered with ours, and version 0 is refused"), async () => {
    const later = await openSession(wire, { Foo: createFoo().foo });
    later.peer.hello({ version: 7, instance: "served" });
    await until(() => later.peer.frames.length === 1);
    expect(later.peer.messages).toMatchObject([{ kind: "serverHello", hello: { version: 1 } }]);
    later.session.channel.link.close();
    const { peer } = await openSession(wire, { Foo: createFoo().foo });
    peer.hello({ version: 0 });
    await until(() => peer.closedWhy !== undefined);
    expect(peer.messages).toMatchObject([
      { kind: "fault", id: 0, code: "UNIMPLEMENTED", reason: "UNSUPPORTED_VERSION" },
    ]);
  });

  test(name("a hello that accepts too little to be told of a fault is refused"), async () => {
    for (const maxMessageBytes of [0, 1, 65_535]) {
      const { peer, session } = await openSession(wire, { Foo: createFoo().foo });
      peer.hello({ maxMessageBytes });
      await until(() => peer.closedWhy !== undefined);
      expect(session.isClosed).toBe(true);
      expect(peer.messages).toMatchObject([{ kind: "fault", id: 0, reason: "BAD_MESSAGE" }]);
    }
  });

  test(name("a cancel in the same read as its call wins: the handler never starts"), async () => {
    const { foo, started } = createFoo();
    const { peer, session } = await openSession(wire, { Foo: foo });
    peer.hello();
    await until(() => peer.frames.length === 1);
    peer.say(callMessage(1, { method: "Foo.Hold", args: ["a"] }), callMessage(2), cancel(1));
    await until(() => peer.frames.length === 3);
    expect(peer.messages.slice(1)).toMatchObject([
      { kind: "fault", id: 1, code: "CANCELLED", executed: "no" },
      { kind: "result", id: 2, value: 3 },
    ]);
    expect(started).toEqual(["Sum"]);
    session.channel.link.close();
  });

  test(
    name("a cancel reaches the handler's signal, and the call gets its one answer at once"),
    async () => {
      const { foo, aborted, open } = createFoo();
      const { peer, session, host } = await openSession(wire, { Foo: foo });
      peer.hello();
      peer.say(callMessage(1, { method: "Foo.Hold", args: ["a"] }));
      await until(() => open.length === 1);
      peer.say(cancel(1), cancel(1));
      await until(() => peer.frames.length === 2);
      expect(aborted).toEqual(["a"]);
      expect(session.inFlight).toBe(0);
      // It counts as running until it has really ended.
      expect(host.running).toBe(1);
      open[0]?.resolve("too late");
      await until(() => host.running === 0);
      peer.say({ kind: "ping", id: 0, token: 1 });
      await until(() => peer.messages.at(-1)?.kind === "pong");
      expect(peer.messages.slice(1)).toMatchObject([
        { kind: "fault", id: 1, code: "CANCELLED", executed: "maybe" },
        { kind: "pong" },
      ]);
      session.channel.link.close();
    },
  );

  test(
    name("when the caller is gone its handlers are told to stop, and nobody else's"),
    async () => {
      const { foo, aborted, open } = createFoo();
      const one = await openSession(wire, { Foo: foo });
      const other = await openSession(wire, { Foo: foo });
      for (const [caller, { peer }] of [one, other].entries()) {
        peer.hello();
        peer.say(callMessage(1, { method: "Foo.Hold", args: [caller] }));
      }
      await until(() => open.length === 2);
      one.peer.link.close();
      await until(() => one.session.isClosed);
      expect(aborted).toEqual([0]);
      expect(one.session.inFlight).toBe(0);
      expect(one.host.deadlines.size).toBe(0);
      open[0]?.resolve(1);
      open[1]?.resolve(2);
      await until(() => other.peer.frames.length === 2);
      expect(other.peer.messages[1]).toMatchObject({ kind: "result", value: 2 });
      expect(one.host.running).toBe(0);
      other.session.channel.link.close();
    },
  );

  test(
    name("ids that repeat or go down end the connection, and what came with them is not started"),
    async () => {
      for (const ids of [[3, 3], [3, 2], [0]]) {
        const { foo, started } = createFoo();
        const { peer, session } = await openSession(wire, { Foo: foo });
        peer.hello();
        await until(() => peer.frames.length === 1);
        peer.say(...ids.map((id) => callMessage(id)));
        await until(() => peer.closedWhy !== undefined);
        expect(peer.messages.at(-1)).toMatchObject({ id: 0, reason: "PROTOCOL_ERROR" });
        expect(started).toEqual([]);
        expect(session.isClosed).toBe(true);
      }
    },
  );

  test(name("ids may leave gaps and start anywhere"), async () => {
    const { peer, session } = await openSession(wire, { Foo: createFoo().foo });
    peer.hello();
    peer.say(callMessage(17), callMessage(4_000), callMessage(2 ** 32 - 1));
    await until(() => peer.frames.length === 4);
    expect(peer.messages.slice(1).map(({ id }) => id)).toEqual([17, 4_000, 2 ** 32 - 1]);
    session.channel.link.close();
  });

  test(
    name("bytes that are no frame end that connection only, with one line in the log"),
    async () => {
      const good = await openSession(wire, { Foo: createFoo().foo });
      good.peer.hello();
      const { peer, session, lines } = await openSession(wire, { Foo: createFoo().foo });
      peer.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
      await until(() => session.isClosed);
      await until(() => peer.closedWhy !== undefined);
      expect(peer.received.length).toBe(0);
      expect(lines).toEqual([expect.stringContaining("peer speaks HTTP")]);
      good.peer.say(callMessage(1));
      await until(() => good.peer.frames.length === 2);
      expect(good.lines).toEqual([]);
      good.session.channel.link.close();
    },
  );

  test(
    name("a drain names the last call that was accepted, and what comes after is sent away"),
    async () => {
      const { peer, session, host } = await openSession(wire, { Foo: createFoo().foo });
      peer.hello();
      peer.say(callMessage(4));
      await until(() => peer.frames.length === 2);
      host.draining = true;
      session.announceDrain();
      peer.say(callMessage(5));
      await until(() => peer.frames.length === 4);
      expect(peer.messages.slice(2)).toMatchObject([
        { kind: "drain", lastCallId: 4 },
        { kind: "fault", id: 5, code: "UNAVAILABLE", reason: "DRAINING", executed: "no" },
      ]);
      session.channel.link.close();
    },
  );

  test(
    name("an ended session answers what still runs, says it to the handlers, and closes"),
    async () => {
      const { foo, aborted, open } = createFoo();
      const { peer, session } = await openSession(wire, { Foo: foo });
      peer.hello();
      peer.say(callMessage(1, { method: "Foo.Hold", args: ["a"] }));
      await until(() => open.length === 1);
      session.end(new GeeError("UNAVAILABLE", "shut down", { reason: "SHUT_DOWN" }));
      expect(session.isClosed).toBe(true);
      await until(() => peer.closedWhy !== undefined);
      expect(peer.messages.slice(1)).toMatchObject([
        { kind: "fault", id: 1, code: "UNAVAILABLE", reason: "SHUT_DOWN", executed: "maybe" },
      ]);
      expect(aborted).toEqual(["a"]);
    },
  );

  test(name("a session that is over has left nothing behind"), async () => {
    const { peer, session, clock, host } = await openSession(wire, { Foo: createFoo().foo });
    peer.hello();
    peer.say(callMessage(1));
    await until(() => peer.frames.length === 2);
    peer.link.end();
    await until(() => session.isClosed);
    expect(clock.pending()).toBe(0);
    expect(host.running).toBe(0);
  });
}

test("a caller that does not read its replies is not read either, and goes on where it stopped", async () => {
  let bigs = 0;
  const services = {
    Foo: {
      Big: () => {
        bigs++;
        return new Uint8Array(600_000);
      },
    },
  };
  const clock = new FakeClock();
  const pair = linkPair({ roomBytes: 65_536 });
  const session = new Session(pair.server, hostOf(services, { clock, log: silentLog }));
  pair.server.open(session.channel);
  const peer = new ScriptedPeer(pair.caller, "caller");
  peer.hello();
  await until(() => peer.frames.length === 1);
  pair.caller.pause();
  // 5 MB of replies are asked for, one call in each read.
  for (let id = 1; id <= 8; id++) {
    peer.say(callMessage(id, { method: "Foo.Big", args: [] }));
    await turn();
  }
  expect(pair.server.paused).toBe(true);
  expect(bigs).toBe(2);
  expect(session.channel.unsentBytes).toBeLessThan(1_300_000);
  pair.caller.resume();
  await until(() => peer.frames.length === 9, "all replies");
  expect(bigs).toBe(8);
  expect(pair.server.paused).toBe(false);
});

test("a call in parts has its place from its first part on, and needs no other when it is whole", async () => {
  const { foo, open } = createFoo();
  const { peer, session } = await openSession(memory, { Foo: foo }, { maxInFlight: 2 });
  peer.hello(fullHello());
  const [first, rest] = inParts(callMessage(2));
  peer.send(frameOf(callMessage(1, { method: "Foo.Hold" })), first);
  await until(() => open.length === 1);
  expect(session.inFlight).toBe(2);
  peer.say(callMessage(3));
  await until(() => peer.frames.length === 2);
  peer.send(rest);
  await until(() => peer.frames.length === 3);
  expect(peer.messages.slice(1)).toMatchObject([
    { kind: "fault", id: 3, reason: "TOO_MANY_IN_FLIGHT", executed: "no" },
    { kind: "result", id: 2, value: 3 },
  ]);
  expect(session.inFlight).toBe(1);
  session.channel.link.close();
});

test("credit that is granted before an answer has turned out to be a stream counts for it", async () => {
  for (const streamArgument of [undefined, 0]) {
    const begin = Promise.withResolvers<void>();
    const services = {
      Foo: {
        async Late(_items: unknown): Promise<Iterator<unknown>> {
          await begin.promise;
          return Array.from({ length: 6 }, () => new Uint8Array(60_000)).values();
        },
      },
    };
    const { peer, session } = await openSession(memory, services);
    peer.hello(fullHello());
    peer.say(
      callMessage(1, { method: "Foo.Late", args: [null], streamArgument }),
      { kind: "credit", id: 1, bytes: 50_000 },
      { kind: "credit", id: 1, bytes: 50_000 },
      { kind: "ping", id: 0, token: 1 },
    );
    await until(() => peer.messages.at(-1)?.kind === "pong");
    begin.resolve();
    await until(() => peer.messages.at(-1)?.kind === "end", "the end of 360,000 bytes");
    session.channel.link.close();
  }
});

test("a part that cannot be read needs the feature of parts, and no other", async () => {
  const outcomes = [];
  for (const feature of ["parts", "streams"]) {
    const { peer, session } = await openSession(memory, { Foo: createFoo().foo });
    peer.hello(bareHello({ features: [feature] }));
    peer.say(callMessage(1, { method: "Foo.Hold" }));
    const unreadable = rawFrame(2, 1, 1, fromHex("82"));
    peer.send(unreadable);
    await until(() => peer.frames.length === 2);
    outcomes.push(peer.messages[1]);
    session.channel.link.close();
  }
  expect(outcomes).toMatchObject([
    { kind: "fault", id: 1, reason: "BAD_BODY", executed: "maybe" },
    { kind: "fault", id: 0, reason: "UNSUPPORTED_KIND" },
  ]);
});

test("items beyond the credit end the connection, and those that were allowed do not", async () => {
  const services = { Foo: { Keep: (_items: unknown) => new Promise(() => {}) } };
  const { peer, session } = await openSession(memory, services);
  peer.hello(fullHello());
  peer.say(
    callMessage(1, { method: "Foo.Keep", args: [null], streamArgument: 0 }),
    // It may take more than there is, as long as there is any.
    itemMessage(1, new Uint8Array(limits.streamWindowBytes - 100)),
    itemMessage(1, new Uint8Array(1_000)),
    { kind: "ping", id: 0, token: 1 },
  );
  await until(() => peer.messages.at(-1)?.kind === "pong");
  peer.say(itemMessage(1, 0));
  await until(() => peer.closedWhy !== undefined);
  expect(peer.messages.at(-1)).toMatchObject({ id: 0, reason: "PROTOCOL_ERROR" });
  expect(session.isClosed).toBe(true);
});

test("replies that leave at once hold nothing up, however large they are", async () => {
  const { peer, session } = await openSession(memory, {
    Foo: { Big: () => new Uint8Array(3_000_000) },
  });
  peer.hello();
  for (let id = 1; id <= 5; id++) {
    peer.say(callMessage(id, { method: "Foo.Big", args: [] }));
    await until(() => peer.frames.length === id + 1);
  }
  session.channel.link.close();
});
