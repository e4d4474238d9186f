import { Fields, list, text } from "../base/fields.ts";
import { limits } from "../base/limits.ts";
import { isServiceName } from "../base/names.ts";

/** A service as its server lists it (`gee.Reflection.Services`). */
export interface ListedService {
  readonly name: string;
  /** The hash of its contract; absent while none is known. */
  readonly hash?: string | undefined;
  /** The names of its methods. */
  readonly methods: readonly string[];
}

const maxMethods = 20_000;
const anyName = text(130);

function listed(value: unknown, path: string): ListedService {
  const fields = new Fields(value, path);
  const hash = fields.may("hash", text(32));
  return {
    name: fields.need("name", anyName),
    ...(hash === undefined ? {} : { hash }),
    methods: fields.need("methods", list(maxMethods, anyName)),
  };
}

/**
 * Reads the answer of `gee.Reflection.Services`. What has no name as services and methods have it is
 * left out.
 *
 * @throws GeeError INVALID_ARGUMENT, naming the field
 */
export function parseListedServices(value: unknown): readonly ListedService[] {
  return list(limits.maxServices, listed)(value, "services")
    .filter(({ name }) => isServiceName(name))
    .map((service) => ({ ...service, methods: service.methods.filter(isServiceName) }));
}
