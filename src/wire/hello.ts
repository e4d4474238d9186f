import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { isOwnService, isServedName, isServiceName } from "../base/names.ts";
import { Malformed } from "./heads.ts";

/** The mark of the GeeRPC family, the first thing in every hello. */
export const magic = 0x3bef5c;

/** The version of the protocol that this code speaks. */
export const protocolVersion = 1;

const maxUint = 0xffff_ffff;

/** A method's hash in a hello. */
const hashPattern = /^[0-9a-f]{8,32}$/;

/** The least that anybody must accept, so that a hello and every fault can be sent. */
export const leastMaxMessageBytes = 65_536;

/**
 * Holds what a person sets as the largest message to what the protocol and the memory allow.
 *
 * @throws GeeError INVALID_ARGUMENT, reason BAD_OPTION
 */
export function checkMaxMessageBytes(bytes: number): void {
  const most = limits.largestMaxMessageBytes;
  if (Number.isInteger(bytes) && bytes >= leastMaxMessageBytes && bytes <= most) return;
  throw new GeeError(
    "INVALID_ARGUMENT",
    `maxMessageBytes is ${bytes}, and must be from ${leastMaxMessageBytes} to ${most}`,
    { reason: "BAD_OPTION", executed: "no" },
  );
}

/** Bits of a method's facts. Append only. */
export const methodFlags = { idempotent: 1, answersStream: 2, takesStream: 4 } as const;

/** What may be left out of an implementation, each with its bit. PROTOCOL.md says what it permits. */
export const features = { parts: 1, streams: 2, oneway: 4, keys: 8 } as const;

/** All of them by name, as this code announces them. */
export const featureNames: readonly string[] = Object.keys(features);

/** The bits of those of the other side's features that this code knows too. */
export function agreedFeatures(theirs: readonly string[]): number {
  let bits = 0;
  for (const [name, bit] of Object.entries(features)) if (theirs.includes(name)) bits |= bit;
  return bits;
}

/** What a caller says first. */
export interface CallerHello {
  readonly version: number;
  /** Features that the caller understands. */
  readonly features: readonly string[];
  /** The largest message that the caller accepts. */
  readonly maxMessageBytes: number;
  /** The instance that the caller means to reach; absent when any will do. */
  readonly instance?: string | undefined;
  /** A bearer token. Sent over TLS, unix sockets and loopback only. */
  readonly credentials?: string | undefined;
}

/** What a server says of one method. */
export interface MethodFacts {
  /** The number that stands for the method in calls on this connection. */
  readonly number: number;
  readonly flags: number;
  /** The hash of what its contract says of the method; absent while none is known. */
  readonly hash?: string | undefined;
}

/** What a server says of one service. */
export interface ServiceFacts {
  /** The hash of its contract; absent while none is known. */
  readonly contract?: string | undefined;
  readonly methods: ReadonlyMap<string, MethodFacts>;
}

/** What a server answers. */
export interface ServerHello {
  readonly version: number;
  readonly features: readonly string[];
  readonly maxMessageBytes: number;
  /** Calls in flight that the server accepts on this connection. */
  readonly maxInFlight: number;
  /** The instance's id. */
  readonly instance: string;
  readonly services: ReadonlyMap<string, ServiceFacts>;
  /** False when methods were left out so that the hello stays in its limit. */
  readonly complete: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.getPrototypeOf(value) === Object.prototype
  );
}

function uintOf(fields: Fields, name: string, min: number): number {
  const value = fields[name];
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > maxUint) {
    throw new Malformed(`hello: ${name} is no whole number from ${min} to ${maxUint}`);
  }
  return value;
}

function textOf(fields: Fields, name: string, maxLength: number): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string" || value.length > maxLength) {
    throw new Malformed(`hello: ${name} is no text of at most ${maxLength} characters`);
  }
  return value;
}

function featuresOf(fields: Fields): string[] {
  const value = fields["features"] ?? [];
  if (!Array.isArray(value) || value.length > 64) throw new Malformed("hello: features is no list");
  return value.filter((feature) => typeof feature === "string");
}

