import { realpathSync, statSync } from "node:fs";
import { extname } from "node:path";
import { pathToFileURL } from "node:url";
import { GeeError } from "../base/errors.ts";
import * as library from "../index.ts";
import { nearFile } from "./near-file.ts";
import { usageError } from "./usage.ts";

const extensions = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"];
const nothingRegistered = "nothing was registered";

let provided = false;

function isModule(name: string): boolean {
  return extensions.includes(extname(name));
}

/**
 * Answers `import ... from "gee"` with this very copy, so that a module's GeeError is ours and that
 * it needs no package. It wins over an installed one. Holds for the whole process, once.
 */
function provideLibrary(): void {
  if (provided) return;
  provided = true;
  Bun.plugin({
    name: "gee",
    setup(build) {
      // Not asynchronous: a CommonJS module could not require it then.
      build.module("gee", () => ({ exports: { ...library }, loader: "object" }));
    },
  });
}

function refused(message: string, hint?: string): GeeError {
  return usageError(message, { reason: "BAD_MODULE", hint: hint ?? nothingRegistered });
}

/**
 * The real path of a module that an operator named. Only files are loaded, never a URL: what runs
 * here is what stands on this machine's disk.
 *
 * @throws GeeError INVALID_ARGUMENT, reason BAD_MODULE
 */
export function resolveModule(path: string): string {
  if (/^[A-Za-z][A-Za-z0-9+.-]+:/.test(path)) throw refused(`${path} is a URL, not a file`);
  let real: string;
  try {
    real = realpathSync(path);
    if (!statSync(real).isFile()) throw refused(`${path} is no file`);
  } catch (thrown) {
    if (thrown instanceof GeeError) throw thrown;
    const missing = thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT";
    const near = missing ? nearFile(path, isModule) : undefined;
    throw refused(
      missing
        ? `there is no file ${path}`
        : `cannot read ${path}: ${GeeError.from(thrown).message}`,
      near === undefined ? undefined : `did you mean ${near}?`,
    );
  }
  if (!isModule(real)) {
    throw refused(`${path} is no module`, `modules end in ${extensions.join(", ")}`);
  }
  // Bun takes what follows a question mark for a query, in paths and in file URLs alike.
  if (real.includes("?")) throw refused(`${path}: a module's path has no question mark`);
  return real;
}

/** Where it happened, as Bun shows it; places inside the executable are gee's. */
function frameFor(thrown: unknown): string {
  return Bun.inspect(thrown, { colors: false })
    .trimEnd()
    .replaceAll(/\/\$bunfs\/[^\s'")]*/g, "gee");
}

/** An error's own words, and below them where it happened. */
function failure(path: string, thrown: unknown): GeeError {
  if (thrown instanceof ResolveMessage) {
    const { specifier } = thrown;
    // Asked for by the executable itself, as far as Bun knows: by name it is the module.
    const inside = thrown.referrer.startsWith("/$bunfs/") || thrown.referrer === "";
    const importer = inside ? path : thrown.referrer;
    const hint = /^[./]/.test(specifier)
      ? nothingRegistered
      : `${nothingRegistered}; to install it: bun add ${specifier}`;
    return usageError(`cannot find ${JSON.stringify(specifier)}, imported by ${importer}`, {
      reason: "BAD_MODULE",
      hint,
      cause: thrown,
    });
  }
  const words = thrown instanceof Error ? thrown.message : String(thrown);
  const uncompiled = thrown instanceof BuildMessage || thrown instanceof AggregateError;
  return usageError(uncompiled ? `${path} does not compile` : `${path} failed: ${words}`, {
    reason: "BAD_MODULE",
    hint: nothingRegistered,
    frame: frameFor(thrown),
    cause: thrown,
  });
}

/**
 * Runs a module and returns its exports, by name.
 *
 * @throws GeeError INVALID_ARGUMENT, reason BAD_MODULE, with Bun's own code frame
 */
export async function importModule(path: string): Promise<ReadonlyMap<string, unknown>> {
  provideLibrary();
  try {
    const namespace: unknown = await import(pathToFileURL(path).href);
    return new Map(Object.entries(namespace ?? {}));
  } catch (thrown) {
    throw failure(path, thrown);
  }
}

/** A constructor of a module that threw, as an error. */
export function constructorFailure(path: string, name: string, thrown: unknown): GeeError {
  const words = thrown instanceof Error ? thrown.message : String(thrown);
  return usageError(`new ${name}() in ${path} failed: ${words}`, {
    reason: "BAD_MODULE",
    hint: nothingRegistered,
    frame: frameFor(thrown),
    cause: thrown,
  });
}
