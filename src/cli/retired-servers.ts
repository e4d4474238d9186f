import type { Clock, Timer } from "../base/time.ts";
import type { ChildServer } from "./child-server.ts";

/** A server that hears of no signal is ended by force so long behind its own time. */
const graceMs = 5_000;

/** Settings of {@link RetiredServers}. */
export interface RetiredServersOptions {
  readonly clock: Clock;
  /** What a server may take to end. */
  readonly drainTimeoutMs: number;
  /** So many may be on their way out; the oldest one of more is ended by force. Default: any number. */
  readonly most?: number;
}

/** Servers that were told to end: they finish their calls, or are ended when their time is over. */
export class RetiredServers {
  readonly #options: RetiredServersOptions;
  /** In the order in which they were told, with what ends them by force. */
  readonly #ending: Map<ChildServer, Timer> = new Map();
  /** How those end of whom it matters. */
  readonly #ends: Map<ChildServer, Promise<boolean>> = new Map();

  constructor(options: RetiredServersOptions) {
    this.#options = options;
  }

  /**
   * Tells a server to end. Twice is fine.
   *
   * @param tookCalls whether it has anything to drain, and so ought to end with 0
   */
  retire(server: ChildServer, tookCalls: boolean): void {
    if (this.#ends.has(server)) return;
    const { clock, drainTimeoutMs, most = Number.POSITIVE_INFINITY } = this.#options;
    this.#ending.set(
      server,
      clock.after(drainTimeoutMs + graceMs, () => server.kill()),
    );
    this.#ends.set(server, this.#end(server, tookCalls));
    server.drain();
    const [oldest] = this.#ending.keys();
    if (this.#ending.size > most) oldest?.kill();
  }

  async #end(server: ChildServer, tookCalls: boolean): Promise<boolean> {
    const exitCode = await server.exited;
    this.#ending.get(server)?.cancel();
    this.#ending.delete(server);
    await server.withdrawn;
    this.#ends.delete(server);
    return exitCode === 0 || !tookCalls;
  }

  /**
   * Resolves when everybody who is on his way out now has ended and is on no list any more, with
   * whether all of them went as they should.
   */
  async ended(): Promise<boolean> {
    const clean = await Promise.all(this.#ends.values());
    return clean.every(Boolean);
  }

  /** Ends everybody now. */
  kill(): void {
    for (const server of this.#ending.keys()) server.kill();
  }
}
