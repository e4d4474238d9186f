import { GeeError } from "../../src/base/errors.ts";
import type { Link, LinkEvents } from "../../src/wire/link.ts";

/** How one end of a pair behaves. Everything has a default: bytes arrive whole, in a microtask. */
export interface MemoryLinkOptions {
  /** What {@link Link.peer} says. */
  readonly peer?: string;
  /** Default true. */
  readonly local?: boolean;
  /** Bytes that one write of this end takes at most, 1 or more; `drain` follows. Default: no limit. */
  readonly maxTakenBytes?: number;
  /** Bytes of this end that may be under way at once, as in a kernel. Default: no limit. */
  readonly roomBytes?: number;
  /** Bytes in one `data` event of this end at most. Default: one event for each write. */
  readonly chunkBytes?: number;
  /** By hand: nothing arrives at this end before somebody calls `deliver`. */
  readonly delivery?: "microtask" | "by hand";
}

/**
 * One end of a connection that lives in memory. It treats its owner as `net/socket.ts` does: events
 * come later and never from within a call, except that `close` tells its own side at once; `closed`
 * comes exactly once; `end` lets the other side read everything, hear `closed` and end as well. What
 * is under way when an end closes is lost. It knows no time: an end never lingers out.
 *
 * An exception that an owner throws from an event goes to whoever delivers, and fails the test.
 */
export class MemoryLink implements Link {
  readonly peer: string;
  readonly local: boolean;
  /** How often `write` was called. */
  writes = 0;
  /** How many bytes this end's owner was given by `data`. */
  deliveredBytes = 0;
  readonly #options: MemoryLinkOptions;
  #other: MemoryLink = this;
  #events: LinkEvents | undefined;
  #incoming: Uint8Array[] = [];
  #incomingBytes = 0;
  #peerEnded = false;
  #lost: GeeError | undefined;
  #paused = false;
  #ended = false;
  #closed = false;
  #owesDrain = false;
  #planned = false;

  constructor(options: MemoryLinkOptions = {}) {
    this.#options = options;
    this.peer = options.peer ?? "memory";
    this.local = options.local ?? true;
  }

  /** Joins two ends; for {@link linkPair}. */
  static join(left: MemoryLink, right: MemoryLink): void {
    left.#other = right;
    right.#other = left;
  }

  /** From now on `events` hears of this end. What came before waits for it. */
  open(events: LinkEvents): void {
    this.#events = events;
    this.#plan();
  }

  /** Whether `data` is held back. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Whether `closed` was told. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether `end` was called. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes that are under way to this end. */
  get incomingBytes(): number {
    return this.#incomingBytes;
  }

  // -------------------------------------------------------------- Link

  write(bytes: Uint8Array, start: number, end: number): number {
    this.writes++;
    if (this.#closed || this.#ended) return 0;
    const { maxTakenBytes = Number.POSITIVE_INFINITY } = this.#options;
    const taken = Math.min(end - start, maxTakenBytes, this.#room());
    // A copy: what is called slice shares memory when the bytes are a Buffer.
    if (taken > 0) this.#other.#arrive(new Uint8Array(bytes.subarray(start, start + taken)));
    if (taken < end - start) {
      this.#owesDrain = true;
      this.#plan();
    }
    return taken;
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
    this.#other.#peerEnded = true;
    this.#other.#plan();
  }

  close(): void {
    if (this.#closed) return;
    this.#other.#lose();
    this.#tell(new GeeError("UNAVAILABLE", "connection closed", { reason: "CLOSED" }));
  }

  // -------------------------------------------------------------- delivery

  /** The network breaks: this end hears of it with the next delivery. */
  #lose(): void {
    this.#lost ??= new GeeError("UNAVAILABLE", `connection lost to ${this.peer}`, {
      reason: "CONNECTION_LOST",
    });
    this.#plan();
  }

  /** Both ends lose the connection; what is under way is lost. */
  cut(): void {
    this.#lose();
    this.#other.#lose();
  }

  /** Delivers one event to this end; false when there is none to deliver. */
  deliver(): boolean {
    const events = this.#events;
    if (this.#closed || events === undefined) return false;
    if (this.#lost !== undefined) {
      this.#tell(this.#lost);
    } else if (this.#owesDrain && this.#room() > 0) {
      this.#owesDrain = false;
      events.drain();
    } else if (this.#paused) {
      return false;
    } else if (this.#incoming.length > 0) {
      const piece = this.#take();
      this.deliveredBytes += piece.length;
      this.#other.#plan();
      events.data(piece);
    } else if (this.#peerEnded) {
      this.#tell(
        new GeeError("UNAVAILABLE", `${this.peer} closed the connection`, {
          reason: "CONNECTION_LOST",
        }),
      );
      this.#other.#peerEnded = true;
      this.#other.#plan();
    } else {
      return false;
    }
    return true;
  }

  #room(): number {
    return (this.#options.roomBytes ?? Number.POSITIVE_INFINITY) - this.#other.#incomingBytes;
  }

  #arrive(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#incoming.push(bytes);
    this.#incomingBytes += bytes.length;
    this.#plan();
  }

  #take(): Uint8Array {
    const first = this.#incoming.shift() ?? new Uint8Array();
    const { chunkBytes = first.length } = this.#options;
    if (first.length > chunkBytes) this.#incoming.unshift(first.subarray(chunkBytes));
    const piece = first.slice(0, chunkBytes);
    this.#incomingBytes -= piece.length;
    return piece;
  }

  #tell(why: GeeError): void {
    this.#closed = true;
    this.#incoming = [];
    this.#incomingBytes = 0;
    this.#events?.closed(why);
  }

  /** At most one microtask waits; it delivers one event, and the next if there is one. */
  #plan(): void {
    if (this.#planned || this.#closed || this.#options.delivery === "by hand") return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      if (this.deliver()) this.#plan();
    });
  }
}

/** A connection: the end that a caller holds and the end that a server holds. */
export interface LinkPair {
  readonly caller: MemoryLink;
  readonly server: MemoryLink;
  /** Delivers by hand until nothing moves any more at either end. */
  deliver(): void;
}

/**
 * A connection in memory. The first options are for both ends, the others add to them for one. Each
 * end needs `open` before it hears of anything:
 *
 * ```ts
 * const { caller, server } = linkPair({ chunkBytes: 1 }, { server: { maxTakenBytes: 100 } });
 * caller.open(events); // a Channel, say
 * ```
 */
export function linkPair(
  both: MemoryLinkOptions = {},
  each: { readonly caller?: MemoryLinkOptions; readonly server?: MemoryLinkOptions } = {},
): LinkPair {
  const caller = new MemoryLink({ peer: "memory server", ...both, ...each.caller });
  const server = new MemoryLink({ peer: "memory caller", ...both, ...each.server });
  MemoryLink.join(caller, server);
  return {
    caller,
    server,
    deliver() {
      for (let moved = true; moved;) {
        moved = caller.deliver();
        moved = server.deliver() || moved;
      }
    },
  };
}
