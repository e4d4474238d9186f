import { expect, test } from "bun:test";
import { GeeError } from "../src/index.ts";
import { until } from "./support/clock.ts";
import { failureOf } from "./support/ends.ts";
import { collect, Loopback, Source, take } from "./support/loopback.ts";

const soldOut = (): GeeError =>
  new GeeError("FAILED_PRECONDITION", "sold out", {
    reason: "SOLD_OUT",
    details: { left: 0, of: [1n, new Date(5)] },
    retryAfterMs: 250,
  });

const asSoldOut = {
  code: "FAILED_PRECONDITION",
  message: "sold out",
  reason: "SOLD_OUT",
  details: { left: 0, of: [1n, new Date(5)] },
  retryAfterMs: 250,
};

class Foo {
  /** What handlers were thrown by their argument. */
  readonly caught: unknown[] = [];
  readonly source = new Source();

  Sum(a: number, b: number): number {
    return a + b;
  }

  async *FailAfter(count: number, how: "fault" | "bug"): AsyncGenerator<number> {
    yield* new Source().numbers(count);
    if (how === "fault") throw soldOut();
    throw new Error("the secret is in here");
  }

  *SyncFail(): Generator<number> {
    yield 1;
    throw soldOut();
  }

  *RejectedItem(): Generator<Promise<number>> {
    try {
      yield Promise.resolve(1);
      yield Promise.reject(soldOut());
    } finally {
      this.source.left++;
    }
  }

  BadIterator(): AsyncIterable<number> {
    return {
      [Symbol.asyncIterator]: () => {
        throw soldOut();
      },
    };
  }

  StuckDoor(): AsyncIterable<number> {
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: false, value: 1 }),
        return: () => Promise.reject(new Error("the door is stuck")),
      }),
    };
  }

  async *Untravelled(): AsyncGenerator<unknown> {
    try {
      yield 1;
      yield { when: () => 1 };
      yield 3;
    } finally {
      this.source.left++;
    }
  }

  async Total(items: AsyncIterable<number>): Promise<number> {
    let total = 0;
    try {
      for await (const item of items) total += item;
    } catch (error) {
      this.caught.push(error);
      throw error;
    }
    return total;
  }

  async Forgive(items: AsyncIterable<number>): Promise<number> {
    return await this.Total(items).catch(() => -1);
  }

  async *Double(items: AsyncIterable<number>): AsyncGenerator<number> {
    for await (const item of items) yield item * 2;
  }

  async Refuse(items: AsyncIterable<number>): Promise<never> {
    for await (const item of items) if (item > 0) throw soldOut();
    throw new Error("there was no item");
  }
}

async function open() {
  const loopback = new Loopback();
  const foo = new Foo();
  const { server, gee } = await loopback.pair({ Foo: foo });
  return { loopback, foo, server, gee, remote: gee.service<Foo>("Foo") };
}

/** All items before an error, and the error. */
async function untilError(items: AsyncIterable<unknown>): Promise<[unknown[], GeeError]> {
  const taken: unknown[] = [];
  const error = await failureOf(
    (async () => {
      for await (const item of items) taken.push(item);
    })(),
  );
  return [taken, error];
}

async function* failing(count: number, error: unknown, source = new Source()) {
  yield* source.numbers(count);
  throw error;
}

// ---------------------------------------------------------------- of what gives an answer

test.each([0, 3, 30_000])("a fault behind %d items comes behind them, whole", async (count) => {
  const { loopback, remote, server } = await open();
  await using _ = loopback;
  const [items, error] = await untilError(remote.FailAfter(count, "fault"));
  expect(items.length).toBe(count);
  expect(error).toMatchObject({ ...asSoldOut, executed: "yes" });
  expect(server.inFlight()).toBe(0);
});

test("what was not meant for the caller stays in the server's log", async () => {
  const { loopback, remote } = await open();
  await using _ = loopback;
  const [items, error] = await untilError(remote.FailAfter(2, "bug"));
  expect(items).toEqual([1, 2]);
  expect(error).toMatchObject({ code: "INTERNAL", reason: "HANDLER_FAILED", executed: "yes" });
  expect(error.message).not.toContain("secret");
  expect(loopback.lines.join("\n")).toContain("secret");
});

test("a generator that throws, a rejected item, and an iterable that gives no iterator", async () => {
  const { loopback, foo, remote } = await open();
  await using _ = loopback;
  expect(await untilError(remote.SyncFail())).toMatchObject([[1], asSoldOut]);
  expect(await untilError(remote.RejectedItem())).toMatchObject([[1], asSoldOut]);
  await until(() => foo.source.left === 1, "the generator's end");
  expect(await untilError(remote.BadIterator())).toMatchObject([[], asSoldOut]);
});

