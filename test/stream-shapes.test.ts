import { expect, test } from "bun:test";
import type { ItemStream, Remote } from "../src/index.ts";
import { callContext } from "../src/index.ts";
import { FakeClock, turn, until } from "./support/clock.ts";
import { failureOf } from "./support/ends.ts";
import { folder } from "./support/folder.ts";
import { collect, Loopback, Source, take } from "./support/loopback.ts";

/** A method of every shape. */
class Foo {
  readonly source = new Source();
  /** Items that handlers have taken. */
  taken = 0;

  Sum(a: number, b: number): number {
    return a + b;
  }

  async *Async(to: number): AsyncGenerator<number> {
    yield* this.source.numbers(to);
  }

  *Sync(to: number): Generator<number> {
    for (let number = 1; number <= to; number++) yield number;
  }

  *SyncOfPromises(to: number): Generator<Promise<number>> {
    for (let number = 1; number <= to; number++) yield Promise.resolve(number);
  }

  Iterable(to: number): AsyncIterable<number> {
    return { [Symbol.asyncIterator]: () => this.source.numbers(to) };
  }

  Iterator(to: number): AsyncIterator<number> {
    const numbers = this.source.numbers(to);
    return { next: () => numbers.next(), return: (value) => numbers.return(value) };
  }

  Platform(to: number): ReadableStream<number> {
    return new ReadableStream({
      start(controller) {
        for (let number = 1; number <= to; number++) controller.enqueue(number);
        controller.close();
      },
    });
  }

  async Promised(to: number): Promise<AsyncIterable<number>> {
    await turn();
    return this.source.numbers(to);
  }

  async PromisedGenerator(to: number): Promise<Generator<number>> {
    await turn();
    return this.Sync(to);
  }

  async Total(items: AsyncIterable<number>): Promise<number> {
    let total = 0;
    for await (const item of items) {
      this.taken++;
      total += item;
    }
    return total;
  }

  async Named(name: string, items: AsyncIterable<number>, last: string): Promise<string> {
    return `${name} ${await this.Total(items)} ${last}`;
  }

  async *Double(items: AsyncIterable<number>): AsyncGenerator<number> {
    for await (const item of items) yield item * 2;
  }

  async *Echo(items: AsyncIterable<unknown>, name: string): AsyncGenerator<unknown> {
    yield name;
    yield* items;
  }

  /** Takes nothing of what it is given. */
  Ignore(_items: AsyncIterable<number>): string {
    return "ignored";
  }

  async First(items: AsyncIterable<number>): Promise<number | undefined> {
    for await (const item of items) return item;
    return undefined;
  }

  Never(): AsyncIterable<number> {
    callContext().signal.addEventListener("abort", () => this.source.left++);
    return { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
  }
}

const shapes: readonly (readonly [
  string,
  (foo: Remote<Foo>, to: number) => ItemStream<unknown>,
])[] = [
  ["an asynchronous generator", (foo, to) => foo.Async(to)],
  ["a generator", (foo, to) => foo.Sync(to)],
  ["a generator of promises", (foo, to) => foo.SyncOfPromises(to)],
  ["a method that returns an AsyncIterable", (foo, to) => foo.Iterable(to)],
  ["a method that returns an AsyncIterator", (foo, to) => foo.Iterator(to)],
  ["a method that returns a ReadableStream", (foo, to) => foo.Platform(to)],
  ["a method that promises an AsyncIterable", (foo, to) => foo.Promised(to)],
  ["a method that promises a generator", (foo, to) => foo.PromisedGenerator(to)],
];

const counted = (to: number): number[] => Array.from({ length: to }, (_, index) => index + 1);

test.each(shapes)("%s answers with items", async (_what, call) => {
  await using loopback = new Loopback();
  const { server, gee } = await loopback.pair({ Foo: new Foo() });
  const foo = gee.service<Foo>("Foo");
  expect(await collect(call(foo, 3))).toEqual([1, 2, 3]);
  expect(await collect(call(foo, 0))).toEqual([]);
  // Several windows of them.
  expect(await collect(call(foo, 50_000))).toEqual(counted(50_000));
  await until(() => server.inFlight() === 0, "the end of all calls");
});

test.each(shapes)("awaiting %s names the right form", async (_what, call) => {
  await using loopback = new Loopback();
  const { gee } = await loopback.pair({ Foo: new Foo() });
  const items: unknown = call(gee.service<Foo>("Foo"), 3);
  if (!(items instanceof Promise)) throw new Error("a call is a promise as well");
  expect(await failureOf(items)).toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "IS_A_STREAM",
    hint: "iterate it: for await (const item of ...)",
  });
});

test.each(shapes)("%s may be iterated late", async (_what, call) => {
  await using loopback = new Loopback();
  const foo = new Foo();
  const { server, gee } = await loopback.pair({ Foo: foo });
  const items = call(gee.service<Foo>("Foo"), 3);
  await until(() => server.connections() === 1, "a connection");
  await until(() => server.inFlight() === 0, "the whole answer");
  for (let each = 0; each < 20; each++) await turn();
  expect(await collect(items)).toEqual([1, 2, 3]);
});

