import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { isServiceName, nearest, parseMethodName } from "../base/names.ts";
import { methodFlags } from "../wire/hello.ts";
import { callContext } from "./context.ts";
import { interceptHandler } from "./interceptors.ts";
import type { ServerInterceptor } from "./interceptors.ts";
import type { MethodFacts, ServiceFacts } from "../wire/hello.ts";

/** What a service's author may say of one method. Keys that are not listed here are for later. */
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
}

/** Options by service and method: `{ Foo: { Sum: { idempotent: true } } }`. */
export type ServiceOptions = Readonly<Record<string, Readonly<Record<string, MethodOptions>>>>;

/** One method that is served. */
export interface ServedMethod {
  readonly service: string;
  /** `Foo.Sum`. */
  readonly name: string;
  readonly number: number;
  readonly flags: number;
  readonly timeoutMs: number | undefined;
  /** How many handlers of it may run at once; undefined = as many as the server runs at all. */
  readonly concurrency: number | undefined;
  /** How many do, those that ended at once left out. */
  running: number;
  /** Calls the method on its instance. */
  readonly invoke: (args: readonly unknown[]) => unknown;
}

/** A service as it is listed for people. */
export interface ServedService {
  readonly name: string;
  readonly methods: readonly string[];
}

/** What one server serves. Names from the wire are looked up here, in maps, and nowhere else. */
export interface ServiceTable {
  readonly services: readonly ServedService[];
  /** What the server's hello says. */
  readonly facts: ReadonlyMap<string, ServiceFacts>;
  /** @throws GeeError UNIMPLEMENTED, executed no, naming the nearest */
  find(method: number | string): ServedMethod;
}

type AnyFunction = (...args: readonly unknown[]) => unknown;

function isFunction(value: unknown): value is AnyFunction {
  return typeof value === "function";
}

/**
 * The methods of an instance that are served: those that its own class defines (or, for an object
 * without a class, its own functions); no accessors, nothing that starts with `_`, nothing that
 * every object has. What a class inherits is not served, because a base class such as an event
 * emitter would hand its machinery to strangers.
 */
function methodsOf(instance: object): Map<string, AnyFunction> {
  const methods = new Map<string, AnyFunction>();
  const prototype: object | null = Object.getPrototypeOf(instance);
  const holder = prototype === null || prototype === Object.prototype ? instance : prototype;
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(holder))) {
    if (isServiceName(name) && !(name in Object.prototype) && isFunction(property.value)) {
      methods.set(name, property.value);
    }
  }
  return methods;
}

const streamTags: ReadonlySet<string> = new Set(["AsyncGeneratorFunction", "GeneratorFunction"]);

function flagsOf(handler: AnyFunction, options: MethodOptions): number {
  const tag = Object.prototype.toString.call(handler).slice(8, -1);
  return (
    (options.idempotent === true ? methodFlags.idempotent : 0) |
    (streamTags.has(tag) ? methodFlags.answersStream : 0)
  );
}

function refused(message: string, hint?: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", message, {
    reason: "BAD_SERVICE",
    executed: "no",
    hint,
  });
}

function checkOptions(options: ServiceOptions, methods: ReadonlyMap<string, ServedMethod>): void {
  for (const [service, entries] of Object.entries(options)) {
    for (const [method, entry] of Object.entries(entries)) {
      const name = `${service}.${method}`;
      if (!methods.has(name)) {
        const near = nearest(name, methods.keys());
        throw refused(
          `options for ${name}, which is not served`,
          near === undefined ? undefined : `did you mean ${near}?`,
        );
      }
      const { timeoutMs } = entry;
      if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs <= limits.maxTimeoutMs)) {
        throw refused(`timeoutMs of ${name} is no number of milliseconds above 0`);
      }
      const { concurrency } = entry;
      if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency > 0)) {
        throw refused(`concurrency of ${name} is no whole number above 0`);
      }
    }
  }
}

