import { parseListen } from "../base/listening.ts";
import type { ServerInvocation } from "./args.ts";
import { usageError } from "./usage.ts";

const maxPort = 65_535;

/** A host and a port at the end of an address; a bare IPv6 address has no port. */
const hostAndPort = /^(.*(?:[^:]|\]|^)):(\d+)$/;

/** The address of one of several, whose ports follow one another; the first has number 1. */
function portOf(text: string, number: number): string {
  const [, before, digits] = hostAndPort.exec(text) ?? [];
  if (before === undefined || Number(digits) === 0) return text;
  // `::1` is a host: only what is in brackets, or has no other colon, has a port.
  if (before.replace(/^.*@/, "").includes(":") && !before.endsWith("]")) return text;
  return `${before}:${Number(digits) + number - 1}`;
}

/** Whether the workers of an invocation listen at ports that were named. */
export function hasFixedPorts({ listen }: ServerInvocation): boolean {
  const endpoint = parseListen(listen);
  return endpoint.kind === "tcp" && endpoint.port !== 0;
}

/**
 * Holds what an invocation says of addresses to what `count` workers need.
 *
 * @throws GeeError INVALID_ARGUMENT, reason USAGE or BAD_ADDRESS
 */
export function checkWorkerAddresses(invocation: ServerInvocation, count: number): void {
  const { listen, advertise } = invocation;
  const endpoint = parseListen(listen);
  if (endpoint.kind !== "tcp") {
    throw usageError("workers cannot share a unix socket", {
      hint: "--listen tcp@127.0.0.1:0 takes a free port for each",
    });
  }
  const last = endpoint.port + count - 1;
  if (endpoint.port > 0 && last > maxPort) {
    throw usageError(`${count} workers from port ${endpoint.port} on would need port ${last}`, {
      hint: "the ports of workers follow one another; with port 0 each takes a free one",
    });
  }
  if (advertise === undefined) return;
  const told = portOf(advertise, count);
  const isOne = told === advertise && advertise.includes("@");
  if (count > 1 && (isOne || Number(/:(\d+)$/.exec(told)?.[1] ?? 0) > maxPort)) {
    throw usageError(`${count} workers cannot all be reached at ${advertise}`, {
      hint: "--advertise HOST leaves each its own port; HOST:PORT is that of the first",
    });
  }
}

/** The words behind `gee server` for one of the workers of an invocation; the first is number 1. */
export function workerWords(invocation: ServerInvocation, number: number): readonly string[] {
  const { modules, listen, advertise, registry, tokenFile, drainTimeoutMs, weight } = invocation;
  const { zone, tags, check, checkResults, insecure } = invocation;
  const flag = (name: string, value: string | undefined): readonly string[] =>
    value === undefined ? [] : [`--${name}`, value];
  return [
    ...flag("listen", portOf(listen, number)),
    ...flag("advertise", advertise && portOf(advertise, number)),
    ...(registry === undefined ? ["--no-register"] : ["--registry", registry.join(",")]),
    ...flag("token-file", tokenFile),
    ...flag("drain", `${drainTimeoutMs}ms`),
    ...flag("weight", String(weight)),
    ...flag("zone", zone),
    ...Object.entries(tags ?? {}).flatMap(([name, value]) => ["--tag", `${name}=${value}`]),
    ...(check ? [] : ["--no-check"]),
    ...(checkResults ? ["--check-results"] : []),
    ...(insecure ? ["--insecure"] : []),
    "--",
    ...modules,
  ];
}
