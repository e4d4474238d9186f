import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { nearest, parseMethodName } from "../base/names.ts";
import { isPolicyName, policyNames } from "../base/policy-name.ts";
import type { PolicyName } from "../base/policy-name.ts";
import type { Clock } from "../base/time.ts";
import { policies } from "../fleet/policies.ts";
import type { Policy } from "../fleet/policy.ts";
import type { StreamArgument } from "../rpc/call-request.ts";
import { noOptions } from "../rpc/remote.ts";
import type { CallOptions } from "../rpc/remote.ts";
import { CallClock, exactBelowMs } from "./call-clock.ts";
import type { RoutedRequest } from "./routed-call.ts";
import type { Patience } from "./within.ts";

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

/** The policy of a call that names one, or a key. */
function policyOf({ policy, hashKey }: CallOptions): Policy | undefined {
  if (policy !== undefined) return policyNamed(policy);
  return hashKey === undefined ? undefined : policies.hash;
}

/** The policy of a name. @throws GeeError INVALID_ARGUMENT when there is none of that name */
export function policyNamed(name: PolicyName): Policy {
  if (isPolicyName(name)) return policies[name];
  const near = nearest(String(name), policyNames);
  throw new GeeError(
    "INVALID_ARGUMENT",
    `there is no policy ${String(name)}; there are ${policyNames.join(", ")}`,
    {
      reason: "BAD_OPTION",
      executed: "no",
      hint: near === undefined ? undefined : `did you mean ${near}?`,
    },
  );
}

function checkAttempts(maxAttempts: number): number {
  if (Number.isInteger(maxAttempts) && maxAttempts >= 1 && maxAttempts <= limits.maxAttempts) {
    return maxAttempts;
  }
  throw badOption(`maxAttempts is ${maxAttempts}, and must be 1 to ${limits.maxAttempts}`);
}

/** What calls ask for that few calls ask for. */
const rarities = {
  policy: undefined,
  hashKey: undefined,
  tags: undefined,
  idempotent: false,
  hedge: false,
  waitForReady: false,
  maxAttempts: limits.maxAttempts,
  metadata: undefined,
  signal: undefined,
  to: undefined,
  attempt: 0,
  oneWay: false,
  idempotencyKey: undefined,
  stream: undefined,
  idleMs: limits.streamIdleMs,
  onMetadata: undefined,
} as const;

/**
 * A call that asks for none of them: they stand in its prototype, because an object of twenty
 * fields for each call is a tenth of what a call costs.
 */
class PlainRequest implements RoutedRequest {
  declare readonly policy: undefined;
  declare readonly hashKey: undefined;
  declare readonly tags: undefined;
  declare readonly idempotent: boolean;
  declare readonly hedge: boolean;
  declare readonly waitForReady: boolean;
  declare readonly maxAttempts: number;
  declare readonly metadata: undefined;
  declare readonly signal: undefined;
  declare readonly to: undefined;
  declare readonly attempt: number;
  declare readonly oneWay: boolean;
  declare readonly idempotencyKey: undefined;
  declare readonly stream: undefined;
  declare readonly idleMs: number;
  declare readonly onMetadata: undefined;
  readonly service: string;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly timeoutMs: number;
  readonly deadlineAt: number;
  readonly limited: boolean;

  constructor(
    service: string,
    method: string,
    args: readonly unknown[],
    timeoutMs: number,
    deadlineAt: number,
    limited: boolean,
  ) {
    this.service = service;
    this.method = method;
    this.args = args;
    this.timeoutMs = timeoutMs;
    this.deadlineAt = deadlineAt;
    this.limited = limited;
  }
}

Object.assign(PlainRequest.prototype, rarities);

/** Whether a call's options ask for nothing but, perhaps, a time. */
function isPlain(own: CallOptions): boolean {
  return (
    own.signal === undefined &&
    own.metadata === undefined &&
    own.context === undefined &&
    own.to === undefined &&
    own.oneWay === undefined &&
    own.idempotencyKey === undefined &&
    own.idleTimeoutMs === undefined &&
    own.onMetadata === undefined &&
    own.policy === undefined &&
    own.hashKey === undefined &&
    own.tags === undefined &&
    own.idempotent === undefined &&
    own.hedge === undefined &&
    own.waitForReady === undefined &&
    own.maxAttempts === undefined
  );
}

/** The same request with another signal. */
export function withSignal(request: RoutedRequest, signal: AbortSignal): RoutedRequest {
  return { ...rarities, ...request, signal };
}

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
  const callClock = new CallClock(clock);
  return (method, args, own) => {
    const name = parseMethodName(method);
    if (name === undefined) {
      throw new GeeError("UNIMPLEMENTED", `${JSON.stringify(method)} is no name of a method`, {
        reason: "NO_SUCH_METHOD",
        executed: "no",
        hint: "methods are called Service.Method",
      });
    }
    const stream = findStream(args);
    if (stream === undefined && (own === noOptions || isPlain(own))) {
      const limited = own.timeoutMs !== undefined;
      const timeoutMs = limited ? checkTimeout(own.timeoutMs) : defaultTimeoutMs;
      const now = timeoutMs < exactBelowMs ? clock.now() : callClock.now();
      const deadlineAt = now + timeoutMs;
      return new PlainRequest(name.service, method, args, timeoutMs, deadlineAt, limited);
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
    if (stream !== undefined && own.oneWay === true) {
      throw badOption("a call with a stream wants an answer: it cannot be one-way");
    }
    const { maxAttempts = limits.maxAttempts } = own;
    return {
      policy: policyOf(own),
      hashKey: own.hashKey,
      tags: own.tags,
      idempotent: own.idempotent === true,
      hedge: own.hedge === true,
      waitForReady: own.waitForReady === true,
      maxAttempts: checkAttempts(maxAttempts),
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

/** What makes of a time-out and a signal how long somebody waits. */
export function createPatienceMaker(
  clock: Clock,
  callTimeoutMs: number = limits.callTimeoutMs,
): (what: string | undefined, timeoutMs?: number, signal?: AbortSignal) => Patience {
  return (what = "waiting for servers", timeoutMs = callTimeoutMs, signal = undefined) => ({
    method: what,
    timeoutMs: checkTimeout(timeoutMs),
    deadlineAt: clock.now() + checkTimeout(timeoutMs),
    signal,
  });
}
