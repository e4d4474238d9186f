import { GeeError } from "../base/errors.ts";
import { backoffMs, type Clock, type Timer } from "../base/time.ts";
import type { Served } from "./child-messages.ts";
import type { ChildServer } from "./child-server.ts";
import { RetiredServers } from "./retired-servers.ts";

/** One that takes calls. */
export interface Worker extends Served {
  readonly pid: number;
}

/** What {@link Workers} tells of. Workers have numbers from 1. */
export interface WorkerEvents {
  /** One has ended by itself, and starts again after so long. */
  ended(number: number, exitCode: number, againInMs: number): void;
  /** One that has ended takes calls again. */
  back(number: number, worker: Worker): void;
  /** One that was to start again, or to take another's place, could not; `goesOn`: the other stays. */
  failed(number: number, error: GeeError, goesOn: boolean): void;
  /** One runs the code of now, and whoever asks a registry hears of no other in its place. */
  replaced(number: number, worker: Worker): void;
}

/** What {@link Workers} are made of. */
export interface WorkersOptions {
  readonly clock: Clock;
  readonly random?: (() => number) | undefined;
  readonly count: number;
  /** Starts the one of a number. */
  start(number: number): ChildServer;
  /** Two of one number cannot run side by side: they listen at the same place. */
  readonly fixed: boolean;
  /** What a worker may take to end. */
  readonly drainTimeoutMs: number;
  readonly events: WorkerEvents;
}

/** How long one that has ended waits for its next start: doubling, with jitter. */
const restart = { minMs: 200, maxMs: 10_000 } as const;
/** Who has run for so long starts again as if it were the first time. */
const wellAfterMs = 10_000;
/** A new one that takes longer than this to be ready replaces nobody: it hangs, or no registry answers. */
const maxStartMs = 60_000;
const notReady = "NOT_READY";

/** The place of one worker. */
interface Place {
  readonly number: number;
  server: ChildServer | undefined;
  /** Who is to take it, and starts beside the other. */
  next: ChildServer | undefined;
  startedAt: number;
  /** How often it ended before it was well. */
  failures: number;
  /** Runs while it waits for its next start. */
  timer: Timer | undefined;
}

