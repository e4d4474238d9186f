import type { Deadlines } from "../../src/base/deadlines.ts";
import type { Code, GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import type { Clock } from "../../src/base/time.ts";
import type { RoutedRequest } from "../../src/routing/routed-call.ts";
import type { CallRequest } from "../../src/rpc/call-request.ts";
import { OutgoingCall } from "../../src/rpc/outgoing-call.ts";
import type { CallMessage, FaultMessage, Message } from "../../src/wire/message.ts";

/** A caller's request with nothing special about it: `Foo.Sum` without arguments or a deadline. */
export function callRequest(changes: Partial<CallRequest> = {}): CallRequest {
  return {
    method: "Foo.Sum",
    args: [],
    deadlineAt: Number.POSITIVE_INFINITY,
    limited: false,
    metadata: undefined,
    signal: undefined,
    attempt: 0,
    oneWay: false,
    idempotencyKey: undefined,
    stream: undefined,
    idleMs: limits.streamIdleMs,
    onMetadata: undefined,
    ...changes,
  };
}

/** The same with what routing it heeds: any server, 10 s. */
export function routedRequest(changes: Partial<RoutedRequest> = {}): RoutedRequest {
  const { method = "Foo.Sum" } = changes;
  return {
    ...callRequest(),
    service: method.slice(0, method.indexOf(".")),
    timeoutMs: 10_000,
    policy: undefined,
    hashKey: undefined,
    tags: undefined,
    to: undefined,
    idempotent: false,
    hedge: false,
    waitForReady: false,
    maxAttempts: limits.maxAttempts,
    ...changes,
  };
}

/** A call as it travels, with nothing special about it: `Foo.Sum` of 1 and 2, in 9 s. */
export function callMessage(id: number, changes: Partial<CallMessage> = {}): CallMessage {
  return {
    kind: "call",
    id,
    method: "Foo.Sum",
    timeoutMs: 9_000,
    args: [1, 2],
    flags: 0,
    attempt: 0,
    metadata: undefined,
    idempotencyKey: undefined,
    streamArgument: undefined,
    idleMs: undefined,
    ...changes,
  };
}

/** A call's result as it travels. */
export function resultMessage(id: number, value: unknown): Message {
  return { kind: "result", id, value, metadata: undefined };
}

/** A fault as it travels: ABORTED, executed yes. */
export function faultMessage(id: number, changes: Partial<FaultMessage> = {}): FaultMessage {
  return {
    kind: "fault",
    id,
    code: "ABORTED",
    message: "no",
    executed: "yes",
    reason: undefined,
    retryAfterMs: undefined,
    details: undefined,
    metadata: undefined,
    ...changes,
  };
}

/** An item as a sender gives it. */
export function itemMessage(id: number, value: unknown): Message {
  return { kind: "item", id, value, metadata: undefined, bytes: 0 };
}

/** The end of a stream as it travels. */
export function endMessage(id: number): Message {
  return { kind: "end", id, metadata: undefined };
}

/** A cancel as it travels. */
export function cancelMessage(id: number, code: Code = "CANCELLED"): Message {
  return { kind: "cancel", id, code, message: undefined };
}

/** What a test may say of a call. A time-out is only until a stream begins, unless `limited`. */
export interface TestCall extends Partial<Omit<CallRequest, "method" | "args" | "deadlineAt">> {
  /** Default 10 s. */
  readonly timeoutMs?: number;
  readonly again?: (call: OutgoingCall, error: GeeError) => boolean;
  readonly settled?: () => void;
}

/** A call that nobody routes. */
class FreeCall extends OutgoingCall {
  readonly #options: TestCall;

  constructor(request: CallRequest, deadlines: Deadlines, options: TestCall) {
    super(request, deadlines);
    this.#options = options;
  }

  protected override again(error: GeeError): boolean {
    return this.#options.again?.(this, error) ?? false;
  }

  protected override onSettled(): void {
    this.#options.settled?.();
  }
}

/** A call that no connection carries yet. Its promise may reject unseen. */
export function callOf(
  method: string,
  args: readonly unknown[],
  clock: Clock,
  deadlines: Deadlines,
  options: TestCall = {},
): OutgoingCall {
  const { timeoutMs = 10_000, again: _again, settled: _settled, ...changes } = options;
  const request = callRequest({ method, args, deadlineAt: clock.now() + timeoutMs, ...changes });
  const call = new FreeCall(request, deadlines, options);
  call.listen();
  call.promise.catch(() => {});
  return call;
}
