import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/time.ts";
import type { Link } from "../wire/link.ts";

/** How long a connection is left to say hello before it may have to make room. */
const chanceMs = 1_000;

/** A connection as it is counted. */
export interface Admitted {
  readonly link: Link;
  /** Ends it before its hello, to make room. */
  refuse(why: GeeError): void;
}

function tooMany(reason: string, message: string): GeeError {
  return new GeeError("RESOURCE_EXHAUSTED", message, { reason, executed: "no" });
}

/** The address without its port: what connections of one peer have in common. */
export function hostOf(link: Link): string {
  const colon = link.peer.lastIndexOf(":");
  return colon < 0 ? link.peer : link.peer.slice(0, colon);
}

/**
 * How many connections a server has room for: in all, from one address, and without a hello. Of the
 * last the oldest makes room, because it had its chance; of the others the newest is refused.
 */
export class Admission {
  readonly #maxConnections: number;
  readonly #maxGreetings: number;
  #count = 0;
  readonly #byHost: Map<string, number> = new Map();
  readonly #clock: Clock;
  /** In the order of their coming, and when that was. */
  readonly #greeting: Map<Admitted, number> = new Map();

  constructor(maxConnections: number, clock: Clock) {
    this.#clock = clock;
    this.#maxConnections = maxConnections;
    this.#maxGreetings = Math.max(1, Math.floor(maxConnections / 4));
  }

  /** Counts a connection; returns why there is no room for it. `left` follows in either case. */
  enter(admitted: Admitted): GeeError | undefined {
    this.#count++;
    const now = this.#clock.now();
    this.#greeting.set(admitted, now);
    const ofHost = this.#countHost(admitted.link, 1);
    if (this.#count > this.#maxConnections) {
      return tooMany("TOO_MANY_CONNECTIONS", `${this.#maxConnections} connections are open`);
    }
    if (ofHost > limits.maxConnectionsPerAddress) {
      return tooMany(
        "TOO_MANY_CONNECTIONS",
        `${limits.maxConnectionsPerAddress} connections of ${hostOf(admitted.link)} are open`,
      );
    }
    if (this.#greeting.size > this.#maxGreetings) {
      const [oldest] = this.#greeting;
      // A crowd that comes at once is accepted before a word of any of them is read.
      if (oldest !== undefined && now - oldest[1] >= chanceMs) {
        oldest[0].refuse(
          tooMany("TOO_MANY_GREETINGS", `${this.#maxGreetings} others have not said hello either`),
        );
      }
    }
    return undefined;
  }

  /** A connection has said its hello. */
  greeted(admitted: Admitted): void {
    this.#greeting.delete(admitted);
  }

  /** A connection is closed. */
  left(admitted: Admitted): void {
    this.#count--;
    this.#greeting.delete(admitted);
    this.#countHost(admitted.link, -1);
  }

  /** How many connections of this address there are now; this machine's own are not counted. */
  #countHost(link: Link, change: 1 | -1): number {
    if (link.local) return 0;
    const host = hostOf(link);
    const count = (this.#byHost.get(host) ?? 0) + change;
    if (count > 0) this.#byHost.set(host, count);
    else this.#byHost.delete(host);
    return count;
  }
}
