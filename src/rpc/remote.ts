import type { Metadata } from "../wire/message.ts";
import type { PolicyName } from "../base/policy-name.ts";
import type { CallContext } from "./context.ts";

/** What a call may carry and demand. */
export interface CallOptions {
  /**
   * The whole call's deadline, attempts and connecting included, in milliseconds. Default 10 s. A
   * stream has a total limit only when it is given here: the default holds until the answer turns
   * out to be a stream, and from there on `idleTimeoutMs` does.
   */
  readonly timeoutMs?: number;
  /**
   * A stream that is for so many milliseconds without an item, credit or end, either way, is ended
   * with DEADLINE_EXCEEDED, reason IDLE. Default 60 s. Calls without a stream do not look at it.
   */
  readonly idleTimeoutMs?: number;
  /** Aborting it ends the call at once and reaches the handler's signal. */
  readonly signal?: AbortSignal;
  /**
   * The call that this one is made for, from `callContext()`: it has no more time than what remains
   * of that call's deadline, ends when that call is cancelled, and takes over its attempt number.
   */
  readonly context?: CallContext;
  /** Text by text, handed to the handler. */
  readonly metadata?: Metadata;
  /**
   * Gets what the server sends beside the values: `"response"` with the result or with a stream's
   * first item, `"trailing"` with a stream's end. Not called for metadata that are not there.
   */
  readonly onMetadata?: (metadata: Metadata, when: "response" | "trailing") => void;
  /** The one instance, by its id, that may answer. */
  readonly to?: string;
  /**
   * How its server is chosen. Default: the client's; `"hash"` when there is a `hashKey`.
   */
  readonly policy?: PolicyName;
  /**
   * Calls with the same key go to the same server as long as it is there and well: for servers that
   * keep something of what they are asked. One of n servers that comes or goes moves 1/n of the keys. A
   * client that has a zone has its own place for a key. Costs some nanoseconds for each server.
   */
  readonly hashKey?: string;
  /** Only a server with all of these tags may answer. */
  readonly tags?: Readonly<Record<string, string>>;
  /**
   * It may run more than once, so it is sent again when nobody can say whether it has run. Default:
   * what the server says of its method.
   */
  readonly idempotent?: boolean;
  /**
   * When the answer takes longer than 95 % of this method's answers did of late, another server is
   * asked as well, and the first good answer is taken. Only for methods that may run more than once
   * (`idempotent`), and for one call in ten at most.
   */
  readonly hedge?: boolean;
  /**
   * While there is no server that can be reached the call waits until its deadline. By default it
   * fails when none can be reached for two seconds, and at once when nobody serves it.
   */
  readonly waitForReady?: boolean;
  /**
   * How often it is sent at the most, 1 to 5, a hedge included. Default 5. With 1 it is sent again only
   * when it never left, or when its server hands it back because it is about to end.
   */
  readonly maxAttempts?: number;
  /**
   * Names the deed, so that a server does it once however often the call is sent: 1 to 256 UTF-16
   * units, unique among what this caller asks of the method. The answer is kept for 5 minutes; the
   * same key with other arguments is FAILED_PRECONDITION, reason KEY_REUSED.
   */
  readonly idempotencyKey?: string;
  /**
   * No answer is wanted: the promise is kept when the call has left, and nobody hears whether it
   * was done. A typed service shows it: `gee.service<Foo>("Foo", { oneWay: true })` is a
   * {@link OneWay}.
   */
  readonly oneWay?: boolean;
}

/** What a call has that names no options. */
export const noOptions: CallOptions = Object.freeze({});

/**
 * A call under way, of which nobody has said yet what it answers with. Awaited, it is the single
 * result; iterated, the stream of items. The wrong one of the two rejects and names the right one.
 */
export type Call = Promise<unknown> & AsyncIterable<unknown>;

/**
 * The items that a method answers with, one by one: `for await (const item of foo.Items())`. Leaving
 * the loop cancels the call.
 */
export interface ItemStream<I> extends AsyncIterable<I> {
  /** A stream is iterated, not awaited. This is here so that the compiler refuses the `await`. */
  then(useForAwaitInstead: never): void;
}

/** What a handler may return for its caller to get item by item. */
type Streamed<I> = AsyncIterable<I> | AsyncIterator<I> | Generator<I>;

/** Only `any` and `never` are of this type; they are of every type, and no stream. */
declare const nothing: unique symbol;
interface Nothing {
  readonly [nothing]: never;
}

/** What callers get for what a handler returns. */
type Answer<R> = [R] extends [Nothing | PromiseLike<Nothing>]
  ? Promise<Awaited<R>>
  : [R] extends [Streamed<infer I> | PromiseLike<Streamed<infer I>>]
    ? ItemStream<I>
    : Promise<Awaited<R>>;

/**
 * Names that are no methods of a stub: those with a leading underscore are not served, and the others
 * the language itself looks up (see `isLanguages`).
 */
type NoMethod = `_${string}` | symbol | number | "then" | "toJSON" | keyof typeof Object.prototype;

