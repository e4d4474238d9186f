import { expect, test } from "bun:test";
import { limits } from "../src/base/limits.ts";
import type { Remote } from "../src/index.ts";
import { callContext } from "../src/index.ts";
import { bufferedBytes } from "../src/wire/buffered.ts";
import { turn, until } from "./support/clock.ts";
import { failureOf } from "./support/ends.ts";
import { Loopback, Source, take } from "./support/loopback.ts";

const window = limits.streamWindowBytes;
const megabyte = 1_000_000;
const largest = { maxMessageBytes: limits.largestMaxMessageBytes };

class Foo {
  readonly source = new Source();
  readonly aborted: unknown[] = [];
  taken = 0;
  /** Resolved for a handler that may take the next item. */
  gate = Promise.withResolvers<void>();

  Sum(a: number, b: number): number {
    return a + b;
  }

  Big(bytes: number): Uint8Array {
    return new Uint8Array(bytes).fill(7);
  }

  Size(bytes: Uint8Array): number {
    return bytes.length;
  }

  async *Endless(bytes: number): AsyncGenerator<Uint8Array> {
    const { signal } = callContext();
    signal.addEventListener("abort", () => this.aborted.push(signal.reason));
    yield* this.source.endless(new Uint8Array(bytes));
  }

  async *Sizes(...sizes: number[]): AsyncGenerator<Uint8Array> {
    for (const size of sizes) yield new Uint8Array(size).fill(size % 251);
  }

  async Slowly(items: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const item of items) {
      this.taken += item.length > 0 ? 1 : 0;
      await this.gate.promise;
    }
  }

  async Bytes(items: AsyncIterable<Uint8Array>): Promise<number> {
    let bytes = 0;
    for await (const item of items) {
      this.taken++;
      bytes += item.length;
    }
    return bytes;
  }

  async Hold(_bytes: Uint8Array): Promise<void> {
    const { signal } = callContext();
    await new Promise<never>((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        this.aborted.push(signal.reason);
        reject(signal.reason);
      });
    });
  }
}

async function open(big = false) {
  const loopback = new Loopback();
  const foo = new Foo();
  const options = big ? largest : {};
  const { server, gee } = await loopback.pair({ Foo: foo }, options, options);
  await gee.call("Foo.Sum", [1, 2]);
  return { loopback, foo, server, gee, remote: gee.service<Foo>("Foo") };
}

/** Waits until a count has not changed for many turns of the loop. */
async function still(count: () => number): Promise<number> {
  let before = -1;
  while (count() !== before) {
    before = count();
    for (let each = 0; each < 50; each++) await turn();
  }
  return before;
}

// ---------------------------------------------------------------- backpressure

test.each([64, 1_000, 20_000])(
  "whoever takes 6 items of %d bytes leaves the producer less than a window ahead",
  async (bytes) => {
    // Of whatever else the process has read.
    const before = bufferedBytes();
    const { loopback, foo, remote } = await open();
    await using _ = loopback;
    const iterator = remote.Endless(bytes)[Symbol.asyncIterator]();
    for (let each = 0; each < 6; each++) await iterator.next();
    const given = await still(() => foo.source.given);
    // The item that uses up the credit may pass it, and the next one is not asked for.
    expect(given - 6).toBeGreaterThan(1);
    expect((given - 6 - 1) * bytes).toBeLessThan(window);
    expect(bufferedBytes() - before).toBeLessThan(4 * window);
    await iterator.return?.();
    await until(() => foo.source.left === 1, "the generator's end");
  },
);

test("a handler that takes 6 items leaves the caller's source less than a window ahead", async () => {
  const { loopback, foo, gee, remote } = await open();
  await using _ = loopback;
  const source = new Source();
  const call = failureOf(remote.Slowly(source.endless(new Uint8Array(1_000))));
  for (let each = 1; each <= 6; each++) {
    await until(() => foo.taken === each, "an item taken");
    if (each === 6) break;
    const { resolve } = foo.gate;
    foo.gate = Promise.withResolvers();
    resolve();
  }
  const given = await still(() => source.given);
  expect((given - 6 - 1) * 1_000).toBeLessThan(window);
  await gee[Symbol.asyncDispose]();
  expect(await call).toMatchObject({ code: "UNAVAILABLE" });
  await until(() => source.left === 1, "the source's end");
  foo.gate.resolve();
});

test("a consumer that goes on has everything, in order, whatever it took and when", async () => {
  const { loopback, remote } = await open();
  await using _ = loopback;
  const sizes = Array.from({ length: 400 }, (_each, index) => (index * 7_919) % 30_000);
  let at = 0;
  for await (const item of remote.Sizes(...sizes)) {
    const size = sizes[at++] ?? -1;
    if (item.length !== size || item[0] !== (size === 0 ? undefined : size % 251)) {
      throw new Error(`item ${at} has ${item.length} bytes, not ${size}`);
    }
    if (at % 50 === 0) await still(() => 0);
  }
  expect(at).toBe(sizes.length);
});

test("items may be larger than a window, and go either way in parts", async () => {
  const { loopback, foo, remote } = await open();
  await using _ = loopback;
  const sizes = [3 * megabyte, 0, 200_000, 3 * megabyte, 1, 70_000, 140_000, 2 * megabyte];
  const lengths: number[] = [];
  for await (const item of remote.Sizes(...sizes)) lengths.push(item.length);
  expect(lengths).toEqual(sizes);
  const items = async function* (): AsyncGenerator<Uint8Array> {
    for (const size of sizes) yield new Uint8Array(size);
  };
  expect(await remote.Bytes(items())).toBe(sizes.reduce((sum, size) => sum + size, 0));
  expect(foo.taken).toBe(sizes.length);
});

