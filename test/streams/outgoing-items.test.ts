import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { IncomingItems } from "../../src/streams/incoming-items.ts";
import { ItemSource } from "../../src/streams/item-source.ts";
import type { Items } from "../../src/streams/item-source.ts";
import { OutgoingItems } from "../../src/streams/outgoing-items.ts";
import type { Outlet } from "../../src/streams/outgoing-items.ts";
import { windowLimits } from "../../src/streams/window.ts";
import { turn, until } from "../support/clock.ts";

const start = windowLimits.initialWindowBytes;

/** An outlet that writes down what it is asked, and a pump that uses it. */
class Sending implements Outlet {
  readonly sent: unknown[] = [];
  readonly failures: unknown[] = [];
  readonly phases: (() => void)[] = [];
  ended = 0;
  flushes = 0;
  ends = 0;
  pulls = 0;
  inStep = false;
  /** Of every item's frame. */
  itemBytes: number;
  /** Phases come by themselves, as in a loop, or by `phase`. */
  byItself = true;
  /** Called for each item, before it counts as sent. */
  onItem: (value: unknown) => void = () => {};
  readonly source: ItemSource;
  readonly items: OutgoingItems;

  constructor(items: Items, itemBytes = 10, creditBytes?: number) {
    this.itemBytes = itemBytes;
    this.source = new ItemSource(items, (error) => void this.failures.push(error));
    this.items = new OutgoingItems(this.source, this, creditBytes);
  }

  hasRoom = true;
  readonly roomTasks: (() => void)[] = [];

  forgetRoom(task: () => void): void {
    const index = this.roomTasks.indexOf(task);
    if (index >= 0) this.roomTasks.splice(index, 1);
  }

  whenRoom(task: () => void): void {
    this.roomTasks.push(task);
  }

  sendItem(value: unknown): number {
    this.onItem(value);
    this.sent.push(value);
    return this.itemBytes;
  }

  sendEnd(): void {
    this.ends++;
  }

  sendFailure(error: unknown): void {
    this.failures.push(error);
  }

  flush(): void {
    this.flushes++;
  }

  nextPhase(task: () => void): void {
    if (this.byItself) setImmediate(task);
    else this.phases.push(task);
  }

  step<T>(run: () => T): T {
    this.pulls++;
    this.inStep = true;
    try {
      return run();
    } finally {
      this.inStep = false;
    }
  }

  finished(): void {
    this.ended++;
  }

  /** The loop has looked after everybody else. */
  async phase(): Promise<void> {
    for (const task of this.phases.splice(0)) task();
    await turn();
  }

  static async of(items: Items, itemBytes?: number, creditBytes?: number): Promise<Sending> {
    const sending = new Sending(items, itemBytes, creditBytes);
    sending.items.start();
    await turn();
    return sending;
  }
}

function* upTo(count: number): Generator<number> {
  for (let each = 1; each <= count; each++) yield each;
}

async function* asyncUpTo(count: number): AsyncGenerator<number> {
  yield* upTo(count);
}

/** Never out of items; tells of its end. */
class Endless {
  yielded = 0;
  returned = 0;

  *items(): Generator<number> {
    try {
      for (;;) yield ++this.yielded;
    } finally {
      this.returned++;
    }
  }

  async *asyncItems(): AsyncGenerator<number> {
    yield* this.items();
  }
}

for (const [what, make] of [
  ["a generator", upTo],
  ["an async generator", asyncUpTo],
] as const) {
  test(`all that ${what} yields is sent, then the end`, async () => {
    const sending = await Sending.of(make(3));
    expect(sending).toMatchObject({ sent: [1, 2, 3], ends: 1, ended: 1, failures: [] });
  });

  test(`an empty stream of ${what} is an end`, async () => {
    const sending = await Sending.of(make(0));
    expect(sending).toMatchObject({ sent: [], ends: 1, ended: 1, failures: [] });
  });
}

