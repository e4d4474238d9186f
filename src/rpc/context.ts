import { GeeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Metadata } from "../wire/message.ts";

/** What a handler may know of the call that it answers. */
export interface CallContext {
  /** Aborts when the caller cancels, when it is gone, and when the deadline passes. */
  readonly signal: AbortSignal;
  /** Milliseconds until the deadline; undefined when the call has none. */
  readonly remainingMs: number | undefined;
  /** What the caller sent beside the arguments. */
  readonly metadata: Metadata;
  /** Who calls, for people to read: an IP address with a port, or `unix`. */
  readonly peer: string;
  /** Which call it is: `Foo.Sum`. */
  readonly method: string;
  /** The server's log. */
  readonly log: Log;
}

let current: CallContext | undefined;

/**
 * The context of the call that is being handled. To be taken at the start of a handler, before its
 * first `await`: it is set around the invocation only, and no value follows a promise chain.
 *
 * @throws GeeError FAILED_PRECONDITION anywhere else
 */
export function callContext(): CallContext {
  if (current === undefined) {
    throw new GeeError(
      "FAILED_PRECONDITION",
      "callContext() is for the start of a handler, before its first await",
      { reason: "NO_CALL_CONTEXT", executed: "no" },
    );
  }
  return current;
}

/** Runs a handler with `context` as what `callContext` returns. */
export function withContext<A, T>(context: CallContext, handler: (args: A) => T, args: A): T {
  const outer = current;
  current = context;
  try {
    return handler(args);
  } finally {
    current = outer;
  }
}
