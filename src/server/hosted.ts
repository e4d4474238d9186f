import type { Log } from "../base/log.ts";
import { Hosting } from "../rpc/hosting.ts";
import type { HostingOptions } from "../rpc/hosting.ts";
import { createServiceTable, disposeService } from "../rpc/service.ts";
import type { ServedService } from "../rpc/service.ts";
import type { ServeOptions } from "../server.ts";

/** What of a server's settings concerns what is behind its listener. */
export type HostedOptions = Pick<
  ServeOptions,
  | "services"
  | "methods"
  | "interceptors"
  | "contract"
  | "check"
  | "checkResults"
  | "maxInFlight"
  | "maxRunningHandlers"
  | "maxMessageBytes"
  | "maxConnectionAgeMs"
>;

/**
 * What serves without a listener.
 *
 * @throws GeeError INVALID_ARGUMENT for services and limits that cannot be right
 */
export function hostServices(
  options: HostedOptions,
  parts: Pick<HostingOptions, "clock" | "log" | "instance" | "nested" | "maxConnections">,
): { readonly hosting: Hosting; readonly services: readonly ServedService[] } {
  const { services, methods, interceptors, contract, check, checkResults } = options;
  const { clock } = parts;
  const contracts = { contract, check, checkResults, clock };
  const table = createServiceTable(services, methods, interceptors, contracts);
  const { maxInFlight, maxRunningHandlers, maxMessageBytes, maxConnectionAgeMs } = options;
  const own = { maxInFlight, maxRunningHandlers, maxMessageBytes, maxConnectionAgeMs };
  return { hosting: new Hosting({ ...parts, ...own, table }), services: table.services };
}

/** Disposes of those services that can be disposed of, one after the other. */
export async function disposeServices(
  services: Readonly<Record<string, object>>,
  log: Log,
): Promise<void> {
  for (const instance of Object.values(services)) await disposeService(instance, log);
}
