import { GeeError } from "../base/errors.ts";

/** What {@link usageError} may carry beside its message. */
export interface UsageErrorOptions {
  readonly hint?: string | undefined;
  /** Default `"USAGE"`. */
  readonly reason?: string | undefined;
  /** Lines that show the place of the mistake, printed as they stand below the message. */
  readonly frame?: string | undefined;
  readonly cause?: unknown;
}

/** A mistake of the person at the command line: nothing was started, exit code 2. */
export function usageError(message: string, options: UsageErrorOptions = {}): GeeError {
  const { hint, reason = "USAGE", frame, cause } = options;
  return new GeeError("INVALID_ARGUMENT", message, {
    reason,
    executed: "no",
    hint,
    cause,
    ...(frame === undefined ? {} : { details: { frame } }),
  });
}

/** The frame of an error made by {@link usageError}. */
export function frameOf(error: GeeError): string | undefined {
  const { details } = error;
  if (typeof details !== "object" || details === null || !("frame" in details)) return undefined;
  return typeof details.frame === "string" ? details.frame : undefined;
}
