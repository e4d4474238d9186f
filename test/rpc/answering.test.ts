import { expect, test } from "bun:test";
import { codeNumbers, GeeError } from "../../src/base/errors.ts";
import type { Code } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import type { Clock } from "../../src/base/time.ts";
import { callContext } from "../../src/rpc/context.ts";
import { Session } from "../../src/rpc/session.ts";
import type { CallerHello } from "../../src/wire/hello.ts";
import type { CallMessage } from "../../src/wire/message.ts";
import { callMessage } from "../support/calls.ts";
import { FakeClock, until } from "../support/clock.ts";
import { failureOf, hostOf, openEnds, wires } from "../support/ends.ts";
import type { Ends } from "../support/ends.ts";
import { linkPair } from "../support/links.ts";
import { memoryLog } from "../support/memory-log.ts";
import { bareHello, fullHello, ScriptedPeer } from "../support/scripted-peer.ts";

const codes = Object.keys(codeNumbers) as Code[];

/** What a call of `Foo.Run`, which is `handler`, fails with; and that the connection lives on. */
async function failureWith(ends: Ends, run: { handler: () => unknown }, handler: () => unknown) {
  run.handler = handler;
  const error = await failureOf(ends.call("Foo.Run").promise);
  run.handler = () => "sound";
  expect(await ends.call("Foo.Run").promise).toBe("sound");
  return error;
}

function throwing(thrown: unknown): () => never {
  return () => {
    throw thrown;
  };
}

