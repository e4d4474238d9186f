import { expect, test } from "bun:test";
import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { callContext } from "../../src/rpc/context.ts";
import { methodFlags } from "../../src/wire/hello.ts";
import { faultMessage as fault, itemMessage, resultMessage as result } from "../support/calls.ts";
import { turn, until } from "../support/clock.ts";
import { callOf, failureOf, narrowWire, openConnection, openEnds, wires } from "../support/ends.ts";
import { fromHex, fullHello, rawFrame } from "../support/scripted-peer.ts";
import { inParts } from "./every-kind.ts";

const lost = { code: "UNAVAILABLE", reason: "CONNECTION_LOST" };

for (const wire of wires) {
  const name = (text: string): string => `${text}, over ${wire.name}`;

  test(
    name(
      "a caller says hello at once, names the instance that it wants, and no call before the answer",
    ),
    async () => {
      const { peer, connection, call } = await openConnection(wire, { instance: "wanted" });
      expect(peer.messages).toMatchObject([
        { kind: "callerHello", hello: { version: 1, instance: "wanted" } },
      ]);
      expect(await failureOf(call("Foo.Sum").promise)).toMatchObject({
        code: "UNAVAILABLE",
        reason: "CONNECTION_CLOSING",
        executed: "no",
      });
      peer.hello({ instance: "wanted" });
      await connection.ready;
      expect(peer.frames.length).toBe(1);
      expect(connection.hello?.instance).toBe("wanted");
      connection.channel.link.close();
    },
  );

  test(name("a server that says no hello in two seconds is left"), async () => {
    const { peer, connection, clock } = await openConnection(wire);
    await clock.advance(1_999);
    expect(connection.usable).toBe(true);
    await clock.advance(1);
    expect(await failureOf(connection.ready)).toMatchObject({
      code: "UNAVAILABLE",
      reason: "HELLO_TIMEOUT",
      executed: "no",
    });
    await until(() => peer.closedWhy !== undefined);
    expect(clock.pending()).toBe(0);
  });

  test(name("a server that is another instance is left before any call"), async () => {
    const { peer, connection } = await openConnection(wire, { instance: "wanted" });
    peer.hello({ instance: "another" });
    expect(await failureOf(connection.ready)).toMatchObject({
      reason: "WRONG_INSTANCE",
      executed: "no",
    });
    await until(() => peer.closedWhy !== undefined);
    expect(peer.messages).toMatchObject([{}, { kind: "fault", id: 0, reason: "WRONG_INSTANCE" }]);
  });

  test(name("a refused hello rejects with the server's reason, executed no"), async () => {
    const { peer, connection } = await openConnection(wire);
    peer.say(fault(0, { code: "UNAVAILABLE", reason: "WRONG_INSTANCE", executed: "no" }));
    expect(await failureOf(connection.ready)).toMatchObject({
      code: "UNAVAILABLE",
      reason: "WRONG_INSTANCE",
      executed: "no",
    });
    await connection.closedPromise;
  });

  test(
    name(
      "a server that closes without a word said no hello, and one with an unknown version breaks the protocol",
    ),
    async () => {
      const silent = await openConnection(wire);
      silent.peer.end();
      expect(await failureOf(silent.connection.ready)).toMatchObject({ reason: "NO_HELLO" });
      const { peer, connection } = await openConnection(wire);
      peer.hello({ version: 2 });
      expect(await failureOf(connection.ready)).toMatchObject({ reason: "PROTOCOL_ERROR" });
    },
  );

  test(name("bytes of another protocol are told apart, and answered with nothing"), async () => {
    const { peer, connection } = await openConnection(wire);
    peer.send(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"));
    expect(await failureOf(connection.ready)).toMatchObject({ reason: "NOT_A_FRAME" });
    await until(() => peer.closedWhy !== undefined);
    expect(peer.frames.length).toBe(1);
  });

  test(
    name("many calls in flight that are answered out of order get each their own answer"),
    async () => {
      const open: (() => void)[] = [];
      const services = {
        Foo: {
          Echo: (value: unknown): Promise<unknown> =>
            new Promise((resolve) => open.push(() => resolve(value))),
        },
      };
      await using ends = await openEnds(wire, services);
      const count = 1_000;
      const calls = Array.from({ length: count }, (_, n) => ends.call("Foo.Echo", [{ n }]));
      await until(() => open.length === count);
      expect(ends.connection.inFlight).toBe(count);
      for (let step = 0; step < count; step++) open[(step * 7) % count]?.();
      for (let step = 0; step < count; step++) open[step]?.();
      expect(await Promise.all(calls.map(({ promise }) => promise))).toEqual(
        Array.from({ length: count }, (_, n) => ({ n })),
      );
      expect(ends.connection.inFlight).toBe(0);
    },
  );

  test(name("methods that the server listed go by number, others by name"), async () => {
    const { peer, connection, call } = await openConnection(wire);
    const methods = new Map([["Sum", { number: 9, flags: methodFlags.idempotent }]]);
    peer.hello({ services: new Map([["Foo", { methods }]]) });
    await connection.ready;
    for (const method of ["Foo.Sum", "Foo.Other", "Foo.Sum", "nothing", "Foo.Sum.x"]) call(method);
    await until(() => peer.frames.length === 6);
    const sent = peer.messages.slice(1).map((message) => message.kind === "call" && message.method);
    expect(sent).toEqual([9, "Foo.Other", 9, "nothing", "Foo.Sum.x"]);
    connection.channel.link.close();
  });

  test(name("what is left of the deadline travels in whole milliseconds, rounded up"), async () => {
    const { peer, connection, call, clock } = await openConnection(wire);
    peer.hello();
    await connection.ready;
    call("Foo.Sum", [], { timeoutMs: 0.2 });
    call("Foo.Sum", [], { timeoutMs: 1_000 });
    call("Foo.Sum");
    await until(() => peer.frames.length === 4);
    const sent = peer.messages
      .slice(1)
      .map((message) => message.kind === "call" && message.timeoutMs);
    expect(sent).toEqual([1, 1_000, limits.callTimeoutMs]);
    expect(clock.pending("foreground")).toBe(0);
    connection.channel.link.close();
  });

  test(
    name("a call settles once: a result behind a fault is dropped, and so is the reverse"),
    async () => {
      const { peer, connection, call } = await openConnection(wire);
      peer.hello();
      await connection.ready;
      const [first, second] = [call("Foo.A"), call("Foo.B")];
      peer.say(fault(1), result(1, "late"), result(2, "b"), fault(2), result(2, "again"));
      expect(await failureOf(first.promise)).toMatchObject({ code: "ABORTED" });
      expect(await second.promise).toBe("b");
      const third = call("Foo.C");
      peer.say(result(3, "c"));
      expect(await third.promise).toBe("c");
      connection.channel.link.close();
    },
  );

  test(name("a result that comes behind the cancel of its call is dropped"), async () => {
    const { peer, connection, call } = await openConnection(wire);
    peer.hello();
    await connection.ready;
    const controller = new AbortController();
    const cancelled = call("Foo.A", [], { signal: controller.signal });
    await until(() => peer.frames.length === 2);
    controller.abort();
    expect(await failureOf(cancelled.promise)).toMatchObject({
      code: "CANCELLED",
      executed: "maybe",
    });
    await until(() => peer.frames.length === 3);
    expect(peer.messages[2]).toMatchObject({ kind: "cancel", id: 1, code: "CANCELLED" });
    peer.say(result(1, "late"));
    const next = call("Foo.B");
    peer.say(result(2, "b"));
    expect(await next.promise).toBe("b");
    connection.channel.link.close();
  });

  test(
    name("a hundred answers that nobody waits for are dropped, one more ends the connection"),
    async () => {
      const { peer, connection, call } = await openConnection(wire);
      peer.hello();
      await connection.ready;
      const pending = call("Foo.A");
      await until(() => peer.frames.length === 2);
      for (let id = 100; id < 200; id++) peer.say(id % 2 === 0 ? result(id, 0) : fault(id));
      peer.say({ kind: "ping", id: 0, token: 1 });
      await until(() => peer.messages.at(-1)?.kind === "pong");
      expect(connection.usable).toBe(true);
      peer.say(result(200, 0));
      expect(await failureOf(pending.promise)).toMatchObject({
        code: "UNAVAILABLE",
        reason: "PROTOCOL_ERROR",
        executed: "maybe",
      });
      await until(() => peer.closedWhy !== undefined);
    },
  );

  test(name("answers to calls that were given up are expected and count for nothing"), async () => {
    const { peer, connection, call } = await openConnection(wire);
    peer.hello();
    await connection.ready;
    for (let id = 1; id <= 300; id++) {
      const controller = new AbortController();
      const given = call("Foo.A", [], { signal: controller.signal });
      await until(() => peer.frames.length === 2 * id);
      controller.abort();
      await given.promise.catch(() => {});
      await until(() => peer.frames.length === 2 * id + 1);
      peer.say(fault(id, { code: "CANCELLED" }));
    }
    peer.say({ kind: "ping", id: 0, token: 1 });
    await until(() => peer.messages.at(-1)?.kind === "pong");
    expect(connection.usable).toBe(true);
    connection.channel.link.close();
  });

  test(name("ids of given-up calls stay taken until the server has let them go"), async () => {
    const { peer, connection, call } = await openConnection(wire);
    peer.hello({ maxInFlight: 2 });
    await connection.ready;
    const controller = new AbortController();
    call("Foo.A", [], { signal: controller.signal });
    call("Foo.A");
    await until(() => peer.frames.length === 3);
    controller.abort();
    expect(await failureOf(call("Foo.A").promise)).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      reason: "TOO_MANY_IN_FLIGHT",
      executed: "no",
    });
    peer.say(fault(1, { code: "CANCELLED" }), { kind: "ping", id: 0, token: 1 });
    await until(() => peer.messages.at(-1)?.kind === "pong");
    call("Foo.A");
    await until(() => peer.messages.at(-1)?.kind === "call");
    connection.channel.link.close();
  });

  test(
    name(
      "an answer in parts frees the id of a given-up call with its last part, whenever that was",
    ),
    async () => {
      for (const before of [0, 1]) {
        const { peer, connection, call } = await openConnection(wire);
        peer.hello({ ...fullHello(), instance: "any", maxInFlight: 1 });
        await connection.ready;
        const controller = new AbortController();
        const given = call("Foo.A", [], { signal: controller.signal });
        await until(() => peer.frames.length === 2);
        const parts = inParts(result(1, "late"));
        peer.send(...parts.slice(0, before));
        peer.say({ kind: "ping", id: 0, token: 1 });
        await until(() => peer.messages.at(-1)?.kind === "pong");
        controller.abort();
        await given.promise.catch(() => {});
        peer.send(...parts.slice(before));
        peer.say({ kind: "ping", id: 0, token: 2 });
        await until(() => peer.messages.at(-1)?.kind === "pong" && peer.frames.length === 5);
        const next = call("Foo.B");
        peer.say(result(2, "b"));
        expect(await next.promise).toBe("b");
        connection.channel.link.close();
      }
    },
  );

  test(
    name("what the server has named no feature for fails by itself, and nothing of it is sent"),
    async () => {
      const { peer, connection, call } = await openConnection(wire);
      peer.hello();
      await connection.ready;
      const items = (async function* () {
        yield 1;
      })();
      const needing = [
        [{ stream: { index: 0, items } }, "UNSUPPORTED_STREAM"],
        [{ oneWay: true }, "UNSUPPORTED_FLAG"],
        [{ idempotencyKey: "k" }, "UNSUPPORTED_KEY"],
      ] as const;
      for (const [options, reason] of needing) {
        const error = await failureOf(call("Foo.A", [null], options).promise);
        expect(error).toMatchObject({ code: "UNIMPLEMENTED", reason, executed: "no" });
      }
      const plain = call("Foo.B");
      await until(() => peer.frames.length > 1);
      await turn();
      expect(peer.messages.slice(1)).toMatchObject([{ kind: "call", method: "Foo.B" }]);
      peer.say(result(plain.id, "b"));
      expect(await plain.promise).toBe("b");
      connection.channel.link.close();
    },
  );

  test(name("items beyond the credit end the connection"), async () => {
    const { peer, connection, call } = await openConnection(wire);
    peer.hello(fullHello());
    await connection.ready;
    const stream = call("Foo.A").call[Symbol.asyncIterator]();
    await until(() => peer.frames.length === 2);
    peer.say(
      itemMessage(1, new Uint8Array(limits.streamWindowBytes - 100)),
      itemMessage(1, new Uint8Array(1_000)),
      { kind: "ping", id: 0, token: 1 },
    );
    await until(() => peer.messages.at(-1)?.kind === "pong");
    peer.say(itemMessage(1, 0));
    await until(() => peer.closedWhy !== undefined);
    expect(peer.messages.at(-1)).toMatchObject({ id: 0, reason: "PROTOCOL_ERROR" });
    // What was allowed is there, and behind it the reason.
    await stream.next();
    await stream.next();
    expect(await failureOf(stream.next())).toMatchObject({
      code: "UNAVAILABLE",
      reason: "PROTOCOL_ERROR",
    });
  });

  test(name("a deadline that passes sends a cancel, and the handler's signal fires"), async () => {
    const reasons: unknown[] = [];
    const services = {
      Foo: {
        Hold: (): Promise<never> => {
          const { signal } = callContext();
          signal.addEventListener("abort", () => reasons.push(signal.reason));
          return new Promise(() => {});
        },
      },
    };
    await using ends = await openEnds(wire, services);
    const call = ends.call("Foo.Hold", [], { timeoutMs: 250 });
    await until(() => ends.session.inFlight === 1);
    await ends.clock.advance(250);
    expect(await failureOf(call.promise)).toMatchObject({
      code: "DEADLINE_EXCEEDED",
      executed: "maybe",
    });
    await until(() => reasons.length === 1);
    expect(reasons[0]).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect(ends.session.inFlight).toBe(0);
  });

  test(name("an abort reaches the handler's signal"), async () => {
    const reasons: unknown[] = [];
    const services = {
      Foo: {
        Hold: (): Promise<never> => {
          const { signal } = callContext();
          signal.addEventListener("abort", () => reasons.push(signal.reason));
          return new Promise(() => {});
        },
      },
    };
    await using ends = await openEnds(wire, services);
    const controller = new AbortController();
    const call = ends.call("Foo.Hold", [], { signal: controller.signal });
    await until(() => ends.session.inFlight === 1);
    controller.abort();
    expect(await failureOf(call.promise)).toMatchObject({ code: "CANCELLED", executed: "maybe" });
    await until(() => reasons.length === 1);
    expect(reasons[0]).toMatchObject({ code: "CANCELLED" });
  });

  test(
    name(
      "a call that is cancelled before it has left is never seen by the server, and was not executed",
    ),
    async () => {
      let started = 0;
      await using ends = await openEnds(wire, { Foo: { Run: (): number => ++started } });
      const controller = new AbortController();
      const before = ends.call("Foo.Run");
      const taken = ends.call("Foo.Run", ["x".repeat(500)], { signal: controller.signal });
      const behind = ends.call("Foo.Run");
      controller.abort();
      expect(await failureOf(taken.promise)).toMatchObject({ code: "CANCELLED", executed: "no" });
      expect(await before.promise).toBe(1);
      expect(await behind.promise).toBe(2);
      expect(started).toBe(2);
      expect(ends.connection.inFlight).toBe(0);
    },
  );

  test(
    name("a frame that is taken back becomes one that its receiver skips, and no cancel follows"),
    async () => {
      const { peer, connection, call } = await openConnection(wire);
      peer.hello();
      await connection.ready;
      const controller = new AbortController();
      call("Foo.A", [], { signal: controller.signal });
      controller.abort();
      call("Foo.B");
      await until(() => peer.frames.length === 3);
      expect(peer.frames.slice(1).map(({ kind, id }) => [kind, id])).toEqual([
        [16, 1],
        [1, 2],
      ]);
      connection.channel.link.close();
    },
  );

  test(
    name(
      "when the connection dies all that is in flight fails at once: sent as maybe, unsent as no",
    ),
    async () => {
      const { peer, connection, call } = await openConnection(wire);
      peer.hello();
      await connection.ready;
      const sent = [call("Foo.A"), call("Foo.B")];
      await until(() => peer.frames.length === 3);
      const unsent = call("Foo.C");
      connection.channel.link.close();
      const later = call("Foo.D");
      for (const { promise } of sent) {
        expect(await failureOf(promise)).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
      }
      expect(await failureOf(unsent.promise)).toMatchObject({
        code: "UNAVAILABLE",
        executed: "no",
      });
      expect(await failureOf(later.promise)).toMatchObject({
        reason: "CONNECTION_CLOSING",
        executed: "no",
      });
      expect(connection.inFlight).toBe(0);
      await connection.closedPromise;
    },
  );

  test(
    name("a server that dies fails what is in flight without waiting for the deadline"),
    async () => {
      for (const die of ["end", "close"] as const) {
        const { peer, connection, call } = await openConnection(wire);
        peer.hello();
        await connection.ready;
        const sent = call("Foo.A");
        await until(() => peer.frames.length === 2);
        peer.link[die]();
        expect(await failureOf(sent.promise)).toMatchObject({ ...lost, executed: "maybe" });
        expect(connection.usable).toBe(false);
      }
    },
  );

  test(name("a fault about the connection is the reason of all that fails with it"), async () => {
    const { peer, connection, call } = await openConnection(wire);
    peer.hello();
    await connection.ready;
    const sent = call("Foo.A");
    await until(() => peer.frames.length === 2);
    peer.say(fault(0, { code: "INVALID_ARGUMENT", reason: "BAD_FRAME", message: "bad" }));
    const error = await failureOf(sent.promise);
    expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "BAD_FRAME", message: "bad" });
    expect(error.executed).toBe("maybe");
    connection.channel.link.close();
  });

  test(
    name("an argument that cannot travel fails that call, with its path, and sends nothing"),
    async () => {
      await using ends = await openEnds(wire, { Foo: { Echo: (value: unknown) => value } });
      const error = await failureOf(ends.call("Foo.Echo", [1, { when: new URL("x:y") }]).promise);
      expect(error).toMatchObject({
        code: "INVALID_ARGUMENT",
        reason: "CANNOT_TRAVEL",
        executed: "no",
      });
      expect(error.message).toContain("args[1].when");
      const large = await failureOf(ends.call("Foo.Echo", [new Uint8Array(5_000_000)]).promise);
      expect(large).toMatchObject({ reason: "MESSAGE_TOO_LARGE", executed: "no" });
      expect(await ends.call("Foo.Echo", [2]).promise).toBe(2);
    },
  );

  test(name("an answer that cannot be read fails its call alone"), async () => {
    const { peer, connection, call } = await openConnection(wire);
    peer.hello();
    await connection.ready;
    const [bad, good] = [call("Foo.A"), call("Foo.B")];
    await until(() => peer.frames.length === 3);
    peer.send(rawFrame(3, 1, 1, fromHex("ff")));
    peer.say(result(2, "b"));
    expect(await failureOf(bad.promise)).toMatchObject({
      code: "INTERNAL",
      reason: "BAD_BODY",
      executed: "yes",
    });
    expect(await good.promise).toBe("b");
    connection.channel.link.close();
  });

  test(
    name(
      "when the server drains, calls above its last id go elsewhere, the rest is awaited, and then it closes",
    ),
    async () => {
      const { peer, connection, call } = await openConnection(wire);
      peer.hello();
      await connection.ready;
      const elsewhere: GeeError[] = [];
      const again = (_call: unknown, error: GeeError): boolean => elsewhere.push(error) > 0;
      const [first, second, third] = [1, 2, 3].map(() => call("Foo.A", [], { again }));
      await until(() => peer.frames.length === 4);
      peer.say({ kind: "drain", id: 0, lastCallId: 1, reason: undefined });
      await until(() => elsewhere.length === 2);
      for (const error of elsewhere) {
        expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "DRAINING", executed: "no" });
      }
      expect([first, second, third].map((one) => one?.settled)).toEqual([false, false, false]);
      expect(connection.usable).toBe(false);
      expect(await failureOf(call("Foo.B").promise)).toMatchObject({ executed: "no" });
      await turn();
      expect(peer.closedWhy).toBeUndefined();
      // What a server answers to those calls all the same is no stray.
      peer.say(fault(2), fault(3), result(1, "done"));
      expect(await first?.promise).toBe("done");
      await until(() => peer.closedWhy !== undefined);
      await connection.closedPromise;
    },
  );

  test(
    name(
      "a connection that drains closes when its last call is given up, whatever the server does",
    ),
    async () => {
      const { peer, connection, call, clock } = await openConnection(wire);
      peer.hello();
      await connection.ready;
      const last = call("Foo.A", [], { timeoutMs: 50 });
      await until(() => peer.frames.length === 2);
      connection.drain();
      await clock.advance(50);
      expect(await failureOf(last.promise)).toMatchObject({ code: "DEADLINE_EXCEEDED" });
      await until(() => peer.closedWhy !== undefined);
      expect(peer.messages.at(-1)).toMatchObject({ kind: "cancel", id: 1 });
      await connection.closedPromise;
    },
  );

  test(
    name(
      "near its last id a connection takes no further call and closes when the rest is answered",
    ),
    async () => {
      const services = {
        Foo: { Echo: (value: number): Promise<number> => Promise.resolve(value) },
      };
      const firstCallId = 2 ** 32 - 2 ** 16 - 4;
      await using ends = await openEnds(wire, services, { firstCallId });
      const calls = [0, 1, 2, 3, 4].map((value) => ends.call("Foo.Echo", [value]));
      expect(ends.connection.usable).toBe(false);
      expect(await failureOf(ends.call("Foo.Echo", [5]).promise)).toMatchObject({ executed: "no" });
      expect(await Promise.all(calls.map(({ promise }) => promise))).toEqual([0, 1, 2, 3, 4]);
      expect(calls.at(-1)?.id).toBe(2 ** 32 - 2 ** 16);
      await ends.connection.closedPromise;
    },
  );
}

for (const wire of [narrowWire, wires[1]]) {
  test(`more unsent bytes than may wait refuse further calls instead of filling the memory, over ${wire.name}`, async () => {
    const { peer, connection, clock } = await openConnection(wire);
    peer.hello();
    await connection.ready;
    const deadlines = new Deadlines(clock);
    const half = new Uint8Array(4_000_000);
    const calls = Array.from({ length: 36 }, () => {
      const call = callOf("Foo.A", [half], clock, deadlines);
      connection.start(call);
      return call;
    });
    const error = await failureOf(calls[35]?.promise ?? Promise.resolve());
    expect(error).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      reason: "QUEUE_FULL",
      executed: "no",
    });
    expect(calls[30]?.settled).toBe(false);
    connection.channel.link.close();
  });
}