/** `K` if it names a method that can be called. */
export type MethodName<T, K extends keyof T> = K extends NoMethod
  ? never
  : T[K] extends (...args: never[]) => unknown
    ? K
    : never;

/** What the method `K` takes. */
type Arguments<T, K extends keyof T> = T[K] extends (...args: infer A) => unknown ? A : never;

/** What its callers get. */
type Answered<T, K extends keyof T> = T[K] extends (...args: never[]) => infer R
  ? Answer<R>
  : never;

/**
 * A service as its callers see it: the same methods, each answering with a promise, or with an
 * {@link ItemStream} when it returns a generator or anything else that is iterated with `for await`,
 * promised or not. A parameter that is an `AsyncIterable` stays one: its items are sent as they
 * come. Of overloads callers see the last, and type parameters as what they extend.
 *
 * Flat on purpose, and one method for one, so that an editor shows it at once, with the comments of
 * the class. That each is a function is plain without a look at the method: of a list of names an
 * editor asks that of every one, and would work out hundreds of types for it.
 */
export type Remote<T> = {
  readonly [K in keyof T as MethodName<T, K>]: (...args: Arguments<T, K>) => Answered<T, K>;
};

/**
 * A service to whose methods calls are sent without waiting for an answer: the same methods, each
 * with a promise that is kept when the call has left.
 */
export type OneWay<T> = {
  readonly [K in keyof T as MethodName<T, K>]: (...args: Arguments<T, K>) => Promise<void>;
};

/**
 * The services that a program knows by their names, each with its type; none are known here. A
 * declaration adds them, as the output of `gee types` does, and from then on `service("Foo")` is typed
 * by its name alone:
 *
 * ```ts
 * declare module "gee" {
 *   interface Services {
 *     Foo: Foo;
 *   }
 * }
 * ```
 */
export interface Services {}

/** Makes stubs of the services in `S` by their names. */
export interface NamedStub<S> {
  <K extends keyof S & string>(
    name: K,
    options: CallOptions & { readonly oneWay: true },
  ): OneWay<S[K]>;
  <K extends keyof S & string>(
    name: K,
    options?: CallOptions & { readonly oneWay?: false },
  ): Remote<S[K]>;
}

/** Makes stubs of the type that is named: `service<Foo>("Foo")`. */
export interface TypedStub {
  <T>(name: string, options: CallOptions & { readonly oneWay: true }): OneWay<T>;
  <T>(name: string, options?: CallOptions & { readonly oneWay?: false }): Remote<T>;
}

/**
 * Makes typed stubs: of a service in `S` by its name, of any other by the type that is named,
 * `service<Foo>("Foo")`. With `oneWay` the methods are those of {@link OneWay}. Without either type
 * the stub has no methods.
 */
export type MakeStub<S> = NamedStub<S> & TypedStub;

/**
 * Whether the language itself looks a name up on objects that it is handed: to await one, to write
 * it as JSON or as text. No server serves those that every object has.
 */
function isLanguages(name: string): boolean {
  return name === "then" || name === "toJSON" || name in Object.prototype;
}

/**
 * A proxy whose every name is a method of `service`, which `call` gets as `Service.Method`. What it
 * returns is handed on as it is; it should be a {@link Call}, or a method that answers with a stream
 * cannot be iterated. `T` says which methods there are; nothing is asked of a server before one is
 * called.
 */
export function createRemote<T>(
  service: string,
  call: (method: string, args: readonly unknown[]) => Promise<unknown>,
): Remote<T>;
export function createRemote(
  service: string,
  call: (method: string, args: readonly unknown[]) => Promise<unknown>,
): object {
  const methods = new Map<string, (...args: readonly unknown[]) => Promise<unknown>>();
  return new Proxy(Object.freeze(Object.create(null)), {
    get(_target, name) {
      if (typeof name !== "string") return undefined;
      let method = methods.get(name);
      if (method === undefined) {
        if (isLanguages(name)) return undefined;
        const full = `${service}.${name}`;
        method = (...args) => call(full, args);
        methods.set(name, method);
      }
      return method;
    },
  });
}

/**
 * Makes stubs whose calls go through `call`, with the options that a stub was made with. `S` says
 * which services are typed by their names alone.
 */
export function createStubs<S>(
  call: (method: string, args: readonly unknown[], options: CallOptions) => Promise<unknown>,
): MakeStub<S> {
  function stub<K extends keyof S & string>(
    name: K,
    options: CallOptions & { readonly oneWay: true },
  ): OneWay<S[K]>;
  function stub<K extends keyof S & string>(
    name: K,
    options?: CallOptions & { readonly oneWay?: false },
  ): Remote<S[K]>;
  function stub<T>(name: string, options: CallOptions & { readonly oneWay: true }): OneWay<T>;
  function stub<T>(name: string, options?: CallOptions & { readonly oneWay?: false }): Remote<T>;
  function stub(name: string, options: CallOptions = noOptions): object {
    return createRemote(name, (method, args) => call(method, args, options));
  }
  return stub;
}