test("many streams share a connection, and each has all of its items", async () => {
  const { loopback, server, remote } = await open();
  await using _ = loopback;
  const sums = await Promise.all(
    Array.from({ length: 20 }, async (_each, index) => {
      let bytes = 0;
      for await (const item of remote.Sizes(...Array<number>(30).fill(10_000 + index))) {
        bytes += item.length;
      }
      return bytes;
    }),
  );
  expect(sums).toEqual(Array.from({ length: 20 }, (_each, index) => 30 * (10_000 + index)));
  expect(server.connections()).toBe(1);
});

// ---------------------------------------------------------------- large messages

test.each<readonly [string, (remote: Remote<Foo>) => Promise<Uint8Array | number>]>([
  ["a reply of 50 MB", (remote) => remote.Big(50 * megabyte)],
  ["an argument of 50 MB", (remote) => remote.Size(new Uint8Array(50 * megabyte))],
])("%s holds up nobody on the same connection", async (_what, start) => {
  const { loopback, server, gee, remote } = await open(true);
  await using _ = loopback;
  const state = { done: false };
  const big = start(remote).finally(() => (state.done = true));
  let small = 0;
  while (!state.done) {
    expect(await gee.call("Foo.Sum", [small, 1])).toBe(small + 1);
    if (!state.done) small++;
  }
  const value = await big;
  expect(value instanceof Uint8Array ? value.length : value).toBe(50 * megabyte);
  // One after the other, each behind what the kernel holds; uncut, the first came behind 50 MB.
  expect(small).toBeGreaterThanOrEqual(2);
  expect(server.connections()).toBe(1);
});

test("what is larger than either side accepts is refused at its sender, and the connection lives", async () => {
  const { loopback, server, gee } = await open();
  await using _ = loopback;
  expect(await failureOf(gee.call("Foo.Size", [new Uint8Array(5 * megabyte)]))).toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    reason: "MESSAGE_TOO_LARGE",
    executed: "no",
  });
  expect(await failureOf(gee.call("Foo.Big", [5 * megabyte]))).toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    reason: "MESSAGE_TOO_LARGE",
    executed: "yes",
  });
  const items = gee.service<Foo>("Foo").Sizes(5, 5 * megabyte);
  expect(await failureOf(take(items, 2))).toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    reason: "MESSAGE_TOO_LARGE",
    executed: "yes",
  });
  expect(await gee.call("Foo.Sum", [1, 2])).toBe(3);
  expect(server.connections()).toBe(1);
});

// ---------------------------------------------------------------- giving up midway

test("a large reply that is cancelled midway frees all that waited for it", async () => {
  const { loopback, server, gee } = await open(true);
  await using _ = loopback;
  const before = bufferedBytes();
  const stop = new AbortController();
  const failure = failureOf(gee.call("Foo.Big", [60 * megabyte], { signal: stop.signal }));
  await until(() => bufferedBytes() > before + megabyte, "a part of the reply");
  stop.abort();
  expect(await failure).toMatchObject({ code: "CANCELLED", executed: "maybe" });
  await until(() => bufferedBytes() <= before, "all of it to be freed");
  expect(await gee.call("Foo.Sum", [1, 2])).toBe(3);
  expect(server.connections()).toBe(1);
  expect(server.inFlight()).toBe(0);
});

test("a large argument that is cancelled midway was not executed, and frees all", async () => {
  const { loopback, foo, server, gee } = await open(true);
  await using _ = loopback;
  const before = bufferedBytes();
  const stop = new AbortController();
  const args = [new Uint8Array(60 * megabyte)];
  const failure = failureOf(gee.call("Foo.Hold", args, { signal: stop.signal }));
  await until(() => bufferedBytes() > before + megabyte, "a part of the argument");
  await until(() => server.inFlight() === 1, "its first part to come");
  stop.abort();
  expect(await failure).toMatchObject({ code: "CANCELLED", executed: "no" });
  await until(() => bufferedBytes() <= before, "all of it to be freed");
  await until(() => server.inFlight() === 0, "the end of the call");
  expect(await gee.call("Foo.Sum", [1, 2])).toBe(3);
  expect(server.connections()).toBe(1);
  expect(foo.aborted).toEqual([]);
});

test("a stream of large items that is left midway frees all, in either direction", async () => {
  const { loopback, foo, server, gee, remote } = await open();
  await using _ = loopback;
  const before = bufferedBytes();
  expect((await take(remote.Endless(2 * megabyte), 3)).length).toBe(3);
  await until(() => foo.source.left === 1, "the generator's end");
  await until(() => bufferedBytes() <= before, "all of it to be freed");
  const source = new Source();
  const sending = failureOf(remote.Slowly(source.endless(new Uint8Array(2 * megabyte))));
  await until(() => foo.taken === 1, "the first item");
  await still(() => source.given);
  await gee[Symbol.asyncDispose]();
  expect(await sending).toMatchObject({ code: "UNAVAILABLE" });
  await until(() => source.left === 1, "the source's end");
  await until(() => bufferedBytes() <= before, "all of it to be freed");
  expect(server.inFlight()).toBe(0);
});

test("items that wait for their consumer are counted, and not any more when it has left", async () => {
  const { loopback, foo, remote } = await open();
  await using _ = loopback;
  const before = bufferedBytes();
  const iterator = remote.Endless(10_000)[Symbol.asyncIterator]();
  await iterator.next();
  await still(() => foo.source.given);
  expect(bufferedBytes()).toBeGreaterThan(before + window / 2);
  await iterator.return?.();
  await until(() => bufferedBytes() <= before, "them to be freed");
});