/**
 * Keeps a number of servers at work, each in a process of its own: who ends is started again, and one
 * that ends again and again, ever later. At a reload they are replaced one by one.
 */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #places: readonly Place[];
  readonly #retired: RetiredServers;
  /** Those that have taken calls, or do: they have something to drain. */
  readonly #served: WeakSet<ChildServer> = new WeakSet();
  /** Those that died, until no registry lists them. */
  readonly #dead: Set<ChildServer> = new Set();
  #isStopped = false;
  /** The reload that runs, and whether another was asked for meanwhile. */
  #reloading: Promise<void> | undefined;
  #reloadsAgain = false;

  constructor(options: WorkersOptions) {
    const { clock, drainTimeoutMs } = options;
    this.#options = options;
    this.#retired = new RetiredServers({ clock, drainTimeoutMs });
    this.#places = Array.from({ length: options.count }, (_, index) => ({
      number: index + 1,
      server: undefined,
      next: undefined,
      startedAt: 0,
      failures: 0,
      timer: undefined,
    }));
  }

  /**
   * Starts all: one alone, because what is wrong with their code is wrong with each, and then the
   * others. Resolves when all of them take calls. To be called once.
   *
   * @throws GeeError why one of them does not start; the others are ended then
   */
  async start(): Promise<readonly Worker[]> {
    const [first, ...others] = this.#places;
    if (first === undefined) return [];
    try {
      const served = [await this.#begin(first)];
      return [...served, ...(await Promise.all(others.map((place) => this.#begin(place))))];
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
  }

  async #begin(place: Place): Promise<Worker> {
    if (this.#isStopped) throw stopped();
    const server = this.#launch(place);
    this.#take(place, server);
    return { ...(await server.listening), pid: server.pid };
  }

  #launch({ number }: Place): ChildServer {
    const server = this.#options.start(number);
    server.listening.then(
      () => this.#served.add(server),
      () => {},
    );
    return server;
  }

  #take(place: Place, server: ChildServer): void {
    place.timer?.cancel();
    place.timer = undefined;
    place.server = server;
    place.startedAt = this.#options.clock.now();
    void server.exited.then((exitCode) => this.#exited(place, server, exitCode));
  }

  /** A worker is no more. One that was told to end is in nobody's place. */
  #exited(place: Place, server: ChildServer, exitCode: number): void {
    if (place.server !== server || this.#isStopped) return;
    this.#dead.add(server);
    void server.withdrawn.then(() => this.#dead.delete(server));
    const { clock, random, events } = this.#options;
    place.server = undefined;
    const isWell = clock.now() - place.startedAt >= wellAfterMs;
    place.failures = isWell ? 1 : place.failures + 1;
    const waitMs = backoffMs(place.failures, restart, random);
    events.ended(place.number, exitCode, waitMs);
    place.timer = clock.after(waitMs, () => this.#again(place));
  }

  #again(place: Place): void {
    const { events } = this.#options;
    this.#begin(place).then(
      (served) => events.back(place.number, served),
      (thrown: unknown) => {
        const error = GeeError.from(thrown);
        // That it has just ended is told anyway.
        if (!this.#isStopped && error.reason !== "ENDED") events.failed(place.number, error, false);
      },
    );
  }

  // -------------------------------------------------------------- reload

  /**
   * Replaces all of them, one by one, by such with the code of now: while a new one starts the old one
   * takes calls, unless both would listen at the same place. When one does not start the reload is
   * over. Resolves when it is; one that is asked for meanwhile begins behind it.
   */
  reload(): Promise<void> {
    this.#reloadsAgain = this.#reloading !== undefined;
    this.#reloading ??= this.#reload().finally(() => (this.#reloading = undefined));
    return this.#reloading;
  }

  async #reload(): Promise<void> {
    do {
      this.#reloadsAgain = false;
      for (const place of this.#places) {
        if (this.#isStopped) return;
        if (!(await this.#replace(place))) break;
      }
    } while (this.#reloadsAgain);
  }

  /** Whether the one of a number runs the code of now. */
  async #replace(place: Place): Promise<boolean> {
    const { fixed, events } = this.#options;
    if (fixed) await this.#leave(place)?.exited;
    if (this.#isStopped) return false;
    const server = this.#launch(place);
    // From here on its end is looked after; beside another it is nobody's place yet.
    if (fixed) this.#take(place, server);
    else place.next = server;
    let worker: Worker;
    try {
      worker = { ...(await this.#ready(server)), pid: server.pid };
    } catch (thrown) {
      place.next = undefined;
      if (this.#isStopped) return false;
      const error = GeeError.from(thrown);
      if (!fixed) this.#retired.retire(server, this.#served.has(server));
      // One in a place of its own that hangs starts again as any that ends.
      else if (error.reason === notReady && !this.#served.has(server)) server.kill();
      events.failed(place.number, error, !fixed && place.server !== undefined);
      return false;
    }
    place.next = undefined;
    if (this.#isStopped) return false;
    const old = fixed ? undefined : this.#leave(place);
    if (!fixed) this.#take(place, server);
    place.failures = 0;
    await old?.withdrawn;
    events.replaced(place.number, worker);
    // One by one: the next only when this one has finished its calls.
    await old?.exited;
    return true;
  }

  async #ready(server: ChildServer): Promise<Served> {
    const late = Promise.withResolvers<never>();
    const timer = this.#options.clock.after(maxStartMs, () => late.reject(tooLate()));
    try {
      return await Promise.race([server.ready, late.promise]);
    } finally {
      timer.cancel();
    }
  }

  /** Has whoever is in a place leave it. */
  #leave(place: Place): ChildServer | undefined {
    const { server } = place;
    place.timer?.cancel();
    place.timer = undefined;
    place.server = undefined;
    if (server !== undefined) this.#retired.retire(server, this.#served.has(server));
    return server;
  }

  // -------------------------------------------------------------- ending

  /** Drains everybody, all at once; resolves with whether all of them have ended as they should. */
  async stop(): Promise<boolean> {
    this.#isStopped = true;
    for (const place of this.#places) {
      if (place.next !== undefined) this.#retired.retire(place.next, this.#served.has(place.next));
      this.#leave(place);
    }
    const isClean = await this.#retired.ended();
    await Promise.all([...this.#dead].map(({ withdrawn }) => withdrawn));
    return isClean;
  }

  /** Ends everybody now. */
  kill(): void {
    this.#retired.kill();
  }
}

function stopped(): GeeError {
  return new GeeError("UNAVAILABLE", "the workers are being stopped", { executed: "no" });
}

function tooLate(): GeeError {
  const text = `it was not ready within ${maxStartMs / 1_000}s`;
  return new GeeError("DEADLINE_EXCEEDED", text, { reason: notReady, executed: "no" });
}
