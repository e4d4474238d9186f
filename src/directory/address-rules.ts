import {
  type Address,
  formatEndpoint,
  isLoopbackHost,
  isUnspecifiedHost,
  parsePeerEndpoint,
} from "../base/address.ts";
import { GeeError } from "../base/errors.ts";
import { contains, type Ip, type IpRange, parseIp, parseRange, translated } from "./ip-range.ts";

function ranges(...written: readonly string[]): readonly IpRange[] {
  return written.flatMap((text) => parseRange(text) ?? []);
}

/** Where no server is that everybody could call, or where somebody else's is: metadata of clouds. */
const forbidden: readonly (readonly [kind: string, ranges: readonly IpRange[]])[] = [
  ["unspecified", ranges("0.0.0.0/8", "::")],
  ["link-local", ranges("169.254.0.0/16", "fe80::/10")],
  ["multicast", ranges("224.0.0.0/4", "ff00::/8")],
  ["broadcast", ranges("255.255.255.255")],
  ["reserved", ranges("240.0.0.0/4")],
];

const loopback: readonly IpRange[] = ranges("127.0.0.0/8", "::1");

function isIn(all: readonly IpRange[], ips: readonly Ip[]): boolean {
  return all.some((range) => ips.some((ip) => contains(range, ip)));
}

function refused(message: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", message, { reason: "BAD_ADDRESS", executed: "no" });
}

/** What a loopback address, or a path, leads to depends on who reads it. */
function checkLoopback(address: string, allowed: boolean): void {
  if (allowed) return;
  throw new GeeError(
    "PERMISSION_DENIED",
    `${address} is another place on every machine, and this registry serves more than one: ` +
      "it takes such addresses with allowLoopback (--allow-loopback) only",
    { reason: "LOOPBACK_ADDRESS", executed: "no" },
  );
}

/**
 * Whether clients may be sent to an address at all, whoever asks for it: else whoever can register
 * can make them connect to what only they can reach. A name may lead anywhere and is not looked up,
 * as it can lead elsewhere a moment later.
 *
 * @param allowLoopback whether addresses of the own machine, and unix paths, are fine
 * @throws GeeError INVALID_ARGUMENT, reason BAD_ADDRESS, for a host that is unspecified, link-local,
 * multicast, broadcast or reserved, also as IPv6 writes IPv4; PERMISSION_DENIED, reason LOOPBACK_ADDRESS
 */
export function checkAddress(address: Address, allowLoopback: boolean): void {
  const endpoint = parsePeerEndpoint(address);
  if (endpoint.kind === "unix") {
    checkLoopback(address, allowLoopback);
    return;
  }
  const ip = parseIp(endpoint.host);
  const other = ip === undefined ? undefined : translated(ip);
  const ips = [ip, other].filter((one) => one !== undefined);
  const found = forbidden.find(([, all]) => isIn(all, ips));
  if (found !== undefined) throw refused(`nobody can be sent to ${address}: it is ${found[0]}`);
  if (isLoopbackHost(endpoint.host) || isIn(loopback, ips)) checkLoopback(address, allowLoopback);
}

/**
 * Whether a header-only peer may be listed at an address, as {@link headerAddress} gives it.
 *
 * @throws GeeError as {@link checkAddress}, but for an unspecified host where loopback is allowed
 */
export function checkHeaderAddress(address: Address, allowLoopback: boolean): void {
  const endpoint = parsePeerEndpoint(address);
  if (endpoint.kind !== "unix" && isUnspecifiedHost(endpoint.host)) {
    checkLoopback(address, allowLoopback);
  } else {
    checkAddress(address, allowLoopback);
  }
}

/**
 * The address in a GeeRPC header, in any of its three forms. A Go listener on `:0` calls itself `[::]:PORT`. From this
 * machine that can be dialled as it stands; from another one the request's source is what is meant.
 *
 * @throws GeeError as `parsePeerAddress` and {@link checkAddress}
 */
export function headerAddress(
  written: string,
  source: string | undefined,
  allowLoopback: boolean,
): Address {
  const endpoint = parsePeerEndpoint(written);
  if (endpoint.kind === "unix" || !isUnspecifiedHost(endpoint.host)) {
    const address = formatEndpoint(endpoint);
    checkHeaderAddress(address, allowLoopback);
    return address;
  }
  if (source === undefined) {
    throw refused(`the host of ${written} is unspecified, and so is the request's source`);
  }
  if (isLoopbackHost(source)) {
    const address = formatEndpoint(endpoint);
    checkHeaderAddress(address, allowLoopback);
    return address;
  }
  // An IPv4 peer of a dual-stack listener shows up as ::ffff:10.0.0.1.
  const host = source.replace(/^::ffff:(?=[\d.]+$)/i, "");
  const address = formatEndpoint({ ...endpoint, host });
  checkAddress(address, allowLoopback);
  return address;
}
