import { ItemQueue } from "./item-queue.ts";
import { ReceiveWindow } from "./window.ts";
import type { WindowHost } from "./window.ts";

/** What {@link IncomingItems} ask of the connection that they come over. */
export interface IncomingHost extends WindowHost {
  /** Sends so much credit, in bytes. */
  grant(bytes: number): void;
  /** So many bytes more are queued here, or fewer when it is negative. */
  queued(change: number): void;
  /** The consumer stopped before the end. Called at most once, and never after the end or an error. */
  left(): void;
}

type Result = IteratorResult<unknown, undefined>;

/** A consumer that waits for an item. */
interface Waiter {
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * The receiving end of a stream, as its consumer sees it: what a `for await` runs over. The
 * connection pushes what it reads; the consumer takes it when it likes, and what it has taken is
 * granted to the sender again. Leaving the loop tells the sender to stop.
 *
 * An error is thrown once; after it, as after the end, the stream is done for ever.
 */
export class IncomingItems implements AsyncIterableIterator<unknown, undefined> {
  readonly #host: IncomingHost;
  readonly #window: ReceiveWindow;
  /** Empty while anybody waits. */
  readonly #queue = new ItemQueue();
  /** In the order in which they asked. Only a consumer that does not await each has more than one. */
  readonly #waiters: Waiter[] = [];
  #ended = false;
  /** The consumer wants nothing more. */
  #left = false;
  /** What is thrown behind the queued items. In an object, since anything can be thrown. */
  #failure: { readonly error: unknown } | undefined = undefined;

  constructor(host: IncomingHost) {
    this.#host = host;
    this.#window = new ReceiveWindow(host);
  }

  /** Whether the end or an error has come. A consumer that has left is no end. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes of the items that were received and not taken. */
  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  // -------------------------------------------------------------- the connection's side

  /**
   * An item has come, and its frame had so many bytes. False when its sender had no credit left: the
   * item is not taken. What comes behind the end or an error, or when the consumer has left, is
   * dropped, and nothing is wrong with it.
   */
  push(value: unknown, bytes: number): boolean {
    if (this.#ended || this.#left) return true;
    if (!this.#window.spend(bytes)) return false;
    const waiter = this.#waiters.length === 0 ? undefined : this.#waiters.shift();
    if (waiter === undefined) {
      this.#queue.push(value, bytes);
      this.#host.queued(bytes);
    } else {
      // Before the grant: whatever that sets off finds everything in place.
      waiter.resolve({ done: false, value });
      this.#took(bytes);
    }
    return true;
  }

  /** The end has come: what is queued can still be taken. */
  end(): void {
    this.#ended = true;
    this.#dismiss();
  }

  /**
   * The stream has failed: the error comes behind what is queued, or in its place. What has ended
   * already stays as it is.
   */
  fail(error: unknown, dropQueued: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#left) return;
    if (dropQueued) this.#dropQueued();
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#failure = { error };
    else waiter.reject(error);
    this.#dismiss();
  }

  /** Grants what has been taken so far: a sign of life of a consumer that is slow. */
  grantTaken(): void {
    if (this.#ended || this.#left) return;
    const credit = this.#window.flush();
    if (credit > 0) this.#host.grant(credit);
  }

  /** For all that wait the stream is over. */
  #dismiss(): void {
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({ done: true, value: undefined });
  }

  /** The consumer has an item more: only now may as much be sent again. */
  #took(bytes: number): void {
    if (this.#ended) return;
    const credit = this.#window.consumed(bytes);
    if (credit > 0) this.#host.grant(credit);
  }

  // -------------------------------------------------------------- the consumer's side

  /** The next item. Several may be asked for at once; they are answered in order. */
  next(): Promise<Result> {
    const queue = this.#queue;
    if (queue.length > 0) {
      const bytes = queue.firstBytes;
      const value = queue.shift();
      this.#host.queued(-bytes);
      this.#took(bytes);
      return Promise.resolve({ done: false, value });
    }
    if (this.#ended || this.#left) return this.#last();
    this.#window.starved();
    return new Promise(this.#wait);
  }

  /** Once a stream, not once an item; and `Promise.withResolvers` takes longer. */
  readonly #wait = (resolve: Waiter["resolve"], reject: Waiter["reject"]): void => {
    this.#waiters.push({ resolve, reject });
  };

  #last(): Promise<Result> {
    const failure = this.#failure;
    if (failure === undefined) return Promise.resolve({ done: true, value: undefined });
    this.#failure = undefined;
    return Promise.reject(failure.error);
  }

  /** Leaves the stream: what is queued is dropped, and the sender is told unless it was done. */
  return(): Promise<IteratorReturnResult<undefined>> {
    this.#leave();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** As `return`, and rejects with the error. */
  throw(error?: unknown): Promise<IteratorReturnResult<undefined>> {
    this.#leave();
    return Promise.reject(error);
  }

  #dropQueued(): void {
    this.#host.queued(-this.#queue.bytes);
    this.#queue.clear();
  }

  #leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#dropQueued();
    this.#failure = undefined;
    this.#dismiss();
    if (!this.#ended) this.#host.left();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
