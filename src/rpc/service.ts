import { classNameOf } from "../base/class-name.ts";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { isServiceName } from "../base/names.ts";
import { systemClock } from "../base/time.ts";
import type { Clock } from "../base/time.ts";
import type { MethodContract, ModuleContract, ServiceContract } from "../contract/contract.ts";
import { methodHash, serviceHash } from "../contract/hash.ts";
import { healthContract, reflectionContract } from "../contract/own-services.ts";
import { servedContract } from "../contract/served.ts";
import type { ServiceFacts } from "../wire/hello.ts";
import { callContext } from "./context.ts";
import { withChecks } from "./method-checks.ts";
import { Health, Serving } from "./health.ts";
import { interceptHandler } from "./interceptors.ts";
import type { ServerInterceptor } from "./interceptors.ts";
import { badService, checkOptions } from "./method-options.ts";
import type { MethodOptions, ServiceOptions } from "./method-options.ts";
import { Reflection } from "./reflection.ts";
import type { MethodEntry, ServiceEntry } from "./reflection.ts";
import { flagsOf, methodsOf } from "./served-methods.ts";
import type { Handler } from "./served-methods.ts";
import { unknownMethod } from "./unknown-method.ts";

export type { MethodOptions, Options, ServiceOptions } from "./method-options.ts";

/** What is known of the services from their source, and what is done with it. */
export interface ContractOptions {
  /**
   * What was read of the modules that the services come from. Methods that are private or protected
   * there are not served.
   */
  readonly contract?: ModuleContract | readonly ModuleContract[] | undefined;
  /**
   * Whether arguments are checked before a method runs: INVALID_ARGUMENT, reason BAD_ARGUMENT, executed
   * no. What is not known is not checked. A method's `schema` is run in any case. Default true.
   */
  readonly check?: boolean | undefined;
  /**
   * Whether results are checked before they are sent: INTERNAL, reason BAD_RESULT, and a line in the log.
   * For trials; it costs what checking arguments costs. Default false.
   */
  readonly checkResults?: boolean | undefined;
}

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
  /** The hash of its contract, 16 hex digits; absent while nothing is known of it. */
  readonly contract?: string;
}

/** What one server serves. Names from the wire are looked up here, in maps, and nowhere else. */
export interface ServiceTable {
  /** Without those that every server has of its own. */
  readonly services: readonly ServedService[];
  /** What the server's hello says; the server's own come last. */
  readonly facts: ReadonlyMap<string, ServiceFacts>;
  /** @throws GeeError UNIMPLEMENTED, executed no, naming the nearest */
  find(method: number | string): ServedMethod;
  /** No further call is taken: those who watch the server's health are told, and their streams end. */
  drain(): void;
}

/** A service on its way into a table. */
interface Entering {
  readonly instance: object;
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly contract: ServiceContract;
  readonly options: Readonly<Record<string, MethodOptions>>;
  readonly check: boolean;
  readonly checkResults: boolean;
}

const nothingKnown: readonly ModuleContract[] = [];

/** How many may watch a server's health: each is a handler that runs on. */
const watchOptions: MethodOptions = { idempotent: true, concurrency: limits.maxHealthWatches };
const once: MethodOptions = { idempotent: true };

class Table implements ServiceTable {
  readonly services: ServedService[] = [];
  readonly facts: Map<string, ServiceFacts> = new Map();
  readonly byName: Map<string, ServedMethod> = new Map();
  readonly #byNumber: (ServedMethod | undefined)[] = [undefined];
  readonly #entries: Map<string, ServiceEntry> = new Map();
  readonly #interceptors: readonly ServerInterceptor[];
  readonly #serving: Serving;

  constructor(interceptors: readonly ServerInterceptor[], clock: Clock) {
    this.#interceptors = interceptors;
    this.#serving = new Serving(clock);
  }

  find(method: number | string): ServedMethod {
    const found = typeof method === "number" ? this.#byNumber[method] : this.byName.get(method);
    if (found === undefined) throw unknownMethod(method, this.facts, () => this.byName.keys());
    return found;
  }

  drain(): void {
    this.#serving.drain();
  }

  /** A person's service. */
  list(entering: Entering): void {
    const { contract, methods, hash } = this.#add(entering);
    this.services.push({
      name: contract.name,
      methods: methods.map(({ name }) => name),
      ...(hash === undefined ? {} : { contract: hash }),
    });
  }

