import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { methodFlags, protocolVersion } from "../wire/hello.ts";
import type { MethodFacts, ServerHello, ServiceFacts } from "../wire/hello.ts";
import { encodeMessage } from "../wire/message-writer.ts";
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

/** The services with those methods for which `keep` says so. */
function filtered(
  facts: ReadonlyMap<string, ServiceFacts>,
  keep: (method: MethodFacts) => boolean,
): Map<string, ServiceFacts> {
  const services = new Map<string, ServiceFacts>();
  for (const [name, service] of facts) {
    const methods = new Map([...service.methods].filter(([, method]) => keep(method)));
    services.set(name, { ...service, methods });
  }
  return services;
}

/**
 * What a server says of itself. When all methods are too many for a hello, only the idempotent ones
 * are named, because that is what a caller must know before it may try again; when those are too
 * many as well, the first of them. What is left out is called by name.
 */
export function createServerHello(table: ServiceTable, instance: string): ServerHello {
  const hello: ServerHello = {
    version: protocolVersion,
    features: [],
    maxMessageBytes: limits.maxMessageBytes,
    maxInFlight: limits.maxInFlight,
    instance,
    services: table.facts,
    complete: true,
  };
  if (fits(hello)) return hello;
  for (let last = Number.MAX_SAFE_INTEGER; last >= 1; last = Math.min(last / 2, 0x10000)) {
    const services = filtered(
      table.facts,
      ({ flags, number }) => (flags & methodFlags.idempotent) !== 0 && number <= last,
    );
    const partial = { ...hello, services, complete: false };
    if (fits(partial)) return partial;
  }
  return { ...hello, services: filtered(table.facts, () => false), complete: false };
}
