import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { areItems, CheckedAnswer, CheckedItems, itemCheck } from "../../src/rpc/checked-items.ts";
import { number, object, service, string, unknown } from "../support/contracts.ts";

const none = service([]);

/** Items, and how they were left. */
function source(...values: readonly unknown[]) {
  const state = { taken: 0, left: 0 };
  async function* items(): AsyncGenerator<unknown> {
    try {
      for (const value of values) {
        state.taken++;
        yield value;
      }
    } finally {
      state.left++;
    }
  }
  return { items: items(), state };
}

function checked(items: AsyncIterable<unknown>, type = number): CheckedItems {
  const check = itemCheck(none, type);
  if (check === undefined) throw new Error("there is something to check");
  return new CheckedItems(items, check, "args[0] (numbers)");
}

const failure = (work: PromiseLike<unknown>): Promise<GeeError> =>
  Promise.resolve(work).then(
    () => {
      throw new Error("it did not fail");
    },
    (error: unknown) => GeeError.from(error),
  );

test("of what nothing is known nothing is checked", () => {
  expect(itemCheck(none, unknown)).toBeUndefined();
});

test("what can be iterated item by item are items, and nothing else is", () => {
  expect(areItems(source().items)).toBe(true);
  for (const other of [null, undefined, [1], "ab", new Map(), {}, [1].values()]) {
    expect(areItems(other)).toBe(false);
  }
});

test("items that fit come through, to their end", async () => {
  const { items, state } = source(1, 2);
  const taken: unknown[] = [];
  for await (const item of checked(items)) taken.push(item);
  expect(taken).toEqual([1, 2]);
  expect(state).toEqual({ taken: 2, left: 1 });
});

test("the first that does not fit is thrown with its number, and the source is left", async () => {
  const { items, state } = source(1, 2, "three", 4);
  const stream = checked(items);
  const taken: unknown[] = [];
  const error = await failure(
    (async () => {
      for await (const item of stream) taken.push(item);
    })(),
  );
  expect(error).toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "BAD_ARGUMENT",
    message: "args[0] (numbers), item 3: expected number, got string",
    executed: "yes",
  });
  expect(taken).toEqual([1, 2]);
  expect(state).toEqual({ taken: 3, left: 1 });
  // Whoever goes on all the same finds the end.
  expect(await stream.next()).toEqual({ done: true, value: undefined });
});

test("the path goes on inside an item", async () => {
  const stream = checked(source({ zip: 5 }).items, object({ zip: string }));
  expect((await failure(stream.next())).message).toBe(
    "args[0] (numbers), item 1.zip: expected string, got number",
  );
});

test("nothing is taken before it is asked for, and who leaves leaves the source", async () => {
  const { items, state } = source(1, 2, 3);
  const stream = checked(items);
  expect(state.taken).toBe(0);
  expect(await stream.next()).toEqual({ done: false, value: 1 });
  expect(await stream.return()).toEqual({ done: true, value: undefined });
  expect(state).toEqual({ taken: 1, left: 1 });
  const other = source(1);
  const thrown = new Error("enough");
  const broken = checked(other.items);
  await broken.next();
  expect(await broken.throw(thrown).catch((error: unknown) => error)).toBe(thrown);
  expect(other.state.left).toBe(1);
});

test("what the source throws is thrown", async () => {
  const stream = checked(
    (async function* () {
      yield 1;
      throw new GeeError("ABORTED", "no more");
    })(),
  );
  await stream.next();
  expect((await failure(stream.next())).code).toBe("ABORTED");
});

const answer = (items: ConstructorParameters<typeof CheckedAnswer>[0]): CheckedAnswer =>
  new CheckedAnswer(items, (value) =>
    typeof value === "number" ? undefined : "result: expected number",
  );

test("the items of an answer come through, whatever gives them", async () => {
  for (const items of [
    source(1, 2).items,
    [1, 2].values(),
    [Promise.resolve(1), Promise.resolve(2)],
    { [Symbol.asyncIterator]: () => source(1, 2).items },
  ]) {
    const taken: unknown[] = [];
    for await (const item of answer(items)) taken.push(item);
    expect(taken).toEqual([1, 2]);
  }
});

test("the first that does not fit ends the answer, and what gives them is left", async () => {
  const { items, state } = source(1, "two", 3);
  const stream = answer(items);
  await stream.next();
  expect(await failure(stream.next())).toMatchObject({
    code: "INTERNAL",
    reason: "BAD_RESULT",
    message: "result: expected number",
    executed: "yes",
  });
  expect(state).toEqual({ taken: 2, left: 1 });
  expect(await stream.next()).toEqual({ done: true, value: undefined });
});

test("an answer that is left leaves what gives it, and its failure is told", async () => {
  const { items, state } = source(1, 2);
  const stream = answer(items);
  await stream.next();
  await stream.return();
  expect(state).toEqual({ taken: 1, left: 1 });
  const failing = answer({
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false, value: 1 }),
      return: () => Promise.reject(new Error("cannot leave")),
    }),
  });
  await failing.next();
  expect((await failure(failing.return())).message).toBe("cannot leave");
  const throwing = answer(
    (async function* () {
      yield 1;
      throw new GeeError("ABORTED", "no more");
    })(),
  );
  await throwing.next();
  expect((await failure(throwing.next())).code).toBe("ABORTED");
  await throwing.return();
});
