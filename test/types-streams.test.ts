import { expect, test } from "bun:test";
import type { Metadata } from "../src/index.ts";
import type { CallContext } from "../src/rpc/context.ts";
import type { Call, CallOptions, ItemStream, OneWay, Remote } from "../src/rpc/remote.ts";
import { holds, type Equal } from "./support/types.ts";

// Checked by the compiler (`bun check`), not when it runs.

/** `any`, as it comes into a program that never writes it. */
type Untyped = ReturnType<typeof JSON.parse>;

interface Row {
  readonly id: string;
}

declare class Foo {
  // One result.
  Plain(a: number, b: number): number;
  Later(id: string): Promise<Row>;
  Optional(a?: number, ...rest: string[]): Row | undefined;
  Nothing(): void;
  Rows(): Row[];
  Custom(): PromiseLike<bigint>;
  Anything(): Untyped;
  AnythingLater(): Promise<Untyped>;
  Unknown(): unknown;
  Fails(): never;
  FailsLater(): Promise<never>;
  Over(a: string): string;
  Over(a: number): number;
  Generic<T extends Row>(row: T): T;
  GenericLater<T>(value: T): Promise<T[]>;
  Bound: (a: number) => Promise<string>;

  // A stream of results.
  Sync(to: number): Generator<number>;
  SyncReturning(): Generator<number, string, boolean>;
  Async(to: number): AsyncGenerator<Row>;
  AsyncReturning(): AsyncGenerator<Row, number, string>;
  Iterable(): AsyncIterable<Row>;
  Iterator(): AsyncIterator<Row>;
  IterableIterator(): AsyncIterableIterator<Row>;
  Promised(): Promise<AsyncIterable<Row>>;
  PromisedGenerator(): Promise<Generator<Row>>;
  Either(): AsyncGenerator<number> | Promise<AsyncGenerator<string>>;
  Bytes(): ReadableStream<Uint8Array>;
  Anythings(): AsyncGenerator<Untyped>;
  Relayed(): ItemStream<Row>;
  GenericItems<T extends Row>(row: T): AsyncGenerator<T>;
  BoundItems: (to?: number) => AsyncGenerator<number>;

  // A stream of arguments, and both.
  Upload(name: string, rows: AsyncIterable<Row>): number;
  UploadLater(rows: AsyncGenerator<Row>, name?: string): Promise<Row>;
  Both(rows: AsyncIterable<Row>): AsyncGenerator<string>;

  // None that can be called.
  rows: AsyncIterable<Row>;
  _hidden(): AsyncGenerator<number>;
  Perhaps?(): AsyncGenerator<number>;
  private secret(): AsyncGenerator<number>;
}

type Returned<K extends keyof Remote<Foo>> = ReturnType<Remote<Foo>[K]>;

function oneResult(): void {
  holds<Equal<Returned<"Plain">, Promise<number>>>();
  holds<Equal<Returned<"Later">, Promise<Row>>>();
  holds<Equal<Returned<"Optional">, Promise<Row | undefined>>>();
  holds<Equal<Parameters<Remote<Foo>["Optional"]>, [a?: number | undefined, ...rest: string[]]>>();
  holds<Equal<Returned<"Nothing">, Promise<void>>>();
  // What is iterated without waiting is a value; it travels whole.
  holds<Equal<Returned<"Rows">, Promise<Row[]>>>();
  holds<Equal<Returned<"Custom">, Promise<bigint>>>();
  holds<Equal<Returned<"Anything">, Promise<Untyped>>>();
  holds<Equal<Returned<"AnythingLater">, Promise<Untyped>>>();
  holds<Equal<Returned<"Unknown">, Promise<unknown>>>();
  holds<Equal<Returned<"Fails">, Promise<never>>>();
  holds<Equal<Returned<"FailsLater">, Promise<never>>>();
  holds<Equal<Returned<"Bound">, Promise<string>>>();
  // The last overload, and what a type parameter extends.
  holds<Equal<Remote<Foo>["Over"], (a: number) => Promise<number>>>();
  holds<Equal<Remote<Foo>["Generic"], (row: Row) => Promise<Row>>>();
  holds<Equal<Remote<Foo>["GenericLater"], (value: unknown) => Promise<unknown[]>>>();
}

