import { expect, test } from "bun:test";
import { limits } from "../src/base/limits.ts";
import type { ServeOptions } from "../src/index.ts";
import { callContext, connect, GeeError } from "../src/index.ts";
import { FakeClock, turn, until } from "./support/clock.ts";
import { failureOf } from "./support/ends.ts";
import { collect, Loopback, Source } from "./support/loopback.ts";
import { TcpProxy } from "./support/tcp-proxy.ts";

interface Receipt {
  readonly number: number;
  readonly item: string;
}

class Shop {
  /** What was really bought. */
  readonly bought: string[] = [];
  readonly aborted: unknown[] = [];
  /** Handlers wait for it, when it is there. */
  gate: PromiseWithResolvers<void> | undefined;

  async Buy(item: string): Promise<Receipt> {
    const { signal } = callContext();
    signal.addEventListener("abort", () => this.aborted.push(signal.reason));
    this.bought.push(item);
    const number = this.bought.length;
    await this.gate?.promise;
    return { number, item };
  }

  async Sell(item: string): Promise<Receipt> {
    return await this.Buy(item);
  }

  async Fail(item: string): Promise<never> {
    this.bought.push(item);
    throw new GeeError("FAILED_PRECONDITION", "sold out", {
      reason: "SOLD_OUT",
      details: { left: 0 },
    });
  }

  Now(item: string): Receipt {
    this.bought.push(item);
    return { number: this.bought.length, item };
  }

  async Big(): Promise<string> {
    this.bought.push("big");
    return "x".repeat(300_000);
  }

  async *Items(): AsyncGenerator<number> {
    this.bought.push("items");
    yield 1;
  }

  Iterable(): AsyncIterable<number> {
    return this.Items();
  }

  async Total(items: AsyncIterable<number>): Promise<number> {
    let total = 0;
    for await (const item of items) total += item;
    return total;
  }

  async WithMetadata(): Promise<string> {
    const context = callContext();
    context.setMetadata({ page: "1" });
    return "done";
  }
}

async function open(clock?: FakeClock, serving: Omit<Partial<ServeOptions>, "services"> = {}) {
  const loopback = new Loopback(clock);
  const shop = new Shop();
  const { server, gee } = await loopback.pair({ Shop: shop }, serving);
  return { loopback, shop, server, gee };
}

const key = { idempotencyKey: "order 7" };

test.each(["Shop.Buy", "Shop.Now"])(
  "%s with a key is done once, and answers the same",
  async (method) => {
    const { loopback, shop, server, gee } = await open();
    await using _ = loopback;
    const first = await gee.call(method, ["apple"], key);
    expect(first).toEqual({ number: 1, item: "apple" });
    expect(await gee.call(method, ["apple"], key)).toEqual(first);
    // Another connection of the same caller.
    expect(await loopback.connect(server).call(method, ["apple"], key)).toEqual(first);
    expect(shop.bought).toEqual(["apple"]);
    expect(await gee.call(method, ["apple"])).toEqual({ number: 2, item: "apple" });
  },
);

test("a reply that was lost is there for the call that is sent again, executed once", async () => {
  const { loopback, shop, server } = await open();
  await using _ = loopback;
  using proxy = new TcpProxy(server);
  await using gee = connect({ address: proxy.address, drainTimeoutMs: 0 });
  await gee.call("Shop.Now", ["warm up"]);
  proxy.losesAnswers = true;
  const lost = failureOf(gee.call("Shop.Buy", ["apple"], key));
  await until(() => proxy.lostBytes > 0, "an answer");
  proxy.cut();
  expect(await lost).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
  proxy.losesAnswers = false;
  expect(await gee.call("Shop.Buy", ["apple"], key)).toEqual({ number: 2, item: "apple" });
  expect(shop.bought).toEqual(["warm up", "apple"]);
});

