import type { Metadata } from "../wire/message.ts";

/** What a call may carry and demand. */
export interface CallOptions {
  /** The whole call's deadline, attempts and connecting included. Default 10 s. */
  readonly timeoutMs?: number;
  /** Aborting it ends the call at once and reaches the handler's signal. */
  readonly signal?: AbortSignal;
  /** Text by text, handed to the handler. */
  readonly metadata?: Metadata;
  /** The one instance, by its id, that may answer. */
  readonly to?: string;
}

/** The names of a class's methods that can be called: public ones without a leading underscore. */
type MethodNames<T> = {
  [K in keyof T]: K extends `_${string}` | symbol | number
    ? never
    : T[K] extends (...args: never[]) => unknown
      ? K
      : never;
}[keyof T];

/**
 * A service as its callers see it: the same methods, each answering with a promise. Flat on purpose,
 * so that an editor shows it at once.
 */
export type Remote<T> = {
  readonly [K in MethodNames<T>]: T[K] extends (...args: infer A) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : never;
};

/**
 * Whether the language itself looks a name up on objects that it is handed: to await one, to write
 * it as JSON or as text. No server serves those that every object has.
 */
function isLanguages(name: string): boolean {
  return name === "then" || name === "toJSON" || name in Object.prototype;
}

/**
 * A proxy whose every name is a method of `service`, which `call` gets as `Service.Method`. `T` says which ones there are; nothing is asked of a server
 * before one is called.
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