test("nothing is pulled before the start, credit or not, and nothing in the middle of a read", async () => {
  const endless = new Endless();
  const sending = new Sending(endless.items(), 10, 10);
  expect(sending.items.grant(1)).toBe(true);
  await turn();
  expect(endless.yielded).toBe(0);
  sending.items.start();
  expect(endless.yielded).toBe(0);
  await turn();
  expect(endless.yielded).toBe(2);
  sending.items.grant(10);
  expect(endless.yielded).toBe(2);
  await turn();
  expect(endless.yielded).toBe(3);
});

test("an item is sent while there is any credit, and may take more", async () => {
  const sending = await Sending.of(new Endless().items(), 30, 100);
  expect(sending.sent).toEqual([1, 2, 3, 4]);
});

test("a sender that waits for credit does not run, and goes on with it", async () => {
  const endless = new Endless();
  const sending = await Sending.of(endless.asyncItems(), 30, 90);
  expect(endless.yielded).toBe(3);
  const { pulls } = sending;
  for (let each = 0; each < 5; each++) await turn();
  expect(sending.pulls).toBe(pulls);
  sending.items.grant(1);
  await turn();
  expect(sending.sent).toEqual([1, 2, 3, 4]);
  // 29 bytes were taken beyond the credit.
  sending.items.grant(29);
  await turn();
  expect(sending.sent.length).toBe(4);
  sending.items.grant(1);
  await turn();
  expect(sending.sent.length).toBe(5);
});

test("the end is found when there is credit to look for it", async () => {
  const sending = await Sending.of(upTo(3), 30, 90);
  expect(sending).toMatchObject({ sent: [1, 2, 3], ends: 0, ended: 0 });
  sending.items.grant(90);
  await turn();
  expect(sending).toMatchObject({ ends: 1, ended: 1 });
});

test("credit that comes while the source is awaited does not start a second pump", async () => {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let running = 0;
  let most = 0;
  let pulled = 0;
  const sending = await Sending.of({
    async next() {
      most = Math.max(most, ++running);
      await gates[pulled++]?.promise;
      running--;
      return { done: pulled > 4, value: pulled };
    },
  });
  sending.items.grant(100);
  sending.items.grant(100);
  await turn();
  for (const gate of gates) gate.resolve();
  await turn();
  expect(most).toBe(1);
  expect(sending.sent).toEqual([1, 2, 3, 4]);
});

test("no more credit is taken than anybody may hold", () => {
  const most = windowLimits.maxCreditBytes;
  const { items } = new Sending(upTo(1));
  expect(items.grant(most - start)).toBe(true);
  expect(items.grant(1)).toBe(false);
  expect(new Sending(upTo(1)).items.grant(most)).toBe(false);
  expect(new Sending(upTo(1), 1, 0).items.grant(most)).toBe(true);
});

// ---------------------------------------------------------------------------------- giving way

for (const [what, itemBytes, count] of [
  ["bytes", 65_536, 8],
  ["bytes, the last item passing it,", 80_000, 7],
  ["items", 1, 512],
] as const) {
  for (const kind of ["items", "asyncItems"] as const) {
    test(`after so many ${what} ${kind} give way to the loop`, async () => {
      const sending = new Sending(new Endless()[kind](), itemBytes, 10_000_000);
      sending.byItself = false;
      sending.items.start();
      for (let phase = 1; phase <= 4; phase++) {
        await turn();
        expect(sending.sent.length).toBe(count * phase);
        expect(sending.flushes).toBe(phase - 1);
        await sending.phase();
      }
    });
  }
}

test("a source that never waits starves nobody", async () => {
  const endless = new Endless();
  const sending = new Sending(endless.asyncItems(), 1, 1_000_000_000);
  sending.items.start();
  for (let each = 1; each <= 20; each++) {
    await turn();
    expect(endless.yielded).toBeLessThanOrEqual(512 * (each + 1));
  }
  expect(endless.yielded).toBeGreaterThan(512 * 5);
  sending.items.stop();
});

