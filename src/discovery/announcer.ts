import { createHeartbeat, type Heartbeat } from "./heartbeat.ts";
import { createRegistryClient } from "./registry-client.ts";
import { createThreadedHeartbeat, type ThreadedHeartbeatOptions } from "./threaded-heartbeat.ts";

/** Settings of {@link announceAt}. */
export interface AnnouncerOptions extends Pick<
  ThreadedHeartbeatOptions,
  "announcement" | "clock" | "log" | "token" | "hungAfterMs" | "startThread"
> {
  /** Whether to beat from a thread of its own. */
  readonly inThread: boolean;
}

/**
 * Begins to announce a server at all registries named, by URL.
 *
 * @returns undefined when none is named
 */
export function announceAt(
  urls: readonly string[],
  options: AnnouncerOptions,
): Heartbeat | undefined {
  if (urls.length === 0) return undefined;
  const { inThread, ...settings } = options;
  const { token, clock, log } = settings;
  const registries = urls.map((url) => createRegistryClient({ url, token, clock, log }));
  const heartbeat = inThread
    ? createThreadedHeartbeat({ ...settings, registries })
    : createHeartbeat({ ...settings, registries });
  heartbeat.start();
  return heartbeat;
}
