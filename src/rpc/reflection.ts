import { GeeError } from "../base/errors.ts";
import { isOwnService, nearest } from "../base/names.ts";
import type { ServiceContract } from "../contract/contract.ts";
import type { DescribedMethod, DescribedService } from "../contract/described.ts";
import { methodFlags } from "../wire/hello.ts";
import type { ServedMethod } from "./service.ts";

/** A service as its server has it. */
export interface ServiceEntry {
  readonly contract: ServiceContract;
  /** The contract's hash; undefined while nothing is known of it. */
  readonly hash: string | undefined;
  readonly methods: readonly MethodEntry[];
}

/** A method as its server has it. */
export interface MethodEntry {
  /** Without the service's. */
  readonly name: string;
  readonly hash: string | undefined;
  readonly served: ServedMethod;
  /** Something of its arguments is checked. */
  readonly checked: boolean;
}

/** A service of a list. */
interface ListedService {
  readonly name: string;
  readonly hash?: string;
  readonly methods: readonly string[];
}

function described({ name, hash, served, checked }: MethodEntry): DescribedMethod {
  const { flags, timeoutMs, concurrency } = served;
  return {
    name,
    ...(hash === undefined ? {} : { hash }),
    idempotent: (flags & methodFlags.idempotent) !== 0,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(concurrency === undefined ? {} : { concurrency }),
    answersStream: (flags & methodFlags.answersStream) !== 0,
    checked,
  };
}

function describe({ contract, hash, methods }: ServiceEntry): DescribedService {
  return {
    name: contract.name,
    ...(hash === undefined ? {} : { hash }),
    contract: JSON.stringify(contract),
    methods: methods.map(described),
  };
}

/** `gee.Reflection`: what a server says of its services. Its contract stands in `contract/own-services.ts`. */
export class Reflection {
  /** By name, those that every server has included. */
  readonly #entries: ReadonlyMap<string, ServiceEntry>;

  /** `entries` may grow until the first call. */
  constructor(entries: ReadonlyMap<string, ServiceEntry>) {
    this.#entries = entries;
  }

  Services(): readonly ListedService[] {
    return this.#listed().map(({ contract, hash, methods }) => ({
      name: contract.name,
      ...(hash === undefined ? {} : { hash }),
      methods: methods.map(({ name }) => name),
    }));
  }

  Describe(service?: string): readonly DescribedService[] {
    if (service === undefined) return this.#listed().map(describe);
    const entry = this.#entries.get(service);
    if (entry !== undefined) return [describe(entry)];
    const near = nearest(service, this.#entries.keys());
    throw new GeeError("NOT_FOUND", `there is no service ${service.slice(0, 130)}`, {
      reason: "NO_SUCH_SERVICE",
      details: near === undefined ? undefined : { didYouMean: near },
    });
  }

  #listed(): readonly ServiceEntry[] {
    return [...this.#entries.values()].filter(({ contract }) => !isOwnService(contract.name));
  }
}
