import { parseEndpoint } from "../base/address.ts";
import type { Address, Endpoint } from "../base/address.ts";
import type { Deadlines } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { backoffMs, sleep } from "../base/time.ts";
import type { Clock } from "../base/time.ts";
import type { ServerHello } from "../wire/hello.ts";
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

/** What all lanes of a pool share. */
export interface LaneOptions {
  readonly open: OpenLink;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly random: () => number;
  readonly maxMessageBytes: number;
  /** For tests: where the call ids of every connection begin. Default 1. */
  readonly firstCallId?: number | undefined;
  /** How many connections a lane may have at once. */
  readonly maxConnections: number;
  /** Aborts when nothing is to be dialled any more. */
  readonly closing: AbortSignal;
  /**
   * The server has said hello. What it gives is awaited before anybody uses the connection; it must
   * not reject.
   */
  readonly greeted?: ((connection: Connection) => Promise<void> | undefined) | undefined;
  /** A connection is open; told before anybody uses it. */
  opened(connection: Connection): void;
}

function notAsked(address: Address): GeeError {
  return new GeeError("UNAVAILABLE", `${address} is not asked any more`, {
    reason: "CONNECT_FAILED",
    executed: "no",
  });
}

const redial = { minMs: limits.redialMinMs, maxMs: limits.redialMaxMs };

/**
 * The connections to one target. There is one, dialled when it is first needed and again when it is
 * lost; a further one is dialled when half of what the server takes on each is in flight. Whoever
 * asks while the first is being dialled shares that dial. After a failure the next dial waits, and so
 * do those who ask: a server that is back is found within `limits.redialMaxMs`, and one that is not
 * is not hammered.
 */
export class Lane {
  readonly target: Target;
  readonly #options: LaneOptions;
  /** Those that are greeted and not closed; the first is the one to look at first. */
  readonly #connections: Connection[] = [];
  #dialling: Promise<Connection> | undefined;
  #isResting = false;
  /** When the last dial began. */
  #dialledAt = 0;
  /** Its connection, from the socket's opening to the end of the greeting. */
  #greeting: Connection | undefined;
  #hello: ServerHello | undefined;
  #failures = 0;
  /** No dial before this moment. */
  #notBefore = 0;
  /** The first connection's next id at the last look. */
  #idBefore = 0;
  /** The target is listed no more. */
  #isForgotten = false;

  constructor(target: Target, options: LaneOptions) {
    this.target = target;
    this.#options = options;
  }

  /** A connection that takes a call now; undefined when there is none. */
  get ready(): Connection | undefined {
    const first = this.#connections[0];
    return first?.hasRoom === true ? first : this.#roomiest();
  }

  /** A connection that takes a call: itself when one is ready, else a promise of one. */
  connect(): Connection | Promise<Connection> {
    return this.ready ?? this.#dial();
  }

  /** What the server said last; undefined before it was reached. */
  get hello(): ServerHello | undefined {
    return this.#hello;
  }

  /** Whether a connection is being made. */
  get isDialling(): boolean {
    return this.#dialling !== undefined;
  }

  /**
   * Whether better another is asked first: the last dial failed and none has succeeded since, this one
   * takes long, or the server has fallen silent.
   */
  get isFailing(): boolean {
    let isStale = false;
    for (const connection of this.#connections) {
      if (connection.usable) return false;
      isStale ||= connection.isStale;
    }
    return isStale || this.#failures > 0 || this.#dialIsSlow;
  }