for (const wire of wires) {
  const name = (text: string): string => `${text}, over ${wire.name}`;
  const runner = () => {
    const run: { handler: (...args: unknown[]) => unknown } = { handler: () => 1 };
    return { run, services: { Foo: { Run: (...args: unknown[]) => run.handler(...args) } } };
  };

  test(
    name("an error thrown on purpose arrives with its code, words, reason and details"),
    async () => {
      const { run, services } = runner();
      await using ends = await openEnds(wire, services);
      for (const code of codes) {
        const options = { reason: "SOLD_OUT", details: { left: [0, null] }, retryAfterMs: 250 };
        const error = await failureWith(
          ends,
          run,
          throwing(new GeeError(code, `no ${code}`, options)),
        );
        expect(error).toBeInstanceOf(GeeError);
        expect(error).toMatchObject({ code, message: `no ${code}`, executed: "yes", ...options });
      }
      expect(ends.lines).toEqual([]);
    },
  );

  test(name("what a handler throws was executed, whatever the error says of itself"), async () => {
    const { run, services } = runner();
    await using ends = await openEnds(wire, services);
    for (const executed of ["no", "maybe", "yes"] as const) {
      const error = new GeeError("UNAVAILABLE", "try another", { executed });
      expect(await failureWith(ends, run, throwing(error))).toMatchObject({ executed: "yes" });
      expect(await failureWith(ends, run, () => Promise.reject(error))).toMatchObject({
        executed: "yes",
      });
    }
  });

  test(
    name("any other throw is INTERNAL: no message, no stack, and one line in the log with its id"),
    async () => {
      const { run, services } = runner();
      await using ends = await openEnds(wire, services);
      const handlers = [
        throwing(new Error("the secret is 42")),
        () => Promise.reject(new TypeError("the secret is 42")),
      ];
      for (const handler of handlers) {
        const before = ends.lines.length;
        const error = await failureWith(ends, run, handler);
        expect(error).toMatchObject({
          code: "INTERNAL",
          reason: "HANDLER_FAILED",
          executed: "yes",
          details: undefined,
        });
        const id = /has it as ([0-9a-f]{8})$/.exec(error.message)?.[1] ?? "no id";
        expect(error.message).not.toContain("secret");
        expect(ends.lines.length).toBe(before + 1);
        expect(ends.lines.at(-1)).toContain(`id=${id}`);
        expect(ends.lines.at(-1)).toContain("the secret is 42");
      }
    },
  );

  test(name("whatever is thrown, the call gets one answer and the server goes on"), async () => {
    const { run, services } = runner();
    await using ends = await openEnds(wire, services);
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const hostile = (): never => {
      throw new Error("hostile");
    };
    const proxy = new Proxy({}, { get: hostile, getPrototypeOf: hostile, ownKeys: hostile });
    const stackless = Object.defineProperty(new Error("x"), "stack", { get: hostile });
    const things = [
      null,
      undefined,
      "text",
      0,
      Number.NaN,
      12n,
      Symbol("s"),
      () => 1,
      cyclic,
      proxy,
      revoked.proxy,
      stackless,
      Object.create(null),
      new Proxy(new GeeError("ABORTED", "x"), { get: hostile }),
    ];
    for (const thing of things) {
      for (const handler of [throwing(thing), () => Promise.reject(thing)]) {
        expect(await failureWith(ends, run, handler)).toMatchObject({
          code: "INTERNAL",
          reason: "HANDLER_FAILED",
          executed: "yes",
        });
      }
    }
    expect(ends.host.running).toBe(0);
    expect(ends.lines.length).toBe(2 * things.length);
  });

  test(
    name("whatever a handler resolves with, the call gets one answer and the server goes on"),
    async () => {
      const { run, services } = runner();
      await using ends = await openEnds(wire, services);
      const hostile = throwing(new Error("hostile"));
      const things = [
        new Proxy({}, { has: hostile }),
        new Proxy({}, { has: hostile, get: (_, key) => (key === "then" ? 0 : hostile()) }),
        new Proxy({}, { ownKeys: hostile }),
        Object.defineProperty({}, "next", { get: hostile, enumerable: true }),
        { next: 1, [Symbol.iterator]: 1 },
      ];
      for (const thing of things) {
        run.handler = () => Promise.resolve(thing);
        await ends.call("Foo.Run", [], { timeoutMs: 1_000 }).promise.catch(() => {});
        run.handler = () => "sound";
        expect(await ends.call("Foo.Run").promise).toBe("sound");
      }
      expect(ends.host.running).toBe(0);
    },
  );

  test(name("an error whose fields have been tampered with is still an answer"), async () => {
    const { run, services } = runner();
    await using ends = await openEnds(wire, services);
    const tampered = [
      Object.assign(new GeeError("ABORTED", "x", { executed: "yes" }), { code: "NOPE" }),
      Object.assign(new GeeError("ABORTED", "x", { executed: "yes" }), { message: 5 }),
      Object.assign(new GeeError("ABORTED", "x"), { reason: {} }),
      Object.assign(new GeeError("ABORTED", "x"), { retryAfterMs: -1.5 }),
      Object.assign(new GeeError("ABORTED", "x"), { retryAfterMs: "soon" }),
      Object.defineProperty(new GeeError("ABORTED", "x"), "message", {
        get: throwing(new Error("hostile")),
      }),
      new GeeError("ABORTED", `\ud800${"x".repeat(100_000)}`),
    ];
    for (const error of tampered) {
      expect(await failureWith(ends, run, throwing(error))).toBeInstanceOf(GeeError);
      expect(await failureWith(ends, run, () => Promise.reject(error))).toBeInstanceOf(GeeError);
    }
  });

  test(name("a wait that is no whole number of milliseconds arrives as the next one"), async () => {
    const { run, services } = runner();
    await using ends = await openEnds(wire, services);
    const waits = [
      [0.5, 1],
      [1_000.0001, 1_001],
      [-7, 0],
      [Number.POSITIVE_INFINITY, limits.maxTimeoutMs],
      [Number.NaN, undefined],
    ] as const;
    for (const [retryAfterMs, expected] of waits) {
      const error = await failureWith(
        ends,
        run,
        throwing(new GeeError("ABORTED", "later", { retryAfterMs })),
      );
      expect(error).toMatchObject({ code: "ABORTED", retryAfterMs: expected });
    }
  });

  test(
    name("details that cannot travel are left out, and the rest of the fault arrives"),
    async () => {
      const { run, services } = runner();
      await using ends = await openEnds(wire, services);
      const error = await failureWith(
        ends,
        run,
        throwing(new GeeError("ABORTED", "no", { reason: "WHY", details: { when: () => 1 } })),
      );
      expect(error).toMatchObject({ code: "ABORTED", message: "no", reason: "WHY" });
      expect(error.details).toBeUndefined();
      expect(ends.lines).toEqual([expect.stringContaining("details")]);
    },
  );

  test(name("a result that cannot travel is a fault that names the place"), async () => {
    const { run, services } = runner();
    await using ends = await openEnds(wire, services);
    const results = [
      { deep: [1, { when: new URL("http://localhost") }] },
      { deep: [1, { when: new Map() }] },
      { deep: [1, { when: Symbol("s") }] },
    ];
    for (const result of results) {
      for (const handler of [() => result, () => Promise.resolve(result)]) {
        const error = await failureWith(ends, run, handler);
        expect(error).toMatchObject({
          code: "INTERNAL",
          reason: "CANNOT_TRAVEL",
          executed: "yes",
        });
        expect(error.message).toContain("result.deep[1].when");
      }
    }
  });

  test(
    name("a result whose getter throws, that is cyclic, too deep or too large is a fault as well"),
    async () => {
      const { run, services } = runner();
      await using ends = await openEnds(wire, services);
      const cyclic: { self?: unknown } = {};
      cyclic.self = cyclic;
      const getter = {
        get bad(): never {
          throw new Error("the secret is 42");
        },
      };
      const proxy = new Proxy({}, { ownKeys: throwing(new Error("hostile")) });
      for (const result of [cyclic, getter, proxy]) {
        const error = await failureWith(ends, run, () => result);
        expect(error).toMatchObject({ code: "INTERNAL", executed: "yes" });
        expect(error.message).not.toContain("secret");
      }
      const large = await failureWith(ends, run, () => new Uint8Array(limits.maxMessageBytes + 1));
      expect(large).toMatchObject({
        code: "RESOURCE_EXHAUSTED",
        reason: "MESSAGE_TOO_LARGE",
        executed: "yes",
      });
    },
  );

  test(
    name("whatever a thenable does, its call is answered once and the count stays right"),
    async () => {
      const { run, services } = runner();
      await using ends = await openEnds(wire, services);
      run.handler = () => ({
        then(resolve: (value: unknown) => void) {
          resolve(1);
          resolve(2);
        },
      });
      expect(await ends.call("Foo.Run").promise).toBe(1);
      const hostile = [
        { then: throwing(new Error("x")) },
        {
          get then(): never {
            throw new Error("x");
          },
        },
        {
          then(_resolve: unknown, reject: (error: unknown) => void) {
            reject(new Error("x"));
            throw new Error("y");
          },
        },
      ];
      for (const thenable of hostile) {
        expect(await failureWith(ends, run, () => thenable)).toMatchObject({ code: "INTERNAL" });
      }
      expect(ends.session.inFlight).toBe(0);
      expect(ends.host.running).toBe(0);
      await ends.clock.advance(20_000);
      run.handler = () => "sound";
      expect(await ends.call("Foo.Run").promise).toBe("sound");
    },
  );

  test(name("at its deadline a handler is told to stop and its call is answered"), async () => {
    const { run, services } = runner();
    await using ends = await openEnds(wire, services, {
      methods: { Foo: { Run: { timeoutMs: 300 } } },
    });
    let reason: unknown;
    const held = Promise.withResolvers<unknown>();
    run.handler = () => {
      const { signal, remainingMs } = callContext();
      expect(remainingMs).toBe(300);
      signal.addEventListener("abort", () => (reason = signal.reason));
      return held.promise;
    };
    const call = ends.call("Foo.Run");
    await until(() => ends.session.inFlight === 1);
    await ends.clock.advance(299);
    expect(call.settled).toBe(false);
    await ends.clock.advance(1);
    expect(await failureOf(call.promise)).toMatchObject({
      code: "DEADLINE_EXCEEDED",
      executed: "maybe",
    });
    expect(reason).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    held.resolve("too late");
    await until(() => ends.host.running === 0);
  });

  test(name("hostile method names are UNIMPLEMENTED and nothing is executed"), async () => {
    let ran = 0;
    class Base {
      Inherited(): number {
        return ++ran;
      }
    }
    class Foo extends Base {
      static Static(): number {
        return ++ran;
      }
      get Accessor(): () => number {
        ran++;
        return () => ++ran;
      }
      set Setter(_value: unknown) {
        ran++;
      }
      _private(): number {
        return ++ran;
      }
      #hidden(): number {
        return ++ran;
      }
      Field = (): number => ++ran;
      Sum(a: number, b: number): number {
        return a + b;
      }
      override toString(): string {
        ran++;
        return String(this.#hidden);
      }
    }
    await using ends = await openEnds(wire, { Foo: new Foo() });
    const objectNames = Object.getOwnPropertyNames(Object.prototype);
    const own = ["Inherited", "Static", "Accessor", "Setter", "_private", "#hidden", "Field"];
    const words = [...objectNames, ...own, "prototype", "then", "sum", "Sum ", " Sum", "", "."];
    const hostile = [
      ...words.map((word) => `Foo.${word}`),
      ...words.map((word) => `${word}.Sum`),
      ...words,
      ...["Foo..Sum", "Foo.Sum.call", "Foo/Sum", "../Foo.Sum", "Foo.Sum\n", "Foo.Sum\u0000"],
      ...["Foo.__proto__.Sum", "Foo['Sum']", "Foo.Sum()", "Föö.Sum", "Foo.Süm", "foo.Sum"],
      ...["\u202eFoo.Sum", "Foo.S\u200bum", "Foo.Sum;rm -rf", "${Foo}.Sum", "%46oo.Sum", "0", "1"],
      ...["Foo.1", "Foo.constructor.constructor", "A".repeat(65) + ".Sum", `Foo.${"S".repeat(65)}`],
      ...["x".repeat(100_000), ".".repeat(1_000), "Foo." + ".".repeat(1_000), "\ud800.Sum"],
      ...Array.from({ length: 140 }, (_, index) => `Foo.Sum${String.fromCharCode(index)}`).filter(
        (text) => text !== "Foo.Sum",
      ),
    ];
    expect(hostile.length).toBeGreaterThan(200);
    for (const method of hostile) {
      const error = await failureOf(ends.call(method, [1, 2]).promise);
      expect([method.slice(0, 40), error.code, error.executed]).toEqual([
        method.slice(0, 40),
        "UNIMPLEMENTED",
        "no",
      ]);
    }
    expect(ran).toBe(0);
    expect(await ends.call("Foo.Sum", [1, 2]).promise).toBe(3);
  });

  test(name("a name that is nearly right is answered with the right one"), async () => {
    await using ends = await openEnds(wire, { Foo: { Sum: () => 1, Sleep: () => 2 } });
    const error = await failureOf(ends.call("Foo.Smu").promise);
    expect(error).toMatchObject({ reason: "NO_SUCH_METHOD", details: { didYouMean: "Foo.Sum" } });
    expect(error.hint).toBe("did you mean Foo.Sum?");
    expect((await failureOf(ends.call("Fo.Sleep").promise)).hint).toBe("did you mean Foo.Sleep?");
    expect((await failureOf(ends.call("Foo.Xyzzyx").promise)).hint).toBeUndefined();
  });

  test(name("calls beyond the cap of the connection are refused and not executed"), async () => {
    let started = 0;
    const open: PromiseWithResolvers<unknown>[] = [];
    const Hold = (): Promise<unknown> => {
      started++;
      const held = Promise.withResolvers<unknown>();
      open.push(held);
      return held.promise;
    };
    await using ends = await openEnds(wire, { Foo: { Hold } });
    const calls = Array.from({ length: limits.maxInFlight }, () => ends.call("Foo.Hold"));
    expect(await failureOf(ends.call("Foo.Hold").promise)).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      reason: "TOO_MANY_IN_FLIGHT",
      executed: "no",
    });
    await until(() => open.length === limits.maxInFlight);
    open[0]?.resolve(0);
    await calls[0]?.promise;
    ends.call("Foo.Hold");
    await until(() => started === limits.maxInFlight + 1);
    for (const held of open) held.resolve(1);
  });
}

