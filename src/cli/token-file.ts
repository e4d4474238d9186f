import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { nearFileHint } from "./near-file.ts";
import { usageError } from "./usage.ts";

/** A list of a thousand tokens is far below it. */
const maxBytes = 1_048_576;

/**
 * The text of a file with secrets in it, or of a pipe: `--token-file <(command)`.
 *
 * @throws GeeError INVALID_ARGUMENT, reason USAGE, when it cannot be read, or others may read it
 */
export function readSecretFile(path: string): string {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, "r");
    // Of what is open, and not of the path, which may lead elsewhere by now.
    const stats = fstatSync(descriptor);
    if (!stats.isFile() && !stats.isFIFO()) throw usageError(`${path} is no file`);
    if ((stats.mode & 0o077) !== 0) {
      throw usageError(`others may read ${path}, which holds secrets`, {
        hint: `chmod 600 ${path}`,
      });
    }
    if (stats.size > maxBytes) throw usageError(`${path} is larger than 1 MiB`);
    return readFileSync(descriptor, "utf8");
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && typeof thrown.code === "string") {
      if (thrown.code.startsWith("E")) {
        const hint = nearFileHint(path);
        throw usageError(`${path} cannot be read: ${thrown.code}`, { hint });
      }
    }
    throw thrown;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * The token that a server or a client shows to registries: the one line of a file.
 *
 * @throws GeeError INVALID_ARGUMENT, reason USAGE
 */
export function readToken(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const lines = readSecretFile(path)
    .split("\n")
    .filter((line) => line.trim() !== "");
  const [token = ""] = lines;
  if (lines.length === 1 && /^\S+$/.test(token.trim())) return token.trim();
  throw usageError(`${path} must hold one token, on one line`);
}
