import { expect, test } from "bun:test";
import type { Server, ServeOptions } from "../src/index.ts";
import { callContext } from "../src/index.ts";
import { FakeClock, turn, until } from "./support/clock.ts";
import { failureOf } from "./support/ends.ts";
import { collect, Loopback, Source, take } from "./support/loopback.ts";

class Foo {
  readonly source = new Source();
  readonly aborted: unknown[] = [];
  readonly peers: Set<string> = new Set();
  name: string;
  gate = Promise.withResolvers<void>();
  total = 0;
  noted = 0;

  constructor(name = "a") {
    this.name = name;
  }

  #enter(): AbortSignal {
    const { signal, peer } = callContext();
    this.peers.add(peer);
    signal.addEventListener("abort", () => this.aborted.push(signal.reason));
    return signal;
  }

  Who(): string {
    this.peers.add(callContext().peer);
    return this.name;
  }

  async *Count(to: number): AsyncGenerator<number> {
    this.#enter();
    for await (const number of this.source.numbers(to)) {
      yield number;
      if (number === 3) await this.gate.promise;
    }
  }

  /** Ends when it is told to. */
  async *Endless(): AsyncGenerator<number> {
    const signal = this.#enter();
    try {
      for (let number = 1; ; number++) {
        if (number > 3) {
          await new Promise<never>((_resolve, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason));
          });
        }
        yield number;
      }
    } finally {
      this.source.left++;
    }
  }

  async Total(items: AsyncIterable<number>): Promise<number> {
    this.#enter();
    try {
      for await (const item of items) this.total += item;
    } finally {
      this.source.left++;
    }
    return this.total;
  }

  async Note(): Promise<void> {
    this.#enter();
    await this.gate.promise;
    this.noted++;
  }
}

const times = { lameDuckMs: 500, drainTimeoutMs: 5_000 };

async function open(serving: Omit<Partial<ServeOptions>, "services"> = {}) {
  const clock = new FakeClock();
  const loopback = new Loopback(clock);
  const foo = new Foo();
  const { server, gee } = await loopback.pair({ Foo: foo }, { ...times, ...serving });
  return { clock, loopback, foo, server, gee };
}

async function turns(count = 20): Promise<void> {
  for (let each = 0; each < count; each++) await turn();
}

/** Begins to stop a server, and lets its lame duck's time pass. */
async function stopping(server: Server, clock: FakeClock): Promise<{ stopped: Promise<void> }> {
  const stopped = server.stop();
  await turns();
  await clock.advance(times.lameDuckMs);
  await turns();
  return { stopped };
}

function isPending(work: Promise<unknown>): Promise<boolean> {
  const other = {};
  return turns(3).then(() =>
    Promise.race([work.catch(() => {}), Promise.resolve(other)]).then((first) => first === other),
  );
}

// ---------------------------------------------------------------- the server stops

test("a stream that ends within the drain time is whole, and the server waits for it", async () => {
  const { clock, loopback, foo, server, gee } = await open();
  await using _ = loopback;
  const items = collect(gee.call("Foo.Count", [5]));
  await until(() => foo.source.given === 3, "three items");
  const { stopped } = await stopping(server, clock);
  await clock.advance(4_000);
  expect(await isPending(stopped)).toBe(true);
  foo.gate.resolve();
  expect(await items).toEqual([1, 2, 3, 4, 5]);
  await stopped;
  expect(foo.aborted).toEqual([]);
});

test("an argument that ends within the drain time is taken whole", async () => {
  const { clock, loopback, foo, server, gee } = await open();
  await using _ = loopback;
  const gate = Promise.withResolvers<void>();
  const source = async function* (): AsyncGenerator<number> {
    yield 1;
    await gate.promise;
    yield 2;
  };
  const total = gee.call("Foo.Total", [source()]);
  await until(() => foo.total === 1, "the first item");
  const { stopped } = await stopping(server, clock);
  gate.resolve();
  expect(await total).toBe(3);
  await stopped;
  expect(foo.aborted).toEqual([]);
});

test("a stream that is still open then ends UNAVAILABLE, its handler told and its end run", async () => {
  const { clock, loopback, foo, server, gee } = await open();
  await using _ = loopback;
  const iterator = gee.call("Foo.Endless")[Symbol.asyncIterator]();
  for (let each = 0; each < 3; each++) await iterator.next();
  const failure = failureOf(collect({ [Symbol.asyncIterator]: () => iterator }));
  const source = new Source();
  const sending = failureOf(gee.call("Foo.Total", [source.held(3)]));
  await until(() => foo.total === 6, "items");
  const { stopped } = await stopping(server, clock);
  await clock.advance(times.drainTimeoutMs - 1);
  expect(foo.aborted).toEqual([]);
  expect(await isPending(stopped)).toBe(true);
  await clock.advance(1);
  const over = { code: "UNAVAILABLE", reason: "SHUT_DOWN", executed: "maybe" };
  expect(await failure).toMatchObject(over);
  expect(await sending).toMatchObject(over);
  await stopped;
  expect(foo.aborted).toMatchObject([over, over]);
  expect(foo.source.left).toBe(2);
  await until(() => source.left === 1, "the source's end");
});

