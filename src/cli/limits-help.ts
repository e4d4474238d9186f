import { limits } from "../base/limits.ts";
import { formatDuration } from "./durations.ts";

/** One limit as a person reads it. */
export interface LimitLine {
  readonly limit: string;
  readonly value: string;
  readonly beyond: string;
}

function bytes(size: number): string {
  const mebi = size / 1_048_576;
  if (Number.isInteger(mebi)) return `${mebi} MiB`;
  const kibi = size / 1_024;
  return Number.isInteger(kibi) ? `${kibi} KiB` : `${size} bytes`;
}

function count(number: number): string {
  return number.toLocaleString("en-US");
}

/** Every limit that a server or a client holds its peers to, and what happens beyond it. */
export function limitLines(): readonly LimitLine[] {
  const line = (limit: string, value: string, beyond: string): LimitLine => ({
    limit,
    value,
    beyond,
  });
  return [
    line("a message", bytes(limits.maxMessageBytes), "the connection ends; a sender refuses it"),
    line(
      "messages in parts on a connection",
      `${bytes(limits.maxUnfinishedBytes)}, or one message`,
      "the connection ends",
    ),
    line("metadata of a message", bytes(limits.maxMetadataBytes), "that call fails"),
    line("depth of a value", count(limits.maxValueDepth), "that call fails"),
    line("items of a message", count(limits.maxItems), "that call fails"),
    line("a bigint", bytes(limits.maxBigintBytes), "that call fails"),
    line(
      "a caller before its hello",
      `${bytes(limits.maxCallerHelloBytes)}, ${formatDuration(limits.helloTimeoutMs)}`,
      "the connection ends",
    ),
    line(
      "a server's hello",
      `${bytes(limits.maxServerHelloBytes)}, ${formatDuration(limits.helloTimeoutMs)}`,
      "the connection ends; too many methods: some go by name",
    ),
    line(
      "a frame, from its first byte",
      `${formatDuration(limits.frameBaseMs)} + 1s for each ${bytes(limits.frameBytesPerSecond)}`,
      "the connection ends",
    ),
    line(
      "connections of a server",
      `${count(limits.maxConnections)}, file descriptors - ${limits.reservedDescriptors}`,
      "refused",
    ),
    line(
      "connections of one address",
      count(limits.maxConnectionsPerAddress),
      "refused; loopback and unix sockets are exempt",
    ),
    line("connections without a hello", "a quarter of all", "the oldest is dropped"),
    line("calls in flight on a connection", count(limits.maxInFlight), "refused, not executed"),
    line("workers of a server", count(limits.maxWorkers), "it does not start"),
    line("handlers at once in a server", count(limits.maxRunningHandlers), "refused, not executed"),
    line("handlers at once of a method", "its option concurrency", "refused, not executed"),
    line("watches of a server's health", count(limits.maxHealthWatches), "refused, not executed"),
    line(
      "items of a stream that nobody takes",
      `${bytes(limits.streamWindowBytes)} at first, more on fast links`,
      "no further item is sent",
    ),
    line(
      "a stream without item, credit or end",
      formatDuration(limits.streamIdleMs),
      "DEADLINE_EXCEEDED, reason IDLE",
    ),
    line(
      "idempotency keys of a server",
      `${count(limits.maxIdempotencyKeys)}, each for ${formatDuration(limits.idempotencyWindowMs)}`,
      "the oldest answer goes",
    ),
    line("answers kept for them", bytes(limits.maxIdempotencyBytes), "the oldest answer goes"),
    line(
      "unsent replies on a connection",
      bytes(limits.pauseReadingBytes),
      "it is not read, and no further call of it is started",
    ),
    line(
      "unsent replies, at the most",
      bytes(limits.maxUnsentReplyBytes),
      "the result is replaced by RESOURCE_EXHAUSTED",
    ),
    line(
      "unsent requests on a connection",
      bytes(limits.maxQueuedRequestBytes),
      "refused, not executed",
    ),
    line(
      "bytes that wait in a process",
      bytes(limits.maxBufferedBytes),
      "calls are refused, not executed",
    ),
    line(
      "a server that is silent",
      `${formatDuration(2 * limits.pingIntervalMs)} to ${formatDuration(3 * limits.pingIntervalMs)}`,
      "further calls take another connection",
    ),
    line(
      "a caller that is silent",
      `${formatDuration(2 * limits.sweepMs)} to ${formatDuration(3 * limits.sweepMs)}`,
      "the connection ends",
    ),
    line(
      "age of a connection",
      `${formatDuration(limits.maxConnectionAgeMs)} +-10 %`,
      "callers open another one",
    ),
    line("a peer that takes nothing", formatDuration(limits.stalledWriteMs), "the connection ends"),
    line(
      "pings and idle cancels",
      `${count(limits.maxControlFrames)} in ${formatDuration(limits.controlWindowMs)}`,
      "the connection ends",
    ),
    line(
      "a request to a registry",
      `${bytes(limits.maxRegistryBodyBytes)}, ${formatDuration(limits.registryBodyMs)}`,
      "refused",
    ),
    line("requests that a registry reads at once", count(limits.maxRegistryBodies), "refused"),
    line(
      "instances of a registry",
      `${count(limits.maxInstances)}, ${bytes(limits.maxListBytes)}`,
      "refused",
    ),
    line("services of an instance", count(limits.maxServices), "refused"),
    line("tags of an instance", count(limits.maxTags), "refused"),
    line(
      "instances of one token",
      `${count(limits.maxInstancesPerToken)}, ${bytes(limits.maxListBytesPerToken)}`,
      "refused",
    ),
    line("writes of one token at once", count(limits.maxWritesPerToken), "refused"),
    line(
      "tokens of a registry",
      `${count(limits.maxTokens)}, of ${limits.minTokenLength} characters or more`,
      "it does not start",
    ),
    line(
      "a lease that a server asks for",
      `${formatDuration(limits.minLeaseMs)} to ${formatDuration(limits.maxLeaseMs)}`,
      "the nearest is granted",
    ),
    line(
      "servers that are late all at once",
      `${limits.freezeShare * 100} %, and at least ${limits.freezeLeast}, within a lease`,
      `none is removed, for ${formatDuration(limits.maxFreezeMs)} at most`,
    ),
    line(
      "a server whose loop stands still",
      formatDuration(limits.maxLoopLagMs),
      "weight 0 in its next beat",
    ),
    line("a server that hangs", formatDuration(limits.hungAfterMs), "it is announced no more"),
    line("a watch of a registry", formatDuration(limits.maxWatchMs), "answered, with nothing new"),
    line("watches of a registry", count(limits.maxWatchers), "answered at once"),
    line(
      "changes that a registry remembers",
      count(limits.maxChangeLog),
      "who is further behind gets the whole list",
    ),
    line(
      "an answer of a registry",
      `${bytes(limits.maxRegistryAnswerBytes)}, ${formatDuration(limits.registryTimeoutMs)}`,
      "not read; the list at hand is kept",
    ),
  ];
}
