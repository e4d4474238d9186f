import { Fields, flag, list, number, text } from "../base/fields.ts";

/** A service as its server describes it (`gee.Reflection.Describe`). */
export interface DescribedService {
  readonly name: string;
  /** The contract's hash; absent while nothing is known of it. */
  readonly hash?: string | undefined;
  /** JSON text of a `ServiceContract`: a value on the wire nests less deep than types may. */
  readonly contract: string;
  readonly methods: readonly DescribedMethod[];
}

/** What a server says of one method beside its contract. */
export interface DescribedMethod {
  readonly name: string;
  readonly hash?: string | undefined;
  readonly idempotent: boolean;
  /** The longest that its handler may take. */
  readonly timeoutMs?: number | undefined;
  /** How many handlers of it may run at once. */
  readonly concurrency?: number | undefined;
  readonly answersStream: boolean;
  /** Something of its arguments is checked before its handler runs. */
  readonly checked: boolean;
}

const maxMethods = 20_000;
const maxContractLength = 64 * 1024 * 1024;

const name = text(130);
const hash = text(32);
const positive = number(Number.MIN_VALUE, Number.MAX_VALUE);

function method(value: unknown, path: string): DescribedMethod {
  const fields = new Fields(value, path);
  const own = fields.may("hash", hash);
  const timeoutMs = fields.may("timeoutMs", positive);
  const concurrency = fields.may("concurrency", positive);
  return {
    name: fields.need("name", name),
    ...(own === undefined ? {} : { hash: own }),
    idempotent: fields.need("idempotent", flag),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(concurrency === undefined ? {} : { concurrency }),
    answersStream: fields.need("answersStream", flag),
    checked: fields.need("checked", flag),
  };
}

/**
 * Reads what a server says of a service. Its contract stays the text that it is.
 *
 * @throws GeeError INVALID_ARGUMENT, naming the field
 */
export function parseDescribedService(value: unknown, path = "service"): DescribedService {
  const fields = new Fields(value, path);
  const own = fields.may("hash", hash);
  return {
    name: fields.need("name", name),
    ...(own === undefined ? {} : { hash: own }),
    contract: fields.need("contract", text(maxContractLength, /^[^]*$/)),
    methods: fields.need("methods", list(maxMethods, method)),
  };
}
