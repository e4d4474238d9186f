import { GeeError } from "../base/errors.ts";
import type { Clock } from "../base/time.ts";
import type { Link, LinkEvents } from "../wire/link.ts";

/**
 * So many events are told one microtask behind the other; then everything else has its turn, or two
 * ends that always have something to say would stop the process.
 */
const eventsPerTurn = 1_000;

/** What is under way to an end: bytes, or the word that no more will come. */
type Piece = Uint8Array | "end" | "reset";

/**
 * One end of a connection in memory. It treats its owner as `net/socket.ts` does: events come later
 * and never from within a call, except that `close` tells its own side at once; `closed` comes exactly
 * once. It needs no time, and there is always room: no write is short.
 */
export class MemoryLink implements Link {
  readonly peer: string;
  readonly local = true;
  readonly #clock: Clock;
  #other: MemoryLink = this;
  #events: LinkEvents | undefined;
  readonly #pieces: Piece[] = [];
  #paused = false;
  #ended = false;
  #closed = false;
  #isPlanned = false;
  #told = 0;

  constructor(peer: string, clock: Clock) {
    this.peer = peer;
    this.#clock = clock;
  }

  /** A connection: the end that a caller holds, and the end that a server holds. */
  static pair(clock: Clock): readonly [caller: MemoryLink, server: MemoryLink] {
    const caller = new MemoryLink("test server", clock);
    const server = new MemoryLink("test client", clock);
    caller.#other = server;
    server.#other = caller;
    return [caller, server];
  }

  /** From now on `events` hears of this end. What came before waits for it. */
  open(events: LinkEvents): void {
    this.#events = events;
    this.#plan();
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    if (this.#closed || this.#ended) return 0;
    // A copy: the buffer is the writer's again, and what arrives may be kept.
    this.#send(new Uint8Array(bytes.subarray(start, end)));
    return end - start;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#plan();
  }

  end(): void {
    if (this.#closed || this.#ended) return;
    this.#ended = true;
    this.resume();
    this.#send("end");
  }

  close(): void {
    if (this.#closed) return;
    this.#send("reset");
    this.#tell(new GeeError("UNAVAILABLE", "connection closed", { reason: "CLOSED" }));
  }

  #send(piece: Piece): void {
    const other = this.#other;
    if (other.#closed) return;
    // Of a connection that is gone nothing more is read.
    if (piece === "reset") other.#pieces.length = 0;
    other.#pieces.push(piece);
    other.#plan(piece === "reset");
  }

  /** At most one event is under way at a time. */
  #plan(evenPaused = false): void {
    if (this.#isPlanned || this.#closed || (this.#paused && !evenPaused)) return;
    this.#isPlanned = true;
    if (++this.#told % eventsPerTurn === 0) this.#clock.nextPhase(this.#deliver);
    else queueMicrotask(this.#deliver);
  }

  readonly #deliver = (): void => {
    this.#isPlanned = false;
    const [piece] = this.#pieces;
    if (this.#closed || this.#events === undefined || piece === undefined) return;
    if (piece === "reset") {
      this.#lost(`connection lost to ${this.peer}`);
      return;
    }
    if (this.#paused) return;
    this.#pieces.shift();
    if (piece !== "end") {
      this.#events.data(piece);
      this.#plan();
      return;
    }
    // Calls cannot be answered half-way: this side ends as well.
    if (!this.#ended) this.#send("end");
    this.#lost(`${this.peer} closed the connection`);
  };

  #lost(message: string): void {
    this.#tell(new GeeError("UNAVAILABLE", message, { reason: "CONNECTION_LOST" }));
  }

  #tell(why: GeeError): void {
    this.#closed = true;
    this.#pieces.length = 0;
    this.#events?.closed(why);
  }
}