function openScripted(
  services: Readonly<Record<string, object>>,
  clock: Clock,
  hello: CallerHello = bareHello(),
) {
  const { log, lines } = memoryLog();
  const host = hostOf(services, { clock, log });
  const pair = linkPair();
  const session = new Session(pair.server, host);
  pair.server.open(session.channel);
  const peer = new ScriptedPeer(pair.caller, "caller");
  peer.hello(hello);
  const call = (id: number, changes: Partial<CallMessage> = {}): void =>
    peer.say(callMessage(id, { method: "Foo.Run", args: [], ...changes }));
  return { host, session, peer, call, lines };
}

test("a server holds a caller to the cap that does not hold itself to it", async () => {
  let started = 0;
  const Run = (): Promise<unknown> => {
    started++;
    return new Promise(() => {});
  };
  const { peer, call } = openScripted({ Foo: { Run } }, new FakeClock());
  for (let id = 1; id <= limits.maxInFlight + 3; id++) call(id);
  await until(() => peer.frames.length === 4);
  expect(started).toBe(limits.maxInFlight);
  expect(peer.messages.slice(1)).toMatchObject(
    [1, 2, 3].map((over) => ({
      kind: "fault",
      id: limits.maxInFlight + over,
      reason: "TOO_MANY_IN_FLIGHT",
      executed: "no",
    })),
  );
});

