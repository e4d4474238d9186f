import { GeeError } from "../base/errors.ts";
import type { Code } from "../base/errors.ts";
import { limits } from "../base/limits.ts";

/** Why a connection ends whose peer sent what needs a feature that was not agreed on. */
export function unsupportedKind(what: string): GeeError {
  return new GeeError("UNIMPLEMENTED", `${what} needs a feature that was not agreed on`, {
    reason: "UNSUPPORTED_KIND",
  });
}

/** Why a connection ends whose caller breaks the rules of the protocol. */
export function protocolError(what: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", what, { reason: "PROTOCOL_ERROR" });
}

/** Why a connection ends whose caller sent what cannot be read, other than a call. */
export function badMessage(why: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", why, { reason: "BAD_MESSAGE" });
}

/** Why a call is not started that cannot be read; its connection goes on. */
export function badCall(why: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", `a call that cannot be read: ${why}`, {
    reason: "BAD_BODY",
    executed: "no",
  });
}

/** Why a connection ends whose server is not the instance that was meant. */
export function wrongInstance(): GeeError {
  return new GeeError("UNAVAILABLE", "another instance answers at this address", {
    reason: "WRONG_INSTANCE",
    executed: "no",
  });
}

/** Why a call is not started whose connection has as many as it may have. */
export function tooManyInFlight(): GeeError {
  return new GeeError(
    "RESOURCE_EXHAUSTED",
    `${limits.maxInFlight} calls are in flight on this connection`,
    { reason: "TOO_MANY_IN_FLIGHT", executed: "no" },
  );
}

/** Why a server that is about to end takes neither a caller nor a call. */
export function shuttingDown(): GeeError {
  return new GeeError("UNAVAILABLE", "the server is shutting down", {
    reason: "DRAINING",
    executed: "no",
  });
}

/** Why a handler is told to stop whose caller's connection has ended. */
export function callerGone(why: GeeError): GeeError {
  return new GeeError("CANCELLED", "the caller is gone", {
    reason: "CALLER_GONE",
    executed: "maybe",
    cause: why,
  });
}

/** Why a connection ends whose server is silent. */
export function helloTimeout(peer: string): GeeError {
  return new GeeError("UNAVAILABLE", `${peer} did not say hello in time`, {
    reason: "HELLO_TIMEOUT",
    executed: "no",
  });
}

/** Why a call ends that its caller has given up. */
export function cancelled(code: Code): GeeError {
  return code === "DEADLINE_EXCEEDED"
    ? new GeeError(code, "the deadline passed", { executed: "maybe" })
    : new GeeError("CANCELLED", "the caller cancelled", { executed: "maybe" });
}
