import type { Code, GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Outcome } from "./endpoint.ts";

/**
 * What a failed attempt allows.
 *
 * - unsent: nothing of it left this process, or nothing that a server has begun to read; also when it
 *   is not sent there because that server's contract is not what the caller was built against.
 * - drained: its server is about to end and did not start it.
 * - overloaded: its server has too much to do and did not start it.
 * - unknown-method: its server has no such service, method or feature, and did not start it.
 * - maybe: nobody can tell whether it ran.
 * - final: it ran, or no further attempt would do better.
 */
export type FailureClass =
  "unsent" | "drained" | "overloaded" | "unknown-method" | "maybe" | "final";

/**
 * What becomes of a call whose attempt has failed.
 *
 * - stop: it fails.
 * - elsewhere: at once at a member that it was not at yet, and nothing is withdrawn. When it was at
 *   all of them, whoever routes it may wait and begin anew, unless the code is UNIMPLEMENTED, which
 *   time does not change.
 * - other: at once at one other member, from the budget.
 * - again: after a wait at any member, from the budget.
 * - same: after a wait at the same instance and no other, from the budget.
 */
export type Verdict = "stop" | "elsewhere" | "other" | "again" | "same";

/** What {@link decide} looks at. */
export interface RetryFacts {
  readonly failure: FailureClass;
  /** The method is known to be idempotent; what is not known is not. */
  readonly idempotent: boolean;
  /** It has an idempotency key, which one instance remembers. */
  readonly hasKey: boolean;
  /** It was made by a handler whose own call is a retry already. */
  readonly inherited: boolean;
  /** Attempts that were sent so far, this one included. */
  readonly sent: number;
  /** It has been to its one other member for being refused. */
  readonly movedOn: boolean;
  /** How long the server says to wait; below 0, that no attempt is to follow. */
  readonly pushedBackMs: number | undefined;
}

/** The wait before the first retry, and the longest, before chance has its say (gRFC A6). */
const firstDelayMs = 100;
const maxDelayMs = 1_000;

/** A time-out after so long is the server's, however slow the member is taken to be. */
const longTimeoutMs = 100;

/** Failures of the message or of this process: all members would meet them. */
const ownReasons: ReadonlySet<string | undefined> = new Set([
  "CANNOT_TRAVEL",
  "MESSAGE_TOO_LARGE",
  "METADATA_TOO_LARGE",
  "NO_DEADLINE",
  // The client's own end. What a lost connection says is CONNECTION_LOST.
  "CLOSED",
]);

/** Words of a server, or of a connection, that takes no more calls because its end is planned. */
const drainReasons: ReadonlySet<string | undefined> = new Set(["DRAINING", "DRAINED"]);

/** What the way to a member can fail with; the other codes are the caller's doing. */
const wayCodes: ReadonlySet<Code> = new Set([
  "UNAVAILABLE",
  "RESOURCE_EXHAUSTED",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNKNOWN",
]);

/**
 * Which class a failure is of. `sent`: the attempt was handed to a connection that took it.
 *
 * A lost connection fails its calls with UNAVAILABLE: "no" when no byte of the frame had left, else
 * "maybe". INTERNAL and DATA_LOSS with "maybe" are answers that came and cannot be read. What a
 * handler throws, be it UNAVAILABLE, always arrives as executed "yes" and is an answer like another:
 * final. So a failure further down, which a handler passes on, is retried where it happened only.
 */
export function classOf(error: GeeError, facts: { readonly sent: boolean }): FailureClass {
  const { code, executed, reason } = error;
  if (ownReasons.has(reason)) return "final";
  if (!facts.sent) {
    // Of one server, whose version is not that of the others.
    if (reason === "CONTRACT_MISMATCH") return "unsent";
    // All of the process's buffers, and not one connection's.
    return wayCodes.has(code) && reason !== "BUFFERS_FULL" ? "unsent" : "final";
  }
  switch (executed) {
    case "yes":
      return "final";
    case "no":
      return classOfUnstarted(error);
    case "maybe":
      return code === "UNAVAILABLE" || code === "INTERNAL" || code === "DATA_LOSS"
        ? "maybe"
        : "final";
    default:
      return executed satisfies never;
  }
}

