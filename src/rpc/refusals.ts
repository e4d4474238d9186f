import { GeeError } from "../base/errors.ts";
import type { Code, Executed } from "../base/errors.ts";
import { printable } from "../base/log.ts";
import type { Log } from "../base/log.ts";

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
export function tooManyInFlight(allowed: number): GeeError {
  return new GeeError("RESOURCE_EXHAUSTED", `${allowed} calls are in flight on this connection`, {
    reason: "TOO_MANY_IN_FLIGHT",
    executed: "no",
  });
}

/** Why a client that is closed starts no call (FAILED_PRECONDITION), or goes on with none (UNAVAILABLE). */
export function clientClosed(code: "FAILED_PRECONDITION" | "UNAVAILABLE"): GeeError {
  return new GeeError(code, "the client is closed", { reason: "CLOSED", executed: "no" });
}

/** Why a server that is about to end takes neither a caller nor a call. */
export function shuttingDown(): GeeError {
  return new GeeError("UNAVAILABLE", "the server is shutting down", {
    reason: "DRAINING",
    executed: "no",
  });
}

/** Why a call goes elsewhere that its server had not accepted when it began to drain. */
export function draining(peer: string): GeeError {
  return new GeeError("UNAVAILABLE", `${peer} is shutting down`, {
    reason: "DRAINING",
    executed: "no",
  });
}

/** Why a call has failed whose answer, or a piece of it, cannot be read. */
export function badAnswer(why: string, executed: Executed): GeeError {
  return new GeeError("INTERNAL", `an answer that cannot be read: ${why}`, {
    reason: "BAD_BODY",
    executed,
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

/** Why nothing could be sent to a server whose connection ended before the greeting had. */
export function notGreeted(why: GeeError, peer: string): GeeError {
  const isWordless = why.reason === "CONNECTION_LOST";
  return new GeeError("UNAVAILABLE", isWordless ? `${peer} closed without a hello` : why.message, {
    reason: isWordless ? "NO_HELLO" : why.reason,
    executed: "no",
    cause: why,
  });
}

/** Why a call has failed whose connection is over. */
export function lost(why: GeeError, executed: Executed): GeeError {
  const { message, reason } = why;
  return new GeeError("UNAVAILABLE", message, { reason, executed, cause: why });
}

/** Why a connection ends whose server is silent. */
export function helloTimeout(peer: string): GeeError {
  return new GeeError("UNAVAILABLE", `${peer} did not say hello in time`, {
    reason: "HELLO_TIMEOUT",
    executed: "no",
  });
}

/** What somebody gets who awaits a call that answers with a stream. */
export function itIsAStream(method: string): GeeError {
  return new GeeError("FAILED_PRECONDITION", `${method} answers with a stream`, {
    reason: isAStream,
    hint: "iterate it: for await (const item of ...)",
  });
}

/** The reason by which that error is known. */
const isAStream = "IS_A_STREAM";

/** Whether that is the error. Whatever was thrown, this does not throw. */
export function saysItIsAStream(thrown: unknown): boolean {
  try {
    return thrown instanceof GeeError && thrown.reason === isAStream;
  } catch {
    return false;
  }
}

/** What somebody gets who iterates a call that answers with a single result. */
export function itIsNoStream(method: string): GeeError {
  return new GeeError("FAILED_PRECONDITION", `${method} answers with a single result`, {
    reason: "IS_NO_STREAM",
    hint: "await it",
  });
}

/** Why a call ends of whose argument an item cannot be read. */
export function badItem(why: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", `an item that cannot be read: ${why}`, {
    reason: "BAD_BODY",
    executed: "maybe",
  });
}

/** Why a connection is closed whose caller gives no sign of life. */
export function silent(peer: string): GeeError {
  return new GeeError("UNAVAILABLE", `${peer} has been silent for too long`, {
    reason: "SILENT",
    executed: "maybe",
  });
}

/** Why a handler that still takes items is told to stop: its call is answered. */
export function callOver(): GeeError {
  return new GeeError("CANCELLED", "the call is over", { reason: "CALL_OVER", executed: "yes" });
}

/** What a caller gets that knows no streams, of a method that has answered with one. */
export function noStreams(method: string): GeeError {
  return new GeeError("UNIMPLEMENTED", `${method} answers with a stream`, {
    reason: "UNSUPPORTED_STREAM",
    executed: "yes",
  });
}

/** Why a call ends whose handler leaves too many items where they are. */
export function itemsUntaken(bytes: number): GeeError {
  return new GeeError("RESOURCE_EXHAUSTED", `more than ${bytes} bytes of items wait to be taken`, {
    reason: "ITEMS_UNTAKEN",
    executed: "maybe",
  });
}

/** What a caller gets that does not take its answers. */
export function repliesUnread(peer: string): GeeError {
  return new GeeError("RESOURCE_EXHAUSTED", `answers to ${peer} wait unread`, {
    reason: "REPLIES_UNREAD",
    executed: "yes",
  });
}

/** Why a handler is told to stop whose time is over. */
export function notInTime(method: string): GeeError {
  return new GeeError("DEADLINE_EXCEEDED", `${method} was not done in time`, {
    executed: "maybe",
  });
}

/** Why a call ends whose streams have stood still. */
export function streamIdle(method: string, idleMs: number): GeeError {
  return new GeeError("DEADLINE_EXCEEDED", `nothing moved for ${idleMs} ms in ${method}`, {
    reason: "IDLE",
    executed: "maybe",
  });
}

/** Why a call ends that its caller has given up. */
export function cancelled(code: Code): GeeError {
  return code === "DEADLINE_EXCEEDED"
    ? new GeeError(code, "the deadline passed", { executed: "maybe" })
    : new GeeError("CANCELLED", "the caller cancelled", { executed: "maybe" });
}

/** Why a caller ends a connection whose server breaks the protocol. */
export function brokenBy(peer: string, what: string): GeeError {
  return new GeeError("INTERNAL", `protocol error of ${peer}: ${what}`, {
    reason: "PROTOCOL_ERROR",
  });
}

/** Has a server's log tell of a connection that ended because of what was said on it. */
export function logged(why: GeeError, log: Log, link: { readonly peer: string }): void {
  if (why.reason !== "NOT_A_FRAME" && why.reason !== "PROTOCOL_ERROR") return;
  log.warn("connection refused", { peer: link.peer, why: printable(why.message) });
}
