import { expect, test } from "bun:test";
import { IncomingItems } from "../../src/streams/incoming-items.ts";
import { windowLimits } from "../../src/streams/window.ts";
import { turn } from "../support/clock.ts";

const start = windowLimits.initialWindowBytes;
const done = { done: true, value: undefined } as const;

/** A stream, and what it asked of its connection. */
class Stream {
  readonly grants: number[] = [];
  left = 0;
  /** What the connection was told of. */
  queuedBytes = 0;
  ms = 0;
  readonly items: IncomingItems = new IncomingItems({
    now: () => this.ms,
    mayGrow: () => true,
    queued: (change) => void (this.queuedBytes += change),
    grant: (bytes) => void this.grants.push(bytes),
    left: () => void this.left++,
  });

  push(...values: readonly unknown[]): this {
    for (const value of values) expect(this.items.push(value, 10)).toBe(true);
    return this;
  }
}

function item(value: unknown): IteratorYieldResult<unknown> {
  return { done: false, value };
}

/** Takes all, and the error if there is one. */
async function drain(items: IncomingItems): Promise<{ taken: unknown[]; error?: unknown }> {
  const taken: unknown[] = [];
  try {
    for await (const value of items) taken.push(value);
  } catch (error) {
    return { taken, error };
  }
  return { taken };
}

test("items that came first are taken in their order, then the end", async () => {
  const { items } = new Stream().push(1, "two", undefined, null);
  items.end();
  expect(await drain(items)).toEqual({ taken: [1, "two", undefined, null] });
  expect(await items.next()).toEqual(done);
  expect(await items.next()).toEqual(done);
});

test("a consumer that came first gets each item as it comes", async () => {
  const stream = new Stream();
  const taken = drain(stream.items);
  await turn();
  stream.push(1);
  await turn();
  stream.push(2, 3);
  stream.items.end();
  expect(await taken).toEqual({ taken: [1, 2, 3] });
});

test("several that are asked for at once are answered in order", async () => {
  const stream = new Stream().push(1);
  const answers = Array.from({ length: 5 }, () => stream.items.next());
  stream.push(2, 3);
  stream.items.end();
  expect(await Promise.all(answers)).toEqual([item(1), item(2), item(3), done, done]);
});

test("values are not looked into: a thenable is an item as any other", async () => {
  const thenable = { then: () => expect.unreachable() };
  const stream = new Stream();
  const first = stream.items.next();
  stream.push(thenable, thenable);
  expect((await first).value).toBe(thenable);
  expect((await stream.items.next()).value).toBe(thenable);
});

for (const [dropQueued, taken] of [
  [false, [1, 2]],
  [true, []],
] as const) {
  test(`an error comes once, ${dropQueued ? "in place of" : "behind"} what is queued`, async () => {
    const { items } = new Stream().push(1, 2);
    const error = new Error("broken");
    items.fail(error, dropQueued);
    expect(await drain(items)).toEqual({ taken: [...taken], error });
    expect(await items.next()).toEqual(done);
    expect(items.queuedBytes).toBe(0);
  });
}

test("an error goes to the first that waits, and the others are done", async () => {
  const { items } = new Stream();
  const answers = Array.from({ length: 3 }, () => items.next());
  items.fail("text can be thrown too", false);
  expect(await Promise.allSettled(answers)).toEqual([
    { status: "rejected", reason: "text can be thrown too" },
    { status: "fulfilled", value: done },
    { status: "fulfilled", value: done },
  ]);
  expect(await items.next()).toEqual(done);
});

test("undefined can be an error", async () => {
  const { items } = new Stream();
  items.fail(undefined, false);
  expect(await Promise.allSettled([items.next()])).toEqual([
    { status: "rejected", reason: undefined },
  ]);
  expect(await items.next()).toEqual(done);
});

test("what comes behind the end changes nothing", async () => {
  const stream = new Stream().push(1);
  stream.items.end();
  stream.items.fail(new Error("too late"), true);
  stream.items.end();
  expect(stream.items.push(2, 10)).toBe(true);
  expect(await drain(stream.items)).toEqual({ taken: [1] });
});

test("what comes behind an error changes nothing", async () => {
  const { items } = new Stream().push(1);
  items.fail("first", false);
  items.fail("second", true);
  items.end();
  expect(items.push(2, 10)).toBe(true);
  expect(await drain(items)).toEqual({ taken: [1], error: "first" });
});

test("`ended` tells of the end and of an error, not of a consumer that left", async () => {
  for (const finish of [
    (items: IncomingItems): void => items.end(),
    (items: IncomingItems): void => items.fail("why", true),
  ]) {
    const { items } = new Stream();
    expect(items.ended).toBe(false);
    await items.return();
    expect(items.ended).toBe(false);
    finish(items);
    expect(items.ended).toBe(true);
  }
});

test("leaving a loop drops what is queued and tells the connection, once", async () => {
  const stream = new Stream().push(1, 2, 3);
  for await (const value of stream.items) if (value === 1) break;
  expect(stream.left).toBe(1);
  expect(stream.items.queuedBytes).toBe(0);
  expect(await stream.items.next()).toEqual(done);
  expect(await stream.items.return()).toEqual(done);
  expect(stream.left).toBe(1);
});

test("what comes after the consumer has left is dropped, credit or not, and nothing is granted", async () => {
  const stream = new Stream();
  await stream.items.return();
  for (let each = 0; each < 5; each++) expect(stream.items.push(each, start)).toBe(true);
  expect(stream.items.queuedBytes).toBe(0);
  stream.items.fail(new Error("nobody hears it"), false);
  expect(await stream.items.next()).toEqual(done);
  expect(stream.grants).toEqual([]);
});

