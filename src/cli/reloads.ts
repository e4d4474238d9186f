import { GeeError } from "../base/errors.ts";
import { sleep, type Clock } from "../base/time.ts";
import type { Served } from "./child-messages.ts";
import type { ChildServer } from "./child-server.ts";
import { RetiredServers } from "./retired-servers.ts";

/** What {@link Reloads} tells of. */
export interface ReloadEvents {
  /** The first server takes calls, or the first one again when there was none. */
  started(served: Served, tookMs: number): void;
  /** Calls go to the new code alone. `files` are those that were edited. */
  reloaded(served: Served, files: readonly string[], tookMs: number): void;
  /** The new code does not start; with `goesOn` the old one takes calls as before. */
  failed(error: GeeError, goesOn: boolean): void;
  /** The server that took the calls has ended by itself. */
  ended(exitCode: number): void;
}

/** What {@link Reloads} is made of. */
export interface ReloadsOptions {
  readonly clock: Clock;
  /** Starts a server with the code of now. */
  start(): ChildServer;
  /** Whether whoever asks a registry now is told of an instance. */
  isListed(id: string): Promise<boolean>;
  /** What a server may take to end. */
  readonly drainTimeoutMs: number;
  readonly events: ReloadEvents;
}

/** Old servers that finish their calls; the oldest one of more is ended. */
const maxDraining = 8;
const lookMs = 10;
/** A registry that is away does not let go of anybody. */
const maxLookMs = 5_000;

/** The server whose turn it is. */
interface Current {
  readonly server: ChildServer;
  readonly served: Served;
}

/** The server that is starting, and what for. */
interface Starting {
  readonly server: ChildServer;
  readonly files: readonly string[];
  readonly since: number;
}

/**
 * Which code takes the calls: there is one server, at an edit a new one is started, and when that one is
 * registered the old one drains. Of several edits in a row only the last counts; one that does not start
 * changes nothing.
 */
export class Reloads {
  readonly #options: ReloadsOptions;
  #current: Current | undefined;
  #starting: Starting | undefined;
  readonly #retired: RetiredServers;
  /** Those that have taken the calls, or do. */
  readonly #served: Set<ChildServer> = new Set();
  #isStopped = false;

  constructor(options: ReloadsOptions) {
    const { clock, drainTimeoutMs } = options;
    this.#options = options;
    this.#retired = new RetiredServers({ clock, drainTimeoutMs, most: maxDraining });
  }

  /** Whether the last start went well, or is under way. */
  get isWell(): boolean {
    return this.#starting !== undefined || (this.#current !== undefined && !this.#hasFailed);
  }

  #hasFailed = false;

  /** The code has changed: these files, the first of them at that moment. */
  change(files: readonly string[], since: number): void {
    if (this.#isStopped) return;
    const before = this.#starting;
    if (before !== undefined) this.#retire(before.server);
    this.#hasFailed = false;
    const server = this.#options.start();
    const starting = {
      server,
      files: [...new Set([...(before?.files ?? []), ...files])],
      since: before?.since ?? since,
    };
    this.#starting = starting;
    server.ready.then(
      (served) => void this.#ready(starting, served),
      (thrown: unknown) => this.#failed(starting, GeeError.from(thrown)),
    );
    void server.exited.then((code) => this.#exited(server, code));
  }

  async #ready(starting: Starting, served: Served): Promise<void> {
    if (starting !== this.#starting) return;
    const { clock, events } = this.#options;
    const { server, files, since } = starting;
    const old = this.#current;
    this.#starting = undefined;
    this.#current = { server, served };
    this.#served.add(server);
    if (old === undefined) {
      events.started(served, clock.now() - since);
      return;
    }
    this.#retire(old.server);
    await this.#untilUnlisted(old.served.id);
    events.reloaded(served, files, clock.now() - since);
  }

  async #untilUnlisted(id: string): Promise<void> {
    const { clock, isListed } = this.#options;
    const givenUpAt = clock.now() + maxLookMs;
    while (clock.now() < givenUpAt && (await isListed(id))) await sleep(clock, lookMs);
  }

  #failed(starting: Starting, error: GeeError): void {
    if (starting !== this.#starting) return;
    this.#starting = undefined;
    this.#hasFailed = true;
    this.#retire(starting.server);
    if (!this.#isStopped) this.#options.events.failed(error, this.#current !== undefined);
  }

  #exited(server: ChildServer, exitCode: number): void {
    this.#served.delete(server);
    if (server !== this.#current?.server) return;
    this.#current = undefined;
    if (!this.#isStopped) this.#options.events.ended(exitCode);
  }

  #retire(server: ChildServer): void {
    this.#retired.retire(server, this.#served.has(server));
  }

  /** Drains everybody; resolves with whether all of them have ended by themselves. To be called once. */
  async stop(): Promise<boolean> {
    this.#isStopped = true;
    const { current, starting } = { current: this.#current, starting: this.#starting };
    for (const server of [starting?.server, current?.server]) {
      if (server !== undefined) this.#retire(server);
    }
    return await this.#retired.ended();
  }

  /** Ends everybody now. */
  kill(): void {
    this.#retired.kill();
  }
}
