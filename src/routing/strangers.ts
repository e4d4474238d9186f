import type { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import type { Member } from "../discovery/member.ts";

/** An address that did not answer as a gee server does. */
interface Stranger {
  strikes: number;
  /** Left alone until then. */
  until: number;
  error: GeeError;
}

/** Connections that end without a hello until an address counts as a stranger's. */
const maxStrikes = 3;

/** Addresses of old members at which something answers that is no gee server. */
export class Strangers {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #named: boolean;
  /** By address. */
  readonly #strangers: Map<string, Stranger> = new Map();

  /** `named`: the user named the addresses, so none of them is ever left alone. */
  constructor(clock: Clock, log: Log, named: boolean) {
    this.#clock = clock;
    this.#log = log;
    this.#named = named;
  }

  /** Forgets all but those that are still listed. */
  keepOnly(addresses: ReadonlySet<string>): void {
    for (const address of this.#strangers.keys()) {
      if (!addresses.has(address)) this.#strangers.delete(address);
    }
  }

  /** Why an address is left alone; undefined when it is not. */
  error(member: Member): GeeError | undefined {
    if (this.#strangers.size === 0) return undefined;
    const stranger = this.#strangers.get(member.address);
    return stranger !== undefined && this.#clock.now() < stranger.until
      ? stranger.error
      : undefined;
  }

  /** An address has said hello: it is no stranger. */
  noteHello(member: Member): void {
    if (this.#strangers.size > 0) this.#strangers.delete(member.address);
  }

  /**
   * An old member that speaks something else is no gee server; nor is one that closes every
   * connection without a hello, as a GeeRPC server does (once may be a server that stops).
   */
  noteFailure(member: Member, error: GeeError): void {
    if (this.#named || member.services !== undefined) return;
    const wordless = error.reason === "NO_HELLO";
    if (error.reason !== "NOT_A_FRAME" && !wordless) return;
    const known = this.#strangers.get(member.address);
    // Calls that shared a dial share its error, and are one strike.
    if (known?.error === error) return;
    const stranger = known ?? { strikes: 0, until: 0, error };
    this.#strangers.set(member.address, stranger);
    stranger.error = error;
    stranger.strikes++;
    if (wordless && stranger.strikes < maxStrikes) return;
    stranger.strikes = 0;
    stranger.until = this.#clock.now() + limits.strangerMs;
    this.#log.warn("no gee server answers there; left alone for 5 minutes", {
      address: member.address,
      why: error.message,
    });
  }
}
