import { existsSync } from "node:fs";
import { join } from "node:path";

/** The compiled executable. */
export const executable: string = join(import.meta.dir, "../../gee");

/** Whether it was built. Tests of it are skipped, with a line that says so, when it was not. */
export const built: boolean = existsSync(executable);

if (!built) console.warn(`${executable} is not built: its tests are skipped (bun run build)`);

/** Where and with what a process starts. Of our own environment it gets PATH, HOME and the cache. */
export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** A process of the executable that runs. Disposing kills it. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  /** The exit code; of a process that a signal ended, 128 + the signal. */
  readonly exited: Promise<number>;
  /** Everything on stdout so far. */
  stdout(): string;
  /** Everything on stderr so far. */
  stderr(): string;
  /** The first match in stdout or stderr, as soon as it is there. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
}

/** What became of a process that ran to its end. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the executable. */
export function start(words: readonly string[], options: StartOptions = {}): Running {
  return startCommand([executable, ...words], options);
}

/** Starts any command, for those that need a shell around the executable. */
export function startCommand(command: readonly string[], options: StartOptions = {}): Running {
  const { cwd, env = {}, stdin } = options;
  const { PATH, HOME, XDG_CACHE_HOME } = process.env;
  const child = Bun.spawn([...command], {
    ...(cwd === undefined ? {} : { cwd }),
    env: { PATH, HOME, XDG_CACHE_HOME, ...env },
    stdin: stdin === undefined ? "ignore" : new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const kept = { stdout: "", stderr: "" };
  const waiting = new Set<() => void>();
  const keep = async (name: "stdout" | "stderr"): Promise<void> => {
    for await (const text of child[name].pipeThrough(new TextDecoderStream())) {
      kept[name] += text;
      for (const look of waiting) look();
    }
  };
  // Only when all that it wrote was read is it over.
  const exited = Promise.all([child.exited, keep("stdout"), keep("stderr")]).then(([code]) => code);
  return {
    pid: child.pid,
    exited,
    stdout: () => kept.stdout,
    stderr: () => kept.stderr,
    async says(pattern) {
      const { promise, resolve } = Promise.withResolvers<RegExpExecArray>();
      const look = (): void => {
        const match = pattern.exec(kept.stdout) ?? pattern.exec(kept.stderr);
        if (match !== null) resolve(match);
      };
      waiting.add(look);
      look();
      const over = exited.then((code) => {
        throw new Error(`it ended (${code}) without ${pattern}: ${kept.stdout}${kept.stderr}`);
      });
      try {
        return await Promise.race([promise, over]);
      } finally {
        waiting.delete(look);
      }
    },
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** Runs the executable to its end. */
export async function gee(words: readonly string[], options: StartOptions = {}): Promise<Ended> {
  await using running = start(words, options);
  const code = await running.exited;
  return { code, stdout: running.stdout(), stderr: running.stderr() };
}

/** A registry that runs, and its URL. */
export async function startRegistry(
  words: readonly string[] = [],
): Promise<Running & { readonly url: string }> {
  const running = start(["registry", "--listen", "127.0.0.1:0", ...words]);
  const [, url = ""] = await running.says(/^registry +(\S+)/m);
  return { ...running, url };
}

/** A server that runs and is registered, and its address. */
export async function startServer(
  registry: string,
  words: readonly string[] = [],
  options: StartOptions = {},
): Promise<Running & { readonly address: string }> {
  const running = start(["server", "--registry", registry, ...words], options);
  const [, address = ""] = await running.says(/^server +(\S+)/m);
  await running.says(/^registered /m);
  return { ...running, address };
}
