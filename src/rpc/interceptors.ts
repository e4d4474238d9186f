import type { CallContext } from "./context.ts";
import { withContext } from "./context.ts";
import { itIsAStream, itIsNoStream, saysItIsAStream } from "./refusals.ts";
import type { Call, CallOptions } from "./remote.ts";

/** A call as a client's interceptor sees it, and may hand it on changed. */
export interface Invocation {
  /** `Service.Method`. */
  readonly method: string;
  readonly args: readonly unknown[];
  readonly options: CallOptions;
}

/**
 * Runs around every call of a client: `next` makes the call and resolves with its result, or with an
 * `AsyncIterable` of items when it answers with a stream (as soon as that is known). What this
 * resolves with is what the caller gets. Calling `next` twice makes two calls.
 *
 * ```ts
 * const timed: ClientInterceptor = async (call, next) => {
 *   const start = performance.now();
 *   try { return await next(call); }
 *   finally { console.log(call.method, performance.now() - start); }
 * };
 * ```
 */
export type ClientInterceptor = (
  call: Invocation,
  next: (call: Invocation) => Promise<unknown>,
) => Promise<unknown>;

/** A request as a server's interceptor sees it. */
export interface Request {
  readonly context: CallContext;
  readonly args: readonly unknown[];
}

/**
 * Runs around every handler of a server: `next` runs it, with these arguments or others, and returns
 * what it returns: a value, a promise, or items. What this returns is answered, and what it throws.
 */
export type ServerInterceptor = (
  request: Request,
  next: (args: readonly unknown[]) => unknown,
) => unknown;

/** Makes a call. */
type MakeCall = (method: string, args: readonly unknown[], options: CallOptions) => Call;

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

const ignore = (): void => {};

/** The answer of a call: its result or, in something that is not awaited, its items. */
function answerOf(call: Call): Promise<unknown> {
  return call.catch((error: unknown) => {
    if (!saysItIsAStream(error)) throw error;
    return { [Symbol.asyncIterator]: () => call[Symbol.asyncIterator]() };
  });
}

/** The items of an answer. `leave` gives the call up: for who leaves before it is answered. */
function itemsOf(
  method: string,
  answer: Promise<unknown>,
  leave: () => void,
): AsyncIterator<unknown> {
  let items: AsyncIterator<unknown> | undefined;
  const opened = answer.then((value) => {
    if (!isStream(value)) throw itIsNoStream(method);
    items = value[Symbol.asyncIterator]();
    return items;
  });
  // Whoever asks for an item hears of it.
  opened.catch(ignore);
  return {
    next: async () => await (await opened).next(),
    async return() {
      if (items === undefined) {
        leave();
        opened.then((late) => late.return?.()).catch(ignore);
      } else {
        await items.return?.();
      }
      return { done: true, value: undefined };
    },
  };
}

/** An answer as a call again. */
function callOf(method: string, answer: Promise<unknown>, leave: () => void): Call {
  const result: Promise<unknown> = answer.then((value) => {
    if (!isStream(value)) return value;
    // Whoever iterates does not look at the promise, and nobody has to.
    result.catch(ignore);
    throw itIsAStream(method);
  });
  return Object.assign(result, {
    [Symbol.asyncIterator]: () => {
      // Whoever iterates hears of a failure from the iterator.
      result.catch(ignore);
      return itemsOf(method, answer, leave);
    },
  });
}

/** The chain of interceptors, the first outermost, around what makes the call. */
function chain(
  interceptors: readonly ClientInterceptor[],
  last: (call: Invocation) => Promise<unknown>,
): (call: Invocation) => Promise<unknown> {
  return interceptors.reduceRight<(call: Invocation) => Promise<unknown>>(
    (next, interceptor) => async (call) => await interceptor(call, next),
    last,
  );
}

/** What makes calls, with interceptors around it; itself when there are none. */
export function interceptCalls(
  makeCall: MakeCall,
  interceptors: readonly ClientInterceptor[],
): MakeCall {
  if (interceptors.length === 0) return makeCall;
  const run = chain(interceptors, ({ method, args, options }) =>
    answerOf(makeCall(method, args, options)),
  );
  return (method, args, own) => {
    const leaving = new AbortController();
    const signal =
      own.signal === undefined ? leaving.signal : AbortSignal.any([own.signal, leaving.signal]);
    const answer = run({ method, args, options: { ...own, signal } });
    return callOf(method, answer, () => leaving.abort());
  };
}

/** Something else that is done for a call, such as a broadcast, with interceptors around it. */
export function interceptWork<T>(
  interceptors: readonly ClientInterceptor[],
  call: Invocation,
  work: (call: Invocation) => Promise<T>,
): Promise<unknown> {
  return chain(interceptors, work)(call);
}

/** A handler with interceptors around it; itself when there are none. */
export function interceptHandler(
  invoke: (args: readonly unknown[]) => unknown,
  interceptors: readonly ServerInterceptor[],
  contextNow: () => CallContext,
): (args: readonly unknown[]) => unknown {
  if (interceptors.length === 0) return invoke;
  return (args) => {
    const context = contextNow();
    // An interceptor may have awaited something: the handler is to see its context all the same.
    const run = interceptors.reduceRight<(args: readonly unknown[]) => unknown>(
      (next, interceptor) => (given) =>
        withContext(context, () => interceptor({ context, args: given }, next), undefined),
      (given) => withContext(context, invoke, given),
    );
    return run(args);
  };
}
