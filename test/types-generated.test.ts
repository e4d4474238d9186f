import { expect, test } from "bun:test";
import { isFault } from "gee";
import type { Fault, OneWay, Remote } from "gee";
import { holds, type Equal } from "./support/types.ts";

// Checked by the compiler (`bun check`), not when it runs: a stub of a class is that of the
// declaration which `gee types` writes for it.

interface Row {
  readonly id: string;
  readonly at?: Date;
}

/** What a person writes. */
declare class Written {
  Sum(a: number, b: number): number;
  Find(id: string, limit?: number): Promise<Row | undefined>;
  All(...ids: string[]): Row[];
  Watch(since?: Date): AsyncGenerator<Row, void, undefined>;
  Ticks(): Generator<number>;
  Upload(rows: AsyncIterable<Row>): Promise<bigint>;
  Echo(rows: AsyncIterable<Row>): AsyncGenerator<Row>;
  Nothing(): void;
  Unread(...args: unknown[]): unknown;
  private total(): number;
  protected inner(): number;
  _hidden(): number;
}

/** What is written of it. */
interface Generated {
  /** Adds. */
  Sum(a: number, b: number): Promise<number>;
  Find(id: string, limit?: number): Promise<Row | undefined>;
  All(...ids: string[]): Promise<Row[]>;
  Watch(since?: Date): AsyncIterable<Row>;
  Ticks(): AsyncIterable<number>;
  Upload(rows: AsyncIterable<Row>): Promise<bigint>;
  Echo(rows: AsyncIterable<Row>): AsyncIterable<Row>;
  Nothing(): Promise<void>;
  Unread(...args: unknown[]): Promise<unknown>;
}

/** Overloads stay as they are written; a stub has the last. */
interface Overloaded {
  Get(id: string): Promise<Row>;
  Get(ids: readonly string[]): Promise<readonly Row[]>;
}

/** Names that nobody can serve, or that are looked up by the language. */
declare class Odd {
  then(): number;
  toJSON(): number;
  toString(): string;
  valueOf(): number;
  hasOwnProperty(): boolean;
  [Symbol.asyncDispose](): Promise<void>;
  1(): number;
  Real(): number;
}

function same(): void {
  holds<Equal<{ [K in keyof Remote<Generated>]: 1 }, { [K in keyof Remote<Written>]: 1 }>>();
  type Methods<T> = { [K in keyof T]: T[K] };
  holds<Equal<Methods<Remote<Generated>>, Methods<Remote<Written>>>>();
  holds<Equal<Methods<OneWay<Generated>>, Methods<OneWay<Written>>>>();
  holds<Equal<Remote<Overloaded>["Get"], (ids: readonly string[]) => Promise<readonly Row[]>>>();
  // A stub of one is good where a stub of the other is asked for.
  const use = (written: Remote<Written>): Remote<Generated> => written;
  void use;
}

function noMethods(): void {
  holds<Equal<keyof Remote<Odd>, "Real">>();
  holds<Equal<keyof OneWay<Odd>, "Real">>();
  // So a stub that an async function returns is not taken for a promise.
  holds<Equal<Awaited<Remote<Odd>>, Remote<Odd>>>();
}

type ShopFaults =
  Fault<"FAILED_PRECONDITION", "SOLD_OUT", { left: number }> | Fault<"NOT_FOUND", "NO_SUCH_ITEM">;

async function faults(shop: Remote<Generated>): Promise<number> {
  try {
    return await shop.Sum(1, 2);
  } catch (error) {
    if (!isFault<ShopFaults>(error)) throw error;
    if (error.reason === "SOLD_OUT") {
      holds<Equal<typeof error.details, { left: number }>>();
      return error.details.left;
    }
    holds<Equal<typeof error.code, "NOT_FOUND">>();
    holds<Equal<typeof error.details, undefined>>();
    return 0;
  }
}

test("a stub of a declaration is the stub of its class", () => {
  for (const checked of [same, noMethods]) checked();
  expect(faults).toBeFunction();
});
