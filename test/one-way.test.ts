import { expect, test } from "bun:test";
import type { Gee, OneWay, ServeOptions } from "../src/index.ts";
import { callContext, GeeError } from "../src/index.ts";
import { bufferedBytes } from "../src/wire/buffered.ts";
import { FakeClock, turn, until } from "./support/clock.ts";
import { failureOf } from "./support/ends.ts";
import { Loopback, Source } from "./support/loopback.ts";

class Foo {
  readonly noted: unknown[] = [];
  readonly source = new Source();
  /** Handlers wait for it, when it is there. */
  gate: PromiseWithResolvers<void> | undefined;
  bytes = 0;
  running = 0;
  most = 0;

  Sum(a: number, b: number): number {
    return a + b;
  }

  async Note(what: unknown): Promise<string> {
    this.noted.push(what);
    this.most = Math.max(this.most, ++this.running);
    await this.gate?.promise;
    this.running--;
    return "noted";
  }

  Take(bytes: Uint8Array): void {
    this.bytes += bytes.length;
  }

  Fail(how: "at once" | "later"): unknown {
    this.noted.push(how);
    if (how === "at once") throw new GeeError("ABORTED", "no");
    return Promise.reject(new Error("a bug of the handler's"));
  }

  Unfit(): unknown {
    this.noted.push("unfit");
    return () => 1;
  }

  async *Items(): AsyncGenerator<number> {
    this.noted.push("items");
    yield* this.source.numbers();
  }

  async Hold(): Promise<void> {
    const { signal } = callContext();
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => {
        this.noted.push(signal.reason);
        resolve();
      });
    });
  }
}

async function open(
  serving: Omit<Partial<ServeOptions>, "services"> = {},
  clock: FakeClock | undefined = undefined,
) {
  const loopback = new Loopback(clock);
  const foo = new Foo();
  const { server, gee } = await loopback.pair({ Foo: foo }, serving);
  await gee.call("Foo.Sum", [1, 2]);
  const oneWay: OneWay<Foo> = gee.service<Foo>("Foo", { oneWay: true });
  return { loopback, foo, server, gee, oneWay };
}

test("a one-way call arrives, and its promise is kept with nothing, before it is done", async () => {
  const { loopback, foo, server, gee, oneWay } = await open();
  await using _ = loopback;
  foo.gate = Promise.withResolvers();
  expect(await oneWay.Note("a")).toBeUndefined();
  expect(await gee.call("Foo.Note", ["b"], { oneWay: true })).toBeUndefined();
  await until(() => foo.noted.length === 2, "both calls");
  expect(foo.noted).toEqual(["a", "b"]);
  expect(server.inFlight()).toBe(2);
  foo.gate.resolve();
  await until(() => server.inFlight() === 0, "their end");
});

test("they run in the order in which they were sent", async () => {
  const { loopback, foo, oneWay } = await open();
  await using _ = loopback;
  const all = Array.from({ length: 500 }, (_each, index) => index);
  for (const index of all) void oneWay.Note(index);
  await until(() => foo.noted.length === all.length, "all calls");
  expect(foo.noted).toEqual(all);
});

test("one that is sent while another is leaving has its promise kept as well", async () => {
  const { loopback, foo, gee } = await open();
  await using _ = loopback;
  // The flush that the first call has asked for takes the second along, and not the third.
  const result = gee.call("Foo.Sum", [1, 2]);
  const third = Promise.resolve().then(() => gee.call("Foo.Note", ["b"], { oneWay: true }));
  const second = gee.call("Foo.Note", ["a"], { oneWay: true });
  await Promise.all([result, second, third]);
  await until(() => foo.noted.length === 2, "both calls");
});

test("a handler that fails is nobody's but the log's", async () => {
  const { loopback, foo, server, gee, oneWay } = await open();
  await using _ = loopback;
  await oneWay.Fail("at once");
  await oneWay.Fail("later");
  await oneWay.Unfit();
  await until(() => foo.noted.length === 3, "all calls");
  await until(() => server.inFlight() === 0, "their end");
  expect(await gee.call("Foo.Sum", [1, 2])).toBe(3);
  expect(server.connections()).toBe(1);
  expect(loopback.lines.join("\n")).toContain("a bug of the handler's");
});

test("what cannot leave is heard of: arguments, options, and a server that is not there", async () => {
  const { loopback, server, gee } = await open();
  await using _ = loopback;
  const oneWay = { oneWay: true };
  expect(await failureOf(gee.call("Foo.Note", [() => 1], oneWay))).toMatchObject({
    reason: "CANNOT_TRAVEL",
    executed: "no",
  });
  expect(await failureOf(gee.call("Foo.Note", [new Source().numbers()], oneWay))).toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "BAD_OPTION",
    executed: "no",
  });
  const gone = loopback.connect(server);
  await server.stop();
  expect(await failureOf(gone.call("Foo.Note", ["a"], oneWay))).toMatchObject({
    code: "UNAVAILABLE",
    executed: "no",
  });
});

test("the items of a method that answers with a stream are nobody's: it is left at once", async () => {
  const { loopback, foo, server, gee } = await open();
  await using _ = loopback;
  // The caller knows that it is one, and says so.
  await gee.call("Foo.Items", [], { oneWay: true }).catch(() => {});
  await until(() => server.inFlight() === 0, "its end");
  expect(foo.source.given).toBe(0);
  expect(await gee.call("Foo.Sum", [1, 2])).toBe(3);
});