test("a one-way call that runs is awaited as well", async () => {
  const { clock, loopback, foo, server, gee } = await open();
  await using _ = loopback;
  await gee.call("Foo.Note", [], { oneWay: true });
  await until(() => server.inFlight() === 1, "the handler");
  const { stopped } = await stopping(server, clock);
  await clock.advance(1_000);
  expect(await isPending(stopped)).toBe(true);
  foo.gate.resolve();
  await stopped;
  expect([foo.noted, foo.aborted.length]).toEqual([1, 0]);
});

test("calls and streams that come meanwhile go to another server, and none is lost", async () => {
  const clock = new FakeClock();
  const loopback = new Loopback(clock);
  await using _ = loopback;
  const [a, b] = [new Foo("a"), new Foo("b")];
  const leaving = await loopback.serve({ Foo: a }, times);
  const staying = await loopback.serve({ Foo: b }, times);
  const gee = loopback.connect([leaving, staying], { policy: "round-robin" });
  const before = [await gee.call("Foo.Who"), await gee.call("Foo.Who")];
  expect(before.sort()).toEqual(["a", "b"]);
  const stopped = leaving.stop();
  b.gate.resolve();
  for (let each = 0; each < 10; each++) {
    expect(await gee.call("Foo.Who")).toBe("b");
    expect(await collect(gee.call("Foo.Count", [4]))).toEqual([1, 2, 3, 4]);
    expect(await take(gee.call("Foo.Endless"), 2)).toEqual([1, 2]);
    await clock.advance(100);
  }
  await stopped;
  expect(a.source.given).toBe(0);
});

// ---------------------------------------------------------------- the client is closed

test("a client waits for its streams, and makes no further call", async () => {
  const { clock, loopback, foo, server } = await open();
  await using _ = loopback;
  const gee = loopback.connect(server, { drainTimeoutMs: 3_000 });
  const items = collect(gee.call("Foo.Count", [5]));
  await until(() => foo.source.given === 3, "three items");
  const closed = Promise.resolve(gee[Symbol.asyncDispose]());
  await clock.advance(2_999);
  expect(await isPending(closed)).toBe(true);
  expect(await failureOf(gee.call("Foo.Who"))).toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "CLOSED",
    executed: "no",
  });
  foo.gate.resolve();
  expect(await items).toEqual([1, 2, 3, 4, 5]);
  await closed;
  await until(() => server.connections() === 0, "the end of its connection");
});

test("what is still open then fails, and both ends are left", async () => {
  const { clock, loopback, foo, server } = await open();
  await using _ = loopback;
  const gee = loopback.connect(server, { drainTimeoutMs: 3_000 });
  const failure = failureOf(collect(gee.call("Foo.Endless")));
  const source = new Source();
  const sending = failureOf(gee.call("Foo.Total", [source.held(3)]));
  await until(() => foo.total === 6 && server.inFlight() === 2, "both");
  const closed = gee[Symbol.asyncDispose]();
  await clock.advance(3_000);
  const over = { code: "UNAVAILABLE", reason: "CLOSED", executed: "maybe" };
  expect(await failure).toMatchObject(over);
  expect(await sending).toMatchObject(over);
  await closed;
  await until(() => source.left === 1, "the source's end");
  await until(() => foo.source.left === 2, "the end of both handlers");
  expect(foo.aborted).toMatchObject([{ reason: "CALLER_GONE" }, { reason: "CALLER_GONE" }]);
  expect(server.connections()).toBe(0);
});

// ---------------------------------------------------------------- old connections

test("an old connection is replaced under load, and no call is lost", async () => {
  const { clock, loopback, foo, server, gee } = await open({ maxConnectionAgeMs: 60_000 });
  await using _ = loopback;
  const outcomes: unknown[] = [];
  const state = { loading: true };
  const hands = Array.from({ length: 8 }, async () => {
    while (state.loading) {
      outcomes.push(await gee.call("Foo.Who").catch((error: unknown) => error));
    }
  });
  // One after the other: a call that is under way must not lose its whole time at once.
  for (let each = 0; each < 340; each++) {
    await clock.advance(500);
    await turns(3);
  }
  state.loading = false;
  await Promise.all(hands);
  expect(outcomes.filter((outcome) => outcome !== "a")).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(500);
  // Each is found to be too old at the fourth or fifth look, every 15 s: twice in 170 s.
  expect(foo.peers.size).toBe(3);
  await until(() => server.connections() === 1, "the end of the old ones");
});

test("a stream goes on over the old connection, and ends there", async () => {
  const { clock, loopback, foo, server, gee } = await open({ maxConnectionAgeMs: 60_000 });
  await using _ = loopback;
  const items = collect(gee.call("Foo.Count", [5], { idleTimeoutMs: 1_000_000 }));
  await until(() => foo.source.given === 3, "three items");
  for (let each = 0; each < 10; each++) {
    await clock.advance(10_000);
    await turns(3);
  }
  expect(await gee.call("Foo.Who")).toBe("a");
  expect(foo.peers.size).toBe(2);
  expect(server.connections()).toBe(2);
  foo.gate.resolve();
  expect(await items).toEqual([1, 2, 3, 4, 5]);
  await until(() => server.connections() === 1, "the end of the old one");
  expect(foo.aborted).toEqual([]);
});

test("with 0 a connection grows as old as it likes", async () => {
  const { clock, loopback, foo, gee } = await open({ maxConnectionAgeMs: 0 });
  await using _ = loopback;
  for (let each = 0; each < 60; each++) {
    expect(await gee.call("Foo.Who")).toBe("a");
    await clock.advance(5_000);
    await turns(3);
  }
  expect(foo.peers.size).toBe(1);
});
