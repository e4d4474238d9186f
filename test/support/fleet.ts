import { Cluster, eventually } from "./cluster.ts";
import type { Process, RegistryProcess, ServerProcess } from "./cluster.ts";
import { folder } from "./folder.ts";
import { readJournal } from "./journal.ts";
import type { JournalEntry } from "./journal.ts";
import { startScript } from "./processes.ts";

/** One hop of a chain of calls: who is called, how, and how long it spends before it passes it on. */
export interface Step {
  readonly service: string;
  readonly method: "Pass" | "Flow";
  readonly spendMs: number;
}

/** What a server of a fleet is told. */
export interface FleetServerOptions {
  /** Names under which it serves the one class of `fleet-server.ts`. */
  readonly stages: readonly string[];
  readonly registry?: string;
  readonly listen?: string;
  readonly lameDuckMs?: number;
  readonly drainTimeoutMs?: number;
  /** Its time runs so much faster. */
  readonly clockFactor?: number;
}

/** What a client of a fleet is told. */
export interface FleetClientOptions {
  readonly address: string;
  /** How many calls it has under way of each shape. */
  readonly each: number;
  /** How long those with an idempotency key take. */
  readonly keyedMs: number;
  /** None but those that wait for an answer and for nothing else. */
  readonly waitsOnly?: boolean;
}

/** Processes of one test that stream and call each other, and the journal of their handlers. */
export class Fleet implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #cluster: Cluster;
  readonly #journal: string;

  private constructor(stack: AsyncDisposableStack, cluster: Cluster, journal: string) {
    this.#stack = stack;
    this.#cluster = cluster;
    this.#journal = journal;
  }

  static async create(): Promise<Fleet> {
    const stack = new AsyncDisposableStack();
    const place = stack.use(await folder({ journal: "" }));
    return new Fleet(stack, stack.use(await Cluster.create()), `${place.path}/journal`);
  }

  async registry(): Promise<RegistryProcess> {
    return await this.#cluster.registry();
  }

  async server(options: FleetServerOptions): Promise<ServerProcess> {
    const script = new URL("./fleet-server.ts", import.meta.url);
    return this.#stack.use(await startScript(script, { ...options, journal: this.#journal }));
  }

  async client(options: FleetClientOptions): Promise<Process<object>> {
    return this.#stack.use(
      await startScript(new URL("./fleet-client.ts", import.meta.url), options),
    );
  }

  /** What the handlers wrote, in order; of one event only when it is named. */
  async journal(event?: JournalEntry["event"]): Promise<readonly JournalEntry[]> {
    const entries = await readJournal(this.#journal);
    return event === undefined ? entries : entries.filter((entry) => entry.event === event);
  }

  /** Waits until an event was written so often, or more often; resolves with those entries. */
  async written(
    event: JournalEntry["event"],
    count: number,
    which: (entry: JournalEntry) => boolean = () => true,
  ): Promise<readonly JournalEntry[]> {
    let found: readonly JournalEntry[] = [];
    const enough = async (): Promise<boolean> => {
      found = (await this.journal(event)).filter(which);
      return found.length >= count;
    };
    try {
      await eventually(enough, `${count} times ${event}`);
    } catch (error) {
      // What was written instead says more than that something was not.
      for (const entry of (await this.journal()).filter(which).slice(-20)) console.error(entry);
      throw error;
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
