import { classNameOf } from "../base/class-name.ts";
import { systemClock } from "../base/time.ts";
import type { ModuleContract } from "../contract/contract.ts";
import { serveBeaten, type Server } from "../server.ts";
import { beatsFrom } from "../server/remote-beats.ts";
import { isInSight } from "../contract/served.ts";
import { readContract } from "../source/read-contract.ts";
import type { ServerInvocation } from "./args.ts";
import { demoContract } from "./demo-contract.ts";
import { Foo } from "./demo-service.ts";
import { formatDuration } from "./durations.ts";
import { toJson } from "./json.ts";
import { loadModules, type LoadedModules } from "./modules.ts";
import type { Output } from "./output.ts";
import { catchStopSignals } from "./signals.ts";
import type { Parent } from "./parent.ts";
import { readToken } from "./token-file.ts";
import { usageError } from "./usage.ts";

/** A client that has a list goes on with it; one that starts has none, and nobody else is heard of. */
const oneRegistry =
  "with one registry, new servers are not found while it is down; name several: --registry URL,URL";

/**
 * `gee server`: serves modules until SIGTERM or SIGINT, then drains and exits 0. A second signal
 * ends it at once. One that another gee has started ends with that one, in the same way.
 */
export async function runServer(
  invocation: ServerInvocation,
  output: Output,
  parent?: Parent,
): Promise<number> {
  const startedAt = systemClock.now();
  const { listen, advertise, registry, tokenFile, drainTimeoutMs, insecure } = invocation;
  const { weight, zone, tags, check, checkResults } = invocation;
  using stack = new DisposableStack();
  stack.use(outliveStrayErrors(output));
  const { services, methods, contract } = await load(invocation.modules, output);
  const server = await serveBeaten(
    {
      services,
      methods,
      contract,
      check,
      checkResults,
      listen,
      insecure,
      drainTimeoutMs,
      weight,
      zone,
      group: parent?.group,
      tags,
      log: output.log("info"),
      ...(advertise === undefined ? {} : { advertise }),
      ...(registry === undefined ? {} : { registry, registryToken: readToken(tokenFile) }),
    },
    parent && beatsFrom(parent.beats),
  );
  // Only from here on: whatever a signal meets before, it ends.
  const signals = stack.use(catchStopSignals());
  // Asked for while nothing else is waited for: calls may run by now, and are to be finished.
  const orphaned = parent?.lost();
  await output.data(describe(server, formatDuration(systemClock.now() - startedAt), output.json));
  if (invocation.modules.length === 0) {
    await output.talk("demo", "no module was named: this is the demo service Foo", {
      service: "Foo",
    });
  }
  if (registry?.length === 1) {
    await output.talk("hint", `hint: ${oneRegistry}`, { hint: oneRegistry });
  }
  if (registry !== undefined) {
    void server.registered.then(async (url) => {
      // Undefined: it was stopped before a registry took it.
      if (url === undefined) return;
      const tookMs = systemClock.now() - startedAt;
      const { origin } = new URL(url);
      await output.talk("registered", `registered ${origin}`, { registry: origin, tookMs });
    });
  }
  const why = await Promise.race([
    signals.first.then(({ name }) => name),
    ...(orphaned === undefined ? [] : [orphaned.then(() => "its parent has ended")]),
  ]);
  const [inFlight, connections] = [server.inFlight(), server.connections()];
  await output.talk(
    "draining",
    `draining   ${inFlight} in flight, ${connections} connections (${why})`,
    { signal: why, inFlight, connections },
  );
  return await Promise.race([
    drain(server, output),
    signals.second.then(({ exitCode }) => exitCode),
  ]);
}

/** What is served, and what its source promises. */
interface Loaded extends Pick<LoadedModules, "services" | "methods"> {
  readonly contract: readonly ModuleContract[];
}

/** What to serve: modules, or without any the demo service. */
async function load(paths: readonly string[], output: Output): Promise<Loaded> {
  const log = output.log("warn");
  if (paths.length === 0) {
    return { services: { Foo: new Foo() }, methods: {}, contract: await demoContract({ log }) };
  }
  // By a process of its own, while the modules run in this one.
  const reading = readContract(paths, { log });
  // What is wrong with a module is told first, and ends this.
  reading.catch(() => {});
  const { services, methods, notes } = await loadModules(paths);
  for (const note of notes) await output.talk("ignored", note, { note });
  const contract = await reading;
  for (const [name, instance] of Object.entries(services)) {
    refuseUnseen(contract, name, classNameOf(instance));
  }
  return { services, methods, contract };
}

/**
 * Nobody can say which methods of a class are private whose source was not found: it may be built in
 * another place, required, or of a package without types.
 */
function refuseUnseen(
  contract: readonly ModuleContract[],
  service: string,
  className: string,
): void {
  if (isInSight(contract, service, className)) return;
  const which = className === "" ? "" : ` (${className})`;
  throw usageError(`the class of ${service}${which} was not found in the source`, {
    reason: "NO_CONTRACT",
    hint: "what it keeps private is not known: import it by its path, or export a class that calls it",
  });
}

function describe({ address, id, services }: Server, took: string, json: boolean): string {
  if (json) return toJson({ address, id, services });
  const width = Math.max(...services.map(({ name }) => name.length));
  return [
    `server     ${address}   id ${id}   [${took}]`,
    ...services.map(({ name, methods }) => `  ${name.padEnd(width)}   ${methods.join(", ")}`),
  ].join("\n");
}

async function drain(server: Server, output: Output): Promise<number> {
  const startedAt = systemClock.now();
  await server.stop();
  const tookMs = systemClock.now() - startedAt;
  await output.talk("drained", `drained    [${formatDuration(tookMs)}]`, { tookMs });
  return 0;
}

/**
 * A module's timer that throws, or a promise that nobody awaits, is a fault of that module; the
 * calls of all others go on.
 */
function outliveStrayErrors(output: Output): Disposable {
  const report = (kind: string) => (thrown: unknown) => {
    const id = crypto.randomUUID().slice(0, 8);
    const text = Bun.inspect(thrown, { colors: false });
    void output.talk(kind, `error ${kind} in a module, the server goes on  id=${id}\n${text}`, {
      id,
      error: text,
    });
  };
  const handlers = [
    ["uncaughtException", report("uncaughtException")],
    ["unhandledRejection", report("unhandledRejection")],
  ] as const;
  for (const [event, handler] of handlers) process.on(event, handler);
  return {
    [Symbol.dispose]() {
      for (const [event, handler] of handlers) process.off(event, handler);
    },
  };
}
