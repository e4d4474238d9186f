import { systemClock } from "../base/time.ts";
import { serveRegistry } from "../registry.ts";
import type { RegistryInvocation } from "./args.ts";
import { formatDuration } from "./durations.ts";
import { toJson } from "./json.ts";
import type { Output } from "./output.ts";
import { catchStopSignals } from "./signals.ts";
import { readSecretFile } from "./token-file.ts";

/** `gee registry`: keeps the list until SIGTERM or SIGINT, then exits 0. */
export async function runRegistry(invocation: RegistryInvocation, output: Output): Promise<number> {
  const { listen, leaseMs, oldLeaseMs, store, tokenFile, allowLoopback, hosts, insecure } =
    invocation;
  const startedAt = systemClock.now();
  const registry = await serveRegistry({
    listen,
    leaseMs,
    oldLeaseMs,
    store,
    tokens: tokenFile === undefined ? undefined : readSecretFile(tokenFile),
    tokensFrom: tokenFile,
    allowLoopback,
    hosts,
    insecure,
    log: output.log("info"),
  });
  using signals = catchStopSignals();
  const { url } = registry;
  const took = formatDuration(systemClock.now() - startedAt);
  // Where the store lies is the operator's own affair.
  const kind = store.split(":", 1)[0] ?? store;
  const shown = kind === "memory" ? "" : `   ${kind}`;
  await output.data(
    output.json
      ? toJson({ url, leaseMs: registry.leaseMs, oldLeaseMs, store: kind })
      : `registry   ${url}   lease ${formatDuration(registry.leaseMs)}${shown}   [${took}]`,
  );
  const signal = await signals.first;
  await output.talk("stopping", `stopping   on ${signal.name}`, { signal: signal.name });
  const stopped = registry[Symbol.asyncDispose]().then(() => 0);
  return await Promise.race([stopped, signals.second.then(({ exitCode }) => exitCode)]);
}