function streamOfResults(): void {
  holds<Equal<Remote<Foo>["Sync"], (to: number) => ItemStream<number>>>();
  // What a generator returns is no item, and nothing is handed to `next`.
  holds<Equal<Returned<"SyncReturning">, ItemStream<number>>>();
  holds<Equal<Remote<Foo>["Async"], (to: number) => ItemStream<Row>>>();
  holds<Equal<Returned<"AsyncReturning">, ItemStream<Row>>>();
  holds<Equal<Returned<"Iterable">, ItemStream<Row>>>();
  holds<Equal<Returned<"Iterator">, ItemStream<Row>>>();
  holds<Equal<Returned<"IterableIterator">, ItemStream<Row>>>();
  holds<Equal<Returned<"Promised">, ItemStream<Row>>>();
  holds<Equal<Returned<"PromisedGenerator">, ItemStream<Row>>>();
  holds<Equal<Returned<"Either">, ItemStream<number | string>>>();
  holds<Equal<Returned<"Bytes">, ItemStream<Uint8Array>>>();
  holds<Equal<Returned<"Anythings">, ItemStream<Untyped>>>();
  holds<Equal<Returned<"Relayed">, ItemStream<Row>>>();
  holds<Equal<Returned<"GenericItems">, ItemStream<Row>>>();
  holds<Equal<Remote<Foo>["BoundItems"], (to?: number) => ItemStream<number>>>();
}

function streamOfArguments(): void {
  holds<
    Equal<Remote<Foo>["Upload"], (name: string, rows: AsyncIterable<Row>) => Promise<number>>
  >();
  holds<
    Equal<Remote<Foo>["UploadLater"], (rows: AsyncGenerator<Row>, name?: string) => Promise<Row>>
  >();
  holds<Equal<Remote<Foo>["Both"], (rows: AsyncIterable<Row>) => ItemStream<string>>>();
}

function names(): void {
  type Hidden = "rows" | "_hidden" | "Perhaps";
  holds<Equal<keyof Remote<Foo>, Exclude<keyof Foo, Hidden>>>();
  holds<Equal<keyof OneWay<Foo>, keyof Remote<Foo>>>();
}

async function used(foo: Remote<Foo>, once: OneWay<Foo>): Promise<void> {
  for await (const row of foo.Async(3)) holds<Equal<typeof row, Row>>();
  const all = await Array.fromAsync(foo.Sync(3));
  holds<Equal<typeof all, number[]>>();
  const stream: AsyncIterable<Row> = foo.Iterable();
  // One service's stream is another's argument.
  await foo.Upload("a", stream);
  await foo.Upload("b", foo.Async(3));
  // @ts-expect-error items of another type
  await foo.Upload("c", foo.Sync(3));
  // @ts-expect-error an array is not awaited item by item
  await foo.Upload("d", [{ id: "1" }]);
  // @ts-expect-error a stream is not awaited
  await foo.Async(3);
  holds<Equal<Awaited<ItemStream<Row>>, never>>();
  // @ts-expect-error nor handed on as a promise
  foo.Async(3) satisfies PromiseLike<unknown>;
  // @ts-expect-error a stream is not read without waiting
  for (const row of foo.Sync(3)) void row;
  // @ts-expect-error and a single result is not iterated
  for await (const n of foo.Plain(1, 2)) void n;

  // Nobody hears of a result.
  holds<Equal<OneWay<Foo>["Plain"], (a: number, b: number) => Promise<void>>>();
  holds<Equal<OneWay<Foo>["Async"], (to: number) => Promise<void>>>();
  holds<Equal<OneWay<Foo>["Upload"], (name: string, rows: AsyncIterable<Row>) => Promise<void>>>();
  await once.Plain(1, 2);
  // @ts-expect-error an argument of another type
  await once.Plain(1, "2");
  // @ts-expect-error no such method
  await once.Product(1, 2);
}

async function* relayed(foo: Remote<Foo>): AsyncGenerator<Row> {
  yield* foo.Async(3);
}

async function awaited(foo: Remote<Foo>): Promise<AsyncIterable<Row>> {
  // @ts-expect-error an async function would await the stream that it returns
  return foo.Async(3);
}

async function untyped(call: Call, context: CallContext): Promise<void> {
  const result = await call;
  holds<Equal<typeof result, unknown>>();
  for await (const item of call) holds<Equal<typeof item, unknown>>();
  const options: CallOptions = {
    timeoutMs: 1_000,
    idleTimeoutMs: 5_000,
    context,
    idempotencyKey: "order-7",
    oneWay: false,
    onMetadata(metadata, when) {
      holds<Equal<typeof metadata, Metadata>>();
      holds<Equal<typeof when, "response" | "trailing">>();
    },
  };
  void options;
}

test("a stub has streams where its class has them", () => {
  for (const checked of [oneResult, streamOfResults, streamOfArguments, names]) checked();
  for (const never of [used, relayed, awaited, untyped]) expect(never).toBeFunction();
});