test("handlers that were given up count as running until they have ended", async () => {
  const clock = new FakeClock();
  const open: PromiseWithResolvers<unknown>[] = [];
  const Run = (): Promise<unknown> => {
    const held = Promise.withResolvers<unknown>();
    open.push(held);
    return held.promise;
  };
  const { host, peer, call } = openScripted({ Foo: { Run } }, clock);
  host.running = limits.maxRunningHandlers - 1;
  call(1, { timeoutMs: 50 });
  await until(() => open.length === 1);
  await clock.advance(50);
  call(2);
  await until(() => peer.frames.length === 3);
  expect(peer.messages.slice(1)).toMatchObject([
    { kind: "fault", id: 1, code: "DEADLINE_EXCEEDED" },
    { kind: "fault", id: 2, code: "RESOURCE_EXHAUSTED", reason: "TOO_MANY_HANDLERS" },
  ]);
  open[0]?.resolve(1);
  await until(() => host.running === limits.maxRunningHandlers - 1);
  call(3);
  await until(() => open.length === 2);
});

test("a server that drains starts nothing", async () => {
  let started = 0;
  const { host, peer, call } = openScripted({ Foo: { Run: () => started++ } }, new FakeClock());
  await until(() => peer.frames.length === 1, "the hello");
  host.draining = true;
  call(1);
  await until(() => peer.frames.length === 2);
  expect(peer.messages[1]).toMatchObject({ id: 1, code: "UNAVAILABLE", reason: "DRAINING" });
  expect(started).toBe(0);
});