/**
 * Collects what is to be served.
 *
 * @throws GeeError INVALID_ARGUMENT, reason NOTHING_TO_SERVE or BAD_SERVICE
 */
export function createServiceTable(
  services: Readonly<Record<string, object>>,
  options: ServiceOptions = {},
  interceptors: readonly ServerInterceptor[] = [],
): ServiceTable {
  const byName = new Map<string, ServedMethod>();
  const byNumber: (ServedMethod | undefined)[] = [undefined];
  const served: ServedService[] = [];
  const facts = new Map<string, ServiceFacts>();
  for (const [service, instance] of Object.entries(services)) {
    if (!isServiceName(service)) {
      throw refused(
        `${JSON.stringify(service)} is no name for a service`,
        "a letter, then letters, digits or underscores, 64 at the most",
      );
    }
    const handlers = methodsOf(instance);
    if (handlers.size === 0) throw refused(`${service} has no method to serve`);
    const methods = new Map<string, MethodFacts>();
    for (const [method, handler] of handlers) {
      const own = options[service]?.[method] ?? {};
      const entry: ServedMethod = {
        service,
        name: `${service}.${method}`,
        number: byNumber.length,
        flags: flagsOf(handler, own),
        timeoutMs: own.timeoutMs,
        concurrency: own.concurrency,
        running: 0,
        invoke: interceptHandler(
          (args) => Reflect.apply(handler, instance, args),
          interceptors,
          callContext,
        ),
      };
      byNumber.push(entry);
      byName.set(entry.name, entry);
      methods.set(method, { number: entry.number, flags: entry.flags });
    }
    facts.set(service, { methods });
    served.push({ name: service, methods: [...handlers.keys()] });
  }
  if (served.length === 0) {
    throw new GeeError("INVALID_ARGUMENT", "there is nothing to serve", {
      reason: "NOTHING_TO_SERVE",
      executed: "no",
      hint: "export a class with methods",
    });
  }
  if (served.length > limits.maxServices) {
    throw refused(`${served.length} services are more than ${limits.maxServices}`);
  }
  checkOptions(options, byName);

  const unknown = (method: number | string): GeeError => {
    const fail = (message: string, near: string | undefined): GeeError =>
      new GeeError("UNIMPLEMENTED", message, {
        reason: "NO_SUCH_METHOD",
        executed: "no",
        // The nearest name travels as a detail; the caller's side makes a hint of it.
        details: near === undefined ? undefined : { didYouMean: near },
      });
    if (typeof method === "number") return fail(`there is no method ${method}`, undefined);
    const name = parseMethodName(method);
    if (name === undefined) {
      const shown = JSON.stringify(method.slice(0, 130));
      return fail(`${shown} is no name of a method`, nearest(method, byName.keys()));
    }
    if (!facts.has(name.service)) {
      return fail(`there is no service ${name.service}`, nearest(method, byName.keys()));
    }
    const siblings = [...(facts.get(name.service)?.methods.keys() ?? [])];
    const near = nearest(name.method, siblings);
    return fail(
      `${name.service} has no method ${name.method}`,
      near === undefined ? nearest(method, byName.keys()) : `${name.service}.${near}`,
    );
  };
  return {
    services: served,
    facts,
    find(method) {
      const found = typeof method === "number" ? byNumber[method] : byName.get(method);
      if (found === undefined) throw unknown(method);
      return found;
    },
  };
}

/** Disposes of an instance that can be disposed of; a failure is logged and hurts nobody. */
export async function disposeService(instance: object, log: Log): Promise<void> {
  try {
    if (Symbol.asyncDispose in instance) {
      const dispose = instance[Symbol.asyncDispose];
      if (typeof dispose === "function") await Reflect.apply(dispose, instance, []);
    } else if (Symbol.dispose in instance) {
      const dispose = instance[Symbol.dispose];
      if (typeof dispose === "function") Reflect.apply(dispose, instance, []);
    }
  } catch (error) {
    log.error("a service failed while it was disposed of", { error: GeeError.from(error) });
  }
}
