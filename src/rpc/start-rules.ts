import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/time.ts";
import { bufferedBytes } from "../wire/buffered.ts";
import { methodFlags } from "../wire/hello.ts";
import type { CallMessage } from "../wire/message.ts";
import { shuttingDown, tooManyInFlight } from "./refusals.ts";
import type { ServedMethod } from "./service.ts";

/** What the rules look at in a server; they change nothing in it. */
export interface StartHost {
  readonly clock: Clock;
  /** Handlers that run now, on all connections, given-up ones included. */
  readonly running: number;
  /** New calls are answered UNAVAILABLE. */
  readonly draining: boolean;
}

function refusal(
  code: "RESOURCE_EXHAUSTED" | "UNIMPLEMENTED" | "DEADLINE_EXCEEDED",
  reason: string,
  message: string,
): GeeError {
  return new GeeError(code, message, { reason, executed: "no" });
}

/**
 * Why the handler of a call is not started; undefined when it may be. `deadlineAt` is the moment
 * until which it may run, and `handlers` are those of the call's connection that have not ended,
 * given-up ones included.
 *
 * The first rule that is broken is the answer. Those of the server come first, because they are the
 * same for every call and another server may have room; then those of the call, which no server of
 * this version would take; the clock is asked last, so that a call which is refused anyway costs no
 * look at it.
 */
export function refusalOfCall(
  host: StartHost,
  call: CallMessage,
  served: ServedMethod,
  deadlineAt: number,
  handlers: number,
): GeeError | undefined {
  if (host.draining) return shuttingDown();
  if (handlers >= limits.maxInFlight) return tooManyInFlight();
  if (host.running >= limits.maxRunningHandlers) {
    return refusal(
      "RESOURCE_EXHAUSTED",
      "TOO_MANY_HANDLERS",
      `${limits.maxRunningHandlers} handlers run already`,
    );
  }
  if (bufferedBytes() > limits.maxBufferedBytes) {
    return refusal("RESOURCE_EXHAUSTED", "BUFFERS_FULL", "too many bytes wait in this server");
  }
  if ((call.flags & 0xff) !== 0) {
    return refusal("UNIMPLEMENTED", "UNSUPPORTED_FLAG", `call flags ${call.flags & 0xff}`);
  }
  if (call.timeoutMs === undefined) {
    return refusal("UNIMPLEMENTED", "NO_DEADLINE", `${served.name} is called without a deadline`);
  }
  if (call.idempotencyKey !== undefined) {
    return refusal("UNIMPLEMENTED", "UNSUPPORTED_KEY", "idempotency keys are not kept");
  }
  if (call.streamArgument !== undefined || (served.flags & methodFlags.answersStream) !== 0) {
    return refusal("UNIMPLEMENTED", "UNSUPPORTED_STREAM", `${served.name} is a stream`);
  }
  if (deadlineAt <= host.clock.now()) {
    return refusal("DEADLINE_EXCEEDED", "EXPIRED", `${served.name} came too late to be started`);
  }
  return undefined;
}
