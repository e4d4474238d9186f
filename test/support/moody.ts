import { connect, GeeError } from "../../src/index.ts";
import type { CallOptions, Gee } from "../../src/index.ts";
import { silentLog } from "../../src/base/log.ts";
import { Cluster, eventually } from "./cluster.ts";
import type { Process, RegistryProcess } from "./cluster.ts";
import { folder } from "./folder.ts";
import { startScript } from "./processes.ts";

/** How a server does at the moment. */
export interface Mood {
  /** What a call takes. */
  readonly workMs: number;
  /** Part of the calls that fail at once with INTERNAL, 0 to 1. */
  readonly failing: number;
  /** Part of the answers in whose place INTERNAL, executed maybe, comes; for those that `spoil`. */
  readonly spoiling: number;
  /** Calls that come are held until this is over. */
  readonly holds: boolean;
}

/** How a server does that was told nothing. */
export const well: Mood = { workMs: 0, failing: 0, spoiling: 0, holds: false };

/** What a moody server is told when it starts. */
export interface MoodyServerOptions {
  readonly registry?: string;
  readonly listen?: string;
  readonly maxInFlight?: number;
  readonly mood?: Partial<Mood>;
  /** Callers reach it through something that can spoil its answers. */
  readonly spoils?: boolean;
}

/** What a moody server says when it is up. */
export interface Where {
  readonly address: string;
  readonly id: string;
  /** Where it is told its moods. */
  readonly control: string;
}

/** A server of `Work` as a process, with a mood. */
export interface MoodyServer extends Process<Where> {
  set(mood: Partial<Mood>): Promise<void>;
  /** How many callers are connected. */
  connections(): Promise<number>;
}

/** Processes of one test, and the ledger in which the servers write every call that they begin. */
export class Moody implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #cluster: Cluster;
  readonly #ledger: string;

  private constructor(stack: AsyncDisposableStack, cluster: Cluster, ledger: string) {
    this.#stack = stack;
    this.#cluster = cluster;
    this.#ledger = ledger;
  }

  static async create(): Promise<Moody> {
    const stack = new AsyncDisposableStack();
    const place = stack.use(await folder({ ledger: "" }));
    return new Moody(stack, stack.use(await Cluster.create()), `${place.path}/ledger`);
  }

  async registry(): Promise<RegistryProcess> {
    return await this.#cluster.registry();
  }

  async server(options: MoodyServerOptions = {}): Promise<MoodyServer> {
    const script = new URL("./moody-server.ts", import.meta.url);
    const process = this.#stack.use(
      await startScript<Where>(script, { ...options, ledger: this.#ledger }),
    );
    const gee = this.#stack.use(
      connect({ address: process.said.control, log: silentLog, drainTimeoutMs: 0 }),
    );
    return {
      ...process,
      async set(mood) {
        await gee.call("Moods.Set", [mood]);
      },
      connections: async () => Number(await gee.call("Moods.Connections")),
    };
  }

  /** So many servers, all told the same. */
  async servers(count: number, options: MoodyServerOptions = {}): Promise<readonly MoodyServer[]> {
    return await Promise.all(Array.from({ length: count }, () => this.server(options)));
  }

  /** Every call that was begun, in order: its name and the process. */
  async begun(): Promise<readonly Begun[]> {
    const lines = (await Bun.file(this.#ledger).text()).trimEnd().split("\n");
    return lines.filter((line) => line !== "").map(parse);
  }

  /** Waits until what was begun meets a condition, and resolves with it. */
  async until(what: string, met: (begun: readonly Begun[]) => boolean): Promise<readonly Begun[]> {
    let begun: readonly Begun[] = [];
    await eventually(async () => {
      begun = await this.begun();
      return met(begun);
    }, what);
    return begun;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** One start of a handler. */
export interface Begun {
  readonly call: string;
  readonly pid: number;
}

function parse(words: string): Begun {
  const [call = "", pid = ""] = words.split(" ");
  return { call, pid: Number(pid) };
}

/** What became of a call. */
export interface Told {
  readonly call: string;
  /** `ok`, or code and executed: `UNAVAILABLE maybe`. */
  readonly outcome: string;
  /** With `ok`: who answered. */
  readonly pid: number;
  readonly issuedAt: number;
  readonly settledAt: number;
}

/** Makes calls and keeps what became of them, in the order in which they settled. */
export class Caller {
  readonly told: Told[] = [];
  readonly #gee: Gee;
  #issued = 0;
  #hands: readonly Promise<void>[] = [];
  #stopping = false;

  constructor(gee: Gee) {
    this.#gee = gee;
  }

  /** How many calls were made. */
  get issued(): number {
    return this.#issued;
  }

  /** Resolves with what became of the call; never rejects. A call's name has no blanks. */
  async issue(
    call: string,
    method = "Work.Do",
    options: CallOptions = {},
    load: readonly unknown[] = [],
  ): Promise<Told> {
    this.#issued++;
    const issuedAt = performance.now();
    const { outcome, pid } = await this.#gee.call(method, [call, ...load], options).then(
      (answer) => {
        const begun = parse(String(answer));
        return { outcome: begun.call === call ? "ok" : `answered ${begun.call}`, pid: begun.pid };
      },
      (error: unknown) => ({
        outcome: error instanceof GeeError ? `${error.code} ${error.executed}` : String(error),
        pid: -1,
      }),
    );
    const told: Told = { call, outcome, pid, issuedAt, settledAt: performance.now() };
    this.told.push(told);
    return told;
  }

  /** Makes a call after the other by several hands, until `stop`. */
  load(hands: number, method = "Work.Do", options: CallOptions = {}): void {
    this.#hands = Array.from({ length: hands }, async (_, hand) => {
      for (let turn = 0; !this.#stopping; turn++) {
        const { outcome } = await this.issue(`load${hand}.${turn}`, method, options);
        // One that is refused at once would keep everything else from its turn.
        if (outcome !== "ok") await Bun.sleep(1);
      }
    });
  }

  /** Waits until so many more calls have settled. */
  async more(count: number): Promise<void> {
    const target = this.told.length + count;
    await eventually(() => this.told.length >= target, `${count} more calls`);
  }

  /** Makes no further call, and resolves when the last has settled. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#hands);
  }

  /** Part of the answers since `from` that came from one process; of the last `last` at the most. */
  share(pid: number, from = 0, last: number = Number.POSITIVE_INFINITY): number {
    const answers = this.told.slice(Math.max(from, this.told.length - last));
    return answers.filter((told) => told.pid === pid).length / Math.max(answers.length, 1);
  }
}

/** Part of these starts that was one process's. */
export function shareOf(begun: readonly Begun[], pid: number): number {
  return begun.filter((each) => each.pid === pid).length / Math.max(begun.length, 1);
}

/** How often each outcome is there. */
export function counts(told: readonly Told[]): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const { outcome } of told) found[outcome] = (found[outcome] ?? 0) + 1;
  return found;
}

/** How often each call was begun. */
export function timesBegun(begun: readonly Begun[]): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const { call } of begun) times.set(call, (times.get(call) ?? 0) + 1);
  return times;
}
