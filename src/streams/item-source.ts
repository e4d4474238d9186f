/** What a person may send as a stream. Of several iterators it is the asynchronous one that is used. */
export type Items =
  AsyncIterable<unknown> | AsyncIterator<unknown> | Iterable<unknown> | Iterator<unknown>;

type Result = IteratorResult<unknown>;
type Pulled = Promise<Result> | Result;

function openIterator(items: Items): AsyncIterator<unknown> | Iterator<unknown> {
  if (Symbol.asyncIterator in items) return items[Symbol.asyncIterator]();
  if (Symbol.iterator in items) return items[Symbol.iterator]();
  return items;
}

/**
 * A person's items on their way out: a generator, or anything else that can be iterated, pulled one
 * by one. Until `commit` it remembers what was pulled, so that another attempt of the call can start
 * from the first item; what that can be is bounded by the credit that a stream starts with. It
 * remembers the values themselves: a generator that changes an object which it has yielded changes
 * what is sent again.
 *
 * The iterator is opened by the first pull, and returned once.
 */
export class ItemSource {
  readonly #items: Items;
  readonly #onReturnFailure: (error: unknown) => void;
  #iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined = undefined;
  #isSync = false;
  /** Its `next` is running: a generator that is not asynchronous cannot be returned meanwhile. */
  #pulling = false;
  /** What an iterator without `return` was last asked for. */
  #last: Pulled | undefined = undefined;
  /**
   * All that was pulled, before the commit, and behind it until it has been sent again. As it was
   * pulled: an attempt may fail while an item is awaited, and then the next one awaits it.
   */
  #pulled: Pulled[] | undefined = [];
  #cursor = 0;
  #committed = false;
  #ranOut = false;
  #closing: PromiseWithResolvers<void> | undefined = undefined;

  /** `onReturnFailure` hears what the iterator's `return` throws, which concerns nobody else. */
  constructor(items: Items, onReturnFailure: (error: unknown) => void) {
    this.#items = items;
    this.#onReturnFailure = onReturnFailure;
  }

  /**
   * The next item, or that there is none; from a generator that is not asynchronous, without a
   * promise. To be asked for one at a time. After `close` there is none.
   *
   * @throws what the iterator throws; a rejected promise instead of it is possible
   */
  next(): Pulled {
    const pulled = this.#pulled;
    if (pulled === undefined) return this.#pull();
    let result = pulled[this.#cursor];
    if (result === undefined) {
      result = this.#pullSafely();
      pulled.push(result);
    }
    this.#cursor++;
    this.#forget();
    return result;
  }

  /** The peer has the call: there will be no other attempt, and nothing more is remembered. */
  commit(): void {
    this.#committed = true;
    this.#forget();
  }

  /** The next attempt gets the first item again. False after `commit`: the first may be gone. */
  rewind(): boolean {
    if (this.#committed) return false;
    this.#cursor = 0;
    return true;
  }

  /** Whoever pulled has seen the iterator end or fail: there is nothing to return. */
  ranOut(): void {
    this.#ranOut = true;
  }

  /**
   * Returns the iterator, once, unless it ran out. Resolves when it has returned and its code will
   * not run again; one without a `return`, when the item that was last asked for is there. Does not
   * reject.
   */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = Promise.withResolvers<void>();
      if (!this.#pulling) void this.#release(this.#closing);
    }
    return this.#closing.promise;
  }

  #forget(): void {
    if (this.#committed && this.#cursor >= (this.#pulled?.length ?? 0)) this.#pulled = undefined;
  }

  #pull(): Pulled {
    if (this.#closing !== undefined) return { done: true, value: undefined };
    this.#pulling = true;
    try {
      const iterator = this.#iterator ?? this.#open();
      const result = iterator.next();
      const pulled = result instanceof Promise ? result : this.#plain(result);
      if (iterator.return === undefined) this.#last = pulled;
      return pulled;
    } finally {
      this.#pulling = false;
      if (this.#closing !== undefined) void this.#release(this.#closing);
    }
  }

  /** The same for what is remembered: an error too is found again by the next attempt. */
  #pullSafely(): Pulled {
    try {
      return this.#pull();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #open(): AsyncIterator<unknown> | Iterator<unknown> {
    this.#isSync = !(Symbol.asyncIterator in this.#items) && Symbol.iterator in this.#items;
    this.#iterator = openIterator(this.#items);
    return this.#iterator;
  }

  #plain(result: Result): Pulled {
    if (!this.#isSync) return Promise.resolve(result);
    if (result.done !== true && result.value instanceof Promise) return this.#settle(result.value);
    return result;
  }

  /** Who yields promises yields what they resolve to, and stops at one that rejects: `for await`. */
  async #settle(value: Promise<unknown>): Promise<Result> {
    try {
      return { done: false, value: await value };
    } catch (error) {
      void this.close();
      throw error;
    }
  }

  async #release(closing: PromiseWithResolvers<void>): Promise<void> {
    try {
      if (this.#ranOut) return;
      // One that was never pulled may hold something all the same, as a ReadableStream does.
      const iterator = this.#iterator ?? this.#open();
      if (iterator.return === undefined) await this.#lastIsThere();
      else await iterator.return();
    } catch (error) {
      this.#onReturnFailure(error);
    } finally {
      closing.resolve();
    }
  }

  /** What the last pull brings concerns its puller. */
  async #lastIsThere(): Promise<void> {
    try {
      await this.#last;
    } catch {}
  }
}
