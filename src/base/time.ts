/** A timer that can be taken back. Cancelling twice, or after it ran, does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * Time as it is handed in. Everything that waits takes a `Clock`, so that a test can move time by
 * itself. `now` is monotonic: a wall clock that jumps changes nothing.
 */
export interface Clock {
  /** Milliseconds since some fixed moment, with fractions; never goes back. */
  now(): number;
  /** Milliseconds since 1970 by the wall clock, for people to read and for nothing else. */
  wall(): number;
  /**
   * Runs `task` once, `delayMs` from now. A timer with `background` does not keep the process
   * alive. Delays beyond 2^31 - 1 ms are cut to that (the platform would fire them at once).
   */
  after(delayMs: number, task: () => void, options?: { readonly background?: boolean }): Timer;
  /** Runs `task` behind the loop's current phase, before it waits for sockets again. */
  nextPhase(task: () => void): void;
}

/** The process's own clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(delayMs, task, options) {
    const handle = setTimeout(task, Math.min(Math.max(delayMs, 0), 2 ** 31 - 1));
    if (options?.background) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  nextPhase: (task) => {
    setImmediate(task);
  },
};

/** Waits; rejects with the signal's reason as soon as it aborts. */
export function sleep(
  clock: Clock,
  delayMs: number,
  options: { readonly signal?: AbortSignal | undefined; readonly background?: boolean } = {},
): Promise<void> {
  const { signal } = options;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (signal?.aborted) {
    reject(signal.reason);
    return promise;
  }
  const onAbort = (): void => {
    timer.cancel();
    reject(signal?.reason);
  };
  const timer = clock.after(
    delayMs,
    () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    },
    { background: options.background ?? false },
  );
  signal?.addEventListener("abort", onAbort, { once: true });
  return promise;
}

/**
 * The wait before attempt `attempt + 1` (the first failure is attempt 1): exponential with full
 * jitter, between half and the whole of `minMs * 2^(attempt-1)`, at most `maxMs`.
 */
export function backoffMs(
  attempt: number,
  range: { readonly minMs: number; readonly maxMs: number },
  random: () => number = Math.random,
): number {
  const ceiling = Math.min(range.maxMs, range.minMs * 2 ** Math.min(attempt - 1, 30));
  return ceiling * (0.5 + random() / 2);
}
