import { GeeError } from "../base/errors.ts";
import type { FaultMessage } from "./message.ts";

/** An error as the fault that says it; with id 0 it is about the connection. */
export function faultOf(id: number, error: GeeError, details: unknown): FaultMessage {
  return {
    kind: "fault",
    id,
    code: error.code,
    message: error.message,
    executed: error.executed,
    reason: error.reason,
    retryAfterMs: error.retryAfterMs,
    details,
    metadata: undefined,
  };
}

/** What a fault is for the one who receives it. A name that was nearly right becomes a hint. */
export function errorOf(fault: FaultMessage): GeeError {
  const { details } = fault;
  const near: unknown =
    (fault.code === "UNIMPLEMENTED" || fault.reason === "NO_SUCH_SERVICE") &&
    typeof details === "object" &&
    details !== null &&
    "didYouMean" in details
      ? details.didYouMean
      : undefined;
  return new GeeError(fault.code, fault.message, {
    reason: fault.reason,
    details: fault.details,
    executed: fault.executed,
    retryAfterMs: fault.retryAfterMs,
    hint: typeof near === "string" ? `did you mean ${near}?` : undefined,
  });
}
