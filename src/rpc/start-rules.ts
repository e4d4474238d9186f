import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { bufferedBytes } from "../wire/buffered.ts";
import { features, methodFlags } from "../wire/hello.ts";
import { callFlags } from "../wire/message.ts";
import type { CallMessage } from "../wire/message.ts";
import { shuttingDown, tooManyInFlight } from "./refusals.ts";
import type { ServedMethod } from "./service.ts";
import type { StartClock } from "./start-clock.ts";

/** What the rules look at in a server; they change nothing in it. */
export interface StartHost {
  /** Says whether a call comes too late. */
  readonly starts: Pick<StartClock, "isLate">;
  /** Handlers that run now, on all connections, given-up ones included. */
  readonly running: number;
  /** Of those, how many there may be. */
  readonly maxRunningHandlers: number;
  /** Calls in flight on one connection. */
  readonly maxInFlight: number;
  /** New calls are answered UNAVAILABLE. */
  readonly draining: boolean;
}

/** What the rules look at in a call's connection. */
export interface StartConnection {
  /** Handlers that have not ended, given-up ones included. */
  readonly handlers: number;
  /** The features that both sides know, as bits. */
  readonly agreed: number;
}

function refusal(
  code: "RESOURCE_EXHAUSTED" | "UNIMPLEMENTED" | "DEADLINE_EXCEEDED" | "INVALID_ARGUMENT",
  reason: string,
  message: string,
): GeeError {
  return new GeeError(code, message, { reason, executed: "no" });
}

/**
 * Holds a number of calls or handlers that a person sets to what makes sense.
 *
 * @throws GeeError INVALID_ARGUMENT, reason BAD_OPTION
 */
export function checkCount(name: string, count: number): number {
  if (Number.isInteger(count) && count > 0) return count;
  throw new GeeError(
    "INVALID_ARGUMENT",
    `${name} is ${count}, and must be a whole number above 0`,
    {
      reason: "BAD_OPTION",
      executed: "no",
    },
  );
}

/** What a call asks for that its connection or its method does not have. */
function unsupported(
  call: CallMessage,
  served: ServedMethod,
  agreed: number,
): GeeError | undefined {
  const flags = call.flags & 0xff;
  const oneWay = (agreed & features.oneway) === 0 ? 0 : callFlags.oneWay;
  if ((flags & ~oneWay) !== 0) {
    return refusal("UNIMPLEMENTED", "UNSUPPORTED_FLAG", `call flags ${flags}`);
  }
  const { streamArgument, idempotencyKey } = call;
  const streams = streamArgument !== undefined || (served.flags & methodFlags.answersStream) !== 0;
  if (streams && (agreed & features.streams) === 0) {
    return refusal("UNIMPLEMENTED", "UNSUPPORTED_STREAM", `${served.name} is a stream`);
  }
  if (streams && flags !== 0) {
    return refusal("INVALID_ARGUMENT", "BAD_BODY", `${served.name} is a stream, and not one-way`);
  }
  if (call.timeoutMs === undefined && !streams) {
    return refusal("UNIMPLEMENTED", "NO_DEADLINE", `${served.name} is called without a deadline`);
  }
  if (streamArgument !== undefined && streamArgument >= call.args.length) {
    return refusal(
      "INVALID_ARGUMENT",
      "BAD_BODY",
      `argument ${streamArgument} is to be a stream, and there are ${call.args.length}`,
    );
  }
  if (idempotencyKey !== undefined) {
    if ((agreed & features.keys) === 0 || streams || flags !== 0) {
      return refusal("UNIMPLEMENTED", "UNSUPPORTED_KEY", `${served.name} keeps no key here`);
    }
    if (idempotencyKey === "") {
      return refusal("INVALID_ARGUMENT", "BAD_BODY", "an idempotency key without a character");
    }
  }
  return undefined;
}

/** How long the handler of a call may take: the caller and the service may each say less. */
export function allowedMs(call: CallMessage, served: ServedMethod): number {
  return Math.min(
    call.timeoutMs ?? Number.POSITIVE_INFINITY,
    served.timeoutMs ?? Number.POSITIVE_INFINITY,
  );
}

/**
 * Why the handler of a call is not started; undefined when it may be. `deadlineAt` is the moment
 * until which it may run.
 *
 * The first rule that is broken is the answer. Those of the server come first, because they are the
 * same for every call and another server may have room; then those of the call, which no server of
 * this version would take; the clock is asked last, so that a call which is refused anyway costs no
 * look at it.
 */
export function refusalOfCall(
  host: StartHost,
  connection: StartConnection,
  call: CallMessage,
  served: ServedMethod,
  deadlineAt: number,
): GeeError | undefined {
  if (host.draining) return shuttingDown();
  if (connection.handlers >= host.maxInFlight) return tooManyInFlight(host.maxInFlight);
  if (host.running >= host.maxRunningHandlers) {
    return refusal(
      "RESOURCE_EXHAUSTED",
      "TOO_MANY_HANDLERS",
      `${host.maxRunningHandlers} handlers run already`,
    );
  }
  if (served.concurrency !== undefined && served.running >= served.concurrency) {
    return refusal(
      "RESOURCE_EXHAUSTED",
      "TOO_MANY_OF_METHOD",
      `${served.concurrency} calls of ${served.name} are at work already`,
    );
  }
  if (bufferedBytes() > limits.maxBufferedBytes) {
    return refusal("RESOURCE_EXHAUSTED", "BUFFERS_FULL", "too many bytes wait in this server");
  }
  if (
    (call.flags & 0xff) !== 0 ||
    call.timeoutMs === undefined ||
    call.streamArgument !== undefined ||
    call.idempotencyKey !== undefined ||
    served.flags !== 0
  ) {
    const refused = unsupported(call, served, connection.agreed);
    if (refused !== undefined) return refused;
  }
  if (host.starts.isLate(deadlineAt)) {
    return refusal("DEADLINE_EXCEEDED", "EXPIRED", `${served.name} came too late to be started`);
  }
  return undefined;
}
