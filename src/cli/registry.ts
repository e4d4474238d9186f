import { systemClock } from "../base/time.ts";
import { serveRegistry } from "../registry.ts";
import type { RegistryInvocation } from "./args.ts";
import { formatDuration } from "./durations.ts";
import { toJson } from "./json.ts";
import type { Output } from "./output.ts";
import { catchStopSignals } from "./signals.ts";

/** `gee registry`: keeps the list until SIGTERM or SIGINT, then exits 0. */
export async function runRegistry(
  { listen, leaseMs, oldLeaseMs, insecure }: RegistryInvocation,
  output: Output,
): Promise<number> {
  const startedAt = systemClock.now();
  const registry = await serveRegistry({
    listen,
    leaseMs,
    oldLeaseMs,
    insecure,
    log: output.log("info"),
  });
  using signals = catchStopSignals();
  const { url } = registry;
  const took = formatDuration(systemClock.now() - startedAt);
  await output.data(
    output.json
      ? toJson({ url, leaseMs: registry.leaseMs, oldLeaseMs })
      : `registry   ${url}   lease ${formatDuration(registry.leaseMs)}   [${took}]`,
  );
  const signal = await signals.first;
  await output.talk("stopping", `stopping   on ${signal.name}`, { signal: signal.name });
  const stopped = registry[Symbol.asyncDispose]().then(() => 0);
  return await Promise.race([stopped, signals.second.then(({ exitCode }) => exitCode)]);
}
