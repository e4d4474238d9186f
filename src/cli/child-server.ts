import { GeeError } from "../base/errors.ts";
import type { Log, LogFields } from "../base/log.ts";
import { sleep, type Clock } from "../base/time.ts";
import { RemoteBeats } from "../server/remote-beats.ts";
import { parseChildMessage, parseServed, type Served } from "./child-messages.ts";
import type { Child } from "./parent.ts";
import { serverSpec } from "./server-spec.ts";

/** A server in a process of its own. */
export interface ChildServer {
  readonly pid: number;
  /** Resolves when it takes calls. Rejects with why, when it ends before that. */
  readonly listening: Promise<Served>;
  /** Resolves when calls reach it: it is registered, if it is to be. Rejects as `listening` does. */
  readonly ready: Promise<Served>;
  /** Resolves with its exit code, 128 + the number of a signal, when it has ended. */
  readonly exited: Promise<number>;
  /** Resolves when it is on no registry's list any more, as far as that can be helped. */
  readonly withdrawn: Promise<void>;
  /** Has it leave the registries, finish what runs, and end; a second time: end now. */
  drain(): void;
  /** Ends it now, whatever it does. */
  kill(): void;
}

/** How a {@link ChildServer} is started. */
export interface ChildServerOptions {
  readonly clock: Clock;
  /** What starts gee: the executable, or Bun and its source. */
  readonly command: readonly string[];
  /** What follows `gee server`. */
  readonly words: readonly string[];
  /** What it is to its parent. */
  readonly child: Child;
  /** Whether it is to be registered. */
  readonly registers: boolean;
  /** Whether the system ends it when this process ends; else it finishes its calls first. */
  readonly endsWithParent: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether its log lines are JSON. */
  readonly json: boolean;
  readonly log: Log;
  /** What it says beside that it listens. */
  said(event: string, text: string, fields: LogFields): void;
}

/** How long the last words of a process that has ended may be under way. */
const lastWordsMs = 500;

/** Variables that stand for flags are left out: `words` say all of them. */
function environment(options: ChildServerOptions): Record<string, string | undefined> {
  const { env, json, child, endsWithParent } = options;
  const flags = new Set<string>(serverSpec.flags.flatMap(({ env: name }) => name ?? []));
  const rest = Object.entries(env).filter(([name]) => !flags.has(name));
  return {
    ...Object.fromEntries(rest),
    GEE_JSON: json ? "1" : "0",
    GEE_CHILD: JSON.stringify(child),
    // Even when it could not hear of it.
    ...(endsWithParent ? { BUN_FEATURE_FLAG_NO_ORPHANS: "1" } : {}),
  };
}

function endedEarly(exitCode: number, before: string): GeeError {
  const text = `the server ended with exit code ${exitCode} before it ${before}`;
  return new GeeError("UNAVAILABLE", text, { reason: "ENDED", executed: "no" });
}

/** One that the system did not start: too many processes, or the executable is not there any more. */
function neverStarted(thrown: unknown): ChildServer {
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  const text = `a process cannot be started: ${why}`;
  const fields = { reason: "NO_PROCESS", executed: "no", cause: thrown } as const;
  const refused = Promise.reject(new GeeError("UNAVAILABLE", text, fields));
  refused.catch(() => {});
  return {
    pid: 0,
    listening: refused,
    ready: refused,
    // As a shell says it.
    exited: Promise.resolve(127),
    withdrawn: Promise.resolve(),
    drain() {},
    kill() {},
  };
}

/**
 * Starts a server in a process of its own. This process beats for it. That no process can be started
 * is told as any other failure of a server to start.
 */
export function startChildServer(options: ChildServerOptions): ChildServer {
  try {
    return spawnServer(options);
  } catch (thrown) {
    return neverStarted(thrown);
  }
}

function spawnServer(options: ChildServerOptions): ChildServer {
  const { clock, command, words, registers, log } = options;
  const listening = Promise.withResolvers<Served>();
  const registered = Promise.withResolvers<void>();
  const disconnected = Promise.withResolvers<void>();
  const send = (message: unknown): void => {
    try {
      child.send({ kind: "beats", message });
    } catch {
      // It has just ended: what was to be said is lost, and nobody's failure.
    }
  };
  const beats = new RemoteBeats({ clock, log, send });
  const heard = (message: unknown): void => {
    const said = parseChildMessage(message);
    switch (said?.kind) {
      case "data":
        try {
          listening.resolve(parseServed(said.text));
        } catch (thrown) {
          listening.reject(thrown);
        }
        return;
      case "error":
        listening.reject(said.error);
        registered.reject(said.error);
        return;
      case "beats":
        beats.take(said.message);
        return;
      case "talk":
        if (said.event === "registered") registered.resolve();
        options.said(said.event, said.text, said.fields);
    }
  };
  const child = Bun.spawn([...command, "server", ...words], {
    env: environment(options),
    // Ctrl-C at the terminal is for this process: it says who ends when.
    detached: true,
    stdio: ["ignore", "inherit", "inherit"],
    serialization: "json",
    ipc: heard,
    onDisconnect: () => disconnected.resolve(),
  });
  const exited = child.exited.then(async (code) => {
    // Calls ought to go elsewhere now, and not when the last word was heard.
    beats.end();
    await Promise.race([disconnected.promise, sleep(clock, lastWordsMs, { background: true })]);
    listening.reject(endedEarly(code, "listened"));
    registered.reject(endedEarly(code, "was registered"));
    return code;
  });
  const ready = listening.promise.then(async (served) => {
    if (registers) await registered.promise;
    return served;
  });
  // Whoever waits for them hears of it.
  for (const promise of [listening.promise, registered.promise, ready]) promise.catch(() => {});
  return {
    pid: child.pid,
    listening: listening.promise,
    ready,
    exited,
    withdrawn: registers ? beats.over : Promise.resolve(),
    drain: () => child.kill("SIGTERM"),
    kill: () => child.kill("SIGKILL"),
  };
}
