import { GeeError } from "./errors.ts";
import type { Code } from "./errors.ts";

/**
 * The reasons that gee itself gives when a call whose handler was started does not end well. They
 * are no fault of any service, and no service can declare one of them.
 */
const ownReasons = [
  "HANDLER_FAILED",
  "CANNOT_TRAVEL",
  "MESSAGE_TOO_LARGE",
  "REPLIES_UNREAD",
  "BAD_BODY",
  "BAD_ARGUMENT",
  "BAD_RESULT",
  "IDLE",
  "DRAINING",
  "CALL_OVER",
  "SOURCE_FAILED",
  "UNSUPPORTED_STREAM",
  "UNSUPPORTED_KEY",
  "ANSWER_NOT_KEPT",
] as const;

type OwnReason = (typeof ownReasons)[number];

const ownReasonSet: ReadonlySet<string> = new Set(ownReasons);

/**
 * A {@link GeeError} whose code, reason and details are known to the compiler: one way in which a
 * service says no. A module exports the union of those that its service throws:
 *
 * ```ts
 * export type FooFaults =
 *   | Fault<"FAILED_PRECONDITION", "SOLD_OUT", { left: number }>
 *   | Fault<"NOT_FOUND", "NO_SUCH_ITEM", { id: string }>;
 * ```
 *
 * Without `D` there are no details. A reason that gee gives itself, such as `HANDLER_FAILED`, is
 * left out, so that a fault of that name can neither be thrown nor be matched.
 */
export interface Fault<C extends Code, R extends string, D = undefined> extends GeeError {
  readonly code: C;
  readonly reason: Exclude<R, OwnReason>;
  readonly details: D;
}

/** Any fault: what {@link isFault} knows without a declared union. */
export type AnyFault = Fault<Code, string, unknown>;

/** What {@link fault} takes: for each member of the union its code, reason and details together. */
export type FaultFields<F extends AnyFault> = F extends AnyFault
  ? {
      readonly code: F["code"];
      readonly reason: F["reason"];
      /** For people. Programs look at code and reason. */
      readonly message: string;
      /** How long to wait before another attempt, in milliseconds. */
      readonly retryAfterMs?: number | undefined;
    } & (undefined extends F["details"]
      ? { readonly details?: F["details"] }
      : { readonly details: F["details"] })
  : never;

/**
 * Makes one of the declared faults, for a handler to throw:
 *
 * ```ts
 * throw fault<FooFaults>({ code: "NOT_FOUND", reason: "NO_SUCH_ITEM", message: "no such item", details: { id } });
 * ```
 *
 * The compiler holds code, reason and details together. The union has to be named: without one
 * nothing is accepted. To throw what is declared nowhere, `new GeeError` is enough.
 */
export function fault<F extends AnyFault = never>(fields: FaultFields<F>): F;
export function fault(fields: FaultFields<AnyFault>): GeeError {
  return new GeeError(fields.code, fields.message, {
    reason: fields.reason,
    details: fields.details,
    retryAfterMs: fields.retryAfterMs,
    // Its caller sees the same; so a handler can be tried out without a connection.
    executed: "yes",
  });
}

/**
 * Whether a call was rejected by its handler, on purpose and with a reason:
 *
 * ```ts
 * catch (error) {
 *   if (!isFault<FooFaults>(error)) throw error;
 *   switch (error.reason) {
 *     case "SOLD_OUT": return error.details.left;
 *     case "NO_SUCH_ITEM": return error.details.id;
 *     default: throw error satisfies never;
 *   }
 * }
 * ```
 *
 * For one reason only, `isFault<FooFaults>(error) && error.reason === "SOLD_OUT"`.
 *
 * True for a `GeeError` that was executed for certain and whose reason is not one of gee's own. What
 * the union says is the word of the service's module and is not looked at: a server of another
 * version, or a handler that lets the error of another service through, may give a reason or details
 * that are not in it. A `default` that throws is the answer to that.
 */
export function isFault<F extends AnyFault = AnyFault>(error: unknown): error is F {
  return (
    error instanceof GeeError &&
    error.executed === "yes" &&
    error.reason !== undefined &&
    !ownReasonSet.has(error.reason)
  );
}
