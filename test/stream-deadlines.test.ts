import { expect, test } from "bun:test";
import type { ServeOptions } from "../src/index.ts";
import { callContext, GeeError } from "../src/index.ts";
import { FakeClock, turn, until } from "./support/clock.ts";
import { failureOf } from "./support/ends.ts";
import { collect, Loopback, Source } from "./support/loopback.ts";

/** Streams whose every item waits for the test. */
class Foo {
  readonly source = new Source();
  readonly aborted: unknown[] = [];
  /** What is left of the deadline, whenever an item was asked for. */
  readonly remaining: (number | undefined)[] = [];
  #gates: PromiseWithResolvers<number>[] = [];
  ended = 0;
  total = 0;

  /** Lets the next item go. */
  give(value: number): void {
    this.#gate(0).resolve(value);
    this.#gates.shift();
  }

  #gate(index: number): PromiseWithResolvers<number> {
    let gate = this.#gates[index];
    if (gate === undefined) {
      gate = Promise.withResolvers();
      this.#gates.push(gate);
    }
    return gate;
  }

  async *Slow(): AsyncGenerator<number> {
    const context = callContext();
    const { signal } = context;
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        this.aborted.push(signal.reason);
        reject(signal.reason);
      });
    });
    aborted.catch(() => {});
    try {
      for (;;) {
        this.remaining.push(context.remainingMs);
        yield await Promise.race([this.#gate(0).promise, aborted]);
      }
    } finally {
      this.ended++;
    }
  }

  /** The same, of which no caller knows beforehand that it is a stream. */
  Unknown(): AsyncIterable<number> {
    const items = this.Slow();
    return { [Symbol.asyncIterator]: () => items };
  }

  async *Endless(): AsyncGenerator<number> {
    const { signal } = callContext();
    signal.addEventListener("abort", () => this.aborted.push(signal.reason));
    yield* this.source.numbers();
  }

  async Total(items: AsyncIterable<number>): Promise<number> {
    const { signal } = callContext();
    signal.addEventListener("abort", () => this.aborted.push(signal.reason));
    try {
      for await (const item of items) this.total += item;
    } finally {
      this.ended++;
    }
    return this.total;
  }

  /** Takes one item and works on for as long as the test likes. */
  async One(items: AsyncIterable<number>): Promise<number> {
    for await (const item of items) {
      const more = await this.#gate(0).promise;
      return item + more;
    }
    return 0;
  }
}

async function open(serving: Omit<Partial<ServeOptions>, "services"> = {}) {
  const clock = new FakeClock();
  const loopback = new Loopback(clock);
  const foo = new Foo();
  const { server, gee } = await loopback.pair({ Foo: foo }, serving);
  return { clock, loopback, foo, server, gee };
}

async function turns(count = 20): Promise<void> {
  for (let each = 0; each < count; each++) await turn();
}

/** An iterator, with the first item taken. */
async function begin(foo: Foo, items: AsyncIterable<unknown>): Promise<AsyncIterator<unknown>> {
  const iterator = items[Symbol.asyncIterator]();
  const first = iterator.next();
  await until(() => foo.remaining.length === 1, "the handler's start");
  foo.give(1);
  expect(await first).toEqual({ done: false, value: 1 });
  return iterator;
}

const idle = { code: "DEADLINE_EXCEEDED", reason: "IDLE", executed: "maybe" };

test.each(["Foo.Slow", "Foo.Unknown"])(
  "%s has no deadline by itself: items may come after any time",
  async (method) => {
    const { clock, loopback, foo, gee } = await open();
    await using _ = loopback;
    const iterator = await begin(foo, gee.call(method));
    for (let each = 2; each <= 5; each++) {
      const next = iterator.next();
      await clock.advance(50_000);
      await turns();
      foo.give(each);
      expect(await next).toEqual({ done: false, value: each });
    }
    expect(foo.aborted).toEqual([]);
    expect(foo.remaining.slice(1)).toEqual(foo.remaining.slice(1).map(() => undefined));
  },
);

test("of a method that is not known to be a stream, the first item has the default deadline", async () => {
  const { clock, loopback, foo, gee } = await open();
  await using _ = loopback;
  const failure = failureOf(collect(gee.call("Foo.Unknown")));
  await until(() => foo.remaining.length === 1, "the handler's start");
  await clock.advance(9_999);
  await turns();
  expect(foo.aborted).toEqual([]);
  await clock.advance(1);
  const error = await failure;
  expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "maybe" });
  expect(error.reason).toBeUndefined();
  await until(() => foo.aborted.length === 1 && foo.ended === 1, "the handler's end");
});

test.each(["Foo.Slow", "Foo.Unknown"])(
  "%s has a deadline for the whole of it when the caller says one",
  async (method) => {
    const { clock, loopback, foo, server, gee } = await open();
    await using _ = loopback;
    const iterator = await begin(foo, gee.call(method, [], { timeoutMs: 5_000 }));
    await clock.advance(3_000);
    await turns();
    const second = iterator.next();
    foo.give(2);
    await second;
    expect(foo.remaining[0]).toBe(5_000);
    expect(foo.remaining[2]).toBe(2_000);
    const failure = failureOf(
      (async () => {
        await iterator.next();
      })(),
    );
    await clock.advance(1_999);
    await turns();
    expect(foo.aborted).toEqual([]);
    await clock.advance(1);
    expect(await failure).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "maybe" });
    await until(() => foo.ended === 1, "the generator's end");
    expect(foo.aborted).toMatchObject([{ code: "DEADLINE_EXCEEDED" }]);
    expect(server.inFlight()).toBe(0);
  },
);

