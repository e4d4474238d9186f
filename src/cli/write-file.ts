import { lstatSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { GeeError } from "../base/errors.ts";
import { usageError } from "./usage.ts";

/** Whether a path leads to something else than a file of its own: a device, a pipe, a link. */
function isOther(path: string): boolean {
  try {
    return !lstatSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * Writes a file as a whole: whoever reads it meanwhile, or after a crash, finds the old text or the new
 * one. What is no plain file is written to where it stands.
 *
 * @throws GeeError INVALID_ARGUMENT, reason USAGE, when it cannot be written
 */
export function writeWhole(path: string, text: string): void {
  const draft = isOther(path) ? undefined : `${path}.${process.pid}.tmp`;
  let written = false;
  try {
    writeFileSync(draft ?? path, text);
    written = true;
    if (draft !== undefined) renameSync(draft, path);
  } catch (thrown) {
    if (draft !== undefined && written) rmSync(draft, { force: true });
    // Without the name of the draft, which nobody knows.
    const why = GeeError.from(thrown).message.replace(/, \w+ '.*$/s, "");
    throw usageError(`cannot write ${path}: ${why}`, { cause: thrown });
  }
}
