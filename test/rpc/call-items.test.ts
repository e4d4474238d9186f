import { expect, test } from "bun:test";
import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { CallItems } from "../../src/rpc/call-items.ts";
import type { CallItemsOwner } from "../../src/rpc/call-items.ts";
import { ItemSource } from "../../src/streams/item-source.ts";
import type { Metadata } from "../../src/wire/message.ts";
import { FakeClock, turn, until } from "../support/clock.ts";
import { openBench } from "../wire/recorder.ts";

const window = limits.streamWindowBytes;
const idleMs = 1_000;
const over = new GeeError("CANCELLED", "enough");

/** Whose streams they are in these tests: it keeps what it hears. */
class Owner implements CallItemsOwner {
  readonly heard: string[] = [];
  readonly errors: unknown[] = [];
  metadata: Metadata | undefined;
  steps = 0;

  idle(): void {
    this.heard.push("idle");
  }

  left(): void {
    this.heard.push("left");
  }

  queued(): void {}

  firstMetadata(): Metadata | undefined {
    return this.metadata;
  }

  sent(): void {
    this.heard.push("sent");
  }

  broke(error: unknown): void {
    this.heard.push("broke");
    this.errors.push(error);
  }

  untravelled(error: unknown): unknown {
    this.heard.push("untravelled");
    return error;
  }

  finished(): void {
    this.heard.push("finished");
  }

  step<T>(run: () => T): T {
    this.steps++;
    return run();
  }
}

/** The streams of call 7 on a channel whose other end is a script. */
function open() {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const owner = new Owner();
  const items = new CallItems(owner, { clock, deadlines }, idleMs);
  const attach = () => {
    const bench = openBench({ from: "server", both: { delivery: "microtask" } });
    items.attach(bench.channel, 7);
    return bench;
  };
  return { clock, deadlines, owner, items, attach };
}

/** A source, and whether it was returned. */
function sourceOf(values: Iterable<unknown>) {
  const state = { returned: 0, given: 0 };
  async function* give(): AsyncGenerator<unknown> {
    try {
      for (const value of values) {
        state.given++;
        yield value;
      }
    } finally {
      state.returned++;
    }
  }
  return { state, source: new ItemSource(give(), () => {}) };
}

function* numbers(): Generator<number> {
  for (let number = 0; ; number++) yield number;
}

// ---------------------------------------------------------------- what comes

test("items are taken in the order of their coming, behind them the end", async () => {
  const { items, attach } = open();
  attach();
  const received = items.receive();
  expect([items.item("a", 20), items.item("b", 20), items.end()]).toEqual([true, true, true]);
  expect(await received.next()).toEqual({ done: false, value: "a" });
  expect(await received.next()).toEqual({ done: false, value: "b" });
  expect(await received.next()).toEqual({ done: true, value: undefined });
});

test("whoever receives twice receives the same items", () => {
  const { items } = open();
  expect(items.receive()).toBe(items.receive());
});

test("nothing is due before anybody receives, nor behind the end or an error", () => {
  const none = open().items;
  expect([none.item(1, 20), none.end(), none.end(over)]).toEqual([false, false, false]);
  const ended = open().items;
  ended.receive();
  expect([ended.end(), ended.end(), ended.item(1, 20)]).toEqual([true, false, false]);
  const failed = open().items;
  failed.receive();
  expect([failed.end(over), failed.end(), failed.item(1, 20)]).toEqual([true, false, false]);
});

test("an item without credit is not taken, and one that passes what is left is", () => {
  const { items } = open();
  items.receive();
  expect(items.item(1, window - 1)).toBe(true);
  expect(items.item(2, window)).toBe(true);
  expect(items.item(3, 1)).toBe(false);
});

test("what was taken is granted again, for the call that it belongs to", async () => {
  const { items, attach } = open();
  const { peer } = attach();
  const received = items.receive();
  items.item("large", window);
  await turn();
  expect(peer.messages).toEqual([]);
  await received.next();
  await until(() => peer.frames.length > 0, "credit");
  expect(peer.messages).toMatchObject([{ kind: "credit", id: 7, bytes: window }]);
});

test("an error comes behind what is queued", async () => {
  const { items } = open();
  const received = items.receive();
  items.item("a", 20);
  items.end(over);
  expect(await received.next()).toEqual({ done: false, value: "a" });
  expect(await received.next().catch((error: unknown) => error)).toBe(over);
  expect(await received.next()).toEqual({ done: true, value: undefined });
});

