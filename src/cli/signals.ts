import { isTerminal } from "./sink.ts";

/** A signal that asks a process to end, and the number by which exit codes name it. */
export interface StopSignal {
  readonly name: "SIGINT" | "SIGTERM" | "SIGHUP";
  readonly exitCode: number;
}

const stopSignals: readonly StopSignal[] = [
  { name: "SIGINT", exitCode: 128 + 2 },
  { name: "SIGTERM", exitCode: 128 + 15 },
];

/**
 * Takes SIGINT and SIGTERM over from the system until it is disposed. `first` and `second` resolve
 * with the signal that came first and second; without one they stay open.
 */
export interface StopSignals extends Disposable {
  readonly first: Promise<StopSignal>;
  readonly second: Promise<StopSignal>;
}

/** Starts to listen for the signals that end a process. */
export function catchStopSignals(): StopSignals {
  const first = Promise.withResolvers<StopSignal>();
  const second = Promise.withResolvers<StopSignal>();
  let seen = 0;
  const handlers = stopSignals.map((signal) => {
    const handler = (): void => {
      seen += 1;
      (seen === 1 ? first : second).resolve(signal);
    };
    process.on(signal.name, handler);
    return { name: signal.name, handler };
  });
  return {
    first: first.promise,
    second: second.promise,
    [Symbol.dispose]() {
      for (const { name, handler } of handlers) process.off(name, handler);
    },
  };
}

/** Takes SIGHUP over from the system until it is disposed. */
export interface Hangup extends Disposable {
  /** Resolves when the terminal in which the process was started is gone, which that signal says too. */
  readonly gone: Promise<StopSignal>;
}

/** Runs `task` at every SIGHUP, unless it says that the terminal is gone. */
export function catchHangup(task: () => void): Hangup {
  const gone = Promise.withResolvers<StopSignal>();
  const atTerminal = isTerminal(0);
  const handler = (): void => {
    if (atTerminal && !isTerminal(0)) gone.resolve({ name: "SIGHUP", exitCode: 128 + 1 });
    else task();
  };
  process.on("SIGHUP", handler);
  return { gone: gone.promise, [Symbol.dispose]: () => void process.off("SIGHUP", handler) };
}