test("an item that cannot travel ends the stream with the path, and the generator runs its end", async () => {
  const { loopback, foo, remote } = await open();
  await using _ = loopback;
  const [items, error] = await untilError(remote.Untravelled());
  expect(items).toEqual([1]);
  // The caller has done nothing wrong.
  expect(error).toMatchObject({ code: "INTERNAL", reason: "CANNOT_TRAVEL", executed: "yes" });
  expect(error.message).toContain("when: a function cannot travel");
  await until(() => foo.source.left === 1, "the generator's end");
});

test("an iterator that throws when it is left hurts nobody", async () => {
  const { loopback, server, remote } = await open();
  await using _ = loopback;
  expect(await take(remote.StuckDoor(), 2)).toEqual([1, 1]);
  await until(() => loopback.lines.join("\n").includes("the door is stuck"), "a line in the log");
  expect(await remote.Sum(1, 2)).toBe(3);
  expect(server.inFlight()).toBe(0);
  // Nor does one of the caller's.
  const stuck: AsyncIterable<number> = {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false, value: 1 }),
      return: () => Promise.reject(new Error("the door is stuck")),
    }),
  };
  expect(await failureOf(remote.Refuse(stuck))).toMatchObject(asSoldOut);
  expect(await remote.Sum(1, 2)).toBe(3);
});

// ---------------------------------------------------------------- of what gives an argument

test("a fault of the source reaches the handler, with code, reason and details", async () => {
  const { loopback, foo, remote } = await open();
  await using _ = loopback;
  const error = await failureOf(remote.Total(failing(3, soldOut())));
  expect(foo.caught).toHaveLength(1);
  expect(foo.caught[0]).toBeInstanceOf(GeeError);
  expect(foo.caught[0]).toMatchObject(asSoldOut);
  expect(error).toMatchObject({ ...asSoldOut, executed: "yes" });
});

test("of any other error the server hears only that there was one; the caller has it as the cause", async () => {
  const { loopback, foo, remote } = await open();
  await using _ = loopback;
  const why = new TypeError("the secret is in here");
  const error = await failureOf(remote.Total(failing(3, why)));
  expect(foo.caught).toMatchObject([{ code: "INTERNAL", reason: "SOURCE_FAILED" }]);
  expect(String(foo.caught[0])).not.toContain("secret");
  expect(loopback.lines.join("\n")).not.toContain("secret");
  expect(error).toMatchObject({ code: "INTERNAL", reason: "SOURCE_FAILED", executed: "yes" });
  expect(error.cause).toBe(why);
});

test("a handler may go on without the rest of its argument", async () => {
  const { loopback, foo, remote } = await open();
  await using _ = loopback;
  expect(await remote.Forgive(failing(3, new Error("dry")))).toBe(-1);
  expect(foo.caught).toMatchObject([{ reason: "SOURCE_FAILED" }]);
});

test("in a conversation the error of the source comes back behind the items", async () => {
  const { loopback, remote } = await open();
  await using _ = loopback;
  const why = new Error("dry");
  const [items, error] = await untilError(remote.Double(failing(3, why)));
  expect(items).toEqual([2, 4, 6]);
  expect(error).toMatchObject({ reason: "SOURCE_FAILED" });
  expect(error.cause).toBe(why);
});

test("a source that gives what cannot travel fails the call, and is left", async () => {
  const { loopback, gee } = await open();
  await using _ = loopback;
  const source = new Source();
  const items = async function* (): AsyncGenerator<unknown> {
    for await (const number of source.numbers()) yield number < 3 ? number : { when: () => 1 };
  };
  const error = await failureOf(gee.call("Foo.Total", [items()]));
  expect(error).toMatchObject({ reason: "CANNOT_TRAVEL" });
  expect(error.message).toContain("when: a function cannot travel");
  await until(() => source.left === 1, "the source's end");
});

test("when the handler fails the source is left, though it would go on for ever", async () => {
  const { loopback, remote } = await open();
  await using _ = loopback;
  const source = new Source();
  expect(await failureOf(remote.Refuse(source.numbers()))).toMatchObject(asSoldOut);
  await until(() => source.left === 1, "the source's end");
});

test("neighbours on the same connection hear nothing of any of this", async () => {
  const { loopback, server, remote } = await open();
  await using _ = loopback;
  const steady = collect(remote.Double(new Source().numbers(20_000)));
  await Promise.all([
    failureOf(remote.Total(failing(1_000, new Error("dry")))),
    untilError(remote.FailAfter(1_000, "fault")),
    untilError(remote.Untravelled()),
    take(remote.StuckDoor(), 100),
  ]);
  expect((await steady).length).toBe(20_000);
  expect(server.connections()).toBe(1);
});