test("iterating a single result names the right form, early and late", async () => {
  await using loopback = new Loopback();
  const { gee } = await loopback.pair({ Foo: new Foo() });
  const noStream = {
    code: "FAILED_PRECONDITION",
    reason: "IS_NO_STREAM",
    hint: "await it",
  };
  expect(await failureOf(collect(gee.call("Foo.Sum", [1, 2])))).toMatchObject(noStream);
  const late = gee.call("Foo.Sum", [1, 2]);
  expect(await late).toBe(3);
  expect(await failureOf(collect(late))).toMatchObject(noStream);
});

test("items go to a handler, wherever its argument stands, and the result comes back", async () => {
  await using loopback = new Loopback();
  const { gee } = await loopback.pair({ Foo: new Foo() });
  const foo = gee.service<Foo>("Foo");
  const source = new Source();
  expect(await foo.Total(source.numbers(4))).toBe(10);
  expect(await foo.Total(source.numbers(0))).toBe(0);
  expect(await foo.Total(source.numbers(50_000))).toBe(1_250_025_000);
  expect(await foo.Named("a", source.numbers(3), "z")).toBe("a 6 z");
  expect(source.left).toBe(4);
  const platform = new ReadableStream<number>({
    start(controller) {
      controller.enqueue(7);
      controller.close();
    },
  });
  expect(await foo.Total(platform)).toBe(7);
});

test("items go both ways at once, each as soon as it is there", async () => {
  await using loopback = new Loopback();
  const { gee } = await loopback.pair({ Foo: new Foo() });
  const foo = gee.service<Foo>("Foo");
  expect(await collect(foo.Double(new Source().numbers(30_000)))).toEqual(
    counted(30_000).map((number) => number * 2),
  );
  // A conversation: each question waits for the answer to the one before.
  const heard: number[] = [];
  let next = Promise.withResolvers<void>();
  const questions = async function* (): AsyncGenerator<number> {
    for (let number = 1; number <= 5; number++) {
      yield number;
      await next.promise;
      next = Promise.withResolvers();
    }
  };
  for await (const answer of foo.Double(questions())) {
    heard.push(answer);
    next.resolve();
  }
  expect(heard).toEqual([2, 4, 6, 8, 10]);
});

test("items are values of every kind, and null and undefined among them", async () => {
  await using loopback = new Loopback();
  const { gee } = await loopback.pair({ Foo: new Foo() });
  const values = [
    null,
    undefined,
    "text",
    1.5,
    12n,
    new Date(5),
    new Uint8Array([1]),
    [{ a: [] }],
    { done: true },
  ];
  const given = async function* (): AsyncGenerator<unknown> {
    yield* values;
  };
  const echoed = await collect(gee.call("Foo.Echo", [given(), "name"]));
  expect(echoed).toEqual(["name", ...values]);
});

test("a handler need not take what it is given, nor all of it: the source is left", async () => {
  await using loopback = new Loopback();
  const { server, gee } = await loopback.pair({ Foo: new Foo() });
  const foo = gee.service<Foo>("Foo");
  const ignored = new Source();
  expect(await foo.Ignore(ignored.numbers())).toBe("ignored");
  await until(() => ignored.left === 1, "the source's end");
  const first = new Source();
  expect(await foo.First(first.numbers())).toBe(1);
  await until(() => first.left === 1, "the source's end");
  await until(() => server.inFlight() === 0, "the end of all calls");
});

test("two streams that were opened at once are read one after the other", async () => {
  await using loopback = new Loopback();
  const { gee } = await loopback.pair({ Foo: new Foo() });
  const foo = gee.service<Foo>("Foo");
  const [first, second] = [foo.Async(30_000), foo.Iterable(30_000)];
  expect((await collect(first)).length).toBe(30_000);
  expect(await collect(second)).toEqual(counted(30_000));
});

test("whoever leaves a stream has its generator run its end", async () => {
  await using loopback = new Loopback();
  const foo = new Foo();
  const { server, gee } = await loopback.pair({ Foo: foo });
  const remote = gee.service<Foo>("Foo");
  expect(await take(remote.Async(1e9), 6)).toEqual([1, 2, 3, 4, 5, 6]);
  await until(() => foo.source.left === 1, "the generator's end");
  // In a conversation that is left, both ends.
  const source = new Source();
  expect(await take(remote.Double(source.numbers()), 2)).toEqual([2, 4]);
  await until(() => source.left === 1, "the source's end");
  await until(() => server.inFlight() === 0, "the end of all calls");
  expect(await remote.Sum(1, 2)).toBe(3);
});

test("a handler that never gives its next item is told to stop, and nobody waits for it", async () => {
  await using loopback = new Loopback(new FakeClock());
  const foo = new Foo();
  const { server, gee } = await loopback.pair({ Foo: foo });
  const iterator = gee.call("Foo.Never")[Symbol.asyncIterator]();
  const next = iterator.next();
  await until(() => server.inFlight() === 1, "a handler");
  await iterator.return?.();
  expect(await next).toEqual({ done: true, value: undefined });
  await until(() => foo.source.left === 1, "its signal");
  expect(server.inFlight()).toBe(0);
  expect(await gee.call("Foo.Sum", [1, 2])).toBe(3);
});

test("streams go over a unix socket as well", async () => {
  await using place = await folder();
  await using loopback = new Loopback();
  const { gee } = await loopback.pair(
    { Foo: new Foo() },
    { listen: `unix@${place.path}/gee.sock` },
  );
  const foo = gee.service<Foo>("Foo");
  expect((await collect(foo.Async(30_000))).length).toBe(30_000);
  expect(await foo.Total(new Source().numbers(30_000))).toBe(450_015_000);
});
