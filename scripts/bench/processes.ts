// Processes that the benchmark owns. Each is ended by its id, whatever happens; and each ends by
// itself when its stdin closes, so none outlives a benchmark that is killed.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A process that ended when it should not have, or said something that it should not. */
export class PeerFailed extends Error {}

const answerTimeoutMs = 60_000;
const keptErrorText = 2_000;

const owned = new Set<Bun.Subprocess>();
const folders = new Set<string>();

/** Ends every process that is still there and removes every folder. For signals and for the end. */
export function endAll(): void {
  for (const child of owned) child.kill("SIGKILL");
  owned.clear();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}

/** A folder that `endAll` removes. */
export function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "gee-bench-"));
  folders.add(folder);
  return folder;
}

/** A process that is told what to do and answers, both line by line. */
export class Child implements AsyncDisposable {
  readonly name: string;
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #lines: string[] = [];
  #waiting: PromiseWithResolvers<void> = Promise.withResolvers();
  #ended = false;
  #errors = "";
  readonly #done: Promise<unknown>;

  constructor(name: string, command: readonly string[], env: Readonly<Record<string, string>>) {
    this.name = name;
    this.#child = Bun.spawn([...command], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    owned.add(this.#child);
    this.#done = Promise.all([this.#readLines(), this.#readErrors(), this.#child.exited]);
  }

  async #readLines(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.#child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      this.#lines.push(...lines);
      this.#wake();
    }
    await this.#child.exited;
    this.#ended = true;
    this.#wake();
  }

  async #readErrors(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stderr) {
      this.#errors += decoder.decode(chunk, { stream: true });
      this.#errors = this.#errors.slice(-keptErrorText);
    }
  }

  #wake(): void {
    this.#waiting.resolve();
    this.#waiting = Promise.withResolvers();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The end of what it said on stderr. */
  get errors(): string {
    return this.#errors.trim();
  }

  say(line: string): void {
    void this.#child.stdin.write(`${line}\n`);
    void this.#child.stdin.flush();
  }

  /** Waits for the next line, which has to begin with `word`; returns what stands behind it. */
  async expect(word: string): Promise<string> {
    const line = await this.line(word);
    if (line !== word && !line.startsWith(`${word} `)) {
      throw new PeerFailed(`${this.name}: "${line}" where "${word}" was expected`);
    }
    return line.slice(word.length + 1);
  }

  /** Waits for the next line, whatever it is; `word` says in an error what is waited for. */
  async line(word: string): Promise<string> {
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      timeout.reject(new PeerFailed(`${this.name}: no "${word}" in ${answerTimeoutMs / 1_000} s`));
    }, answerTimeoutMs);
    try {
      while (this.#lines.length === 0 && !this.#ended) {
        await Promise.race([this.#waiting.promise, timeout.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
    const line = this.#lines.shift();
    if (line === undefined) {
      await this.#done;
      const { exitCode, signalCode } = this.#child;
      const how = signalCode === null ? `exit code ${exitCode}` : signalCode;
      throw new PeerFailed(`${this.name} ended with ${how}\n${this.errors}`);
    }
    return line;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    owned.delete(this.#child);
  }
}

/** Linux counts CPU time for us in hundredths of a second, whatever its own clock is. */
const tickUs = 10_000;

/** CPU time of a process and all its threads so far; undefined where no /proc says so. */
export function cpuUs(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Behind the name, which may hold spaces: state is the third field, utime and stime 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * tickUs;
  } catch {
    return undefined;
  }
}

/** Memory that a process holds; undefined where no /proc says so. */
export function residentBytes(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    return kib === undefined ? undefined : 1_024 * Number(kib);
  } catch {
    return undefined;
  }
}

/** How many files this process, and so each that it starts, may have open. */
export function maxOpenFiles(): number {
  try {
    const text = readFileSync("/proc/self/limits", "utf8");
    const soft = /^Max open files\s+(\S+)/m.exec(text)?.[1];
    return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft ?? 1_024);
  } catch {
    return 1_024;
  }
}
