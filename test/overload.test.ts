import { expect, test } from "bun:test";
import type { ServeOptions } from "../src/index.ts";
import { callContext, serve } from "../src/index.ts";
import { FakeClock, turn, until } from "./support/clock.ts";
import { failureOf } from "./support/ends.ts";
import { collect, Loopback, Source, take } from "./support/loopback.ts";

class Foo {
  readonly name: string;
  readonly source = new Source();
  #gates: PromiseWithResolvers<void>[] = [];
  runs = 0;
  running = 0;
  most = 0;

  constructor(name = "a") {
    this.name = name;
  }

  /** Lets all that wait go on. */
  release(): void {
    for (const gate of this.#gates.splice(0)) gate.resolve();
  }

  /** Runs until it is released, whatever its signal says. */
  async Hold(): Promise<string> {
    this.runs++;
    this.most = Math.max(this.most, ++this.running);
    const gate = Promise.withResolvers<void>();
    this.#gates.push(gate);
    await gate.promise;
    this.running--;
    return this.name;
  }

  Who(): string {
    return this.name;
  }

  async *Items(): AsyncGenerator<string> {
    this.runs++;
    const { signal } = callContext();
    yield this.name;
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }

  Iterable(): AsyncIterable<string> {
    return this.Items();
  }

  async Total(items: AsyncIterable<number>): Promise<string> {
    this.runs++;
    let total = 0;
    for await (const item of items) total += item;
    return `${this.name} ${total}`;
  }
}

async function open(serving: Omit<Partial<ServeOptions>, "services"> = {}) {
  const loopback = new Loopback();
  const foo = new Foo();
  const { server, gee } = await loopback.pair({ Foo: foo }, serving);
  return { loopback, foo, server, gee };
}

function refusedFor(reason: string) {
  return { code: "RESOURCE_EXHAUSTED", reason, executed: "no" };
}

test.each<readonly [string, Omit<Partial<ServeOptions>, "services">, string]>([
  ["a method", { methods: { Foo: { Hold: { concurrency: 3 } } } }, "TOO_MANY_OF_METHOD"],
  ["a server", { maxRunningHandlers: 3 }, "TOO_MANY_HANDLERS"],
])("%s has so many handlers at once, and not one more", async (_what, serving, reason) => {
  const { loopback, foo, server, gee } = await open(serving);
  await using _ = loopback;
  const held = [1, 2, 3].map(() => gee.call("Foo.Hold"));
  await until(() => foo.running === 3, "three handlers");
  // From another connection as from this one.
  const other = loopback.connect(server);
  expect(await failureOf(gee.call("Foo.Hold"))).toMatchObject(refusedFor(reason));
  expect(await failureOf(other.call("Foo.Hold"))).toMatchObject(refusedFor(reason));
  foo.release();
  expect(await Promise.all(held)).toEqual(["a", "a", "a"]);
  const next = gee.call("Foo.Hold");
  await until(() => foo.running === 1, "another handler");
  foo.release();
  expect(await next).toBe("a");
  expect([foo.runs, foo.most]).toEqual([4, 3]);
});

test("a connection has so many calls in flight: its caller sends no more, another's are taken", async () => {
  const { loopback, foo, server, gee } = await open({ maxInFlight: 3 });
  await using _ = loopback;
  await gee.call("Foo.Who");
  const held = [1, 2, 3].map(() => gee.call("Foo.Hold"));
  await until(() => foo.running === 3, "three handlers");
  const error = await failureOf(gee.call("Foo.Hold"));
  expect(error).toMatchObject(refusedFor("TOO_MANY_IN_FLIGHT"));
  expect(error.message).toContain("3");
  const other = loopback.connect(server).call("Foo.Hold");
  await until(() => foo.running === 4, "a handler of another caller");
  foo.release();
  expect(await Promise.all([...held, other])).toEqual(["a", "a", "a", "a"]);
});

test("other methods have room when one has none", async () => {
  const { loopback, foo, gee } = await open({ methods: { Foo: { Hold: { concurrency: 1 } } } });
  await using _ = loopback;
  const held = gee.call("Foo.Hold");
  await until(() => foo.running === 1, "a handler");
  expect(await gee.call("Foo.Who")).toBe("a");
  foo.release();
  await held;
});

test("a handler whose call was given up has its place until it has ended", async () => {
  const { loopback, foo, server, gee } = await open({
    methods: { Foo: { Hold: { concurrency: 1 } } },
  });
  await using _ = loopback;
  const stop = new AbortController();
  const failure = failureOf(gee.call("Foo.Hold", [], { signal: stop.signal }));
  await until(() => foo.running === 1, "a handler");
  stop.abort();
  expect(await failure).toMatchObject({ code: "CANCELLED", executed: "maybe" });
  await until(() => server.inFlight() === 0, "its answer");
  for (let each = 0; each < 5; each++) {
    expect(await failureOf(gee.call("Foo.Hold"))).toMatchObject(refusedFor("TOO_MANY_OF_METHOD"));
  }
  expect([foo.runs, foo.most]).toEqual([1, 1]);
  foo.release();
  await until(() => foo.running === 0, "its end");
  const next = gee.call("Foo.Hold");
  await until(() => foo.running === 1, "another handler");
  foo.release();
  expect(await next).toBe("a");
});

test.each(["Foo.Items", "Foo.Iterable"])(
  "%s has its place as long as it is iterated",
  async (method) => {
    const [, name = ""] = method.split(".");
    const { loopback, foo, gee } = await open({ methods: { Foo: { [name]: { concurrency: 1 } } } });
    await using _ = loopback;
    const first = gee.call(method)[Symbol.asyncIterator]();
    expect(await first.next()).toEqual({ done: false, value: "a" });
    expect(await failureOf(collect(gee.call(method)))).toMatchObject(
      refusedFor("TOO_MANY_OF_METHOD"),
    );
    await first.return?.();
    // Freed when the generator has run its end.
    for (;;) {
      const taken = await take(gee.call(method), 1).catch(() => []);
      if (taken.length === 1) break;
      await turn();
    }
    expect(foo.runs).toBe(2);
  },
);

// ---------------------------------------------------------------- elsewhere

async function two() {
  const loopback = new Loopback();
  const [a, b] = [new Foo("a"), new Foo("b")];
  const names = ["Hold", "Items", "Iterable", "Total"];
  const methods = { Foo: Object.fromEntries(names.map((name) => [name, { concurrency: 1 }])) };
  const servers = [
    await loopback.serve({ Foo: a }, { methods }),
    await loopback.serve({ Foo: b }, { methods }),
  ] as const;
  const gee = loopback.connect(servers, { policy: "round-robin" });
  expect([await gee.call("Foo.Who"), await gee.call("Foo.Who")].sort()).toEqual(["a", "b"]);
  return { loopback, a, b, servers, gee };
}

test("a call that is refused goes to another server by itself", async () => {
  const { loopback, a, b, servers, gee } = await two();
  await using _ = loopback;
  const held = loopback.connect(servers[0]).call("Foo.Hold");
  await until(() => a.running === 1, "the busy one");
  for (let each = 0; each < 6; each++) {
    const call = gee.call("Foo.Hold");
    await until(() => b.running === 1, "the other one");
    b.release();
    expect(await call).toBe("b");
  }
  expect(a.runs).toBe(1);
  a.release();
  await held;
});

test.each(["Foo.Items", "Foo.Iterable"])("so does a stream: %s", async (method) => {
  const { loopback, a, servers, gee } = await two();
  await using _ = loopback;
  const busy = loopback.connect(servers[0]).call(method)[Symbol.asyncIterator]();
  expect(await busy.next()).toEqual({ done: false, value: "a" });
  for (let each = 0; each < 4; each++) {
    expect(await take(gee.call(method), 1)).toEqual(["b"]);
    await until(() => servers[1].inFlight() === 0, "its end");
    await turn();
  }
  expect(a.runs).toBe(1);
  await busy.return?.();
});

test("a stream that is an argument goes along, from its first item, and is read once", async () => {
  const { loopback, a, b, servers, gee } = await two();
  await using _ = loopback;
  const waiting = new Source();
  const gate = Promise.withResolvers<void>();
  const slow = async function* (): AsyncGenerator<number> {
    await gate.promise;
    yield* waiting.numbers(1);
  };
  const busy = loopback.connect(servers[0]).call("Foo.Total", [slow()]);
  await until(() => a.runs === 1, "the busy one");
  for (let each = 1; each <= 4; each++) {
    const source = new Source();
    expect(await gee.call("Foo.Total", [source.numbers(1_000)])).toBe("b 500500");
    expect([source.given, source.left]).toEqual([1_000, 1]);
    expect(b.runs).toBe(each);
  }
  gate.resolve();
  expect(await busy).toBe("a 1");
});

test("when nobody has room, the caller hears that nothing was executed", async () => {
  const { loopback, a, b, servers, gee } = await two();
  await using _ = loopback;
  const held = servers.map((server) => loopback.connect(server).call("Foo.Hold"));
  await until(() => a.running === 1 && b.running === 1, "both busy");
  expect(await failureOf(gee.call("Foo.Hold"))).toMatchObject(refusedFor("TOO_MANY_OF_METHOD"));
  a.release();
  b.release();
  await Promise.all(held);
  expect([a.runs, b.runs]).toEqual([1, 1]);
});

// ---------------------------------------------------------------- rapid reset

test("calls that are opened and cancelled at once never run more handlers than there may be", async () => {
  const clock = new FakeClock();
  const loopback = new Loopback(clock);
  await using _ = loopback;
  const foo = new Foo();
  const { server, gee } = await loopback.pair({ Foo: foo }, { maxRunningHandlers: 5 });
  await gee.call("Foo.Who");
  for (let round = 0; round < 20; round++) {
    const failures = Array.from({ length: 50 }, () => {
      const stop = new AbortController();
      const failure = failureOf(gee.call("Foo.Hold", [], { signal: stop.signal }));
      setImmediate(() => stop.abort());
      return failure;
    });
    for (const { code } of await Promise.all(failures)) {
      expect(["CANCELLED", "RESOURCE_EXHAUSTED"]).toContain(code);
    }
  }
  expect(foo.most).toBeLessThanOrEqual(5);
  // Some may still be on their way, and take the places of those that end.
  for (let who: unknown; who !== "a";) {
    foo.release();
    who = await gee.call("Foo.Who").catch(({ reason }) => expect(reason).toBe("TOO_MANY_HANDLERS"));
  }
  await until(() => server.inFlight() === 0, "the end of all");
  expect(server.connections()).toBe(1);
  foo.release();
});

test.each<readonly [string, object]>([
  ["maxInFlight", { maxInFlight: 0 }],
  ["maxInFlight", { maxInFlight: 1.5 }],
  ["maxRunningHandlers", { maxRunningHandlers: -1 }],
  ["maxRunningHandlers", { maxRunningHandlers: Number.NaN }],
  ["concurrency", { methods: { Foo: { Hold: { concurrency: 0 } } } }],
  ["maxMessageBytes", { maxMessageBytes: 1_000 }],
])("%s that makes no sense is refused", async (name, options) => {
  const error = await failureOf(serve({ services: { Foo: new Foo() }, ...options }));
  expect(error.code).toBe("INVALID_ARGUMENT");
  expect(error.message).toContain(name);
});
