import { expect, test } from "bun:test";
import { limits } from "../src/base/limits.ts";
import type { CallOptions, Metadata } from "../src/index.ts";
import { callContext, GeeError } from "../src/index.ts";
import { turn, until } from "./support/clock.ts";
import { failureOf } from "./support/ends.ts";
import { collect, Loopback, Source } from "./support/loopback.ts";

/** Metadata that take just so many bytes as they are encoded: a map, a key and a text. */
function metadataOf(bytes: number): Metadata {
  return { k: "x".repeat(bytes - 1 - 2 - 3) };
}

const most = metadataOf(limits.maxMetadataBytes);
const tooMany = metadataOf(limits.maxMetadataBytes + 1);

class Foo {
  runs = 0;

  Seen(): Metadata {
    this.runs++;
    return { ...callContext().metadata };
  }

  async Answer(response: Metadata, trailing: Metadata): Promise<string> {
    const context = callContext();
    await turn();
    context.setMetadata(response);
    context.setTrailing(trailing);
    return "done";
  }

  Fail(metadata: Metadata): never {
    callContext().setMetadata(metadata);
    callContext().setTrailing({ cost: "7" });
    throw new GeeError("ABORTED", "no", { reason: "ON_PURPOSE" });
  }

  async *Items(count: number, response: Metadata, trailing: Metadata): AsyncGenerator<number> {
    const context = callContext();
    context.setMetadata(response);
    for (let number = 1; number <= count; number++) yield number;
    context.setTrailing(trailing);
  }

  async *Bare(): AsyncGenerator<number> {
    yield 1;
  }

  async *FailLate(): AsyncGenerator<number> {
    const context = callContext();
    context.setMetadata({ page: "1" });
    yield 1;
    context.setTrailing({ cost: "7" });
    throw new GeeError("ABORTED", "no", { reason: "ON_PURPOSE" });
  }

  async Total(items: AsyncIterable<number>): Promise<string> {
    const { metadata } = callContext();
    let total = 0;
    for await (const item of items) total += item;
    return `${metadata["trace"]} ${total}`;
  }
}

/** Options that keep what the server sends beside the values. */
function keeping(): { readonly got: unknown[]; readonly options: CallOptions } {
  const got: unknown[] = [];
  return { got, options: { onMetadata: (metadata, when) => got.push([when, { ...metadata }]) } };
}

async function open() {
  const loopback = new Loopback();
  const foo = new Foo();
  const { server, gee } = await loopback.pair({ Foo: foo });
  return { loopback, foo, server, gee };
}

test("what a caller sends beside the arguments is there for the handler", async () => {
  const { loopback, gee } = await open();
  await using _ = loopback;
  const metadata = { trace: "1", "a key with spaces": "ü\u{1f600}", empty: "" };
  expect(await gee.call("Foo.Seen", [], { metadata })).toEqual(metadata);
  expect(await gee.call("Foo.Seen")).toEqual({});
  const total = gee.call("Foo.Total", [new Source().numbers(3)], { metadata: { trace: "t" } });
  expect(await total).toBe("t 6");
});

test("what a handler sends comes with the result, set before or behind an await", async () => {
  const { loopback, gee } = await open();
  await using _ = loopback;
  const { got, options } = keeping();
  expect(await gee.call("Foo.Answer", [{ page: "1" }, { cost: "7" }], options)).toBe("done");
  await until(() => got.length === 1, "metadata");
  expect(got).toEqual([["response", { page: "1", cost: "7" }]]);
});

test("of a stream, the response's come with the first item, the trailing ones with the end", async () => {
  const { loopback, gee } = await open();
  await using _ = loopback;
  const { got, options } = keeping();
  const args = [3, { page: "1" }, { cost: "7" }];
  const iterator = gee.call("Foo.Items", args, options)[Symbol.asyncIterator]();
  expect(await iterator.next()).toEqual({ done: false, value: 1 });
  await until(() => got.length > 0, "metadata");
  expect(got[0]).toEqual(["response", { page: "1" }]);
  while ((await iterator.next()).done !== true);
  await until(() => got.length === 2, "metadata");
  expect(got[1]).toEqual(["trailing", { cost: "7" }]);
});

