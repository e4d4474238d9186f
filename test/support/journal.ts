import { appendFileSync } from "node:fs";

/** What a handler of a fleet writes down of itself, in its own process. */
export interface JournalEntry {
  /** Milliseconds since 1970; the same clock in every process. */
  readonly at: number;
  readonly pid: number;
  /** The service under which it was called. */
  readonly stage: string;
  /** The call's name, which the test gave it. */
  readonly call: string;
  readonly event:
    "begun" | "ticked" | "stopped" | "aborted" | "finally" | "failed" | "ended" | "done";
  /** With `begun`: what was left of the deadline. */
  readonly remainingMs?: number | undefined;
  /** With `aborted` and `failed`: the code of the signal's reason, or of what was thrown. */
  readonly code?: string | undefined;
  /** With `finally`: items that were yielded. */
  readonly items?: number | undefined;
}

/** Milliseconds since 1970 with fractions, as journals have it. */
export function journalNow(): number {
  return performance.timeOrigin + performance.now();
}

/** Writes one entry. What was written survives a process that is killed the moment after. */
export function writeJournal(path: string, entry: Omit<JournalEntry, "at" | "pid">): void {
  const line: JournalEntry = { at: journalNow(), pid: process.pid, ...entry };
  appendFileSync(path, `${JSON.stringify(line)}\n`);
}

/** All that was written so far, in order. A line that is being written is left out. */
export async function readJournal(path: string): Promise<readonly JournalEntry[]> {
  const text = await Bun.file(path).text();
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line): JournalEntry => JSON.parse(line));
}
