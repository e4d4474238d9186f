import { GeeError } from "../base/errors.ts";
import { compileItems } from "../contract/check.ts";
import type { Check } from "../contract/check.ts";
import type { ServiceContract, TypeNode } from "../contract/contract.ts";
import { ItemSource } from "../streams/item-source.ts";
import type { Items } from "../streams/item-source.ts";
import { BadResult } from "./thrown.ts";

type Result = IteratorResult<unknown, undefined>;

/** What {@link itemCheck} begins its texts with, in place of where the items come in. */
const itemRoot = "item";

/** Whether an argument comes item by item. */
export function areItems(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

/** Makes the check of what {@link CheckedItems} take; undefined when there is nothing to check. */
export function itemCheck(service: ServiceContract, type: TypeNode): Check | undefined {
  return compileItems(service, type, itemRoot);
}

/**
 * The items of an argument, each checked when it is taken. The first that does not fit is thrown, to
 * whoever takes them, and the sender is told to stop.
 */
export class CheckedItems implements AsyncIterableIterator<unknown, undefined> {
  readonly #items: AsyncIterator<unknown>;
  readonly #check: Check;
  readonly #where: string;
  #taken = 0;

  /** `where` they come in: `args[0] (numbers)`. */
  constructor(items: AsyncIterable<unknown>, check: Check, where: string) {
    this.#items = items[Symbol.asyncIterator]();
    this.#check = check;
    this.#where = where;
  }

  next(): Promise<Result> {
    return this.#items.next().then(this.#take);
  }

  readonly #take = (result: IteratorResult<unknown>): Result => {
    if (result.done === true) return { done: true, value: undefined };
    this.#taken++;
    const why = this.#check(result.value);
    if (why === undefined) return result;
    void this.return();
    // The handler is at work, whatever becomes of this.
    // Items are counted from 1, as people count them.
    const place = `${this.#where}, item ${this.#taken}`;
    // The handler is at work, whatever becomes of this.
    throw new GeeError("INVALID_ARGUMENT", place + why.slice(itemRoot.length), {
      reason: "BAD_ARGUMENT",
      executed: "yes",
    });
  };

  async return(): Promise<IteratorReturnResult<undefined>> {
    await this.#items.return?.();
    return { done: true, value: undefined };
  }

  async throw(error?: unknown): Promise<IteratorReturnResult<undefined>> {
    await this.#items.return?.();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/**
 * The items of an answer, each checked before it is sent. The first that does not fit is thrown, and
 * what gives them is left.
 */
export class CheckedAnswer implements AsyncIterableIterator<unknown, undefined> {
  readonly #source: ItemSource;
  readonly #check: Check;
  /** What the source's `return` threw. In an object, since anything can be thrown. */
  #failure: { readonly error: unknown } | undefined;

  constructor(items: Items, check: Check) {
    this.#source = new ItemSource(items, (error) => (this.#failure = { error }));
    this.#source.commit();
    this.#check = check;
  }

  async next(): Promise<Result> {
    let result: IteratorResult<unknown>;
    try {
      result = await this.#source.next();
    } catch (error) {
      this.#source.ranOut();
      throw error;
    }
    if (result.done === true) {
      this.#source.ranOut();
      return { done: true, value: undefined };
    }
    const why = this.#check(result.value);
    if (why === undefined) return result;
    await this.#source.close();
    throw new BadResult(why);
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    await this.#source.close();
    if (this.#failure !== undefined) throw this.#failure.error;
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
