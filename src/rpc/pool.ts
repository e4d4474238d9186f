import { parseEndpoint } from "../base/address.ts";
import type { Address, Endpoint } from "../base/address.ts";
import type { Deadlines } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { backoffMs, sleep } from "../base/time.ts";
import type { Clock } from "../base/time.ts";
import type { Link, LinkEvents } from "../wire/link.ts";
import { Connection } from "./connection.ts";

/** Opens a link; handed in, because the protocol knows no sockets. */
export type OpenLink = (
  endpoint: Endpoint,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  attach: (link: Link) => LinkEvents,
) => Promise<void>;

/** Whom to reach: an address, and the instance that is meant there when the list gave one. */
export interface Target {
  readonly address: Address;
  readonly id?: string | undefined;
}

/** One target's connection, or the attempt at one. */
interface Slot {
  connection: Connection | undefined;
  connecting: Promise<Connection> | undefined;
  /** The connection of that attempt, from the socket's opening to the end of the greeting. */
  greeting: Connection | undefined;
  failures: number;
  /** No dial before this moment. */
  notBefore: number;
}

function keyOf({ address, id }: Target): string {
  return id === undefined ? address : `${address} ${id}`;
}

function closedByUs(): GeeError {
  return new GeeError("UNAVAILABLE", "the client is closed", { reason: "CLOSED", executed: "no" });
}

const redial = { minMs: limits.redialMinMs, maxMs: limits.redialMaxMs };

/**
 * One connection per target, dialled when it is first needed and again when it is lost. Whoever asks
 * while it is being dialled shares that dial. After a failure the next dial waits, and so do those
 * who ask: a server that is back is found within `limits.redialMaxMs`, and one that is not is not
 * hammered.
 */
export class Pool {
  readonly #open: OpenLink;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #random: () => number;
  readonly #firstCallId: number | undefined;
  readonly #maxMessageBytes: number;
  /** Every connection that is open, those that were replaced included. */
  readonly #connections: Set<Connection> = new Set();
  readonly #slots: Map<string, Slot> = new Map();
  readonly #closing = new AbortController();

  constructor(options: {
    readonly open: OpenLink;
    readonly clock: Clock;
    readonly deadlines: Deadlines;
    readonly random?: (() => number) | undefined;
    /** The largest message that is accepted. Default `limits.maxMessageBytes`. */
    readonly maxMessageBytes?: number | undefined;
    /** For tests: where the call ids of every connection begin. Default 1. */
    readonly firstCallId?: number | undefined;
  }) {
    this.#open = options.open;
    this.#clock = options.clock;
    this.#deadlines = options.deadlines;
    this.#random = options.random ?? Math.random;
    this.#firstCallId = options.firstCallId;
    this.#maxMessageBytes = options.maxMessageBytes ?? limits.maxMessageBytes;
  }

  /** The connection to a target: itself when it is ready, else a promise of it. */
  connection(target: Target): Connection | Promise<Connection> {
    const key = keyOf(target);
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = {
        connection: undefined,
        connecting: undefined,
        greeting: undefined,
        failures: 0,
        notBefore: 0,
      };
      this.#slots.set(key, slot);
    }
    if (slot.connection?.usable === true) return slot.connection;
    slot.connecting ??= this.#connect(target, key, slot);
    return slot.connecting;
  }

  /**
   * Whether better another is asked first: the last attempt failed and none has succeeded since, or
   * the server has fallen silent.
   */
  isFailing(target: Target): boolean {
    const slot = this.#slots.get(keyOf(target));
    if (slot === undefined || slot.connection?.usable === true) return false;
    return slot.failures > 0 || slot.connection?.isStale === true;
  }

  /**
   * Dials a failing target again, after its wait, for calls to come; nobody waits for it now. What
   * becomes of a dial that fails as well is told to `failed`.
   */
  retry(target: Target, failed: (error: GeeError) => void): void {
    if (this.#slots.get(keyOf(target))?.connecting !== undefined) return;
    const attempt = this.connection(target);
    if (attempt instanceof Promise) {
      attempt.catch((error: unknown) => failed(GeeError.from(error, "no")));
    }
  }

  /** Forgets targets that are listed no more; their connections close when they are idle. */
  keepOnly(targets: readonly Target[]): void {
    const keys = new Set(targets.map(keyOf));
    for (const [key, slot] of this.#slots) {
      if (keys.has(key) || slot.connecting !== undefined) continue;
      this.#slots.delete(key);
      slot.connection?.drain();
    }
  }

  async #connect(target: Target, key: string, slot: Slot): Promise<Connection> {
    const { signal } = this.#closing;
    try {
      const waitMs = slot.notBefore - this.#clock.now();
      if (waitMs > 0) await sleep(this.#clock, waitMs, { signal });
      let connection: Connection | undefined;
      const endpoint = parseEndpoint(target.address);
      await this.#open(endpoint, { timeoutMs: limits.connectTimeoutMs, signal }, (link) => {
        connection = new Connection(link, {
          clock: this.#clock,
          deadlines: this.#deadlines,
          instance: target.id,
          firstCallId: this.#firstCallId,
          maxMessageBytes: this.#maxMessageBytes,
        });
        slot.greeting = connection;
        return connection.channel;
      });
      if (connection === undefined) throw new Error("a link was opened and not attached");
      await connection.ready;
      slot.failures = 0;
      slot.connection = connection;
      const opened = connection;
      this.#connections.add(opened);
      void opened.closedPromise.then(() => {
        this.#connections.delete(opened);
        if (slot.connection === opened) slot.connection = undefined;
      });
      return opened;
    } catch (error) {
      slot.failures++;
      slot.notBefore = this.#clock.now() + backoffMs(slot.failures, redial, this.#random);
      const why = error instanceof GeeError ? error : GeeError.from(error, "no");
      throw why.withExecuted("no");
    } finally {
      slot.connecting = undefined;
      slot.greeting = undefined;
      // A slot that was forgotten meanwhile, or made by a closed pool, must not linger.
      if (signal.aborted) this.#slots.delete(key);
    }
  }

  /** Closes every connection: what is in flight fails. */
  closeNow(): void {
    for (const connection of [...this.#connections]) connection.close(closedByUs());
  }

  /** Opens no further connection, awaits what is in flight for `timeoutMs`, closes the rest. */
  async close(timeoutMs: number): Promise<void> {
    const why = closedByUs();
    this.#closing.abort(why);
    const slots = [...this.#slots.values()];
    this.#slots.clear();
    for (const slot of slots) slot.greeting?.close(why);
    const open = [...this.#connections];
    for (const connection of open) connection.drain();
    const timer = this.#clock.after(timeoutMs, () => this.closeNow());
    await Promise.all(open.map((connection) => connection.closedPromise));
    timer.cancel();
  }
}
