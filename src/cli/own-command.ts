import { fileURLToPath } from "node:url";

/** What starts this gee again: the executable, or Bun with its source. */
export function ownCommand(): readonly string[] {
  if (Bun.isStandaloneExecutable) return [process.execPath];
  return [process.execPath, fileURLToPath(new URL("../main.ts", import.meta.url))];
}
