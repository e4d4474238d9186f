import type { Code, Executed } from "../base/errors.ts";
import type { CallerHello, ServerHello } from "./hello.ts";

/** Text by text: request and response metadata. */
export type Metadata = Readonly<Record<string, string>>;

/**
 * Bits of a call's flags. Those below 256 change what a call means: an unknown one is refused.
 * `wholeStream`: the deadline is for the whole of a stream, not only until its first item.
 */
export const callFlags = { oneWay: 1, wholeStream: 256 } as const;

/** A call as it travels. */
export interface CallMessage {
  readonly kind: "call";
  readonly id: number;
  /** The number from the server's hello, or `Service.Method`. */
  readonly method: number | string;
  /** What is left of the deadline; undefined for a call without one (streams only). */
  readonly timeoutMs: number | undefined;
  readonly args: readonly unknown[];
  readonly flags: number;
  /** 0 for the first attempt of a call, 1 for the second, ... */
  readonly attempt: number;
  readonly metadata: Metadata | undefined;
  readonly idempotencyKey: string | undefined;
  /** Which argument is a stream of items that follow; undefined when none is. */
  readonly streamArgument: number | undefined;
  /** How long a stream may be idle; undefined = `limits.streamIdleMs`. */
  readonly idleMs: number | undefined;
}

/** A fault as it travels; with id 0 it is about the connection, which closes behind it. */
export interface FaultMessage {
  readonly kind: "fault";
  readonly id: number;
  readonly code: Code;
  readonly message: string;
  readonly executed: Executed;
  readonly reason: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly details: unknown;
  readonly metadata: Metadata | undefined;
}

/** Everything that can travel, by kind. PROTOCOL.md says when each may be sent. */
export type Message =
  | { readonly kind: "callerHello"; readonly id: 0; readonly hello: CallerHello }
  | { readonly kind: "serverHello"; readonly id: 0; readonly hello: ServerHello }
  | CallMessage
  | {
      readonly kind: "part";
      readonly id: number;
      readonly bytes: Uint8Array;
      /** Size of the whole content; in the first part only. */
      readonly totalBytes: number | undefined;
    }
  | {
      readonly kind: "result";
      readonly id: number;
      readonly value: unknown;
      readonly metadata: Metadata | undefined;
    }
  | FaultMessage
  | {
      readonly kind: "cancel";
      readonly id: number;
      readonly code: Code;
      readonly message: string | undefined;
    }
  | {
      readonly kind: "item";
      readonly id: number;
      readonly value: unknown;
      readonly metadata: Metadata | undefined;
      /** What it takes of the credit: the bytes of its frame. Its reader tells; a sender leaves 0. */
      readonly bytes: number;
    }
  | { readonly kind: "end"; readonly id: number; readonly metadata: Metadata | undefined }
  | { readonly kind: "credit"; readonly id: number; readonly bytes: number }
  | { readonly kind: "ping"; readonly id: 0; readonly token: number }
  | { readonly kind: "pong"; readonly id: 0; readonly token: number }
  | {
      readonly kind: "drain";
      readonly id: 0;
      readonly lastCallId: number;
      readonly reason: string | undefined;
    };

/** What `executed` is on the wire: the position in this list. Append only. */
export const executedWords: readonly Executed[] = ["no", "maybe", "yes"];
