import { GeeError } from "../base/errors.ts";
import type { LogFields } from "../base/log.ts";
import { sleep, type Clock } from "../base/time.ts";
import { parseDevMessage, parseServed, type Served } from "./dev-messages.ts";
import { serverSpec } from "./server-spec.ts";

/** A server in a process of its own. */
export interface DevServer {
  readonly pid: number;
  /** Resolves when calls reach it: it is registered. Rejects with why, when it ends before that. */
  readonly ready: Promise<Served>;
  /** Resolves with its exit code, 128 + the number of a signal, when it has ended. */
  readonly exited: Promise<number>;
  /** Has it leave the registries, finish what runs, and end; a second time: end now. */
  drain(): void;
  /** Ends it now, whatever it does. */
  kill(): void;
}

/** How a {@link DevServer} is started. */
export interface DevServerOptions {
  readonly clock: Clock;
  /** What starts gee: the executable, or Bun and its source. */
  readonly command: readonly string[];
  readonly modules: readonly string[];
  readonly registries: readonly string[];
  readonly tokenFile: string | undefined;
  readonly drainTimeoutMs: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether its log lines are JSON. */
  readonly json: boolean;
  /** What it says beside that it is up, registered or draining. */
  said(event: string, text: string, fields: LogFields): void;
}

/** What this side knows of a server's life by itself, or says better. */
const unsaid: ReadonlySet<string> = new Set(["registered", "hint", "draining", "drained"]);

/** How long the last words of a process that has ended may be under way. */
const lastWordsMs = 500;

/** Of the variables those that would have every server listen at one place, and the like, are left out. */
function environment({ env, json }: DevServerOptions): Record<string, string | undefined> {
  const flags = new Set<string>(serverSpec.flags.flatMap(({ env: name }) => name ?? []));
  const rest = Object.entries(env).filter(([name]) => !flags.has(name));
  return {
    ...Object.fromEntries(rest),
    GEE_JSON: json ? "1" : "0",
    GEE_DEV_CHILD: "1",
    // The system ends it when this process ends, even when it could not hear of it.
    BUN_FEATURE_FLAG_NO_ORPHANS: "1",
  };
}

/** Starts a server in a process of its own, which does not outlive this one. */
export function startDevServer(options: DevServerOptions): DevServer {
  const { clock, command, modules, registries, tokenFile, drainTimeoutMs } = options;
  const ready = Promise.withResolvers<Served>();
  const disconnected = Promise.withResolvers<void>();
  let served: Served | undefined;
  const heard = (message: unknown): void => {
    const said = parseDevMessage(message);
    if (said?.kind === "data") served = parseServed(said.text);
    else if (said?.kind === "error") ready.reject(said.error);
    else if (said?.event === "registered" && served !== undefined) ready.resolve(served);
    else if (said !== undefined && !unsaid.has(said.event)) {
      options.said(said.event, said.text, said.fields);
    }
  };
  const token = tokenFile === undefined ? [] : ["--token-file", tokenFile];
  const flags = ["--registry", registries.join(","), "--drain", `${drainTimeoutMs}ms`, ...token];
  const child = Bun.spawn([...command, "server", ...flags, ...modules], {
    env: environment(options),
    // Ctrl-C at the terminal is for this process: it says who ends when.
    detached: true,
    stdio: ["ignore", "inherit", "inherit"],
    serialization: "json",
    ipc: heard,
    onDisconnect: () => disconnected.resolve(),
  });
  const exited = child.exited.then(async (code) => {
    await Promise.race([disconnected.promise, sleep(clock, lastWordsMs, { background: true })]);
    const text = `the server ended with exit code ${code} before it was registered`;
    ready.reject(new GeeError("UNAVAILABLE", text, { reason: "ENDED", executed: "no" }));
    return code;
  });
  // Whoever waits for it hears of it.
  ready.promise.catch(() => {});
  return {
    pid: child.pid,
    ready: ready.promise,
    exited,
    drain: () => child.kill("SIGTERM"),
    kill: () => child.kill("SIGKILL"),
  };
}