test("a stream without an item has them all with its end", async () => {
  const { loopback, gee } = await open();
  await using _ = loopback;
  const { got, options } = keeping();
  expect(await collect(gee.call("Foo.Items", [0, { page: "1" }, { cost: "7" }], options))).toEqual(
    [],
  );
  await until(() => got.length === 1, "metadata");
  expect(got).toEqual([["trailing", { page: "1", cost: "7" }]]);
});

test("they come with faults, too", async () => {
  const { loopback, gee } = await open();
  await using _ = loopback;
  const { got, options } = keeping();
  const fault = { code: "ABORTED", reason: "ON_PURPOSE" };
  expect(await failureOf(gee.call("Foo.Fail", [{ page: "1" }], options))).toMatchObject(fault);
  await until(() => got.length === 1, "metadata");
  expect(got).toEqual([["trailing", { page: "1", cost: "7" }]]);
  const stream = keeping();
  expect(await failureOf(collect(gee.call("Foo.FailLate", [], stream.options)))).toMatchObject(
    fault,
  );
  await until(() => stream.got.length === 2, "metadata");
  expect(stream.got[0]).toEqual(["response", { page: "1" }]);
  expect(stream.got[1]).toMatchObject(["trailing", { cost: "7" }]);
});

test("nobody is called when there are none", async () => {
  const { loopback, gee } = await open();
  await using _ = loopback;
  const { got, options } = keeping();
  await gee.call("Foo.Seen", [], options);
  await gee.call("Foo.Total", [new Source().numbers(2)], options);
  expect(await collect(gee.call("Foo.Bare", [], options))).toEqual([1]);
  for (let each = 0; each < 10; each++) await turn();
  expect(got).toEqual([]);
});

test("16,384 bytes of them travel, each way and at each place", async () => {
  const { loopback, gee } = await open();
  await using _ = loopback;
  expect(await gee.call("Foo.Seen", [], { metadata: most })).toEqual(most);
  const { got, options } = keeping();
  await gee.call("Foo.Answer", [most, {}], options);
  await collect(gee.call("Foo.Items", [2, most, most], options));
  await until(() => got.length === 3, "metadata");
  expect(got).toEqual([
    ["response", most],
    ["response", most],
    ["trailing", most],
  ]);
});

test("a byte more is refused where it is sent, and the connection lives", async () => {
  const { loopback, foo, server, gee } = await open();
  await using _ = loopback;
  await gee.call("Foo.Seen");
  const before = foo.runs;
  expect(await failureOf(gee.call("Foo.Seen", [], { metadata: tooMany }))).toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "METADATA_TOO_LARGE",
    executed: "no",
  });
  expect(foo.runs).toBe(before);
  const own = { code: "INTERNAL", reason: "METADATA_TOO_LARGE", executed: "yes" };
  expect(await failureOf(gee.call("Foo.Answer", [tooMany, {}]))).toMatchObject(own);
  expect(await failureOf(collect(gee.call("Foo.Items", [2, tooMany, {}])))).toMatchObject(own);
  expect(await failureOf(collect(gee.call("Foo.Items", [2, {}, tooMany])))).toMatchObject(own);
  expect(await failureOf(collect(gee.call("Foo.Items", [0, tooMany, {}])))).toMatchObject(own);
  // An error is worth more than what goes with it.
  expect(await failureOf(gee.call("Foo.Fail", [tooMany]))).toMatchObject({ code: "ABORTED" });
  expect(await gee.call("Foo.Seen")).toEqual({});
  expect(server.connections()).toBe(1);
  expect(server.inFlight()).toBe(0);
});