test("a server that drains refuses the hello of a caller that comes now", async () => {
  const { host, peer, session } = openScripted({ Foo: { Run: () => 1 } }, new FakeClock());
  host.draining = true;
  await until(() => peer.frames.length === 1);
  expect(peer.messages[0]).toMatchObject({
    kind: "fault",
    id: 0,
    code: "UNAVAILABLE",
    reason: "DRAINING",
    executed: "no",
  });
  expect(session.isClosed).toBe(true);
});

test("a call without a deadline is refused, because only streams may have none", async () => {
  let started = 0;
  const { peer, call } = openScripted({ Foo: { Run: () => started++ } }, new FakeClock());
  call(1, { timeoutMs: undefined });
  await until(() => peer.frames.length === 2);
  expect(peer.messages[1]).toMatchObject({ reason: "NO_DEADLINE", executed: "no" });
  expect(started).toBe(0);
});

/** Methods that count how often one of them was started. */
function counting() {
  const count = { started: 0 };
  const Foo = {
    Run: () => {
      count.started++;
      return "ran";
    },
    async *Items() {
      count.started++;
      yield 1;
    },
    *Numbers() {
      count.started++;
      yield 1;
    },
  };
  return { count, services: { Foo } };
}

test("what a caller has not named a feature for is refused by itself, and nothing is executed", async () => {
  const { count, services } = counting();
  const { peer, call } = openScripted(services, new FakeClock());
  call(1, { flags: 1 });
  call(2, { flags: 128 });
  call(3, { streamArgument: 0, args: [null] });
  call(4, { method: "Foo.Items" });
  call(5, { method: "Foo.Numbers" });
  call(6, { idempotencyKey: "k" });
  await until(() => peer.frames.length === 7);
  const reasons = peer.messages
    .slice(1)
    .map((message) => (message.kind === "fault" ? [message.reason, message.executed] : message));
  expect(reasons).toEqual([
    ["UNSUPPORTED_FLAG", "no"],
    ["UNSUPPORTED_FLAG", "no"],
    ["UNSUPPORTED_STREAM", "no"],
    ["UNSUPPORTED_STREAM", "no"],
    ["UNSUPPORTED_STREAM", "no"],
    ["UNSUPPORTED_KEY", "no"],
  ]);
  expect(count.started).toBe(0);
  call(7, { flags: 256 });
  await until(() => peer.frames.length === 8);
  expect(peer.messages[7]).toMatchObject({ kind: "result", value: "ran" });
});