  /**
   * Dials a failing target again, after its wait, for calls to come; nobody waits for it now. What
   * becomes of a dial that fails is told to `failed`.
   */
  retry(failed: (error: GeeError) => void): void {
    if (this.#dialling !== undefined || this.ready !== undefined) return;
    this.#dial().catch((error: unknown) => failed(GeeError.from(error, "no")));
  }

  /** Dials, when no dial is under way; hears when there is a connection, or why there is none. */
  whenConnected(connected: () => void, failed: (error: GeeError) => void): void {
    if (this.#dialling !== undefined) return;
    this.#dial().then(connected, (error: unknown) => failed(GeeError.from(error, "no")));
  }

  /** Others are asked now: a dial that still waits for its time is given up. */
  rest(): void {
    this.#isResting = true;
  }

  /** Calls that wait for an answer. */
  get inFlight(): number {
    return this.#connections.reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  /** The target is listed no more: its connections close when what is in flight is answered. */
  forget(): void {
    this.#isForgotten = true;
    for (const connection of [...this.#connections]) connection.drain();
  }

  /** The connection that is being greeted is closed: nobody is going to use it. */
  abandonDial(why: GeeError): void {
    this.#greeting?.close(why);
  }

  /**
   * Closes what has not been used since the last look: everything when no call was made, else those
   * beyond the first that idle.
   */
  closeIdle(): void {
    // Calls go to the first as long as it has room.
    const nextId = this.#connections[0]?.ids.nextId ?? 0;
    const isIdle = nextId === this.#idBefore && this.inFlight === 0;
    this.#idBefore = nextId;
    const spare = isIdle ? [...this.#connections] : this.#connections.slice(1);
    for (const connection of spare) if (connection.inFlight === 0) connection.drain();
  }

  /** The one that holds the fewest calls; a further one is dialled when all are half full. */
  #roomiest(): Connection | undefined {
    let best: Connection | undefined;
    let count = 0;
    for (const connection of this.#connections) {
      if (!connection.usable) continue;
      count++;
      if (best === undefined || connection.ids.held < best.ids.held) best = connection;
    }
    if (best === undefined || best.hasRoom) return best;
    const { maxConnections, closing } = this.#options;
    if (count < maxConnections && this.#dialling === undefined && !closing.aborted) {
      // Nobody waits for it: the calls go on where they are, and a failure is seen at the next dial.
      this.#dial().catch(() => {});
    }
    return best;
  }

  get #dialIsSlow(): boolean {
    const { clock } = this.#options;
    return this.#dialling !== undefined && clock.now() - this.#dialledAt >= limits.slowDialMs;
  }

  #dial(): Promise<Connection> {
    if (this.#dialling === undefined) {
      this.#isResting = false;
      this.#dialledAt = this.#options.clock.now();
      this.#dialling = this.#connect();
    }
    return this.#dialling;
  }

  async #connect(): Promise<Connection> {
    const { clock, deadlines, closing, firstCallId, maxMessageBytes, random } = this.#options;
    try {
      const waitMs = this.#notBefore - clock.now();
      if (waitMs > 0) await sleep(clock, waitMs, { signal: closing });
      if (this.#isResting) throw notAsked(this.target.address);
      let connection: Connection | undefined;
      const { address, id: instance } = this.target;
      await this.#options.open(
        parseEndpoint(address),
        { timeoutMs: limits.connectTimeoutMs, signal: closing },
        (link) => {
          connection = new Connection(link, {
            clock,
            deadlines,
            instance,
            firstCallId,
            maxMessageBytes,
          });
          this.#greeting = connection;
          return connection.channel;
        },
      );
      if (connection === undefined) throw new Error("a link was opened and not attached");
      await connection.ready;
      const looked = this.#options.greeted?.(connection);
      if (looked !== undefined) await looked;
      this.#failures = 0;
      this.#take(connection);
      return connection;
    } catch (error) {
      this.#failures++;
      this.#notBefore = clock.now() + backoffMs(this.#failures, redial, random);
      const why = error instanceof GeeError ? error : GeeError.from(error, "no");
      throw why.withExecuted("no");
    } finally {
      this.#dialling = undefined;
      this.#greeting = undefined;
    }
  }

  #take(connection: Connection): void {
    this.#hello = connection.hello;
    // In front of one that takes no more calls, which is looked at no more then.
    if (this.#connections[0]?.usable === true) this.#connections.push(connection);
    else this.#connections.unshift(connection);
    this.#options.opened(connection);
    // Whoever waits for this dial still sends its call.
    if (this.#isForgotten) this.#options.clock.nextPhase(() => connection.drain());
    void connection.closedPromise.then(() => {
      const index = this.#connections.indexOf(connection);
      if (index >= 0) this.#connections.splice(index, 1);
    });
  }
}