test("a source that waits for something itself is not made to wait as well", async () => {
  const gate = Promise.withResolvers<void>();
  async function* items(): AsyncGenerator<number> {
    yield* upTo(500);
    await gate.promise;
    yield* upTo(500);
  }
  const sending = new Sending(items());
  sending.byItself = false;
  sending.items.start();
  await turn();
  await sending.phase();
  gate.resolve();
  await turn();
  expect(sending.sent.length).toBe(1_000);
});

test("a phase that comes while the source is awaited does not start a second pump", async () => {
  for (const count of [3, 512]) {
    const gate = Promise.withResolvers<void>();
    let pulls = 0;
    const sending = new Sending({
      async next() {
        if (++pulls > count) await gate.promise;
        return { done: false, value: pulls };
      },
    });
    sending.byItself = false;
    sending.items.start();
    await turn();
    // With the larger number it has given way, and goes on now.
    await sending.phase();
    expect(pulls).toBe(count + 1);
    gate.resolve();
    sending.onItem = () => sending.items.detach();
    await turn();
    await sending.phase();
    expect(pulls).toBe(count + 1);
    expect(sending.sent.length).toBe(count + 1);
  }
});

test("a phase that has let the pump go on lets it go on once", async () => {
  const gate = Promise.withResolvers<void>();
  let pulls = 0;
  const sending = new Sending({
    async next() {
      if (++pulls > 514) await gate.promise;
      return { done: false, value: pulls };
    },
  });
  sending.byItself = false;
  sending.items.start();
  await turn();
  await sending.phase();
  expect([pulls, sending.phases.length]).toEqual([515, 1]);
  await sending.phase();
  expect(pulls).toBe(515);
});

test("what was sent is flushed once, when the loop has had its turn", async () => {
  const sending = new Sending(asyncUpTo(100));
  sending.byItself = false;
  sending.items.start();
  await turn();
  expect([sending.sent.length, sending.flushes, sending.phases.length]).toEqual([100, 0, 1]);
  await sending.phase();
  expect([sending.flushes, sending.phases.length]).toEqual([1, 0]);
});

// ------------------------------------------------------------------------------------- failing

test("what a source throws is sent behind its items, and it is not returned", async () => {
  const error = new Error("mine");
  for (const items of [
    (function* (): Generator<number> {
      yield 1;
      throw error;
    })(),
    (async function* (): AsyncGenerator<number> {
      yield 1;
      throw error;
    })(),
    {
      [Symbol.asyncIterator]: (): never => {
        throw error;
      },
    },
    {
      next: (): never => {
        throw error;
      },
      return: (): never => expect.unreachable(),
    },
  ]) {
    const sending = await Sending.of(items);
    expect(sending).toMatchObject({ failures: [error], ends: 0, ended: 1 });
    await sending.source.close();
    sending.items.stop();
    await turn();
    expect(sending).toMatchObject({ failures: [error], ended: 1 });
  }
});

test("what cannot travel ends the stream with that error, and the source is closed", async () => {
  const endless = new Endless();
  const error = new GeeError("INTERNAL", "no such value", { reason: "CANNOT_TRAVEL" });
  const sending = new Sending(endless.asyncItems());
  sending.onItem = (value) => {
    if (value === 3) throw error;
  };
  sending.items.start();
  await turn();
  expect(sending).toMatchObject({ sent: [1, 2], failures: [error], ends: 0, ended: 1 });
  expect(endless).toMatchObject({ yielded: 3, returned: 1 });
});

// ------------------------------------------------------------------------------------ stopping

test("stopping one that waits for credit closes its source", async () => {
  const endless = new Endless();
  const sending = await Sending.of(endless.asyncItems(), 30, 90);
  sending.items.stop();
  await turn();
  expect(endless.returned).toBe(1);
  expect(sending).toMatchObject({ ends: 0, ended: 1, failures: [] });
  sending.items.stop();
  sending.items.grant(1_000);
  await turn();
  expect(sending.sent.length).toBe(3);
  expect(sending.ended).toBe(1);
});

