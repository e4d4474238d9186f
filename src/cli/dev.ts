import { relative } from "node:path";
import { GeeError } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import { systemClock } from "../base/time.ts";
import { connect } from "../client.ts";
import { serveRegistry, type Registry } from "../registry.ts";
import type { DevInvocation } from "./dev-args.ts";
import type { Served } from "./child-messages.ts";
import { startChildServer } from "./child-server.ts";
import { exampleFor } from "./dev-example.ts";
import { formatDuration } from "./durations.ts";
import { FileWatch } from "./file-watch.ts";
import { importedFiles, type ImportedFiles } from "./imported-files.ts";
import { toJson } from "./json.ts";
import { resolveModule } from "./load-module.ts";
import type { Output } from "./output.ts";
import { ownCommand } from "./own-command.ts";
import { Reloads, type ReloadEvents } from "./reloads.ts";
import { catchStopSignals } from "./signals.ts";
import { readToken } from "./token-file.ts";

/** A server that dies without a word is not called for long. */
const leaseMs = 3_000;
const usualRegistry = "http://127.0.0.1:9999";
/** What this side knows of a server's life by itself, or says better. */
const unsaid: ReadonlySet<string> = new Set(["registered", "hint", "draining", "drained"]);

/**
 * `gee dev`: a registry, and a server in a process of its own that a new one replaces when its modules
 * are edited. Until SIGTERM or SIGINT: then it drains and exits 0; a second signal ends it at once.
 */
export async function runDev(invocation: DevInvocation, output: Output): Promise<number> {
  const modules = invocation.modules.map(resolveModule);
  const token = readToken(invocation.tokenFile);
  await using stack = new AsyncDisposableStack();
  const registries = invocation.registry ?? [
    stack.use(await ownRegistry(invocation.listen, output)).url,
  ];
  const say = (fields: Readonly<Record<string, unknown>>, text: string): Promise<void> =>
    output.data(output.json ? toJson(fields) : text);
  for (const url of registries) await say({ event: "registry", url }, `registry   ${url}`);

  const reloads = new Reloads({
    clock: systemClock,
    drainTimeoutMs: invocation.drainTimeoutMs,
    start: () =>
      startChildServer({
        clock: systemClock,
        command: ownCommand(),
        words: serverWords(invocation, modules, registries),
        child: {},
        registers: true,
        endsWithParent: true,
        env: process.env,
        json: output.json,
        log: output.log("warn"),
        said: (event, text, fields) => {
          if (!unsaid.has(event)) void output.talk(event, text, fields);
        },
      }),
    isListed: (id) => isListed(id, registries, token),
    events: events(output, say, registries),
  });
  using signals = catchStopSignals();
  using watch = follow(modules, reloads);
  watch.begin();
  const signal = await signals.first;
  await output.talk("draining", `draining   (${signal.name})`, { signal: signal.name });
  const startedAt = systemClock.now();
  const stopped = reloads.stop().then(async (isClean) => {
    const tookMs = systemClock.now() - startedAt;
    await output.talk("drained", `drained    [${formatDuration(tookMs)}]`, { tookMs });
    return isClean ? 0 : 1;
  });
  const forced = signals.second.then(({ exitCode }) => {
    reloads.kill();
    return exitCode;
  });
  return await Promise.race([stopped, forced]);
}

function serverWords(
  { tokenFile, drainTimeoutMs }: DevInvocation,
  modules: readonly string[],
  registries: readonly string[],
): readonly string[] {
  const token = tokenFile === undefined ? [] : ["--token-file", tokenFile];
  const flags = ["--registry", registries.join(","), "--drain", `${drainTimeoutMs}ms`, ...token];
  return [...flags, ...modules];
}

async function ownRegistry(listen: string, output: Output): Promise<Registry> {
  try {
    return await serveRegistry({ listen, leaseMs, log: output.log("warn") });
  } catch (thrown) {
    const error = GeeError.from(thrown);
    if (error.reason !== "ADDRESS_IN_USE") throw error;
    throw new GeeError(error.code, error.message, {
      reason: error.reason,
      executed: error.executed,
      hint: `if a registry runs there: --registry http://${listen}; else --listen 127.0.0.1:0 takes a free port`,
      cause: error,
    });
  }
}

