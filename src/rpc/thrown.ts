import { describeThrown, GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";

/**
 * What a handler threw for its caller to see, with fields that can be written; undefined for all
 * else, such as a proxy that only looks like it. Whatever was thrown, this does not throw.
 */
function meantForCaller(thrown: unknown): GeeError | undefined {
  try {
    if (!(thrown instanceof GeeError)) return undefined;
    const { code, message, reason, details } = thrown;
    const waitMs = Math.min(
      Math.max(Math.ceil(Number(thrown.retryAfterMs)), 0),
      limits.maxTimeoutMs,
    );
    return new GeeError(code, String(message), {
      reason: reason === undefined ? undefined : String(reason),
      details,
      retryAfterMs: Number.isNaN(waitMs) ? undefined : waitMs,
      executed: "yes",
    });
  } catch {
    return undefined;
  }
}

/**
 * What the caller of a method is told of a value that its handler threw. A `GeeError` is meant for
 * the caller and goes to it. All else is nobody's business outside: it goes to the log, and an id
 * joins the two, from `newLogId`, which is handed in because chance is. Whatever was thrown, this
 * does not throw.
 */
export function errorForCaller(
  thrown: unknown,
  method: string,
  log: Log,
  newLogId: () => string,
): GeeError {
  const meant = meantForCaller(thrown);
  if (meant !== undefined) return meant;
  const logId = newLogId();
  log.error("handler failed", { method, id: logId, error: describeThrown(thrown) });
  return new GeeError("INTERNAL", `${method} failed; the server's log has it as ${logId}`, {
    reason: "HANDLER_FAILED",
    executed: "yes",
  });
}
