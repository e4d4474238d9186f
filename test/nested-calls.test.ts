import { expect, test } from "bun:test";
import type { CallContext, ItemStream } from "../src/index.ts";
import { callContext, GeeError, serveRegistry } from "../src/index.ts";
import { silentLog } from "../src/base/log.ts";
import { FakeClock, turn, until } from "./support/clock.ts";
import { failureOf } from "./support/ends.ts";
import { collect, Loopback, Source, take } from "./support/loopback.ts";

/** What every server of these tests keeps. */
class Hop {
  readonly seen: { readonly remainingMs: number | undefined; readonly attempt: number }[] = [];
  readonly aborted: unknown[] = [];
  gate = Promise.withResolvers<void>();

  protected enter(): CallContext {
    const context = callContext();
    const { remainingMs, attempt, signal } = context;
    this.seen.push({ remainingMs, attempt });
    signal.addEventListener("abort", () => this.aborted.push(signal.reason));
    return context;
  }
}

class Third extends Hop {
  readonly source = new Source();

  Sum(a: number, b: number): number {
    this.enter();
    return a + b;
  }

  async Hold(): Promise<string> {
    const { signal } = this.enter();
    await new Promise<never>((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
    return "held";
  }

  Fail(): never {
    throw new GeeError("ABORTED", "no", { reason: "ON_PURPOSE", details: { at: 3 } });
  }

  async *Count(to: number): AsyncGenerator<number> {
    this.enter();
    yield* this.source.numbers(to);
  }

  Metadata(): unknown {
    return { ...callContext().metadata };
  }
}

class Second extends Hop {
  async Wait(): Promise<number> {
    const context = this.enter();
    await this.gate.promise;
    return await context.service<Third>("Third").Sum(1, 2);
  }

  async Hold(): Promise<string> {
    return await this.enter().service<Third>("Third").Hold();
  }

  /** Takes no notice of its signal. */
  async Stubborn(): Promise<number> {
    const context = this.enter();
    await this.gate.promise;
    try {
      return await context.service<Third>("Third").Sum(1, 2);
    } catch (error) {
      this.aborted.push(error);
      throw error;
    }
  }

  Returned(): Promise<number> {
    return this.enter().service<Third>("Third").Sum(1, 2);
  }

  ReturnedFailure(): Promise<never> {
    return this.enter().service<Third>("Third").Fail();
  }

  ReturnedStream(to: number): ItemStream<number> {
    return this.enter().service<Third>("Third").Count(to);
  }

  Untyped(method: string, args: readonly unknown[]): Promise<unknown> {
    return this.enter().call(method, args);
  }

  async *Relayed(to: number): AsyncGenerator<number> {
    const third = this.enter().service<Third>("Third");
    for await (const number of third.Count(to)) yield number * 10;
  }

  async Lost(): Promise<unknown[]> {
    const before = callContext();
    await turn();
    try {
      callContext();
    } catch (error) {
      // What was taken in time is as good as ever.
      return [GeeError.from(error).reason, before.method, await before.call("Third.Sum", [1, 2])];
    }
    throw new Error("a context behind an await");
  }

  async *EachNext(): AsyncGenerator<string> {
    yield callContext().method;
    yield callContext().method;
    yield callContext().method;
  }
}

class First extends Hop {
  async Wait(): Promise<number> {
    return await this.enter().service<Second>("Second").Wait();
  }

  async Hold(): Promise<string> {
    return await this.enter().service<Second>("Second").Hold();
  }
}

/** Three servers, of which each calls the next, and a client of the first two. */
async function open() {
  const clock = new FakeClock();
  const loopback = new Loopback(clock);
  const [first, second, third] = [new First(), new Second(), new Third()];
  const thirdServer = await loopback.serve({ Third: third });
  const secondServer = await loopback.serve(
    { Second: second },
    { client: loopback.connect(thirdServer) },
  );
  const firstServer = await loopback.serve(
    { First: first },
    { client: loopback.connect(secondServer) },
  );
  const gee = loopback.connect(firstServer);
  const middle = loopback.connect(secondServer);
  const servers = [firstServer, secondServer, thirdServer];
  return { clock, loopback, first, second, third, servers, gee, middle };
}

test("what is left of a deadline goes on from hop to hop", async () => {
  const { clock, loopback, first, second, third, gee } = await open();
  await using _ = loopback;
  const sum = gee.call("First.Wait", [], { timeoutMs: 300 });
  await until(() => second.seen.length === 1, "the second hop");
  await clock.advance(200);
  second.gate.resolve();
  expect(await sum).toBe(3);
  expect(first.seen).toEqual([{ remainingMs: 300, attempt: 0 }]);
  expect(second.seen[0]?.remainingMs).toBeLessThanOrEqual(300);
  expect(third.seen[0]?.remainingMs).toBeGreaterThan(50);
  expect(third.seen[0]?.remainingMs).toBeLessThanOrEqual(100);
});

test("when the deadline passes, every handler on the way is told to stop", async () => {
  const { clock, loopback, first, second, third, servers, gee } = await open();
  await using _ = loopback;
  const failure = failureOf(gee.call("First.Hold", [], { timeoutMs: 300 }));
  await until(() => third.seen.length === 1, "the third hop");
  await clock.advance(299);
  expect([first, second, third].map(({ aborted }) => aborted.length)).toEqual([0, 0, 0]);
  await clock.advance(1);
  expect(await failure).toMatchObject({ code: "DEADLINE_EXCEEDED" });
  await until(() => third.aborted.length === 1, "the third signal");
  expect(first.aborted).toMatchObject([{ code: "DEADLINE_EXCEEDED" }]);
  // Theirs passes at the same moment; the cancel of the hop before may be faster.
  for (const { aborted } of [second, third]) {
    expect(["CANCELLED", "DEADLINE_EXCEEDED"]).toContain(GeeError.from(aborted[0]).code);
    expect(aborted.length).toBe(1);
  }
  await until(() => servers.every((server) => server.inFlight() === 0), "the end of all");
});

test.each(["aborts", "is closed"])("a caller that %s stops handlers two hops on", async (how) => {
  const { clock, loopback, first, second, third, servers, gee } = await open();
  await using _ = loopback;
  const stop = new AbortController();
  const failure = failureOf(gee.call("First.Hold", [], { signal: stop.signal }));
  await until(() => third.seen.length === 1, "the third hop");
  if (how === "aborts") {
    stop.abort();
  } else {
    const closed = gee[Symbol.asyncDispose]();
    await clock.advance(0);
    await closed;
  }
  expect((await failure).code).toBe(how === "aborts" ? "CANCELLED" : "UNAVAILABLE");
  await until(() => third.aborted.length === 1, "the third signal");
  expect(first.aborted).toMatchObject([{ code: "CANCELLED" }]);
  expect(second.aborted).toMatchObject([{ code: "CANCELLED" }]);
  expect(third.aborted).toMatchObject([{ code: "CANCELLED" }]);
  await until(() => servers.every((server) => server.inFlight() === 0), "the end of all");
});

test("the attempt of the outer call is that of the inner ones", async () => {
  const { loopback, third, servers } = await open();
  await using _ = loopback;
  const busy = { methods: { Second: { Returned: { concurrency: 1 } } } };
  const [, , thirdServer] = servers;
  if (thirdServer === undefined) throw new Error("no third server");
  const client = loopback.connect(thirdServer);
  class Busy {
    Returned(): Promise<void> {
      return new Promise(() => {});
    }
  }
  const taken = await loopback.serve({ Second: new Busy() }, busy);
  const free = await loopback.serve({ Second: new Second() }, { client });
  void loopback
    .connect(taken)
    .call("Second.Returned", [])
    .catch(() => {});
  await until(() => taken.inFlight() === 1, "the busy one");
  // Round robin: one of two calls meets the busy server first, and goes on to the other.
  const gee = loopback.connect([taken, free], { policy: "round-robin" });
  expect([await gee.call("Second.Returned"), await gee.call("Second.Returned")]).toEqual([3, 3]);
  expect(third.seen.map(({ attempt }) => attempt).sort()).toEqual([0, 1]);
});

test("a handler may return a call of another service as it is: its result, its error", async () => {
  const { loopback, middle } = await open();
  await using _ = loopback;
  expect(await middle.call("Second.Returned")).toBe(3);
  expect(await middle.call("Second.Untyped", ["Third.Sum", [2, 3]])).toBe(5);
  expect(await failureOf(middle.call("Second.ReturnedFailure"))).toMatchObject({
    code: "ABORTED",
    message: "no",
    reason: "ON_PURPOSE",
    details: { at: 3 },
    executed: "yes",
  });
  expect(await failureOf(middle.call("Second.Untyped", ["Third.Nothing", []]))).toMatchObject({
    code: "UNIMPLEMENTED",
    executed: "yes",
  });
});

test.each<readonly [string, string, readonly unknown[], number]>([
  ["returned as it is", "Second.ReturnedStream", [], 1],
  ["returned without its type", "Second.Untyped", ["Third.Count"], 1],
  ["iterated", "Second.Relayed", [], 10],
])("a stream of another service that is %s", async (_what, method, args, factor) => {
  const { loopback, third, servers, middle } = await open();
  await using _ = loopback;
  const of = (to: number): readonly unknown[] => (args.length === 0 ? [to] : [...args, [to]]);
  expect(await collect(middle.call(method, of(3)))).toEqual([1, 2, 3].map((n) => n * factor));
  expect((await collect(middle.call(method, of(20_000)))).length).toBe(20_000);
  // Leaving it here leaves it there.
  expect(await take(middle.call(method, of(1e9)), 2)).toEqual([factor, 2 * factor]);
  await until(() => third.source.left === 3, "the generator's end");
  await until(() => servers.every((server) => server.inFlight() === 0), "the end of all");
});

test("a stream of another service ends with the deadline of the call that opened it", async () => {
  const { clock, loopback, third, middle } = await open();
  await using _ = loopback;
  const iterator = middle.call("Second.Relayed", [1e9], { timeoutMs: 500 })[Symbol.asyncIterator]();
  expect(await iterator.next()).toEqual({ done: false, value: 10 });
  expect(third.seen[0]?.remainingMs).toBeLessThanOrEqual(500);
  await clock.advance(500);
  await until(() => third.aborted.length === 1, "its signal");
  await until(() => third.source.left === 1, "the generator's end");
  const error = await failureOf(collect({ [Symbol.asyncIterator]: () => iterator }));
  expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED" });
});

test("whose time is over calls nobody any more", async () => {
  const { clock, loopback, second, third, middle } = await open();
  await using _ = loopback;
  const failure = failureOf(middle.call("Second.Stubborn", [], { timeoutMs: 100 }));
  await until(() => second.seen.length === 1, "the handler's start");
  await clock.advance(150);
  await failure;
  second.gate.resolve();
  await until(() => second.aborted.length === 2, "the inner failure");
  expect(second.aborted[1]).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "no" });
  expect(third.seen).toEqual([]);
});

