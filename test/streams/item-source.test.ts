import { expect, test } from "bun:test";
import { ItemSource } from "../../src/streams/item-source.ts";
import type { Items } from "../../src/streams/item-source.ts";
import { turn } from "../support/clock.ts";

const done = { done: true, value: undefined } as const;

/** A source, and what its `return` threw. */
function sourceOf(items: Items): { source: ItemSource; failures: unknown[] } {
  const failures: unknown[] = [];
  return { source: new ItemSource(items, (error) => void failures.push(error)), failures };
}

async function take(source: ItemSource, count: number): Promise<unknown[]> {
  const taken: unknown[] = [];
  for (let each = 0; each < count; each++) {
    const { done: over, value } = await source.next();
    taken.push(over === true ? "done" : value);
  }
  return taken;
}

async function* counting(from: number): AsyncGenerator<number> {
  for (let each = from; ; each++) yield each;
}

function* three(): Generator<number> {
  yield* [1, 2, 3];
}

async function* asyncThree(): AsyncGenerator<number> {
  yield* [1, 2, 3];
}

/** Without `return`, and without being iterable. */
function bare(): AsyncIterator<number> {
  const values = three();
  return { next: () => Promise.resolve(values.next()) };
}

const kinds: readonly (readonly [what: string, make: () => Items])[] = [
  ["an async generator", asyncThree],
  ["a generator", three],
  ["an async iterable", () => ({ [Symbol.asyncIterator]: asyncThree })],
  ["an iterable", () => [1, 2, 3]],
  ["an async iterator", bare],
  [
    "an iterator",
    () => ({
      next: (
        (values) => () =>
          values.next()
      )(three()),
    }),
  ],
  [
    "a stream of the platform",
    () =>
      new Blob(["x"]).stream().pipeThrough(
        new TransformStream({
          transform: (_, to) => [1, 2, 3].forEach((each) => to.enqueue(each)),
        }),
      ),
  ],
  ["a generator of promises", () => [1, 2, 3].map((each) => Promise.resolve(each)).values()],
];

for (const [what, make] of kinds) {
  for (const committed of [false, true]) {
    test(`${what} gives its items${committed ? "" : ", and again after a rewind"}`, async () => {
      const { source } = sourceOf(make());
      if (committed) source.commit();
      expect(await take(source, 4)).toEqual([1, 2, 3, "done"]);
      expect(source.rewind()).toBe(!committed);
      if (!committed) expect(await take(source, 4)).toEqual([1, 2, 3, "done"]);
    });
  }
}

test("a generator is asked without a promise in between", () => {
  const { source } = sourceOf(three());
  source.commit();
  expect(source.next()).toEqual({ done: false, value: 1 });
});

test("nothing runs before the first pull", async () => {
  let opened = 0;
  const { source } = sourceOf({
    [Symbol.asyncIterator]() {
      opened++;
      return counting(1);
    },
  });
  await turn();
  expect(opened).toBe(0);
  await take(source, 3);
  source.rewind();
  await take(source, 3);
  expect(opened).toBe(1);
});

test("each attempt starts with the first item and goes on where none has been", async () => {
  const { source } = sourceOf(counting(1));
  expect(await take(source, 3)).toEqual([1, 2, 3]);
  source.rewind();
  expect(await take(source, 2)).toEqual([1, 2]);
  source.rewind();
  expect(await take(source, 5)).toEqual([1, 2, 3, 4, 5]);
});

test("a commit in the middle of what is sent again loses nothing of it", async () => {
  const { source } = sourceOf(counting(1));
  await take(source, 4);
  source.rewind();
  expect(await take(source, 2)).toEqual([1, 2]);
  source.commit();
  expect(source.rewind()).toBe(false);
  expect(await take(source, 4)).toEqual([3, 4, 5, 6]);
});

test("an item that is awaited when an attempt fails is the next attempt's", async () => {
  const answers = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
  let pulls = 0;
  const { source } = sourceOf({
    next: async () => ({ done: false, value: await answers[pulls++]!.promise }),
  });
  const first = source.next();
  source.rewind();
  const again = source.next();
  expect(pulls).toBe(1);
  answers[0]!.resolve(7);
  expect([await first, await again]).toEqual([
    { done: false, value: 7 },
    { done: false, value: 7 },
  ]);
});

for (const [what, make] of [
  [
    "an async generator",
    async function* (): AsyncGenerator<number> {
      yield 1;
      throw new Error("mine");
    },
  ],
  [
    "a generator",
    function* (): Generator<number> {
      yield 1;
      throw new Error("mine");
    },
  ],
] as const) {
  test(`what ${what} throws is thrown in each attempt`, async () => {
    const { source } = sourceOf(make());
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await take(source, 1)).toEqual([1]);
      await expect(take(source, 1)).rejects.toThrow("mine");
      source.rewind();
    }
  });
}

test("what cannot be opened fails when it is pulled", async () => {
  const { source, failures } = sourceOf({
    [Symbol.asyncIterator]() {
      throw new Error("shut");
    },
  });
  source.commit();
  expect(() => source.next()).toThrow("shut");
  source.ranOut();
  await source.close();
  expect(failures).toEqual([]);
});