test("leaving after the end, with items still queued, tells nobody", async () => {
  const stream = new Stream().push(1, 2, 3);
  stream.items.end();
  for await (const value of stream.items) if (value === 1) break;
  expect(stream.left).toBe(0);
  expect(stream.items.queuedBytes).toBe(0);
  expect(await stream.items.next()).toEqual(done);
});

test("leaving before a queued error forgets it", async () => {
  const stream = new Stream().push(1);
  stream.items.fail(new Error("unseen"), false);
  await stream.items.return();
  expect(await stream.items.next()).toEqual(done);
  expect(stream.left).toBe(0);
});

test("leaving answers those that wait: they are done", async () => {
  const stream = new Stream();
  const waiting = [stream.items.next(), stream.items.next()];
  await stream.items.return();
  expect(await Promise.all(waiting)).toEqual([done, done]);
  expect(stream.left).toBe(1);
});

test("throwing into the stream leaves it and rejects with the error", async () => {
  const stream = new Stream().push(1);
  const error = new Error("mine");
  expect(await Promise.allSettled([stream.items.throw(error)])).toEqual([
    { status: "rejected", reason: error },
  ]);
  expect(stream.left).toBe(1);
  expect(await stream.items.next()).toEqual(done);
});

test("queued bytes are those that were received and not taken, exactly", async () => {
  const { items } = new Stream();
  expect(items.queuedBytes).toBe(0);
  items.push("a", 7);
  items.push("b", 11);
  expect(items.queuedBytes).toBe(18);
  await items.next();
  expect(items.queuedBytes).toBe(11);
  await items.next();
  expect(items.queuedBytes).toBe(0);
  const waiting = items.next();
  items.push("c", 5);
  expect(items.queuedBytes).toBe(0);
  await waiting;
  items.push("d", 3);
  items.fail(new Error("gone"), true);
  expect(items.queuedBytes).toBe(0);
});

test("an item without credit is refused, and is not taken", async () => {
  const { items } = new Stream();
  expect(items.push("all of it", start)).toBe(true);
  expect(items.push("more", 1)).toBe(false);
  expect(items.queuedBytes).toBe(start);
  items.end();
  expect(await drain(items)).toEqual({ taken: ["all of it"] });
});

test("credit is granted for what was taken, not for what has come", async () => {
  const stream = new Stream();
  for (let each = 0; each < 4; each++) stream.items.push(each, start / 4);
  await turn();
  expect(stream.grants).toEqual([]);
  await stream.items.next();
  expect(stream.grants).toEqual([start / 4]);
  await stream.items.next();
  expect(stream.grants).toEqual([start / 4, start / 4]);
});

test("one that waits takes its item at once", () => {
  const stream = new Stream();
  void stream.items.next();
  stream.items.push(1, start);
  expect(stream.grants).toEqual([start]);
});

test("behind the end nothing is granted for what is still taken", async () => {
  const stream = new Stream();
  for (let each = 0; each < 4; each++) stream.items.push(each, start / 4);
  stream.items.end();
  expect((await drain(stream.items)).taken.length).toBe(4);
  expect(stream.grants).toEqual([]);
});

test("a connection that answers a grant at once finds the item taken", async () => {
  const order: unknown[] = [];
  const items: IncomingItems = new IncomingItems({
    now: () => 0,
    mayGrow: () => true,
    queued: () => {},
    grant: (bytes) => {
      order.push(items.queuedBytes);
      if (order.length < 4) items.push(order.length, bytes);
    },
    left: () => {},
  });
  const first = items.next();
  items.push(0, start);
  expect(await first).toEqual(item(0));
  expect(await items.next()).toEqual(item(1));
  expect(await items.next()).toEqual(item(2));
  expect(order).toEqual([0, 0, 0]);
});

test("a consumer that waits on a long link is given a larger window", async () => {
  const stream = new Stream();
  let credit = start;
  for (let trip = 0; trip < 6; trip++) {
    for (; credit > 0; credit -= 1_024) expect(stream.items.push(trip, 1_024)).toBe(true);
    while (stream.items.queuedBytes > 0) await stream.items.next();
    // It waits for the first of the next trip.
    void stream.items.next();
    credit += stream.grants.splice(0).reduce((sum, bytes) => sum + bytes, 0);
    stream.ms += 50;
  }
  expect(credit).toBeGreaterThan(start * 8);
});

test("a hundred thousand queued items are taken in their order", async () => {
  const { items } = new Stream();
  const count = 100_000;
  let next = 0;
  const fill = (): void => {
    for (let each = 0; each < 20_000; each++) items.push(next++, 1);
    if (next === count) items.end();
  };
  fill();
  let expected = 0;
  for await (const value of items) {
    if (value !== expected++) expect.unreachable();
    if (expected % 20_000 === 10_000 && next < count) fill();
  }
  expect(expected).toBe(count);
});

test("the connection knows how many bytes are queued, whatever becomes of them", async () => {
  const stream = new Stream();
  stream.push(1, 2, 3);
  expect(stream.queuedBytes).toBe(30);
  await stream.items.next();
  expect(stream.queuedBytes).toBe(20);
  await stream.items.return();
  expect(stream.queuedBytes).toBe(0);
  const failing = new Stream().push(1, 2);
  failing.items.fail(new Error("gone"), true);
  expect(failing.queuedBytes).toBe(0);
});

test("what a slow consumer has taken is granted when it is asked for, and once", async () => {
  const stream = new Stream().push(1, 2, 3);
  await stream.items.next();
  await stream.items.next();
  expect(stream.grants).toEqual([]);
  stream.items.grantTaken();
  expect(stream.grants).toEqual([20]);
  stream.items.grantTaken();
  expect(stream.grants).toEqual([20]);
  await stream.items.return();
  stream.items.grantTaken();
  expect(stream.grants).toEqual([20]);
});