function classOfUnstarted({ code, reason }: GeeError): FailureClass {
  switch (code) {
    case "UNAVAILABLE":
      if (drainReasons.has(reason)) return "drained";
      // It waited for the first call of its key, which was refused.
      return reason === "NOT_STARTED" ? "overloaded" : "unsent";
    case "DEADLINE_EXCEEDED":
      // A server that stood still takes what waited for it to have come at the start of that; the caller,
      // whose own deadline never comes this way, may have time left.
      return "unsent";
    case "RESOURCE_EXHAUSTED":
      return "overloaded";
    case "UNIMPLEMENTED":
      return "unknown-method";
    default:
      return "final";
  }
}

/**
 * What becomes of a call whose attempt has failed; the budget and the deadline are asked afterwards.
 *
 * After "same", whoever routes the call keeps it at that instance whatever comes next, "elsewhere"
 * and "other" included: no other knows its key, and would run it a second time.
 */
export function decide(facts: RetryFacts): Verdict {
  const { idempotent, hasKey, inherited, pushedBackMs } = facts;
  if (!(facts.sent < limits.maxAttempts) || (pushedBackMs !== undefined && pushedBackMs < 0))
    return "stop";
  switch (facts.failure) {
    case "final":
      return "stop";
    case "unsent":
    case "drained":
      return "elsewhere";
    case "overloaded":
    case "unknown-method":
      return inherited || facts.movedOn ? "stop" : "other";
    case "maybe":
      if (inherited) return "stop";
      if (idempotent) return "again";
      return hasKey ? "same" : "stop";
    default:
      return facts.failure satisfies never;
  }
}

/**
 * The wait before retry `attempt` (1 for the first), in ms: doubled each time up to a second, and a
 * fifth more or less of it by chance. What a server says in its place goes before.
 */
export function retryDelayMs(attempt: number, random: () => number): number {
  const doublings = attempt > 1 ? Math.min(attempt - 1, 10) : 0;
  const chance = random();
  const part = chance >= 0 && chance <= 1 ? chance : 0.5;
  return Math.min(firstDelayMs * 2 ** doublings, maxDelayMs) * (0.8 + 0.4 * part);
}

/**
 * What the end of an attempt says of its member; `error` is undefined for an answer. All in ms:
 * `elapsedMs` since it began, `latencyMs` what is known of the member (0 = nothing), `timeoutMs` what
 * it had left when it began.
 *
 * - failed: the way to it (UNAVAILABLE), a fault of its own (INTERNAL, DATA_LOSS), whoever threw it,
 *   and a time-out after long enough: a call that came with 1 ms left says nothing of the server.
 *   Enough is twice what its calls take, but 100 ms in any case: of a member that hangs, its latency
 *   is soon as long as the time-outs of those who waited.
 * - refused: not started, because it has too much to do or drains.
 * - ok: other faults that a handler has thrown.
 * - left: all that was not started for another reason, so that a member that says "unknown method" in
 *   no time does not look fast; and what the caller ended.
 */
export function outcomeOf(
  error: GeeError | undefined,
  elapsedMs: number,
  latencyMs: number,
  timeoutMs: number,
): Outcome {
  if (error === undefined) return "ok";
  const { code, executed, reason } = error;
  // What gives the items of an argument is the caller's; of a stream that stands still, either may be
  // the one that waits.
  if (reason === "SOURCE_FAILED" || reason === "IDLE") return "left";
  if (executed === "no" && ownReasons.has(reason)) return "left";
  switch (code) {
    case "UNAVAILABLE":
      if (reason === "CLOSED" && executed !== "yes") return "left";
      return executed === "no" && (drainReasons.has(reason) || reason === "NOT_STARTED")
        ? "refused"
        : "failed";
    case "INTERNAL":
    case "DATA_LOSS":
      return "failed";
    case "UNKNOWN":
      // Thrown by a handler it may mean anything; on the way there something is broken.
      return executed === "yes" ? "ok" : "failed";
    case "RESOURCE_EXHAUSTED":
      return executed === "no" ? "refused" : "ok";
    case "DEADLINE_EXCEEDED":
      if (executed === "yes") return "ok";
      return Math.min(elapsedMs, timeoutMs) >= longEnoughMs(latencyMs) ? "failed" : "left";
    case "CANCELLED":
      return executed === "yes" ? "ok" : "left";
    default:
      return executed === "no" ? "left" : "ok";
  }
}

function longEnoughMs(latencyMs: number): number {
  return latencyMs > 0 ? Math.min(2 * latencyMs, longTimeoutMs) : longTimeoutMs;
}