/** Calls until there is room: what has come in the same read counts as in flight. */
async function patiently(gee: Gee): Promise<unknown> {
  for (;;) {
    try {
      return await gee.call("Foo.Sum", [1, 2]);
    } catch (error) {
      if (!(error instanceof GeeError) || error.reason !== "TOO_MANY_IN_FLIGHT") throw error;
    }
  }
}

test("thousands that are refused harm neither the connection nor its other calls", async () => {
  const { loopback, foo, server, gee, oneWay } = await open({
    maxInFlight: 4,
    methods: { Foo: { Note: { concurrency: 2 } } },
  });
  await using _ = loopback;
  foo.gate = Promise.withResolvers();
  for (let round = 0; round < 10; round++) {
    for (let each = 0; each < 500; each++) void oneWay.Note(each);
    await until(() => foo.noted.length >= 2, "the first calls");
    expect(await patiently(gee)).toBe(3);
  }
  for (let each = 0; each < 5; each++) await turn();
  expect(foo.most).toBe(2);
  expect(foo.noted.length).toBe(2);
  expect(server.connections()).toBe(1);
  foo.gate.resolve();
  await until(() => server.inFlight() === 0, "their end");
  await oneWay.Note("last");
  await until(() => foo.noted.length === 3, "the last call");
});

test("unknown methods by the thousand harm nobody either", async () => {
  const { loopback, server, gee } = await open();
  await using _ = loopback;
  for (let each = 0; each < 3_000; each++) void gee.call("Foo.Nothing", [], { oneWay: true });
  expect(await patiently(gee)).toBe(3);
  expect(server.connections()).toBe(1);
});

test("a client that is closed waits for those that have not left, as long as for any call", async () => {
  const { loopback, foo, server } = await open();
  await using _ = loopback;
  const gee = loopback.connect(server, { drainTimeoutMs: 25_000 });
  await gee.call("Foo.Sum", [1, 2]);
  const bytes = new Uint8Array(3_000_000);
  const sent = Array.from({ length: 20 }, () => gee.call("Foo.Take", [bytes], { oneWay: true }));
  await gee[Symbol.asyncDispose]();
  await Promise.all(sent);
  await until(() => foo.bytes === 20 * bytes.length, "all of them");
});

test("their promises are kept when they have left, so whoever awaits them loses none", async () => {
  const { loopback, foo, gee, oneWay } = await open();
  await using _ = loopback;
  const bytes = new Uint8Array(3_000_000);
  await Promise.all(Array.from({ length: 20 }, () => oneWay.Take(bytes)));
  await gee[Symbol.asyncDispose]();
  await until(() => foo.bytes === 20 * bytes.length, "all of them");
});

test("a client that is closed does not stop what it has sent off", async () => {
  const { loopback, foo, server } = await open();
  await using _ = loopback;
  const gee = loopback.connect(server);
  await gee.call("Foo.Hold", [], { oneWay: true });
  await gee.call("Foo.Note", ["a"], { oneWay: true });
  await gee[Symbol.asyncDispose]();
  await until(() => server.connections() === 1, "the end of its connection");
  await until(() => foo.noted.includes("a"), "the call");
  for (let each = 0; each < 10; each++) await turn();
  // Hold would note that it was told to stop.
  expect(foo.noted).toEqual(["a"]);
});

test("one has a deadline as any other call: its handler is told to stop", async () => {
  const clock = new FakeClock();
  const { loopback, foo, server, gee } = await open({}, clock);
  await using _ = loopback;
  await gee.call("Foo.Hold", [], { oneWay: true, timeoutMs: 500 });
  await until(() => server.inFlight() === 1, "the handler's start");
  await clock.advance(500);
  await until(() => foo.noted.length === 1, "its signal");
  expect(foo.noted).toMatchObject([{ code: "DEADLINE_EXCEEDED" }]);
  expect(server.inFlight()).toBe(0);
});

test("a large one that is taken back midway is taken back whole, and its neighbours stay", async () => {
  const clock = new FakeClock();
  const loopback = new Loopback(clock);
  await using _ = loopback;
  const foo = new Foo();
  const largest = { maxMessageBytes: 67_108_864 };
  const { server, gee } = await loopback.pair({ Foo: foo }, largest, largest);
  await gee.call("Foo.Sum", [1, 2]);
  const before = bufferedBytes();
  const held = gee.call("Foo.Note", ["neighbour"], { timeoutMs: 600_000 });
  foo.gate = Promise.withResolvers();
  await until(() => foo.noted.length === 1, "the neighbour");
  const stop = new AbortController();
  const options = { oneWay: true, signal: stop.signal };
  const failure = failureOf(gee.call("Foo.Take", [new Uint8Array(60_000_000)], options));
  await until(() => server.inFlight() === 2, "its first part");
  stop.abort();
  expect(await failure).toMatchObject({ code: "CANCELLED", executed: "no" });
  await until(() => bufferedBytes() <= before, "all of it to be freed");
  expect(server.inFlight()).toBe(1);
  // Longer than a message may take to be whole.
  for (let each = 0; each < 8; each++) {
    await clock.advance(1_000);
    await turn();
  }
  foo.gate.resolve();
  expect(await held).toBe("noted");
  expect(foo.bytes).toBe(0);
  expect(server.connections()).toBe(1);
});