test("stopping one that gives way, or that was never started, closes its source", async () => {
  for (const started of [true, false]) {
    const endless = new Endless();
    const sending = new Sending(endless.items(), 1);
    sending.byItself = false;
    if (started) sending.items.start();
    await turn();
    const { length } = sending.sent;
    sending.items.stop();
    await sending.phase();
    sending.items.start();
    await turn();
    expect(sending.sent.length).toBe(length);
    expect(endless.returned).toBe(started ? 1 : 0);
    expect(sending).toMatchObject({ ends: 0, ended: 1 });
  }
});

test("stopping while an item is awaited: it is not sent, and all is over when the source is", async () => {
  const gate = Promise.withResolvers<void>();
  let returned = 0;
  async function* items(): AsyncGenerator<number> {
    try {
      yield 1;
      await gate.promise;
      yield 2;
    } finally {
      returned++;
    }
  }
  const sending = await Sending.of(items());
  sending.items.stop();
  await turn();
  // Its code still runs.
  expect([sending.ended, returned]).toEqual([0, 0]);
  gate.resolve();
  await turn();
  expect(returned).toBe(1);
  expect(sending).toMatchObject({ sent: [1], ends: 0, ended: 1, failures: [] });
});

test("a source that fails after it was stopped bothers nobody", async () => {
  const gate = Promise.withResolvers<never>();
  const sending = await Sending.of({ next: () => gate.promise });
  sending.items.stop();
  gate.reject(new Error("nobody asked"));
  await turn();
  expect(sending).toMatchObject({ sent: [], ends: 0, ended: 1, failures: [] });
});

test("a source whose pull stops the stream is closed when that has come back", async () => {
  for (const wait of [false, true]) {
    let returned = 0;
    function* items(): Generator<number> {
      try {
        yield 1;
        sending.items.stop();
        yield 2;
      } finally {
        returned++;
      }
    }
    async function* asyncItems(): AsyncGenerator<number> {
      yield* items();
    }
    const sending: Sending = new Sending(wait ? asyncItems() : items());
    sending.items.start();
    await turn();
    expect(returned).toBe(1);
    expect(sending).toMatchObject({ sent: [1], ends: 0, ended: 1, failures: [] });
  }
});

test("an item whose sending stops the stream is the last", async () => {
  const endless = new Endless();
  const sending = new Sending(endless.items());
  sending.onItem = (value) => {
    if (value === 2) sending.items.stop();
  };
  sending.items.start();
  await turn();
  expect(sending).toMatchObject({ sent: [1, 2], ends: 0, ended: 1 });
  expect(endless).toMatchObject({ yielded: 2, returned: 1 });
});

test("an item whose sending stops the stream and then fails says nothing more", async () => {
  const sending = new Sending(new Endless().items());
  sending.onItem = () => {
    sending.items.stop();
    throw new Error("no link");
  };
  sending.items.start();
  await turn();
  expect(sending).toMatchObject({ sent: [], failures: [], ends: 0, ended: 1 });
});

test("stopping after the end changes nothing", async () => {
  const sending = await Sending.of(upTo(2));
  sending.items.stop();
  await turn();
  expect(sending).toMatchObject({ ends: 1, ended: 1 });
});

test("the source's code runs within a step: pulls and closing", async () => {
  const seen: boolean[] = [];
  function* items(): Generator<number> {
    try {
      for (;;) {
        seen.push(sending.inStep);
        yield 1;
      }
    } finally {
      seen.push(sending.inStep);
    }
  }
  const sending: Sending = new Sending(items(), 30, 60);
  sending.items.start();
  await turn();
  expect(sending.inStep).toBe(false);
  sending.items.stop();
  expect(seen).toEqual([true, true, true]);
});

// ----------------------------------------------------------------------------- several attempts

test("one that is detached leaves the source to the next attempt", async () => {
  const endless = new Endless();
  const first = await Sending.of(endless.asyncItems(), 30, 90);
  first.items.detach();
  first.items.grant(1_000);
  first.items.stop();
  await turn();
  expect(first).toMatchObject({ sent: [1, 2, 3], ended: 0 });
  expect(endless.returned).toBe(0);

  first.source.rewind();
  const second = new Sending([], 30, 150);
  const items = new OutgoingItems(first.source, second, 150);
  items.start();
  await turn();
  expect(second.sent).toEqual([1, 2, 3, 4, 5]);
  items.stop();
  await turn();
  expect(second.ended).toBe(1);
  expect(endless.returned).toBe(1);
});

