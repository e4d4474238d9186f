import { fileURLToPath } from "node:url";
import { folder } from "./folder.ts";

/** Waits for what takes real time, such as another process; at most ten seconds. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const startedAt = performance.now();
  while (!(await condition())) {
    if (performance.now() - startedAt > 10_000) throw new Error(`${what} never came to hold`);
    await Bun.sleep(2);
  }
}

/** A process of a test's own. Disposing it kills it. */
export interface Process<T> extends AsyncDisposable {
  readonly pid: number;
  /** What it said when it was up. */
  readonly said: T;
  /** What it wrote to stderr, so far. */
  readonly errors: () => string;
  readonly exited: Promise<number>;
  signal(name: "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): void;
}

const utf8 = new TextDecoder();

/** Starts a script of this folder and waits for the one line that it says when it is up. */
async function start<T>(script: URL, options: object): Promise<Process<T>> {
  const path = fileURLToPath(script);
  const child = Bun.spawn([process.execPath, path, JSON.stringify(options)], {
    // Nothing is said through it. When this process dies, however that is, it ends, and so do they.
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  let errors = "";
  const reading = (async () => {
    for await (const bytes of child.stderr) errors += utf8.decode(bytes);
  })();
  let line = "";
  for await (const bytes of child.stdout) {
    line += utf8.decode(bytes);
    if (line.includes("\n")) break;
  }
  if (!line.includes("\n")) {
    await reading;
    throw new Error(`${path} ended before it was up: ${errors}`);
  }
  return {
    pid: child.pid,
    said: JSON.parse(line),
    errors: () => errors,
    exited: child.exited,
    signal: (name) => child.kill(name),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** A server of `Work` as a process. */
export type ServerProcess = Process<{ readonly address: string; readonly id: string }>;

/** What a server process is told. */
export interface ServerProcessOptions {
  readonly registry?: string;
  readonly listen?: string;
  readonly lameDuckMs?: number;
  readonly drainTimeoutMs?: number;
}

/** A registry as a process. */
export type RegistryProcess = Process<{ readonly url: string }>;

/** Processes of one test, and the ledger in which the servers write every call that they begin. */
export class Cluster implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #ledger: string;

  private constructor(stack: AsyncDisposableStack, path: string) {
    this.#stack = stack;
    this.#ledger = path;
  }

  static async create(): Promise<Cluster> {
    const stack = new AsyncDisposableStack();
    const place = stack.use(await folder({ ledger: "" }));
    return new Cluster(stack, `${place.path}/ledger`);
  }

  async server(options: ServerProcessOptions = {}): Promise<ServerProcess> {
    const ledger = this.#ledger;
    return this.#stack.use(
      await start(new URL("./cluster-server.ts", import.meta.url), { ...options, ledger }),
    );
  }

  async registry(options: { listen?: string; leaseMs?: number } = {}): Promise<RegistryProcess> {
    return this.#stack.use(
      await start(new URL("./cluster-registry.ts", import.meta.url), {
        listen: "127.0.0.1:0",
        ...options,
      }),
    );
  }

  /** Every call that was begun: its name and the process, in order. */
  async begun(): Promise<readonly (readonly [call: string, pid: number])[]> {
    const text = await Bun.file(this.#ledger).text();
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [call = "", pid = ""] = line.split(" ");
        return [call, Number(pid)] as const;
      });
  }

  /** Calls that were begun more than once. */
  async repeated(): Promise<readonly string[]> {
    const calls = (await this.begun()).map(([call]) => call);
    return calls.filter((call, index) => calls.indexOf(call) !== index);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** What became of a call. */
export interface Settled {
  readonly call: string;
  /** `ok`, or code and executed: `UNAVAILABLE maybe`. */
  readonly outcome: string;
  readonly issuedAt: number;
  readonly settledAt: number;
}

/** Issues calls one after the other, by several hands, until it is told to stop. */
export class Load {
  readonly settled: Settled[] = [];
  readonly #hands: readonly Promise<void>[];
  #stopping = false;
  #next = 0;

  constructor(hands: number, name: string, issue: (call: string) => Promise<unknown>) {
    this.#hands = Array.from({ length: hands }, async () => {
      while (!this.#stopping) {
        const call = `${name}${this.#next++}`;
        const issuedAt = performance.now();
        const outcome = await issue(call).then(
          (answer) => (answer === call ? "ok" : `answered ${String(answer)}`),
          ({ code, executed, message }) => `${code} ${executed}: ${message}`,
        );
        this.settled.push({ call, outcome, issuedAt, settledAt: performance.now() });
      }
    });
  }

  /** Waits until so many more calls have settled. */
  async more(count: number): Promise<void> {
    const target = this.settled.length + count;
    await eventually(() => this.settled.length >= target, `${count} more calls`);
  }

  /** Issues nothing any more, and resolves with all that settled once the last has. */
  async stop(): Promise<readonly Settled[]> {
    this.#stopping = true;
    await Promise.all(this.#hands);
    return this.settled;
  }

  /** Calls that did not succeed. */
  get failed(): readonly Settled[] {
    return this.settled.filter(({ outcome }) => outcome !== "ok");
  }
}
