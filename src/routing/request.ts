import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { parseMethodName } from "../base/names.ts";
import type { Clock } from "../base/time.ts";
import type { StreamArgument } from "../rpc/call-request.ts";
import type { CallOptions } from "../rpc/remote.ts";
import type { RoutedRequest } from "./routed-call.ts";

function badOption(message: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", message, { reason: "BAD_OPTION", executed: "no" });
}

/** The argument that is to be sent item by item. */
function findStream(args: readonly unknown[]): StreamArgument | undefined {
  let found: StreamArgument | undefined;
  for (let index = 0; index < args.length; index++) {
    const items = args[index];
    if (typeof items !== "object" || items === null || !isAsyncIterable(items)) continue;
    if (found !== undefined) {
      throw badOption(
        `arguments ${found.index + 1} and ${index + 1} are both streams: one can be sent`,
      );
    }
    found = { index, items };
  }
  return found;
}

function isAsyncIterable(value: object): value is AsyncIterable<unknown> {
  return Symbol.asyncIterator in value;
}

function checkTimeout(timeoutMs: number, name = "timeoutMs"): number {
  if (!(timeoutMs > 0)) throw badOption(`${name} is ${timeoutMs}, and must be above 0`);
  return Math.min(timeoutMs, limits.maxTimeoutMs);
}

function tooLate(method: string, parent: string): GeeError {
  return new GeeError("DEADLINE_EXCEEDED", `${parent} has no time left for ${method}`, {
    executed: "no",
  });
}

/** Makes of what a caller says the request that is routed. */
export type MakeRequest = (
  method: string,
  args: readonly unknown[],
  options: CallOptions,
) => RoutedRequest;

/**
 * What turns a caller's options into a request: the deadline as a moment, what a call inherits from
 * the one that it is made for, and which argument is a stream. What it makes throws GeeError
 * INVALID_ARGUMENT for options that cannot be right, UNIMPLEMENTED for what is no name of a method,
 * and DEADLINE_EXCEEDED for a call on behalf of one whose time is over.
 *
 * @throws GeeError INVALID_ARGUMENT for a time-out that cannot be right
 */
export function createRequestMaker(
  clock: Clock,
  callTimeoutMs: number = limits.callTimeoutMs,
): MakeRequest {
  const defaultTimeoutMs = checkTimeout(callTimeoutMs);
  return (method, args, own) => {
    const name = parseMethodName(method);
    if (name === undefined) {
      throw new GeeError("UNIMPLEMENTED", `${JSON.stringify(method)} is no name of a method`, {
        reason: "NO_SUCH_METHOD",
        executed: "no",
        hint: "methods are called Service.Method",
      });
    }
    const { context } = own;
    let timeoutMs = own.timeoutMs === undefined ? defaultTimeoutMs : checkTimeout(own.timeoutMs);
    let limited = own.timeoutMs !== undefined;
    let { signal } = own;
    if (context !== undefined) {
      const { remainingMs } = context;
      if (remainingMs !== undefined) {
        if (remainingMs <= 0) throw tooLate(method, context.method);
        timeoutMs = Math.min(timeoutMs, remainingMs);
        limited = true;
      }
      signal = signal === undefined ? context.signal : AbortSignal.any([signal, context.signal]);
    }
    const { idempotencyKey, idleTimeoutMs } = own;
    if (
      idempotencyKey !== undefined &&
      !(idempotencyKey.length > 0 && idempotencyKey.length <= 256)
    ) {
      throw badOption("an idempotencyKey has 1 to 256 characters");
    }
    const stream = findStream(args);
    if (stream !== undefined && own.oneWay === true) {
      throw badOption("a call with a stream wants an answer: it cannot be one-way");
    }
    return {
      service: name.service,
      method,
      args,
      timeoutMs,
      deadlineAt: clock.now() + timeoutMs,
      limited,
      metadata: own.metadata,
      signal,
      to: own.to,
      attempt: context?.attempt ?? 0,
      oneWay: own.oneWay === true,
      idempotencyKey,
      stream,
      idleMs:
        idleTimeoutMs === undefined
          ? limits.streamIdleMs
          : Math.ceil(checkTimeout(idleTimeoutMs, "idleTimeoutMs")),
      onMetadata: own.onMetadata,
    };
  };
}
