import type { Call } from "./remote.ts";

const ignore = (): void => {};

/** By this a promise finds the call that it belongs to. */
const owner: unique symbol = Symbol("call");

/** A promise as a call has it before it can be iterated. */
export type Callable = Promise<unknown> & {
  [owner]?: { iterate(): AsyncIterator<unknown> };
  [Symbol.asyncIterator]?: () => AsyncIterator<unknown>;
};

/** Whether a promise can be iterated. */
export function isCall(promise: Callable): promise is Call {
  return promise[Symbol.asyncIterator] !== undefined;
}

/** The call that a promise belongs to; undefined for one that is no call's own. */
export function ownerOf(promise: Callable): object | undefined {
  return promise[owner];
}

/** One function for all calls: a closure for each costs as much as the rest of its promise. */
function iterateOwner(this: Callable): AsyncIterator<unknown> {
  const call = this[owner];
  if (call === undefined) throw new TypeError("a call is iterated by itself");
  return call.iterate();
}

/** Makes a promise that of a call: whoever iterates it iterates the call. */
export function belongTo(promise: Callable, call: { iterate(): AsyncIterator<unknown> }): void {
  promise[owner] = call;
  promise[Symbol.asyncIterator] = iterateOwner;
}

/** What `take` was given last. */
export let resolveTaken: (value: unknown) => void = ignore;
export let rejectTaken: (error: unknown) => void = ignore;

/** Hands the two functions of the promise that is being made to whoever makes it. */
export function take(resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
  resolveTaken = resolve;
  rejectTaken = reject;
}

/** A call that could not be made. */
export function failedCall(thrown: unknown): Call {
  const failed = Promise.reject(thrown);
  return Object.assign(failed, {
    [Symbol.asyncIterator]: () => {
      // Whoever iterates hears of it from the iterator.
      failed.catch(() => {});
      return { next: () => failed };
    },
  });
}
