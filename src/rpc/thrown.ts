import { describeThrown, GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";

/** A call that was refused before its method ran. Only what is made here is one, whoever throws it. */
class NotStarted extends GeeError {}

/** What is thrown for arguments that do not fit, before a method runs. */
export function badArgument(why: string): GeeError {
  return new NotStarted("INVALID_ARGUMENT", why, { reason: "BAD_ARGUMENT", executed: "no" });
}

/** What a method has answered does not fit its contract. */
export class BadResult extends GeeError {
  constructor(why: string) {
    super("INTERNAL", why, { reason: "BAD_RESULT", executed: "yes" });
  }
}

/**
 * What was thrown for the other side to see, with fields that can be written; undefined for all
 * else, such as a proxy that only looks like it. Whatever was thrown, this does not throw.
 */
function meantForOther(thrown: unknown): GeeError | undefined {
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
      executed: thrown instanceof NotStarted ? "no" : "yes",
    });
  } catch {
    return undefined;
  }
}

/** The reason of an error of which a server is told only that there was one. */
export const sourceFailed = "SOURCE_FAILED";

/**
 * What the server of a call is told of a value that the source of a stream argument threw. A
 * `GeeError` goes to it; all else stays in the caller's process.
 */
export function errorForServer(thrown: unknown): GeeError {
  return (
    meantForOther(thrown) ??
    new GeeError("INTERNAL", "what gives the items has failed", {
      reason: sourceFailed,
      executed: "yes",
    })
  );
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
  const meant = meantForOther(thrown);
  if (meant !== undefined) {
    if (meant.reason === "BAD_RESULT" && thrown instanceof BadResult) {
      log.error("an answer does not fit its contract", { method, why: meant.message });
    }
    return meant;
  }
  const logId = newLogId();
  log.error("handler failed", { method, id: logId, error: describeThrown(thrown) });
  return new GeeError("INTERNAL", `${method} failed; the server's log has it as ${logId}`, {
    reason: "HANDLER_FAILED",
    executed: "yes",
  });
}

/**
 * What the caller of a method is told of a value, a result or an item, that cannot travel. The fault
 * is the handler's and not the caller's, who would be told INVALID_ARGUMENT of values of its own.
 */
export function untravelled(thrown: unknown, method: string, log: Log): GeeError {
  const why = GeeError.from(thrown);
  const code = why.code === "RESOURCE_EXHAUSTED" ? why.code : "INTERNAL";
  log.warn("an answer cannot travel", { method, why: why.message });
  return new GeeError(code, `${method}: ${why.message}`, { reason: why.reason, executed: "yes" });
}