/** Whether somebody who asks now hears of an instance. */
async function isListed(
  id: string,
  registry: readonly string[],
  registryToken: string | undefined,
): Promise<boolean> {
  await using gee = connect({ registry, registryToken, log: silentLog });
  try {
    const members = await gee.members();
    return members.some((member) => member.id === id && member.state !== "left");
  } catch {
    // Nobody hears of anybody.
    return false;
  }
}

/** Starts servers: one at first, and one whenever what they are made of has changed. */
function follow(
  modules: readonly string[],
  reloads: Reloads,
): Disposable & { readonly begin: () => void } {
  let known: ImportedFiles = { texts: new Map(), missing: new Set() };
  const look = (firstAt: number): void => {
    let now = importedFiles(modules);
    // Until nothing was edited between the reading and the watching.
    for (let seen = known; changed(seen, now).length > 0 || seen === known;) {
      seen = now;
      watch.use([...now.texts.keys(), ...now.missing]);
      now = importedFiles(modules);
    }
    const files = changed(known, now);
    known = now;
    // What did not start is tried again with whatever is saved.
    if (files.length > 0 || !reloads.isWell) reloads.change(files, firstAt);
  };
  const watch = new FileWatch(systemClock, look);
  return {
    begin: () => look(systemClock.now()),
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

/** The files that are not what they were. */
function changed(before: ImportedFiles, now: ImportedFiles): readonly string[] {
  const edited = [...now.texts].filter(([path, text]) => before.texts.get(path) !== text);
  const gone = [...before.texts.keys()].filter((path) => !now.texts.has(path));
  return [...edited.map(([path]) => path), ...gone];
}

function servicesOf({ services }: Served): string {
  const width = Math.max(...services.map(({ name }) => name.length));
  return services
    .map(({ name, methods }) => `\n  ${name.padEnd(width)}   ${methods.join(", ")}`)
    .join("");
}

/** Files as a person who stands in this folder names them. */
function named(files: readonly string[]): string {
  const [first = "", ...others] = files.map((path) => relative(process.cwd(), path));
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

/** Prints what happens to servers. */
function events(
  output: Output,
  say: (fields: Readonly<Record<string, unknown>>, text: string) => Promise<void>,
  registries: readonly string[],
): ReloadEvents {
  let shown = "";
  /** The services, when they are not those that were shown last. */
  const news = (served: Served): string => {
    const text = servicesOf(served);
    if (text === shown) return "";
    shown = text;
    return text;
  };
  return {
    started(served, tookMs) {
      const took = formatDuration(tookMs);
      const text = `server     ${served.address}   id ${served.id}   [${took}]${news(served)}`;
      void say({ event: "server", ...served, tookMs }, text);
      void exampleFor(served, targetWords(registries)).then((command) => {
        if (command !== undefined) void say({ event: "try", command }, `try:       ${command}`);
      });
    },
    reloaded(served, files, tookMs) {
      const text = `reload     ${named(files)}   [${formatDuration(tookMs)}]${news(served)}`;
      void say({ event: "reload", files, ...served, tookMs }, text);
    },
    failed(error, goesOn) {
      void output.error(goesOn ? withHint(error) : error);
    },
    ended(exitCode) {
      const text = `ended      the server, with exit code ${exitCode}; it starts again when it is edited`;
      void output.talk("ended", text, { exitCode });
    },
  };
}

/** A failure to start, beside a server that goes on. */
function withHint({ code, message, reason, details, executed, hint, cause }: GeeError): GeeError {
  const goesOn = "the old code goes on";
  return new GeeError(code, message, {
    reason,
    details,
    executed,
    hint: hint?.replace("nothing was registered", goesOn) ?? goesOn,
    cause,
  });
}

/** What a call to copy needs to say of where the server is. */
function targetWords(registries: readonly string[]): readonly string[] {
  const registry = registries.join(",");
  return registry === (process.env.GEE_REGISTRY ?? usualRegistry) ? [] : ["--registry", registry];
}