for (const [what, pulledAgain] of [
  ["at once", undefined],
  ["when it has been sent again", 20],
] as const) {
  test(`after the commit what was pulled is let go, ${what}`, async () => {
    const collected: undefined[] = [];
    const registry = new FinalizationRegistry<undefined>((each) => collected.push(each));
    async function* objects(): AsyncGenerator<object> {
      for (;;) {
        const value = {};
        registry.register(value, undefined);
        yield value;
      }
    }
    const { source } = sourceOf(objects());
    for (let each = 0; each < 50; each++) await source.next();
    if (pulledAgain !== undefined) {
      source.rewind();
      for (let each = 0; each < pulledAgain; each++) await source.next();
      source.commit();
      for (let each = pulledAgain; each < 49; each++) await source.next();
    }
    for (let tries = 0; tries < 5; tries++) {
      Bun.gc(true);
      await turn();
    }
    expect(collected.length).toBe(0);
    if (pulledAgain === undefined) source.commit();
    else await source.next();
    for (let tries = 0; tries < 100 && collected.length < 45; tries++) {
      Bun.gc(true);
      await turn();
    }
    // The collector looks at the stack as well, and may take some for used.
    expect(collected.length).toBeGreaterThanOrEqual(45);
  });
}

// ------------------------------------------------------------------------------------- closing

/** An iterator that counts its returns. */
function returning(then: () => unknown = () => undefined): {
  items: AsyncIterator<number>;
  returned: () => number;
} {
  let count = 0;
  return {
    items: {
      next: () => Promise.resolve({ done: false, value: 1 }),
      async return() {
        count++;
        await then();
        return { done: true, value: undefined };
      },
    },
    returned: () => count,
  };
}

test("closing returns the iterator once, however often it is asked", async () => {
  const { items, returned } = returning();
  const { source } = sourceOf(items);
  await source.next();
  await Promise.all([source.close(), source.close()]);
  await source.close();
  expect(returned()).toBe(1);
  expect(await source.next()).toEqual(done);
});

test("closing resolves when the iterator has returned, not before", async () => {
  const gate = Promise.withResolvers<void>();
  const { source } = sourceOf(returning(() => gate.promise).items);
  let closed = false;
  const closing = source.close().then(() => (closed = true));
  await turn();
  expect(closed).toBe(false);
  gate.resolve();
  expect(await closing).toBe(true);
});

for (const [what, then] of [
  ["rejects", (): Promise<never> => Promise.reject(new Error("at the end"))],
  [
    "throws",
    (): never => {
      throw new Error("at the end");
    },
  ],
] as const) {
  test(`a return that ${what} is told to whoever wants to know, and closing goes well`, async () => {
    const { source, failures } = sourceOf({
      next: () => Promise.resolve({ done: false, value: 1 }),
      return: then,
    });
    await source.close();
    await source.close();
    expect(failures).toEqual([new Error("at the end")]);
  });
}

test("closing one that was pulled runs its finally", async () => {
  const order: string[] = [];
  async function* items(): AsyncGenerator<number> {
    try {
      yield 1;
    } finally {
      await turn();
      order.push("finally");
    }
  }
  const { source } = sourceOf(items());
  await source.next();
  await source.close();
  order.push("closed");
  expect(order).toEqual(["finally", "closed"]);
});

test("closing one that was never pulled gives back what it holds", async () => {
  let cancelled = 0;
  const { source } = sourceOf(new ReadableStream({ cancel: () => void cancelled++ }));
  await source.close();
  expect(cancelled).toBe(1);
});

test("one that ran out is not returned", async () => {
  const { items, returned } = returning();
  const { source } = sourceOf(items);
  await source.next();
  source.ranOut();
  await source.close();
  expect(returned()).toBe(0);
});

test("closing waits for an item that is awaited: async generators return in their turn", async () => {
  const gate = Promise.withResolvers<void>();
  const order: string[] = [];
  async function* items(): AsyncGenerator<number> {
    try {
      await gate.promise;
      order.push("woke");
      yield 1;
    } finally {
      order.push("finally");
    }
  }
  const { source } = sourceOf(items());
  void source.next();
  const closing = source.close().then(() => order.push("closed"));
  await turn();
  expect(order).toEqual([]);
  gate.resolve();
  await closing;
  expect(order).toEqual(["woke", "finally", "closed"]);
});

test("without a return, closing waits for the item that was asked for last, even if that fails", async () => {
  for (const fails of [false, true]) {
    const gate = Promise.withResolvers<IteratorResult<number>>();
    const { source, failures } = sourceOf({ next: () => gate.promise });
    const pulled = Promise.allSettled([source.next()]);
    let closed = false;
    const closing = source.close().then(() => (closed = true));
    await turn();
    expect(closed).toBe(false);
    if (fails) gate.reject(new Error("late"));
    else gate.resolve({ done: false, value: 1 });
    expect(await closing).toBe(true);
    expect((await pulled)[0]?.status).toBe(fails ? "rejected" : "fulfilled");
    expect(failures).toEqual([]);
  }
});

test("a generator may close itself while it runs", async () => {
  let cleaned = 0;
  function* items(): Generator<number> {
    try {
      void source.close();
      yield 1;
      yield 2;
    } finally {
      cleaned++;
    }
  }
  const { source, failures } = sourceOf(items());
  source.commit();
  expect(source.next()).toEqual({ done: false, value: 1 });
  await source.close();
  expect([cleaned, failures]).toEqual([1, []]);
  expect(source.next()).toEqual(done);
});

test("a generator whose promise rejects is returned, as a for await does it", async () => {
  let cleaned = 0;
  function* items(): Generator<Promise<number>> {
    try {
      yield Promise.reject(new Error("inside"));
    } finally {
      cleaned++;
    }
  }
  const { source } = sourceOf(items());
  await expect(take(source, 1)).rejects.toThrow("inside");
  expect(cleaned).toBe(1);
  await source.close();
  expect(cleaned).toBe(1);
});

test("an iterator without a return whose promise rejects keeps nobody waiting", async () => {
  const values = [Promise.reject(new Error("inside"))].values();
  const { source } = sourceOf({ [Symbol.iterator]: () => ({ next: () => values.next() }) });
  await expect(take(source, 1)).rejects.toThrow("inside");
  await source.close();
});
