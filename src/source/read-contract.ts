import { fileURLToPath } from "node:url";
import { GeeError } from "../base/errors.ts";
import { type Log, stderrLog } from "../base/log.ts";
import type { ModuleContract } from "../contract/contract.ts";
import type { ChildAnswer, ChildRequest } from "./child-messages.ts";
import { ContractCache } from "./contract-cache.ts";
import { type Input, linkedPath, pathKind } from "./inputs.ts";
import { defaultCacheFolder } from "./surroundings.ts";
import { askChild } from "./run-child.ts";
import { ownStamp } from "./stamp.ts";

/** Settings of {@link readContract}. */
export interface ReadOptions {
  /**
   * The folder where contracts are kept; false: none. Default `gee/contracts` in `XDG_CACHE_HOME`,
   * or else in `~/.cache`. One that cannot be used is done without.
   */
  readonly cacheDir?: string | false | undefined;
  /** How long the checker may take, in milliseconds. Default 20 s. */
  readonly timeoutMs?: number | undefined;
  /** For tests: what is started to read source. */
  readonly command?: readonly string[] | undefined;
  /** Where it is said that the types of a module were not read. Default: stderr. */
  readonly log?: Log | undefined;
}

const defaultTimeoutMs = 20_000;
/** The parser alone needs a tenth of that. */
const marksTimeoutMs = 10_000;

function noSource(path: string, why: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", `${path}: ${why}`, {
    reason: "NO_SOURCE",
    executed: "no",
  });
}

/** Links followed, as they are for what runs. */
function sourceOf(path: string): string {
  let real: string;
  try {
    real = linkedPath(path.startsWith("file:") ? fileURLToPath(path) : path);
  } catch {
    throw noSource(path, "it is no file's URL");
  }
  if (!real.startsWith("/") || pathKind(real) !== "file") throw noSource(path, "there is no file");
  return real;
}

/** Of a module that could not be read nothing is known, and nobody must take that for "no marks". */
function checkRead(paths: readonly string[], inputs: readonly Input[]): void {
  for (const input of inputs) {
    const isMissing =
      (input.kind === "path" && input.is !== "file") ||
      (input.kind === "content" && input.hash === "");
    if (isMissing && paths.includes(input.path)) throw noSource(input.path, "it cannot be read");
  }
}

function noContract(paths: readonly string[], thrown: unknown): GeeError {
  const why = GeeError.from(thrown).message;
  return new GeeError(
    "FAILED_PRECONDITION",
    `the source of ${paths.join(", ")} cannot be read: ${why}`,
    {
      reason: "NO_CONTRACT",
      hint: "it takes a process of its own and 200 MB; without it nobody knows what is private",
      executed: "no",
      cause: thrown,
    },
  );
}

/** A module for each path that was asked for, or it is no answer. */
async function ask(request: ChildRequest, options: ReadOptions): Promise<ChildAnswer> {
  const { command, timeoutMs = defaultTimeoutMs } = options;
  const most = request.mode === "marks" ? marksTimeoutMs : timeoutMs;
  const answer = await askChild(request, { timeoutMs: most, command });
  if (answer.modules.length === request.paths.length) return answer;
  throw new GeeError("FAILED_PRECONDITION", "it has answered something else");
}

/** By the checker, or else by the parser alone, in another child: the first one may be dead. */
async function read(paths: readonly string[], options: ReadOptions): Promise<ChildAnswer> {
  let why: unknown;
  try {
    return await ask({ mode: "contracts", paths }, options);
  } catch (thrown) {
    if (GeeError.from(thrown).reason === "NO_CHILD") throw thrown;
    why = thrown;
  }
  try {
    const answer = await ask({ mode: "marks", paths }, options);
    const { message } = GeeError.from(why);
    return { ...answer, modules: answer.modules.map(({ module }) => ({ module, why: message })) };
  } catch (thrown) {
    throw noContract(paths, thrown);
  }
}

/**
 * Reads what TypeScript modules promise: their services with methods, types and docs, and what they
 * keep private. A short-lived process with the TypeScript checker does it, about half a second the
 * first time; as long as nothing changes, the answer then comes from the user's cache folder.
 *
 * `path` is a file's path or its `file:` URL, or several; there is one contract for each, in their
 * order. Odd source is no error: what is not known of it is `unknown`, and when the checker fails,
 * there are no services, but the private marks, with a warning in the log.
 *
 * @throws GeeError INVALID_ARGUMENT, reason NO_SOURCE, when there is no such file;
 *   FAILED_PRECONDITION, reason NO_CONTRACT, when not even the marks can be read; UNIMPLEMENTED,
 *   reason NO_CHILD, in an executable that has the library built in and is not gee itself
 */
export async function readContract(
  path: string | readonly string[],
  options: ReadOptions = {},
): Promise<ModuleContract[]> {
  const { log = stderrLog } = options;
  const paths = [path].flat().map(sourceOf);
  const folder = options.cacheDir ?? defaultCacheFolder();
  const cache =
    folder === undefined || folder === false
      ? undefined
      : new ContractCache({ folder, stamp: ownStamp(), log });
  const known = new Map<string, ModuleContract>();
  for (const one of new Set(paths)) {
    const module = cache?.load(one);
    if (module !== undefined) known.set(one, module);
  }
  const unknown = [...new Set(paths)].filter((one) => !known.has(one));
  if (unknown.length > 0) {
    const { modules, inputs } = await read(unknown, options);
    checkRead(unknown, inputs);
    for (const [index, { module, why }] of modules.entries()) {
      const one = unknown[index] ?? "";
      known.set(one, module);
      if (why === undefined) cache?.save(one, module, inputs);
      else log.warn("the types of a module were not read", { file: one, why });
    }
  }
  return paths.flatMap((one) => known.get(one) ?? []);
}

/**
 * Reads exported interfaces as services, as they stand in a file of declarations that `gee types`
 * has printed. Nothing of it is kept.
 *
 * @throws GeeError as `readContract` does
 */
export async function readInterfaces(
  path: string,
  options: ReadOptions = {},
): Promise<ModuleContract> {
  const paths = [sourceOf(path)];
  const answer = await ask({ mode: "interfaces", paths }, options).catch((thrown: unknown) => {
    throw GeeError.from(thrown).reason === "NO_CHILD" ? thrown : noContract(paths, thrown);
  });
  const [first] = answer.modules;
  if (first === undefined) throw noContract(paths, "there is no answer");
  return first.module;
}