test("a connection that is cut does not stop the handler, and the call that comes again has its result", async () => {
  const { loopback, shop, server } = await open();
  await using _ = loopback;
  using proxy = new TcpProxy(server);
  await using gee = connect({ address: proxy.address, drainTimeoutMs: 0 });
  shop.gate = Promise.withResolvers();
  const lost = failureOf(gee.call("Shop.Buy", ["apple"], { ...key, maxAttempts: 1 }));
  await until(() => shop.bought.length === 1, "the handler's start");
  proxy.cut();
  expect(await lost).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
  await until(() => server.connections() === 0, "the end of the connection");
  expect(shop.aborted).toEqual([]);
  const again = gee.call("Shop.Buy", ["apple"], key);
  await until(() => server.inFlight() === 1, "the second call");
  for (let each = 0; each < 10; each++) await turn();
  expect(shop.bought).toEqual(["apple"]);
  shop.gate.resolve();
  expect(await again).toEqual({ number: 1, item: "apple" });
  // Without a key the end of the connection does stop it.
  shop.gate = Promise.withResolvers();
  const unkeyed = failureOf(gee.call("Shop.Buy", ["pear"]));
  await until(() => shop.bought.length === 2, "the handler's start");
  proxy.cut();
  await unkeyed;
  await until(() => shop.aborted.length === 1, "its signal");
  shop.gate.resolve();
});

test("a call with a key whose answer is lost is sent again by itself, and runs once", async () => {
  const { loopback, shop, server } = await open();
  await using _ = loopback;
  using proxy = new TcpProxy(server);
  await using gee = connect({ address: proxy.address });
  shop.gate = Promise.withResolvers();
  const bought = gee.call("Shop.Buy", ["apple"], key);
  await until(() => shop.bought.length === 1, "the handler's start");
  proxy.cut();
  await until(() => server.connections() === 0, "the end of the connection");
  await until(() => server.inFlight() === 1, "the second attempt");
  shop.gate.resolve();
  expect(await bought).toEqual({ number: 1, item: "apple" });
  expect(shop.bought).toEqual(["apple"]);
});

test("a handler whose caller is gone has the time that it was given, and no more", async () => {
  const clock = new FakeClock();
  const { loopback, shop, server } = await open(clock);
  await using _ = loopback;
  shop.gate = Promise.withResolvers();
  const gee = loopback.connect(server);
  const lost = failureOf(gee.call("Shop.Buy", ["apple"], { ...key, timeoutMs: 5_000 }));
  await until(() => shop.bought.length === 1, "the handler's start");
  const closed = gee[Symbol.asyncDispose]();
  await clock.advance(0);
  await closed;
  await lost;
  await until(() => server.connections() === 0, "the end of the connection");
  await clock.advance(4_999);
  expect(shop.aborted).toEqual([]);
  await clock.advance(1);
  await until(() => shop.aborted.length === 1, "its signal");
  expect(shop.aborted).toMatchObject([{ code: "DEADLINE_EXCEEDED" }]);
  shop.gate.resolve();
});

test("calls at the same time with one key run one handler", async () => {
  const { loopback, shop, server, gee } = await open();
  await using _ = loopback;
  shop.gate = Promise.withResolvers();
  const other = loopback.connect(server);
  const calls = [gee, other, gee, other].map((one) => one.call("Shop.Buy", ["apple"], key));
  await until(() => server.inFlight() === 4, "all calls");
  shop.gate.resolve();
  const receipts = await Promise.all(calls);
  expect(receipts).toEqual(calls.map(() => ({ number: 1, item: "apple" })));
  expect(shop.bought).toEqual(["apple"]);
});

test("a call that waits for the first may be cancelled by itself", async () => {
  const { loopback, shop, server, gee } = await open();
  await using _ = loopback;
  shop.gate = Promise.withResolvers();
  const first = gee.call("Shop.Buy", ["apple"], key);
  await until(() => server.inFlight() === 1, "the first call");
  const stop = new AbortController();
  const second = failureOf(gee.call("Shop.Buy", ["apple"], { ...key, signal: stop.signal }));
  await until(() => server.inFlight() === 2, "the second call");
  stop.abort();
  expect(await second).toMatchObject({ code: "CANCELLED" });
  await until(() => server.inFlight() === 1, "its end");
  expect(shop.aborted).toEqual([]);
  shop.gate.resolve();
  expect(await first).toEqual({ number: 1, item: "apple" });
});