test("leaving is told once, and what still comes is dropped", async () => {
  const { items, owner } = open();
  const received = items.receive();
  await received.return();
  await received.return();
  expect(owner.heard).toEqual(["left"]);
  expect(items.item("late", 20)).toBe(true);
  expect(await received.next()).toEqual({ done: true, value: undefined });
});

// ---------------------------------------------------------------- what goes

test("items leave with the call's id, metadata with the first alone, and then the end is told", async () => {
  const { items, owner, attach } = open();
  const { peer } = attach();
  owner.metadata = { page: "1" };
  items.send(sourceOf(["a", "b"]).source);
  await until(() => owner.heard.length === 2, "the end");
  await until(() => peer.frames.length === 2, "items");
  expect(peer.messages).toMatchObject([
    { kind: "item", id: 7, value: "a", metadata: { page: "1" } },
    { kind: "item", id: 7, value: "b", metadata: undefined },
  ]);
  expect(owner.heard).toEqual(["sent", "finished"]);
});

test("the source's code runs within a step of the owner's, also when it is returned", async () => {
  const { items, owner, attach } = open();
  attach();
  items.send(sourceOf([1, 2]).source);
  await until(() => owner.heard.includes("sent"), "the end");
  expect(owner.steps).toBe(3);
  const other = open();
  other.attach();
  other.items.stopSending();
  other.items.send(sourceOf(numbers()).source);
  await until(() => other.owner.steps > 10, "items");
  const before = other.owner.steps;
  other.items.stopSending();
  expect(other.owner.steps).toBe(before + 1);
});

test("a source that is never out of items stops within its credit, and goes on with more", async () => {
  const { items, attach } = open();
  attach();
  const { source, state } = sourceOf(numbers());
  items.send(source);
  let before = -1;
  while (state.given !== before) {
    before = state.given;
    for (let each = 0; each < 20; each++) await turn();
  }
  // 13 bytes a frame and more.
  expect(state.given).toBeGreaterThan(10_000);
  expect(state.given).toBeLessThan(window / 13);
  expect(items.credit(100)).toBe(true);
  await until(() => state.given > before, "more items");
  expect(state.given - before).toBeLessThan(100 / 13 + 1);
});

test("more credit than anybody may hold is refused, early credit counted", async () => {
  const { items, attach } = open();
  attach();
  expect(items.credit(limits.maxCreditBytes - window - 1)).toBe(true);
  items.send(new ItemSource({ next: () => new Promise<never>(() => {}) }, () => {}));
  expect(items.credit(1)).toBe(true);
  expect(items.credit(1)).toBe(false);
});

test("credit beyond the most is refused before there is anything to send, too", () => {
  const { items, attach } = open();
  attach();
  expect(items.credit(limits.maxCreditBytes - window)).toBe(true);
  expect(items.credit(1)).toBe(false);
});

test("what the source throws is told, and nothing of it runs any more", async () => {
  const { items, owner, attach } = open();
  const { peer } = attach();
  const why = new Error("out of paper");
  async function* give(): AsyncGenerator<number> {
    yield 1;
    throw why;
  }
  items.send(new ItemSource(give(), () => {}));
  await until(() => owner.heard.length === 2, "the failure");
  expect(owner.heard).toEqual(["broke", "finished"]);
  expect(owner.errors).toEqual([why]);
  await until(() => peer.frames.length === 1, "the item before it");
});

test("an item that cannot travel is told, and the source is returned", async () => {
  const { items, owner, attach } = open();
  attach();
  const { source, state } = sourceOf([1, () => 2, 3]);
  items.send(source);
  await until(() => owner.heard.length === 3, "the failure");
  expect(owner.heard).toEqual(["untravelled", "broke", "finished"]);
  expect(owner.errors).toMatchObject([{ reason: "CANNOT_TRAVEL" }]);
  expect(state).toEqual({ given: 2, returned: 1 });
});

test("another attempt gets every item again, from the first", async () => {
  const { items, owner, attach } = open();
  const first = attach();
  const gate = Promise.withResolvers<string>();
  async function* give(): AsyncGenerator<string> {
    yield "a";
    yield await gate.promise;
  }
  const source = new ItemSource(give(), () => {});
  items.send(source);
  await until(() => first.peer.frames.length === 1, "the first item");
  items.detach();
  expect(source.rewind()).toBe(true);
  const second = attach();
  items.send(source);
  gate.resolve("b");
  await until(() => owner.heard.includes("sent"), "the end");
  await until(() => second.peer.frames.length === 2, "all items");
  expect(second.peer.messages).toMatchObject([{ value: "a" }, { value: "b" }]);
  expect(first.peer.frames.length).toBe(1);
});

