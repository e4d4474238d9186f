import { GeeError } from "../base/errors.ts";
import type { Code } from "../base/errors.ts";
import type { Clock } from "../base/time.ts";

/** How long somebody waits, for what, and until it is not wanted any more. */
export interface Patience {
  /** What the waiting is for, for people to read: a method's name. */
  readonly method: string;
  readonly timeoutMs: number;
  readonly deadlineAt: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Waits for what a request needs before it has a server: no longer than it may take itself. The work
 * goes on behind it.
 */
export async function within<T>(
  clock: Clock,
  request: Patience,
  work: Promise<T>,
  late = "no registry answered",
): Promise<T> {
  const { signal } = request;
  const { promise: over, reject } = Promise.withResolvers<never>();
  const end = (code: Code, message: string): void =>
    reject(new GeeError(code, message, { executed: "no", cause: signal?.reason }));
  const timer = clock.after(request.deadlineAt - clock.now(), () =>
    end("DEADLINE_EXCEEDED", `${late} in ${request.timeoutMs} ms`),
  );
  const onAbort = (): void => end("CANCELLED", `${request.method} was cancelled`);
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([over, work]);
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}