test("an error is the answer as well, with all that it has", async () => {
  const { loopback, shop, gee } = await open();
  await using _ = loopback;
  for (let each = 0; each < 2; each++) {
    expect(await failureOf(gee.call("Shop.Fail", ["apple"], key))).toMatchObject({
      code: "FAILED_PRECONDITION",
      reason: "SOLD_OUT",
      details: { left: 0 },
      executed: "yes",
    });
  }
  expect(shop.bought).toEqual(["apple"]);
});

test("with other arguments the key is refused; with another method it is another deed", async () => {
  const { loopback, shop, gee } = await open();
  await using _ = loopback;
  await gee.call("Shop.Buy", ["apple"], key);
  expect(await failureOf(gee.call("Shop.Buy", ["pear"], key))).toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "KEY_REUSED",
    executed: "no",
  });
  expect(await gee.call("Shop.Sell", ["pear"], key)).toEqual({ number: 2, item: "pear" });
  expect(shop.bought).toEqual(["apple", "pear"]);
});

test("a large answer is kept and sent again in parts", async () => {
  const { loopback, shop, gee } = await open();
  await using _ = loopback;
  const first = await gee.call("Shop.Big", [], key);
  expect(first).toBe("x".repeat(300_000));
  expect(await Promise.all([1, 2, 3].map(() => gee.call("Shop.Big", [], key)))).toEqual([
    first,
    first,
    first,
  ]);
  expect(shop.bought).toEqual(["big"]);
});

test("metadata are kept with the answer", async () => {
  const { loopback, gee } = await open();
  await using _ = loopback;
  const got: unknown[] = [];
  for (let each = 1; each <= 2; each++) {
    const options = { ...key, onMetadata: (metadata: object) => got.push({ ...metadata }) };
    expect(await gee.call("Shop.WithMetadata", [], options)).toBe("done");
    await until(() => got.length === each, "metadata");
  }
  expect(got).toEqual([{ page: "1" }, { page: "1" }]);
});

test("a stream keeps no key", async () => {
  const { loopback, shop, server, gee } = await open();
  await using _ = loopback;
  const refused = { code: "UNIMPLEMENTED", reason: "UNSUPPORTED_KEY" };
  expect(await failureOf(collect(gee.call("Shop.Items", [], key)))).toMatchObject({
    ...refused,
    executed: "no",
  });
  const source = new Source();
  expect(await failureOf(gee.call("Shop.Total", [source.numbers(3)], key))).toMatchObject({
    ...refused,
    executed: "no",
  });
  expect(shop.bought).toEqual([]);
  // That this one is a stream is known only when it has run.
  expect(await failureOf(collect(gee.call("Shop.Iterable", [], key)))).toMatchObject({
    ...refused,
    executed: "yes",
  });
  expect(server.inFlight()).toBe(0);
});

test("the answer is kept for five minutes, and then the same is another deed", async () => {
  const clock = new FakeClock();
  const { loopback, shop, gee } = await open(clock);
  await using _ = loopback;
  await gee.call("Shop.Buy", ["apple"], key);
  await clock.advance(limits.idempotencyWindowMs - 1_000);
  expect(await gee.call("Shop.Buy", ["apple"], key)).toEqual({ number: 1, item: "apple" });
  await clock.advance(2_000);
  expect(await gee.call("Shop.Buy", ["apple"], key)).toEqual({ number: 2, item: "apple" });
  expect(shop.bought).toEqual(["apple", "apple"]);
});

test("a call that was refused keeps no key", async () => {
  const { loopback, shop, gee } = await open(undefined, {
    methods: { Shop: { Buy: { concurrency: 1 } } },
  });
  await using _ = loopback;
  shop.gate = Promise.withResolvers();
  const first = gee.call("Shop.Buy", ["apple"]);
  await until(() => shop.bought.length === 1, "the first call");
  expect(await failureOf(gee.call("Shop.Buy", ["pear"], key))).toMatchObject({
    reason: "TOO_MANY_OF_METHOD",
    executed: "no",
  });
  shop.gate.resolve();
  await first;
  // Not even with which arguments it came.
  expect(await gee.call("Shop.Buy", ["plum"], key)).toEqual({ number: 2, item: "plum" });
});
