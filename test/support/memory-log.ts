import { createLog, type Log } from "../../src/base/log.ts";

/** A log that remembers its lines. */
export function memoryLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  return { log: createLog((line) => lines.push(line), "info"), lines };
}
