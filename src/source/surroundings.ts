import { fileURLToPath } from "node:url";
import { childWord } from "./child-word.ts";
import { pathKind } from "./inputs.ts";

/** The build puts it in: what reads contracts in this executable, by its content. */
declare const GEE_STAMP: string | undefined;

/** The stamp of gee's own executable; undefined in every other program. */
export const executableStamp: string | undefined =
  typeof GEE_STAMP === "undefined" ? undefined : GEE_STAMP;

/** In the environment of a child, which must never start another: they would not come to an end. */
const childMark = "GEE_READS_SOURCE";

/**
 * What starts the child: gee's executable itself, or Bun with the child's file. Undefined when there
 * is neither: in a program that carries the library within itself, and that would start itself. So
 * it is in a child.
 */
export function childCommand(): readonly string[] | undefined {
  if (process.env[childMark] !== undefined) return undefined;
  if (executableStamp !== undefined) return [process.execPath, childWord];
  if (Bun.isStandaloneExecutable) return undefined;
  const path = fileURLToPath(new URL("./child.ts", import.meta.url));
  if (pathKind(path) !== "file") return undefined;
  return [process.execPath, "--no-install", "--no-env-file", path];
}

/**
 * The environment of the child: this process's own, without what makes Bun behave otherwise. The
 * child ends with this process, however that ends.
 */
export function childEnvironment(): Readonly<Record<string, string | undefined>> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("BUN_") || name.startsWith("BUN_INSTALL"),
  );
  return {
    ...Object.fromEntries(inherited),
    [childMark]: "1",
    BUN_FEATURE_FLAG_NO_ORPHANS: "1",
  };
}

/**
 * Where contracts are kept: `gee/contracts` in `XDG_CACHE_HOME`, or else in `~/.cache`. Undefined
 * when the environment names no absolute path.
 */
export function defaultCacheFolder(): string | undefined {
  const { XDG_CACHE_HOME = "", HOME = "" } = process.env;
  if (XDG_CACHE_HOME.startsWith("/")) return `${XDG_CACHE_HOME}/gee/contracts`;
  return HOME.startsWith("/") ? `${HOME}/.cache/gee/contracts` : undefined;
}

/** The user that this process runs as. */
export function ownUser(): number | undefined {
  return process.getuid?.();
}
