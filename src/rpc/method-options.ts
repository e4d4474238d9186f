import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { nearest } from "../base/names.ts";
import { isStandardSchema } from "../contract/standard-schema.ts";
import type { StandardSchema } from "../contract/standard-schema.ts";
import type { MethodName } from "./remote.ts";

/** What a service's author may say of one method. */
export interface MethodOptions {
  /** Running it twice does no more than running it once. Default false. */
  readonly idempotent?: boolean;
  /** The longest that the handler may take, whatever the caller allows. */
  readonly timeoutMs?: number;
  /**
   * How many handlers of it may run at once; a further call is answered RESOURCE_EXHAUSTED, executed
   * no, and goes to another server. Default: as many as the server runs at all.
   */
  readonly concurrency?: number;
  /**
   * What the arguments are checked with, in place of the contract: a schema of zod, valibot, arktype
   * or any other library that keeps to Standard Schema, for the first argument, or an array with one
   * for each (`undefined`: that one is not checked). What a schema makes of an argument is what the
   * handler gets. It may be asynchronous. Arguments that are streams are left to the contract.
   */
  readonly schema?: StandardSchema | readonly (StandardSchema | undefined)[];
}

/** Options by service and method: `{ Foo: { Sum: { idempotent: true } } }`. */
export type ServiceOptions = Readonly<Record<string, Readonly<Record<string, MethodOptions>>>>;

/**
 * The same with names that the compiler knows:
 *
 * ```ts
 * export const gee = { Foo: { Sum: { idempotent: true } } } satisfies Options<{ Foo: Foo }>;
 * ```
 */
export type Options<S> = {
  readonly [N in keyof S]?: { readonly [K in keyof S[N] as MethodName<S[N], K>]?: MethodOptions };
};

/** Why a service cannot be served as it is. */
export function badService(message: string, hint?: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", message, {
    reason: "BAD_SERVICE",
    executed: "no",
    hint,
  });
}

/** The schemas of a method, by the argument's index; none when it has none. */
export function schemasOf({ schema }: MethodOptions): readonly (StandardSchema | undefined)[] {
  if (schema === undefined) return [];
  if (isStandardSchema(schema)) return [schema];
  return schema.some((one) => one !== undefined) ? schema : [];
}

/**
 * Holds options to what can be, and to methods that there are.
 *
 * @throws GeeError INVALID_ARGUMENT, reason BAD_SERVICE
 */
export function checkOptions(options: ServiceOptions, methods: ReadonlyMap<string, unknown>): void {
  for (const [service, entries] of Object.entries(options)) {
    for (const [method, entry] of Object.entries(entries)) {
      const name = `${service}.${method}`;
      if (!methods.has(name)) {
        const near = nearest(name, methods.keys());
        throw badService(
          `options for ${name}, which is not served`,
          near === undefined ? undefined : `did you mean ${near}?`,
        );
      }
      checkEntry(name, entry);
    }
  }
}

function checkEntry(name: string, { timeoutMs, concurrency, schema }: MethodOptions): void {
  if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs <= limits.maxTimeoutMs)) {
    throw badService(`timeoutMs of ${name} is no number of milliseconds above 0`);
  }
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency > 0)) {
    throw badService(`concurrency of ${name} is no whole number above 0`);
  }
  const schemas: readonly unknown[] = Array.isArray(schema) ? schema : [schema];
  if (!schemas.every((one) => one === undefined || isStandardSchema(one))) {
    throw badService(`schema of ${name} is no Standard Schema, version 1, and no array of them`);
  }
}
