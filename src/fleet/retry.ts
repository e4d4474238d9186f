import type { GeeError } from "../base/errors.ts";

/** Failures before anything ran that another member would meet as well. */
const futile: ReadonlySet<string | undefined> = new Set(["CANNOT_TRAVEL", "MESSAGE_TOO_LARGE"]);

/**
 * Whether a call that failed so may go to another member: only when it was certainly not started,
 * and only when another member may know better.
 */
export function mayGoElsewhere(error: GeeError): boolean {
  if (error.executed !== "no" || futile.has(error.reason)) return false;
  return (
    error.code === "UNAVAILABLE" ||
    error.code === "RESOURCE_EXHAUSTED" ||
    error.code === "UNIMPLEMENTED"
  );
}