test("the same of a caller that has named every feature is done, and a flag nobody knows is not", async () => {
  const { count, services } = counting();
  const { peer, call } = openScripted(services, new FakeClock(), fullHello());
  call(1, { flags: 1 });
  await until(() => count.started === 1, "a call without an answer");
  call(2, { flags: 128 });
  call(3, { streamArgument: 0, args: [null] });
  call(4, { method: "Foo.Items" });
  call(5, { method: "Foo.Numbers" });
  call(6, { idempotencyKey: "k" });
  const answersOf = (id: number): readonly (readonly unknown[])[] =>
    peer.messages
      .filter((message) => message.id === id)
      .map((message) => {
        if (message.kind === "fault") return [message.reason, message.executed];
        return "value" in message ? [message.kind, message.value] : [message.kind];
      });
  await until(() => peer.frames.length === 8, "every answer");
  expect([1, 2, 3, 4, 5, 6].map(answersOf)).toEqual([
    [],
    [["UNSUPPORTED_FLAG", "no"]],
    [["result", "ran"]],
    [["item", 1], ["end"]],
    [["item", 1], ["end"]],
    [["result", "ran"]],
  ]);
});

test("a call with nothing left of its deadline is not started", async () => {
  let started = 0;
  const { peer, call } = openScripted({ Foo: { Run: () => started++ } }, new FakeClock());
  call(1, { timeoutMs: 0 });
  call(2, { timeoutMs: 1 });
  await until(() => peer.frames.length === 3);
  expect(peer.messages.slice(1)).toMatchObject([
    { kind: "fault", code: "DEADLINE_EXCEEDED", reason: "EXPIRED", executed: "no" },
    { kind: "result" },
  ]);
  expect(started).toBe(1);
});

test("the time for which the loop was blocked counts against calls that waited meanwhile", async () => {
  let ahead = 0;
  class JumpingClock extends FakeClock {
    override now(): number {
      return super.now() + ahead;
    }
  }
  const clock = new JumpingClock();
  const started: unknown[] = [];
  const Run = (name: unknown): void => void started.push(name);
  const { peer, call } = openScripted({ Foo: { Run } }, clock);
  await until(() => peer.frames.length === 1);
  await clock.advance(40);
  // The process stands still for three seconds, and what came meanwhile is read behind that.
  ahead = 3_000;
  call(1, { timeoutMs: 500, args: ["half a second"] });
  call(2, { timeoutMs: 3_500, args: ["three and a half"] });
  await until(() => peer.frames.length === 3);
  expect(peer.messages.slice(1)).toMatchObject([
    { kind: "fault", id: 1, code: "DEADLINE_EXCEEDED", reason: "EXPIRED", executed: "no" },
    { kind: "result", id: 2 },
  ]);
  expect(started).toEqual(["three and a half"]);
  await clock.advance(20);
  await clock.advance(20);
  call(3, { timeoutMs: 500, args: ["later"] });
  await until(() => started.length === 2);
  expect(started[1]).toBe("later");
});
