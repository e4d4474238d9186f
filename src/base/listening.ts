import { formatEndpoint, isLoopbackHost, isUnspecifiedHost, parseEndpoint } from "./address.ts";
import type { Address, Endpoint } from "./address.ts";
import { GeeError } from "./errors.ts";

/** Where to listen: an address, `HOST:PORT` for TCP; port 0 takes a free one. @throws GeeError */
export function parseListen(text: string): Endpoint {
  return parseEndpoint(text.includes("@") ? text : `tcp@${text}`, { anyPort: true });
}

/**
 * Refuses an endpoint that other machines can reach, unless that is wanted.
 *
 * @param insecure it is wanted, or something else protects it
 * @param otherwise what could protect it, in words for a person
 * @throws GeeError FAILED_PRECONDITION, reason INSECURE_BIND
 */
export function checkExposure(endpoint: Endpoint, insecure: boolean, otherwise = ""): void {
  if (insecure || endpoint.kind === "unix" || isLoopbackHost(endpoint.host)) return;
  throw new GeeError(
    "FAILED_PRECONDITION",
    `${endpoint.host} can be reached from other machines, and nothing protects it`,
    {
      reason: "INSECURE_BIND",
      executed: "no",
      hint: `listen on 127.0.0.1, ${otherwise}or pass --insecure if everybody there is trusted`,
    },
  );
}

const bindFailures = new Map<unknown, readonly [reason: string, words: string]>([
  ["EADDRINUSE", ["ADDRESS_IN_USE", "the port is in use"]],
  ["EACCES", ["ADDRESS_DENIED", "this user may not listen there"]],
  ["EADDRNOTAVAIL", ["ADDRESS_NOT_AVAILABLE", "the host is no address of this machine"]],
]);

/** What a failure to listen is for a person. `where` is the host and port, or the path. */
export function bindError(where: string, thrown: unknown): GeeError {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  const words = thrown instanceof Error ? thrown.message : String(thrown);
  const [reason, found] = bindFailures.get(code) ?? ["BIND_FAILED", words];
  const unix = where.startsWith("/");
  const why = unix && reason === "ADDRESS_IN_USE" ? "another process listens there" : found;
  return new GeeError("UNAVAILABLE", `cannot listen on ${where}: ${why}`, {
    reason,
    executed: "no",
    hint: unix ? "choose another path with --listen" : "--listen HOST:0 takes a free port",
    cause: thrown,
  });
}

function isEndpoint(text: string): boolean {
  try {
    parseEndpoint(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Where callers are told to go, given where a server listens: `advertise` is a host, a host and
 * port, or a whole address; by default it is where it listens.
 *
 * @throws GeeError INVALID_ARGUMENT, reason BAD_ADDRESS, when nobody could go there
 */
export function advertisedAddress(advertise: string | undefined, listening: Endpoint): Address {
  if (advertise === undefined) {
    if (listening.kind === "tcp" && isUnspecifiedHost(listening.host)) {
      throw new GeeError(
        "INVALID_ARGUMENT",
        `${listening.host} is every address of this machine; callers need one of them`,
        { reason: "BAD_ADDRESS", executed: "no", hint: "pass --advertise HOST" },
      );
    }
    return formatEndpoint(listening);
  }
  if (advertise.includes("@")) return formatEndpoint(parseEndpoint(advertise));
  const port = listening.kind === "tcp" ? listening.port : 0;
  const spellings = [advertise, `${advertise}:${port}`, `[${advertise}]:${port}`];
  const found = spellings.find((spelling) => isEndpoint(`tcp@${spelling}`));
  return formatEndpoint(parseEndpoint(`tcp@${found ?? advertise}`));
}