test("the context is there until the first await, and in a generator before each item", async () => {
  const { loopback, middle } = await open();
  await using _ = loopback;
  expect(await middle.call("Second.Lost")).toEqual(["NO_CALL_CONTEXT", "Second.Lost", 3]);
  expect(await collect(middle.call("Second.EachNext"))).toEqual([
    "Second.EachNext",
    "Second.EachNext",
    "Second.EachNext",
  ]);
  expect(() => callContext()).toThrow("callContext()");
});

test("metadata go one hop, unless they are sent on", async () => {
  const { loopback, middle } = await open();
  await using _ = loopback;
  const metadata = { trace: "1" };
  expect(await middle.call("Second.Untyped", ["Third.Metadata", []], { metadata })).toEqual({});
});

test("without a registry or a client the handler is told what is missing", async () => {
  const loopback = new Loopback();
  await using _ = loopback;
  const { gee } = await loopback.pair({ Second: new Second() });
  expect(await failureOf(gee.call("Second.Returned"))).toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "NO_CLIENT",
  });
});

test("a server finds the others at its registries, and lets go of its client when it stops", async () => {
  await using registry = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  const loopback = new Loopback();
  await using _ = loopback;
  const third = await loopback.serve({ Third: new Third() }, { registry: registry.url });
  const second = await loopback.serve({ Second: new Second() }, { registry: registry.url });
  await Promise.all([third.registered, second.registered]);
  const gee = loopback.connect(second);
  expect(await gee.call("Second.Returned")).toBe(3);
  expect(await collect(gee.call("Second.ReturnedStream", [3]))).toEqual([1, 2, 3]);
  expect(third.connections()).toBe(1);
  await second.stop();
  await until(() => third.connections() === 0, "the end of its connection");
});
