import type { Deadlines } from "../base/deadlines.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/time.ts";
import type { Connection } from "./connection.ts";
import { Lane } from "./lane.ts";
import type { LaneOptions, OpenLink, Target } from "./lane.ts";
import { clientClosed } from "./refusals.ts";

/** What a pool is made of. */
export interface PoolOptions {
  readonly open: OpenLink;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly random?: (() => number) | undefined;
  /** The largest message that is accepted. Default `limits.maxMessageBytes`. */
  readonly maxMessageBytes?: number | undefined;
  /** Connections to one server. Default `limits.maxConnectionsPerServer`. */
  readonly maxConnections?: number | undefined;
  /** Connections without a call for so long are closed. Default `limits.idleConnectionMs`. */
  readonly idleMs?: number | undefined;
  /** As in {@link LaneOptions}: what has to be done on a connection before anybody uses it. */
  readonly greeted?: LaneOptions["greeted"];
  /** For tests: where the call ids of every connection begin. Default 1. */
  readonly firstCallId?: number | undefined;
}

function keyOf({ address, id }: Target): string {
  return id === undefined ? address : `${address} ${id}`;
}

/** The lanes to all targets, and what they have in common: when they idle, and when all is over. */
export class Pool {
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #lane: LaneOptions;
  /** Every connection that is open, those of forgotten targets included. */
  readonly #connections: Set<Connection> = new Set();
  readonly #lanes: Map<string, Lane> = new Map();
  readonly #closing = new AbortController();
  #idleTimer: Timer | undefined;

  constructor(options: PoolOptions) {
    this.#clock = options.clock;
    this.#idleMs = options.idleMs ?? limits.idleConnectionMs;
    this.#lane = {
      open: options.open,
      clock: options.clock,
      deadlines: options.deadlines,
      random: options.random ?? Math.random,
      maxMessageBytes: options.maxMessageBytes ?? limits.maxMessageBytes,
      firstCallId: options.firstCallId,
      greeted: options.greeted,
      maxConnections: options.maxConnections ?? limits.maxConnectionsPerServer,
      closing: this.#closing.signal,
      opened: (connection) => this.#opened(connection),
    };
  }

  /** The lane to a target; made when it is first asked for, and nothing is dialled by that. */
  lane(target: Target): Lane {
    const key = keyOf(target);
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = new Lane(target, this.#lane);
      // One of a closed pool dials no more, and is not kept.
      if (!this.#closing.signal.aborted) this.#lanes.set(key, lane);
    }
    return lane;
  }

  /** Forgets targets that are listed no more; their connections close when they are idle. */
  keepOnly(targets: readonly Target[]): void {
    const keys = new Set(targets.map(keyOf));
    for (const [key, lane] of this.#lanes) {
      if (keys.has(key)) continue;
      this.#lanes.delete(key);
      lane.forget();
    }
  }

  #opened(connection: Connection): void {
    this.#connections.add(connection);
    this.#armIdle();
    void connection.closedPromise.then(() => this.#connections.delete(connection));
  }

  #armIdle(): void {
    this.#idleTimer ??= this.#clock.after(this.#idleMs, this.#lookForIdle, { background: true });
  }

  readonly #lookForIdle = (): void => {
    this.#idleTimer = undefined;
    for (const lane of this.#lanes.values()) lane.closeIdle();
    if (this.#connections.size > 0) this.#armIdle();
  };

  /** Closes every connection: what is in flight fails. */
  closeNow(): void {
    for (const connection of [...this.#connections]) connection.close(clientClosed("UNAVAILABLE"));
  }

  /** Opens no further connection, awaits what is in flight for `timeoutMs`, closes the rest. */
  async close(timeoutMs: number): Promise<void> {
    const why = clientClosed("UNAVAILABLE");
    this.#closing.abort(why);
    this.#idleTimer?.cancel();
    const lanes = [...this.#lanes.values()];
    this.#lanes.clear();
    for (const lane of lanes) lane.abandonDial(why);
    const open = [...this.#connections];
    for (const connection of open) connection.drain();
    const timer = this.#clock.after(timeoutMs, () => this.closeNow());
    await Promise.all(open.map((connection) => connection.closedPromise));
    timer.cancel();
  }
}
