import type { Code } from "../base/errors.ts";
import type { Metadata } from "../wire/message.ts";
import type { OutgoingCall } from "./outgoing-call.ts";

/** An argument that is a stream. */
export interface StreamArgument {
  readonly index: number;
  readonly items: AsyncIterable<unknown>;
}

/** What a caller asks for. */
export interface CallRequest {
  /** `Service.Method`. */
  readonly method: string;
  readonly args: readonly unknown[];
  readonly deadlineAt: number;
  /** The deadline was set for this call, so it is that of a whole stream as well. */
  readonly limited: boolean;
  readonly metadata: Metadata | undefined;
  readonly signal: AbortSignal | undefined;
  /** The attempt of the call on whose behalf this one is made; 0 when there is none. */
  readonly attempt: number;
  /** No answer is wanted. */
  readonly oneWay: boolean;
  readonly idempotencyKey: string | undefined;
  /** The argument that is given item by item, and its place; undefined when none is. */
  readonly stream: StreamArgument | undefined;
  /** How long a stream may be without an item, credit or end. */
  readonly idleMs: number;
  readonly onMetadata: ((metadata: Metadata, when: "response" | "trailing") => void) | undefined;
}

/** Where a call is under way. */
export interface CallCarrier {
  /**
   * Lets go of a call that has ended here: takes it back if it has not left, else tells the server.
   * Returns whether it may have run.
   */
  abandon(call: OutgoingCall, code: Code, message: string): "no" | "maybe";
}
