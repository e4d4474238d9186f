import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { bufferedBytes } from "../wire/buffered.ts";
import { features } from "../wire/hello.ts";
import type { Channel } from "../wire/channel.ts";
import type { CallRequest } from "./call-request.ts";

function full(reason: string, message: string): GeeError {
  return new GeeError("RESOURCE_EXHAUSTED", message, { reason, executed: "no" });
}

/** Why a call cannot go out on a connection that is about to close. */
export function closingError(channel: Channel): GeeError {
  return new GeeError("UNAVAILABLE", `the connection to ${channel.link.peer} is closing`, {
    reason: "CONNECTION_CLOSING",
    executed: "no",
  });
}

/** What a call needs that its server does not know; undefined when that is nothing. */
export function unsupported(
  { method, stream, oneWay, idempotencyKey }: CallRequest,
  agreed: number,
): GeeError | undefined {
  const reason =
    stream !== undefined && (agreed & features.streams) === 0
      ? "UNSUPPORTED_STREAM"
      : oneWay && (agreed & features.oneway) === 0
        ? "UNSUPPORTED_FLAG"
        : idempotencyKey !== undefined && (agreed & features.keys) === 0
          ? "UNSUPPORTED_KEY"
          : undefined;
  if (reason === undefined) return undefined;
  return new GeeError("UNIMPLEMENTED", `the server cannot do what ${method} is called with`, {
    reason,
    executed: "no",
  });
}

/** Which limit a further call on a connection would break; undefined when it may go out. */
export function startRefusal(
  channel: Channel,
  inFlight: number,
  maxInFlight: number,
): GeeError | undefined {
  const { peer } = channel.link;
  if (inFlight >= maxInFlight) {
    return full("TOO_MANY_IN_FLIGHT", `${maxInFlight} calls are in flight to ${peer} already`);
  }
  if (bufferedBytes() > limits.maxBufferedBytes) {
    return full("BUFFERS_FULL", `${bufferedBytes()} bytes wait in this process already`);
  }
  if (channel.unsentBytes > limits.maxQueuedRequestBytes) {
    return full("QUEUE_FULL", `${channel.unsentBytes} bytes wait to be sent to ${peer} already`);
  }
  return undefined;
}