// ---------------------------------------------------------------- the end

test("closing returns the source, throws at whoever takes, and grants nothing more", async () => {
  const { items, owner, deadlines, attach } = open();
  const { peer } = attach();
  const { source, state } = sourceOf(numbers());
  items.send(source);
  const received = items.receive();
  await until(() => state.given > 10, "items");
  items.item("queued", window);
  items.close(over, false);
  items.close(new GeeError("INTERNAL", "again"), true);
  await until(() => owner.heard.includes("finished"), "the source's end");
  expect(owner.heard).toEqual(["finished"]);
  expect(state.returned).toBe(1);
  expect(await received.next()).toEqual({ done: false, value: "queued" });
  expect(await received.next().catch((error: unknown) => error)).toBe(over);
  await turn();
  expect(peer.messages.some(({ kind }) => kind === "credit")).toBe(false);
  expect(deadlines.size).toBe(0);
  await received.return();
  expect(owner.heard).toEqual(["finished"]);
});

test("closing may drop what is queued", async () => {
  const { items } = open();
  const received = items.receive();
  items.item("queued", 20);
  items.close(over, true);
  expect(await received.next().catch((error: unknown) => error)).toBe(over);
});

test("whoever begins to receive when it is closed hears why", async () => {
  const { items, attach } = open();
  attach();
  items.close(over, false);
  const received = items.receive();
  expect(await received.next().catch((error: unknown) => error)).toBe(over);
  expect(await received.next()).toEqual({ done: true, value: undefined });
});

test("when all is answered the argument's source is returned, and time is not looked at", async () => {
  const { items, owner, clock, deadlines, attach } = open();
  attach();
  const { source, state } = sourceOf(numbers());
  items.send(source);
  await until(() => state.given > 10, "items");
  items.done();
  await until(() => owner.heard.includes("finished"), "the source's end");
  expect(state.returned).toBe(1);
  expect(deadlines.size).toBe(0);
  await clock.advance(10 * idleMs);
  expect(owner.heard).toEqual(["finished"]);
});

// ---------------------------------------------------------------- idle time

test("what stands still is idle after its idle time, and at the latest a quarter later", async () => {
  const { owner, clock, attach } = open();
  attach();
  await clock.advance(idleMs - 1);
  expect(owner.heard).toEqual([]);
  await clock.advance(idleMs / 4 + 1);
  expect(owner.heard).toEqual(["idle"]);
});

test("whoever could not end a call that is idle is told again", async () => {
  const { owner, items, clock, attach } = open();
  attach();
  await clock.advance(3 * idleMs);
  expect(owner.heard.length).toBeGreaterThan(1);
  items.done();
  const told = owner.heard.length;
  await clock.advance(10 * idleMs);
  expect(owner.heard.length).toBe(told);
});

test("no time runs before the call has an id", async () => {
  const { owner, items, clock, deadlines } = open();
  items.receive();
  await clock.advance(10 * idleMs);
  expect(owner.heard).toEqual([]);
  expect(deadlines.size).toBe(0);
});

test.each<readonly [string, (items: CallItems) => void, times: number]>([
  ["an item that comes", (items) => void items.item(1, 20), 4],
  ["the end that comes", (items) => void items.end(), 1],
  ["credit that comes", (items) => void items.credit(10), 4],
  ["an item that goes", (items) => void items.sendItem(1), 4],
  ["credit that goes", (items) => items.grant(10), 4],
  ["the end that goes", (items) => items.sendEnd(), 1],
])("%s is a sign of life", async (_what, move, times) => {
  const { owner, items, clock, attach } = open();
  attach();
  items.receive();
  for (let each = 0; each < times; each++) {
    await clock.advance(idleMs * 0.9);
    move(items);
  }
  await clock.advance(idleMs * 0.9);
  expect(owner.heard.filter((what) => what === "idle")).toEqual([]);
  await clock.advance(idleMs);
  expect(owner.heard.filter((what) => what === "idle")).toEqual(["idle"]);
});

test("a consumer that takes small items steadily is a sign of life at both ends", async () => {
  const { owner, items, clock, attach } = open();
  const { peer } = attach();
  const received = items.receive();
  for (let each = 0; each < 40; each++) items.item(each, 20);
  for (let each = 0; each < 40; each++) {
    await clock.advance(idleMs / 2);
    await received.next();
  }
  expect(owner.heard).toEqual([]);
  // The other end sees nothing but the credit.
  await turn();
  expect(peer.messages.filter(({ kind }) => kind === "credit").length).toBeGreaterThanOrEqual(10);
});