  /** What every server has; their numbers come behind all others. */
  addOwn(): void {
    const own = { check: true, checkResults: false };
    const reflection = new Reflection(this.#entries);
    const health = new Health(this.#serving, (service) => this.#entries.has(service));
    this.#add({
      ...own,
      instance: reflection,
      handlers: methodsOf(reflection),
      contract: reflectionContract,
      options: { Services: once, Describe: once },
    });
    this.#add({
      ...own,
      instance: health,
      handlers: methodsOf(health),
      contract: healthContract,
      options: { Check: once, Watch: watchOptions },
    });
  }

  #add(entering: Entering): ServiceEntry {
    const { contract, handlers } = entering;
    const known = new Map(contract.methods.map((method) => [method.name, method]));
    const isRead = contract.methods.some(({ signatures }) => signatures.length > 0);
    const hash = isRead ? serviceHash(contract) : undefined;
    const methods = [...handlers].map(([name, handler]) =>
      this.#method(entering, handler, known.get(name) ?? { name, signatures: [] }),
    );
    const facts = methods.map(
      ({ name, hash: own, served: { number, flags } }) =>
        [name, own === undefined ? { number, flags } : { number, flags, hash: own }] as const,
    );
    this.facts.set(contract.name, {
      ...(hash === undefined ? {} : { contract: hash }),
      methods: new Map(facts),
    });
    const entry: ServiceEntry = { contract, hash, methods };
    this.#entries.set(contract.name, entry);
    return entry;
  }

  #method(entering: Entering, handler: Handler, method: MethodContract): MethodEntry {
    const { contract: service, instance, check, checkResults } = entering;
    const { name } = method;
    const options = entering.options[name] ?? {};
    const contextNow = callContext;
    const { invoke, checked } = withChecks((args) => Reflect.apply(handler, instance, args), {
      service,
      method,
      options,
      check,
      checkResults,
      contextNow,
    });
    const served: ServedMethod = {
      service: service.name,
      name: `${service.name}.${name}`,
      number: this.#byNumber.length,
      flags: flagsOf(handler, options, method),
      timeoutMs: options.timeoutMs,
      concurrency: options.concurrency,
      running: 0,
      invoke: interceptHandler(invoke, this.#interceptors, contextNow),
    };
    this.#byNumber.push(served);
    this.byName.set(served.name, served);
    const hash = method.signatures.length > 0 ? methodHash(service, method) : undefined;
    return { name, hash, served, checked };
  }
}

/**
 * Collects what is to be served, and what every server serves beside it: `gee.Reflection` and
 * `gee.Health`.
 *
 * @throws GeeError INVALID_ARGUMENT, reason NOTHING_TO_SERVE or BAD_SERVICE
 */
export function createServiceTable(
  services: Readonly<Record<string, object>>,
  options: ServiceOptions = {},
  interceptors: readonly ServerInterceptor[] = [],
  contracts: ContractOptions & { readonly clock?: Clock } = {},
): ServiceTable {
  const { contract = nothingKnown, check = true, checkResults = false } = contracts;
  const modules = "services" in contract ? [contract] : contract;
  const table = new Table(interceptors, contracts.clock ?? systemClock);
  const own = Object.entries(services);
  for (const [service, instance] of own) {
    const handlers = handlersOf(service, instance);
    const className = classNameOf(instance);
    const served = servedContract(modules, service, className, [...handlers.keys()]);
    for (const name of served.hidden) handlers.delete(name);
    if (handlers.size === 0) {
      throw badService(`${service} has no method to serve: all of its are private or protected`);
    }
    const entries = Object.hasOwn(options, service) ? options[service] : undefined;
    const entering = { instance, handlers, options: entries ?? {} };
    table.list({ ...entering, contract: served.contract, check, checkResults });
  }
  if (own.length === 0) {
    throw new GeeError("INVALID_ARGUMENT", "there is nothing to serve", {
      reason: "NOTHING_TO_SERVE",
      executed: "no",
      hint: "export a class with methods",
    });
  }
  if (own.length > limits.maxServices) {
    throw badService(`${own.length} services are more than ${limits.maxServices}`);
  }
  checkOptions(options, table.byName);
  table.addOwn();
  return table;
}

function handlersOf(service: string, instance: object): Map<string, Handler> {
  if (!isServiceName(service)) {
    throw badService(
      `${JSON.stringify(service)} is no name for a service`,
      "a letter, then letters, digits or underscores, 64 at the most",
    );
  }
  // Whoever has no compiler may hand in anything.
  const value: unknown = instance;
  if (typeof value !== "object" || value === null) throw badService(`${service} is no object`);
  const handlers = methodsOf(instance);
  if (handlers.size === 0) throw badService(`${service} has no method to serve`);
  return handlers;
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
