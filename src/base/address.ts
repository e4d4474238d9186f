import { GeeError } from "./errors.ts";

/** An address in its one written form: `tcp@127.0.0.1:4000`, `tcp@[::1]:4000`, `unix@/run/a.sock`. */
export type Address = string & { readonly [addressBrand]: true };
declare const addressBrand: unique symbol;

/** An address taken apart. `host` has no brackets. */
export type Endpoint =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/**
 * An address of the GeeRPC family taken apart. Behind `http@` a server of GeeRPC's speaks its
 * protocol after an HTTP CONNECT; gee lists such servers for GeeRPC's clients, and calls none.
 */
export type PeerEndpoint =
  Endpoint | { readonly kind: "http"; readonly host: string; readonly port: number };

/** What {@link parseEndpoint} accepts beyond a plain reachable address. */
export interface EndpointRules {
  /** Port 0, "any free port": for listening. */
  readonly anyPort?: boolean;
}

const httpMark = "http@";
const label = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/;
const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

function isHostName(host: string): boolean {
  if (host.length > 253) return false;
  const labels = host.split(".");
  if (!labels.every((part) => label.test(part))) return false;
  // A name whose last label is a number, or hex, is a disguised IPv4 address (0x7f.1, 2130706433).
  return !/^(?:\d+|0[xX][0-9a-fA-F]*)$/.test(labels.at(-1) ?? "");
}

function isIpv6(host: string): boolean {
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(host) || !host.includes(":")) return false;
  const [left = "", right, extra] = host.split("::");
  if (extra !== undefined) return false;
  const groups = (side: string): number => {
    if (side === "") return 0;
    const parts = side.split(":");
    let count = 0;
    for (const [index, part] of parts.entries()) {
      if (/^[0-9a-fA-F]{1,4}$/.test(part)) count += 1;
      else if (index === parts.length - 1 && ipv4.test(part)) count += 2;
      else return Number.NaN;
    }
    return count;
  };
  if (right === undefined) return groups(left) === 8;
  if (left.includes(".")) return false;
  return groups(left) + groups(right) <= 7;
}

function malformed(text: string, why: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", `malformed address ${JSON.stringify(text)}: ${why}`, {
    reason: "BAD_ADDRESS",
    executed: "no",
    hint: "addresses look like tcp@127.0.0.1:4000, tcp@[::1]:4000 or unix@/run/foo.sock",
  });
}

/**
 * Takes an address apart by a strict grammar: no spaces, commas, user names, zones or disguised
 * numbers; the port 1 to 65535 in plain decimal; a unix path absolute and at most 107 bytes.
 *
 * @throws GeeError INVALID_ARGUMENT, reason BAD_ADDRESS
 */
export function parseEndpoint(text: string, rules: EndpointRules = {}): Endpoint {
  const at = text.indexOf("@");
  const protocol = at < 0 ? "" : text.slice(0, at);
  const rest = text.slice(at + 1);
  if (protocol === "unix") {
    if (!rest.startsWith("/")) throw malformed(text, "a unix path is absolute");
    if (!/^[\x21-\x2b\x2d-\x7e]+$/.test(rest)) {
      throw malformed(text, "a unix path has printable ASCII and no space or comma");
    }
    // Nothing listens at a directory, and a path has one spelling.
    if (/\/(?:\.{1,2}(?:\/|$)|$)/.test(rest)) {
      throw malformed(text, "a unix path leads to a file, without . and ..");
    }
    if (rest.length > 107) throw malformed(text, "a unix path has at most 107 bytes");
    return { kind: "unix", path: rest };
  }
  if (protocol !== "tcp") throw malformed(text, "it starts with tcp@ or unix@");
  return { kind: "tcp", ...hostAndPort(text, rest, rules) };
}

function hostAndPort(
  text: string,
  rest: string,
  rules: EndpointRules,
): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(rest);
  if (match === null) throw malformed(text, "it needs a host and a port");
  const [, bracketed, plain = "", portText = ""] = match;
  const host = bracketed ?? plain;
  if (bracketed === undefined ? !(ipv4.test(host) || isHostName(host)) : !isIpv6(host)) {
    throw malformed(text, "the host is no IP address and no host name");
  }
  if (!/^(?:0|[1-9]\d{0,4})$/.test(portText) || Number(portText) > 65_535) {
    throw malformed(text, "the port is no number from 1 to 65535");
  }
  if (portText === "0" && !rules.anyPort) throw malformed(text, "port 0 cannot be reached");
  // IPv6 has many spellings; the platform's URL knows the shortest, and one host needs one form.
  const written =
    bracketed === undefined ? host : new URL(`http://[${host}]`).hostname.slice(1, -1);
  return { host: written, port: Number(portText) };
}

/** {@link parseEndpoint} for what others list, `http@` included. @throws GeeError INVALID_ARGUMENT */
export function parsePeerEndpoint(text: string): PeerEndpoint {
  if (!text.startsWith(httpMark)) return parseEndpoint(text);
  return { kind: "http", ...hostAndPort(text, text.slice(httpMark.length), {}) };
}

/** The one written form of an endpoint. */
export function formatEndpoint(endpoint: PeerEndpoint): Address {
  if (endpoint.kind === "unix") return `unix@${endpoint.path}` as Address;
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  return `${endpoint.kind}@${host.toLowerCase()}:${endpoint.port}` as Address;
}

/** Text as an address, in its one written form. @throws GeeError INVALID_ARGUMENT */
export function parseAddress(text: string): Address {
  return formatEndpoint(parseEndpoint(text));
}

/** {@link parseAddress} for what others list, `http@` included. @throws GeeError INVALID_ARGUMENT */
export function parsePeerAddress(text: string): Address {
  return formatEndpoint(parsePeerEndpoint(text));
}

/** Whether calls can go there: not where HTTP comes first. */
export function isCallable(address: Address): boolean {
  return !address.startsWith(httpMark);
}

/** Whether a host means "every address of this machine", which nobody can dial. */
export function isUnspecifiedHost(host: string): boolean {
  return host === "0.0.0.0" || /^(?:[0:]+|::ffff:(?:0:0|0\.0\.0\.0))$/i.test(host);
}

/** Whether a host is this machine itself. */
export function isLoopbackHost(host: string): boolean {
  const bare = host.toLowerCase();
  if (bare === "localhost" || bare.endsWith(".localhost")) return true;
  if (ipv4.test(bare)) return bare.startsWith("127.");
  return /^(?:0{0,4}:){2,7}0{0,3}1$/.test(bare) || /^::ffff:(?:127\.|7f[0-9a-f]{2}:)/.test(bare);
}
