import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { isOwnService } from "../base/names.ts";
import type { Clock, Timer } from "../base/time.ts";
import type { Channel } from "../wire/channel.ts";
import { featureNames, protocolVersion } from "../wire/hello.ts";
import type { CallerHello, MethodFacts, ServerHello, ServiceFacts } from "../wire/hello.ts";
import { encodeMessage } from "../wire/message-writer.ts";
import { brokenBy, shuttingDown, wrongInstance } from "./refusals.ts";
import type { ServiceTable } from "./service.ts";

function fits(hello: ServerHello): boolean {
  try {
    encodeMessage({ kind: "serverHello", id: 0, hello }, limits.maxServerHelloBytes);
    return true;
  } catch (error) {
    if (error instanceof GeeError && error.reason === "MESSAGE_TOO_LARGE") return false;
    throw error;
  }
}

/** The services with those methods for which `keep` says so, without the methods' hashes. */
function filtered(
  facts: ReadonlyMap<string, ServiceFacts>,
  keep: (method: MethodFacts) => boolean,
): Map<string, ServiceFacts> {
  const services = new Map<string, ServiceFacts>();
  for (const [name, service] of facts) {
    const kept = [...service.methods].filter(([, method]) => keep(method));
    const methods = kept.map(([own, { number, flags }]) => [own, { number, flags }] as const);
    services.set(name, { ...service, methods: new Map(methods) });
  }
  return services;
}

/**
 * What a server says of itself. When that is too much for a hello, the hashes of methods are left out
 * first: those of the services are enough to see that something is another than it was. When the
 * methods are too many as well, those that every server has are not named, and then only those with
 * flags are: a caller must know which are idempotent before it may try again, and which are streams
 * before it sets a deadline. When those are too many as well, the first of them. What is left out is
 * called by name.
 */
export function createServerHello(
  table: ServiceTable,
  instance: string,
  own: { readonly maxInFlight: number; readonly maxMessageBytes: number } = limits,
): ServerHello {
  const hello: ServerHello = {
    version: protocolVersion,
    features: featureNames,
    maxMessageBytes: own.maxMessageBytes,
    maxInFlight: own.maxInFlight,
    instance,
    services: table.facts,
    complete: true,
  };
  if (fits(hello)) return hello;
  const unhashed = { ...hello, services: filtered(table.facts, () => true) };
  if (fits(unhashed)) return unhashed;
  const listed = [...unhashed.services].filter(([name]) => !isOwnService(name));
  const ownLess = { ...hello, services: new Map(listed), complete: false };
  if (fits(ownLess)) return ownLess;
  for (let last = Number.MAX_SAFE_INTEGER; last >= 1; last = Math.min(last / 2, 0x10000)) {
    const services = filtered(table.facts, ({ flags, number }) => flags !== 0 && number <= last);
    const partial = { ...hello, services, complete: false };
    if (fits(partial)) return partial;
  }
  return { ...hello, services: filtered(table.facts, () => false), complete: false };
}

/**
 * Ends a connection whose caller says no hello in time. The timer belongs to whoever awaits the
 * hello, and is taken back when it is there, or the connection over.
 */
export function awaitHello(channel: Channel, clock: Clock): Timer {
  return clock.after(
    limits.helloTimeoutMs,
    () => {
      channel.refuse(
        new GeeError("INVALID_ARGUMENT", "no hello in time", { reason: "HELLO_TIMEOUT" }),
      );
    },
    { background: true },
  );
}

/**
 * Why a server does not take a caller; undefined when it does. The version comes first, because what
 * the rest of a hello means depends on it. A later version is no reason: the caller is told ours and
 * has to keep to it.
 */
export function refusalOfHello(
  hello: CallerHello,
  instance: string,
  draining: boolean,
): GeeError | undefined {
  if (hello.version < protocolVersion) {
    return new GeeError("UNIMPLEMENTED", `version ${hello.version} is not spoken`, {
      reason: "UNSUPPORTED_VERSION",
      executed: "no",
    });
  }
  if (hello.instance !== undefined && hello.instance !== instance) return wrongInstance();
  return draining ? shuttingDown() : undefined;
}

/** What a caller says of itself. */
export function createCallerHello(own: {
  readonly maxMessageBytes: number;
  readonly instance: string | undefined;
}): CallerHello {
  const { maxMessageBytes, instance } = own;
  return { version: protocolVersion, features: featureNames, maxMessageBytes, instance };
}

/** Why a caller does not go on with a server that has said hello; undefined when it does. */
export function refusalOfServer(
  hello: ServerHello,
  wanted: string | undefined,
  peer: string,
): GeeError | undefined {
  if (wanted !== undefined && hello.instance !== wanted) return wrongInstance();
  if (hello.version === protocolVersion) return undefined;
  return brokenBy(peer, `version ${hello.version}, which was not offered`);
}
