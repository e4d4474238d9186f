import type { GeeError } from "../base/errors.ts";
import { systemClock } from "../base/time.ts";
import type { ServerInvocation } from "./args.ts";
import { startChildServer } from "./child-server.ts";
import { formatDuration } from "./durations.ts";
import { toJson } from "./json.ts";
import type { Output } from "./output.ts";
import { ownCommand } from "./own-command.ts";
import { catchHangup, catchStopSignals } from "./signals.ts";
import { checkWorkerAddresses, hasFixedPorts, workerWords } from "./worker-words.ts";
import { type Worker, type WorkerEvents, Workers } from "./workers.ts";

/** What each worker says and this process says for all, or better. */
const unsaid: ReadonlySet<string> = new Set(["draining", "drained"]);
/** What all of them say, and is said once. */
const common: ReadonlySet<string> = new Set(["ignored", "demo", "hint"]);

/**
 * `gee server --workers N`: the same server in N processes, each an instance of its own with an address
 * of its own. This process starts them, starts again who ends, and beats for all. SIGHUP replaces them
 * one by one; SIGTERM and SIGINT drain all at once and exit 0; a second one ends them.
 */
export async function runSupervisor(
  invocation: ServerInvocation,
  count: number,
  output: Output,
): Promise<number> {
  const startedAt = systemClock.now();
  checkWorkerAddresses(invocation, count);
  const cores = navigator.hardwareConcurrency;
  if (count > cores) {
    const text = `${count} workers share ${cores} ${cores === 1 ? "core" : "cores"}: more than one for each gains little`;
    await output.talk("cores", text, { workers: count, cores });
  }
  const group = crypto.randomUUID().replaceAll("-", "");
  const registration = new Registration(count);
  const said = new Set<string>();
  const workers = new Workers({
    clock: systemClock,
    count,
    fixed: hasFixedPorts(invocation),
    drainTimeoutMs: invocation.drainTimeoutMs,
    start: (number) =>
      startChildServer({
        clock: systemClock,
        command: ownCommand(),
        words: workerWords(invocation, number),
        child: { group, number },
        registers: invocation.registry !== undefined,
        endsWithParent: false,
        env: process.env,
        json: output.json,
        log: output.log("warn"),
        said(event, text, fields) {
          if (event === "registered") registration.note(number, fields.registry);
          else if (!common.has(event) && !unsaid.has(event)) {
            void output.talk(event, `worker ${number}: ${text}`, { worker: number, ...fields });
          } else if (common.has(event) && !said.has(text)) {
            said.add(text);
            void output.talk(event, text, fields);
          }
        },
      }),
    events: events(output),
  });
  using signals = catchStopSignals();
  const starting = workers.start();
  using hangup = catchHangup(() => {
    // Of those that are starting each runs the code of now.
    starting.then(
      () => void workers.reload(),
      () => {},
    );
  });

  const stop = Promise.race([signals.first, hangup.gone]);
  // Whoever is stopped before all are up stops those who are.
  const started = await Promise.race([starting, stop.then(() => undefined)]);
  if (started !== undefined) {
    await output.data(describe(started, group, systemClock.now() - startedAt, output.json));
    void registration.all.then(async (origin) => {
      const tookMs = systemClock.now() - startedAt;
      await output.talk("registered", `registered ${origin}`, { registry: origin, tookMs });
    });
  } else starting.catch(() => {});
  const { name } = await stop;
  await output.talk("draining", `draining   ${count} workers (${name})`, { signal: name });
  const since = systemClock.now();
  const ended = workers.stop().then(async (isClean) => {
    const tookMs = systemClock.now() - since;
    await output.talk("drained", `drained    [${formatDuration(tookMs)}]`, { tookMs });
    return isClean ? 0 : 1;
  });
  const forced = signals.second.then(({ exitCode }) => {
    workers.kill();
    return exitCode;
  });
  return await Promise.race([ended, forced]);
}

/** When all of the workers are registered. */
class Registration {
  readonly #count: number;
  readonly #numbers = new Set<number>();
  readonly #all = Promise.withResolvers<string>();

  constructor(count: number) {
    this.#count = count;
  }

  /** Resolves with the registry that took the last one first. */
  get all(): Promise<string> {
    return this.#all.promise;
  }

  note(number: number, registry: unknown): void {
    this.#numbers.add(number);
    if (this.#numbers.size === this.#count) this.#all.resolve(String(registry));
  }
}

function describe(
  workers: readonly Worker[],
  group: string,
  tookMs: number,
  json: boolean,
): string {
  const services = workers[0]?.services ?? [];
  if (json) {
    return toJson({
      group,
      workers: workers.map(({ address, id, pid }) => ({ address, id, pid })),
      services,
    });
  }
  const width = Math.max(...services.map(({ name }) => name.length));
  const count = workers.length === 1 ? "1 worker" : `${workers.length} workers`;
  return [
    `server     ${count}   group ${group}   [${formatDuration(tookMs)}]`,
    ...workers.map(
      ({ address, id, pid }, index) =>
        `worker ${String(index + 1).padEnd(4)}${address}   id ${id}   pid ${pid}`,
    ),
    ...services.map(({ name, methods }) => `  ${name.padEnd(width)}   ${methods.join(", ")}`),
  ].join("\n");
}

function events(output: Output): WorkerEvents {
  return {
    ended(worker, exitCode, againInMs) {
      const again = formatDuration(againInMs);
      const text = `ended      worker ${worker} with exit code ${exitCode}; it starts again in ${again}`;
      void output.talk("ended", text, { worker, exitCode, againInMs });
    },
    back(worker, { address, id, pid }) {
      const text = `back       worker ${worker}   ${address}   id ${id}   pid ${pid}`;
      void output.talk("back", text, { worker, address, id, pid });
    },
    failed(worker, error: GeeError, goesOn) {
      const rest = goesOn ? "; the one that runs goes on" : "";
      const text = `failed     worker ${worker}: ${error.message}${rest}`;
      void output.talk("failed", text, { worker, code: error.code, reason: error.reason });
    },
    replaced(worker, { address, id, pid }) {
      const text = `reloaded   worker ${worker}   ${address}   id ${id}   pid ${pid}`;
      void output.talk("reloaded", text, { worker, address, id, pid });
    },
  };
}
