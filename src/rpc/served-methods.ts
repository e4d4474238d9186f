import { isServiceName } from "../base/names.ts";
import type { MethodContract } from "../contract/contract.ts";
import { methodFlags } from "../wire/hello.ts";
import type { MethodOptions } from "./method-options.ts";

/** A method as its class has it. */
export type Handler = (...args: readonly unknown[]) => unknown;

function isHandler(value: unknown): value is Handler {
  return typeof value === "function";
}

/**
 * The methods of an instance that can be served: those that its own class defines (or, for an object
 * without a class, its own functions); no accessors, nothing that starts with `_`, nothing that
 * every object has. What a class inherits is not served, because a base class such as an event
 * emitter would hand its machinery to strangers.
 */
export function methodsOf(instance: object): Map<string, Handler> {
  const methods = new Map<string, Handler>();
  const prototype: object | null = Object.getPrototypeOf(instance);
  const holder = prototype === null || prototype === Object.prototype ? instance : prototype;
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(holder))) {
    if (isServiceName(name) && !(name in Object.prototype) && isHandler(property.value)) {
      methods.set(name, property.value);
    }
  }
  return methods;
}

const streamTags: ReadonlySet<string> = new Set(["AsyncGeneratorFunction", "GeneratorFunction"]);

/** What a hello says of a method: what its author says, what its function is, what its source says. */
export function flagsOf(
  handler: Handler,
  options: MethodOptions,
  { signatures }: MethodContract,
): number {
  const tag = Object.prototype.toString.call(handler).slice(8, -1);
  const isKnown = signatures.length > 0;
  const answers = streamTags.has(tag) || (isKnown && signatures.every(({ stream }) => stream));
  const takes = signatures.some(({ parameters }) => parameters.some(({ stream }) => stream));
  return (
    (options.idempotent === true ? methodFlags.idempotent : 0) |
    (answers ? methodFlags.answersStream : 0) |
    (takes ? methodFlags.takesStream : 0)
  );
}