test("a time-out that the service sets for a method holds for its streams too", async () => {
  const { clock, loopback, foo, gee } = await open({
    methods: { Foo: { Slow: { timeoutMs: 2_000 } } },
  });
  await using _ = loopback;
  const iterator = await begin(foo, gee.call("Foo.Slow"));
  const failure = failureOf(
    (async () => {
      await iterator.next();
    })(),
  );
  await clock.advance(2_000);
  expect(await failure).toMatchObject({ code: "DEADLINE_EXCEEDED" });
  await until(() => foo.ended === 1, "the generator's end");
});

test("a producer that stands still ends the stream, at both ends, after a minute", async () => {
  const { clock, loopback, foo, server, gee } = await open();
  await using _ = loopback;
  const iterator = await begin(foo, gee.call("Foo.Slow"));
  const failure = failureOf(
    (async () => {
      await iterator.next();
    })(),
  );
  await clock.advance(59_999);
  await turns();
  expect(foo.aborted).toEqual([]);
  await clock.advance(20_000);
  expect(await failure).toMatchObject(idle);
  await until(() => foo.ended === 1, "the generator's end");
  expect(server.inFlight()).toBe(0);
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
});

test("the caller may set the idle time, and the server keeps to it", async () => {
  const { clock, loopback, foo, gee } = await open();
  await using _ = loopback;
  const iterator = await begin(foo, gee.call("Foo.Slow", [], { idleTimeoutMs: 1_000 }));
  const failure = failureOf(
    (async () => {
      await iterator.next();
    })(),
  );
  await clock.advance(1_500);
  const error = await failure;
  expect(error).toMatchObject(idle);
  expect(error.message).toContain("1000 ms");
  await until(() => foo.ended === 1, "the generator's end");
});

test("a consumer that takes nothing ends the stream, and the producer hears of it", async () => {
  const { clock, loopback, foo, server, gee } = await open();
  await using _ = loopback;
  const iterator = gee.call("Foo.Endless", [], { idleTimeoutMs: 1_000 })[Symbol.asyncIterator]();
  await iterator.next();
  let before = -1;
  while (foo.source.given !== before) {
    before = foo.source.given;
    await turns();
  }
  await clock.advance(1_500);
  await until(() => foo.source.left === 1, "the generator's end");
  expect(server.inFlight()).toBe(0);
  // Whichever of the two ends saw it first, both say the same.
  const error = await failureOf(collect({ [Symbol.asyncIterator]: () => iterator }));
  expect(error).toMatchObject(idle);
});

test("a consumer that takes small items slowly but steadily is no idle one", async () => {
  const { clock, loopback, foo, gee } = await open();
  await using _ = loopback;
  const iterator = gee.call("Foo.Endless", [], { idleTimeoutMs: 1_000 })[Symbol.asyncIterator]();
  for (let each = 1; each <= 20; each++) {
    expect(await iterator.next()).toEqual({ done: false, value: each });
    await clock.advance(900);
    await turns();
  }
  expect(foo.aborted).toEqual([]);
  await iterator.return?.();
  await until(() => foo.source.left === 1, "the generator's end");
});

test("a source that stands still ends the call, at both ends", async () => {
  const { clock, loopback, foo, server, gee } = await open();
  await using _ = loopback;
  let left = 0;
  const source = async function* (): AsyncGenerator<number> {
    try {
      yield 5;
      await new Promise(() => {});
    } finally {
      left++;
    }
  };
  const failure = failureOf(gee.call("Foo.Total", [source()], { idleTimeoutMs: 1_000 }));
  await until(() => foo.total === 5, "the first item");
  await clock.advance(1_500);
  expect(await failure).toMatchObject(idle);
  await until(() => foo.ended === 1, "the handler's end");
  expect(server.inFlight()).toBe(0);
  // A generator that awaits something cannot be ended from outside.
  expect(left).toBe(0);
});

test("a call with a stream has no deadline but the one that it is given", async () => {
  const { clock, loopback, foo, gee } = await open();
  await using _ = loopback;
  const source = new Source();
  const slow = gee.call("Foo.One", [source.numbers()]);
  await until(() => source.left === 0 && source.given > 0, "items");
  for (let each = 0; each < 3; each++) {
    await clock.advance(15_000);
    await turns();
  }
  foo.give(41);
  expect(await slow).toBe(42);

  const limited = failureOf(gee.call("Foo.One", [new Source().numbers()], { timeoutMs: 3_000 }));
  await turns();
  await clock.advance(3_000);
  expect(await limited).toMatchObject({ code: "DEADLINE_EXCEEDED" });
});

test("a signal ends a stream at once, and reaches the handler", async () => {
  const { loopback, foo, server, gee } = await open();
  await using _ = loopback;
  const stop = new AbortController();
  const iterator = await begin(foo, gee.call("Foo.Slow", [], { signal: stop.signal }));
  const failure = failureOf(
    (async () => {
      await iterator.next();
    })(),
  );
  const why = new GeeError("ABORTED", "the user has gone");
  stop.abort(why);
  const error = await failure;
  expect(error).toMatchObject({ code: "CANCELLED", executed: "maybe" });
  expect(error.cause).toBe(why);
  await until(() => foo.ended === 1, "the generator's end");
  expect(foo.aborted).toMatchObject([{ code: "CANCELLED" }]);
  expect(server.inFlight()).toBe(0);
});
