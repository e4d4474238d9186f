import { GeeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Metadata } from "../wire/message.ts";
import type { Call, CallOptions, MakeStub, Services } from "./remote.ts";

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
  /** 0 for a call's first attempt, 1 for the second, ... */
  readonly attempt: number;
  /** The server's log. */
  readonly log: Log;
  /**
   * Another service, called on behalf of this call: what remains of its deadline, its cancellation
   * and its attempt go along. The server finds it at its own registries.
   */
  readonly service: MakeStub<Services>;
  /** Calls `Service.Method` of another service on behalf of this call, as `service` does. */
  call(method: string, args?: readonly unknown[], options?: CallOptions): Call;
  /** Sends metadata with the answer: with the result, or with a stream's first item. */
  setMetadata(metadata: Metadata): void;
  /** Sends metadata behind the answer: with a stream's end; with the result when there is one. */
  setTrailing(metadata: Metadata): void;
}

/** Who makes the calls that handlers make: a client. */
export interface NestedCaller {
  call(method: string, args: readonly unknown[], options: CallOptions): Call;
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