test("an item whose sending detaches the pump is the last that is pulled", async () => {
  const endless = new Endless();
  const sending = new Sending(endless.items());
  sending.onItem = (value) => {
    if (value === 2) sending.items.detach();
  };
  sending.items.start();
  await turn();
  expect(sending.sent).toEqual([1, 2]);
  expect(endless.yielded).toBe(2);
});

test("an item that is awaited when the attempt is given up goes to the next one alone", async () => {
  const gate = Promise.withResolvers<void>();
  async function* items(): AsyncGenerator<number> {
    yield 1;
    await gate.promise;
    yield 2;
  }
  const first = await Sending.of(items());
  first.items.detach();
  first.source.rewind();
  const second = new Sending([]);
  new OutgoingItems(first.source, second).start();
  await turn();
  gate.resolve();
  await turn();
  expect(first).toMatchObject({ sent: [1], ends: 0, ended: 0 });
  expect(second).toMatchObject({ sent: [1, 2], ends: 1, ended: 1 });
});

// ---------------------------------------------------------------------------- room

async function* naturals(): AsyncGenerator<number> {
  for (let number = 0; ; number++) yield number;
}

test("while nothing leaves, no item is pulled, and it goes on where it stopped", async () => {
  const sending = new Sending(naturals(), 300_000, 10_000_000);
  sending.byItself = false;
  sending.items.start();
  await until(() => sending.sent.length === 2);
  sending.hasRoom = false;
  await sending.phase();
  await until(() => sending.roomTasks.length === 1);
  expect(sending.sent.length).toBe(2);
  sending.hasRoom = true;
  for (const task of sending.roomTasks.splice(0)) task();
  await until(() => sending.sent.length === 4);
  expect(sending.sent).toEqual([0, 1, 2, 3]);
  sending.items.stop();
});

test("one that is stopped while it waits for room leaves nothing behind", async () => {
  const sending = new Sending(naturals(), 40_000);
  sending.hasRoom = false;
  sending.items.start();
  await until(() => sending.roomTasks.length === 1);
  sending.items.stop();
  expect(sending.roomTasks.length).toBe(0);
});

// ---------------------------------------------------------------------------- both ends together

/** Items from a source to a consumer; credit takes a turn of the loop. */
function connected(items: Items, itemBytes: number): { sending: Sending; incoming: IncomingItems } {
  const sending = new Sending(items, itemBytes);
  const incoming = new IncomingItems({
    now: () => performance.now(),
    mayGrow: () => true,
    queued: () => {},
    grant: (bytes) => void setImmediate(() => sending.items.grant(bytes)),
    left: () => sending.items.stop(),
  });
  sending.onItem = (value) => expect(incoming.push(value, itemBytes)).toBe(true);
  sending.sendEnd = (): void => incoming.end();
  sending.sendFailure = (error): void => incoming.fail(error, false);
  sending.items.start();
  return { sending, incoming };
}

test("a consumer that takes all gets all, far beyond the credit of the start", async () => {
  const { sending, incoming } = connected(asyncUpTo(20_000), 100);
  let expected = 0;
  for await (const value of incoming) if (value !== ++expected) expect.unreachable();
  expect(expected).toBe(20_000);
  expect(sending.ended).toBe(1);
});

test("a consumer that stops taking stops the source, and leaving closes it", async () => {
  const endless = new Endless();
  const { sending, incoming } = connected(endless.asyncItems(), 1_024);
  for (let each = 1; each <= 6; each++) {
    expect(await incoming.next()).toEqual({ done: false, value: each });
  }
  await until(() => endless.yielded === start / 1_024);
  for (let each = 0; each < 20; each++) await turn();
  expect(endless.yielded).toBe(start / 1_024);
  await incoming.return();
  await until(() => sending.ended === 1);
  expect(endless.returned).toBe(1);
});
