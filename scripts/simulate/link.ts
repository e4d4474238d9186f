import { GeeError } from "../../src/base/errors.ts";
import type { Timer } from "../../src/base/time.ts";
import type { Link, LinkEvents } from "../../src/wire/link.ts";
import type { Machine } from "./machine.ts";

/** How long a peer may take to close after we have, as in `net/socket.ts`. */
const lingerMs = 1_000;

/** Small pieces are cut from a larger one: making a buffer of its own for each takes longer. */
const slabBytes = 65_536;
let slab = new ArrayBuffer(slabBytes);
let slabUsed = 0;

/** A copy that nobody writes to again. */
function copyOf(bytes: Uint8Array, start: number, end: number): Buffer {
  const size = end - start;
  if (size > slabBytes / 16) return Buffer.from(bytes.subarray(start, end));
  if (slabUsed + size > slabBytes) {
    slab = new ArrayBuffer(slabBytes);
    slabUsed = 0;
  }
  const copy = Buffer.from(slab, slabUsed, size);
  slabUsed += size;
  for (let at = 0; at < size; at++) copy[at] = bytes[start + at] ?? 0;
  return copy;
}

/** What travels: bytes, "no more bytes will come", "the connection is gone". */
type Piece = Buffer | "end" | "reset";

/**
 * One end of a simulated connection. It treats its owner as `net/socket.ts` does, and its bytes take
 * time, in order. What arrives at a process that is stopped, or has not accepted yet, waits there;
 * what is sent to or from a machine that is cut off waits until it is not, as TCP sends it again.
 * There is always room: no write is short.
 */
export class SimulatedLink implements Link {
  readonly peer: string;
  readonly local = false;
  readonly #machine: Machine;
  #other: SimulatedLink = this;
  #events: LinkEvents | undefined;
  readonly #pieces: Piece[] = [];
  /** How many of them have arrived. */
  #arrived = 0;
  /** When the last of them arrives: none overtakes another. */
  #lastAt = 0;
  #paused = false;
  #ended = false;
  #closed = false;
  #linger: Timer | undefined;

  constructor(machine: Machine, peer: string) {
    this.#machine = machine;
    this.peer = peer;
    machine.links.add(this);
  }

  /** Joins two ends. */
  static join(left: SimulatedLink, right: SimulatedLink): void {
    left.#other = right;
    right.#other = left;
  }

  /** From now on `events` hears of this end; what came before waits for it. */
  open(events: LinkEvents): void {
    this.#events = events;
    this.pump();
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    if (this.#closed || this.#ended) return 0;
    this.#send(copyOf(bytes, start, end));
    return end - start;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#machine.network.clock.after(0, this.#pumpLater);
  }

  readonly #pumpLater = (): void => this.pump();

  end(): void {
    if (this.#closed || this.#ended) return;
    this.#paused = false;
    this.#sendEnd();
    this.#linger = this.#machine.clock.after(lingerMs, () => this.close());
  }

  close(): void {
    if (this.#closed) return;
    this.#send("reset");
    this.#tell(new GeeError("UNAVAILABLE", "connection closed", { reason: "CLOSED" }));
  }

  /** The process was killed: its kernel says so, and its own side hears nothing any more. */
  killed(): void {
    if (this.#closed) return;
    this.#send("reset");
    this.#closed = true;
    this.#forget();
  }

  #sendEnd(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#send("end");
  }

  #send(piece: Piece): void {
    const other = this.#other;
    if (other.#closed) return;
    const { network } = this.#machine;
    other.#pieces.push(piece);
    other.#lastAt = Math.max(other.#lastAt, network.clock.now() + network.delayMs());
    network.clock.after(other.#lastAt - network.clock.now(), other.#arrive);
  }

  /** One event for each piece. */
  readonly #arrive = (): void => {
    this.#arrived++;
    this.pump();
  };

  /** Hands over what has arrived, as far as the way is open and the process takes it. */
  pump(): void {
    while (this.#arrived > 0 && !this.#closed) {
      const events = this.#events;
      const { clock, isCut } = this.#machine;
      if (isCut || this.#other.#machine.isCut || clock.state !== "runs") return;
      if (this.#paused || events === undefined) return;
      this.#arrived--;
      const piece = this.#pieces.shift();
      if (piece === undefined) return;
      if (typeof piece === "object") events.data(piece);
      else this.#lost(piece);
    }
  }

  /** Hands over what has arrived at the other end. */
  pumpOther(): void {
    this.#other.pump();
  }

  #lost(piece: "end" | "reset"): void {
    const message =
      piece === "end" ? `${this.peer} closed the connection` : `connection lost to ${this.peer}`;
    // Calls cannot be answered half-way: our side closes as well.
    if (piece === "end") this.#sendEnd();
    this.#tell(new GeeError("UNAVAILABLE", message, { reason: "CONNECTION_LOST" }));
  }

  #tell(why: GeeError): void {
    this.#closed = true;
    this.#forget();
    this.#events?.closed(why);
  }

  #forget(): void {
    this.#linger?.cancel();
    this.#pieces.length = 0;
    this.#arrived = 0;
    this.#machine.links.delete(this);
  }
}
