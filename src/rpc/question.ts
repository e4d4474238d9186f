import type { Deadlines } from "../base/deadlines.ts";
import { limits } from "../base/limits.ts";
import type { Connection } from "./connection.ts";
import { OutgoingCall } from "./outgoing-call.ts";

/** A call for one connection: nobody routes it, and it goes nowhere else. */
class Question extends OutgoingCall {
  protected override again(): boolean {
    return false;
  }

  protected override onSettled(): void {}
}

/**
 * Calls a method on one connection, which need not be known to anybody else yet. Resolves with the
 * result; rejects with GeeError as any call does, and goes nowhere else then.
 */
export function askOn(
  connection: Connection,
  deadlines: Deadlines,
  question: {
    readonly method: string;
    readonly args: readonly unknown[];
    readonly timeoutMs: number;
  },
): Promise<unknown> {
  const { method, args, timeoutMs } = question;
  const call = new Question(
    {
      method,
      args,
      deadlineAt: deadlines.clock.now() + timeoutMs,
      limited: true,
      metadata: undefined,
      signal: undefined,
      attempt: 0,
      oneWay: false,
      idempotencyKey: undefined,
      stream: undefined,
      idleMs: limits.streamIdleMs,
      onMetadata: undefined,
    },
    deadlines,
  );
  connection.start(call, timeoutMs);
  return call.promise;
}