function commonOf(fields: Fields): { features: string[]; maxMessageBytes: number } {
  const codec = fields["codec"];
  if (codec !== "cbor") throw new Malformed('hello: codec is not "cbor"');
  return {
    features: featuresOf(fields),
    maxMessageBytes: uintOf(fields, "maxMessageBytes", leastMaxMessageBytes),
  };
}

/** A caller's hello from its version and its map. @throws Malformed */
export function parseCallerHello(version: number, fields: unknown): CallerHello {
  if (!isFields(fields)) throw new Malformed("hello: not a map");
  return {
    version,
    ...commonOf(fields),
    instance: textOf(fields, "instance", 128),
    credentials: textOf(fields, "credentials", 2_048),
  };
}

/** What is no hash there is not looked at: another version may have something else to say. */
function isHash(value: unknown): value is string {
  return typeof value === "string" && hashPattern.test(value);
}

function parseServices(value: unknown): Map<string, ServiceFacts> {
  const services = new Map<string, ServiceFacts>();
  if (!isFields(value)) throw new Malformed("hello: services is no map");
  for (const [name, facts] of Object.entries(value)) {
    if (!isServedName(name) || !isFields(facts) || !isFields(facts["methods"])) {
      throw new Malformed("hello: a service without a name and methods");
    }
    const methods = new Map<string, MethodFacts>();
    for (const [method, entry] of Object.entries(facts["methods"])) {
      const listed: readonly unknown[] = Array.isArray(entry) ? entry : [];
      const [number, flags, hash] = listed;
      if (
        !isServiceName(method) ||
        typeof number !== "number" ||
        typeof flags !== "number" ||
        !Number.isInteger(number) ||
        !Number.isInteger(flags) ||
        flags < 0 ||
        number < 0 ||
        number > 0xffff_ffff
      ) {
        throw new Malformed("hello: a method without a name, number and flags");
      }
      methods.set(method, isHash(hash) ? { number, flags, hash } : { number, flags });
    }
    services.set(name, { contract: textOf(facts, "contract", 128), methods });
  }
  // What every server has of its own comes on top.
  const listed = services.keys().filter((name) => !isOwnService(name));
  if ([...listed].length > limits.maxServices) throw new Malformed("hello: too many services");
  return services;
}

/** A server's hello from its version and its map. @throws Malformed */
export function parseServerHello(version: number, fields: unknown): ServerHello {
  if (!isFields(fields)) throw new Malformed("hello: not a map");
  const instance = textOf(fields, "instance", 128);
  if (instance === undefined) throw new Malformed("hello: no instance");
  return {
    version,
    ...commonOf(fields),
    maxInFlight: uintOf(fields, "maxInFlight", 1),
    instance,
    services: parseServices(fields["services"]),
    complete: fields["complete"] !== false,
  };
}

/** The map of a caller's hello, as it travels. */
export function callerHelloFields(hello: CallerHello): Fields {
  return {
    features: hello.features,
    maxMessageBytes: hello.maxMessageBytes,
    codec: "cbor",
    ...(hello.instance === undefined ? {} : { instance: hello.instance }),
    ...(hello.credentials === undefined ? {} : { credentials: hello.credentials }),
  };
}

/** The map of a server's hello, as it travels. */
export function serverHelloFields(hello: ServerHello): Fields {
  return {
    features: hello.features,
    maxMessageBytes: hello.maxMessageBytes,
    maxInFlight: hello.maxInFlight,
    codec: "cbor",
    instance: hello.instance,
    complete: hello.complete,
    services: Object.fromEntries(
      [...hello.services].map(([name, { contract, methods }]) => [
        name,
        {
          ...(contract === undefined ? {} : { contract }),
          methods: Object.fromEntries(
            [...methods].map(([method, { number, flags, hash }]) => [
              method,
              hash === undefined ? [number, flags] : [number, flags, hash],
            ]),
          ),
        },
      ]),
    ),
  };
}
