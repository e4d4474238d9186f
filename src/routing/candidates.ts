import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { nearest } from "../base/names.ts";
import type { Clock } from "../base/time.ts";
import type { Member } from "../discovery/member.ts";

/** Whom a call is for. */
export interface Wanted {
  readonly service: string;
  /** The one instance that may answer, by id. */
  readonly to: string | undefined;
}

/** An address that did not answer as a gee server does. */
interface Stranger {
  strikes: number;
  /** Left alone until then. */
  until: number;
  error: GeeError;
}

/** Connections that end without a hello until an address counts as a stranger's. */
const maxStrikes = 3;

/** Those to be asked first: who is up and takes new calls; else who is up; else all of them. */
function best(members: readonly Member[]): readonly Member[] {
  const up = members.filter(({ state }) => state === "up");
  const staying = up.filter(({ draining, weight }) => !draining && weight > 0);
  if (staying.length > 0) return staying;
  return up.length > 0 ? up : members;
}

/** Which members of a list may answer a call, and which addresses are left alone. */
export class Candidates {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #named: boolean;
  /** The list that the rest was made from. */
  #list: readonly Member[] = [];
  readonly #byService: Map<string, readonly Member[]> = new Map();
  /** Members of that list of which nobody knows what they serve. */
  #old: readonly Member[] = [];
  /** The first to be asked among them. */
  #firstOld: readonly Member[] = [];
  /** By address. */
  readonly #strangers: Map<string, Stranger> = new Map();

  /** `named`: the user named the addresses, so none of them is ever left alone. */
  constructor(clock: Clock, log: Log, named: boolean) {
    this.#clock = clock;
    this.#log = log;
    this.#named = named;
  }

  /** Goes on with another list; false when it is the one that is known. */
  use(list: readonly Member[]): boolean {
    if (list === this.#list) return false;
    this.#list = list;
    this.#byService.clear();
    this.#old = list.filter((member) => member.services === undefined);
    this.#firstOld = best(this.#old);
    const addresses = new Set<string>(this.#old.map((member) => member.address));
    for (const address of this.#strangers.keys()) {
      if (!addresses.has(address)) this.#strangers.delete(address);
    }
    return true;
  }

  /**
   * Who may answer: the members that list the service, else the old members, of which nobody knows
   * yet what they serve. One that drains is asked only when there is no other, and a suspect only
   * when nobody is up.
   */
  of({ service, to }: Wanted): readonly Member[] {
    if (to !== undefined) return this.#list.filter((member) => member.id === to);
    const known = this.#byService.get(service);
    if (known !== undefined) return known;
    if (this.#old.length === this.#list.length) return this.#firstOld;
    const found = best(this.#list.filter((member) => member.services?.includes(service) === true));
    if (found.length === 0) return this.#firstOld;
    // Only what is listed is remembered: a caller's own names must not fill the map.
    this.#byService.set(service, found);
    return found;
  }

  /** What is said when nobody may answer. */
  nobody({ service, to }: Wanted): GeeError {
    if (to !== undefined) {
      return new GeeError("UNAVAILABLE", `no instance ${to} is registered`, {
        reason: "NO_INSTANCE",
        executed: "no",
        hint: "gee list SERVICE shows the instances",
      });
    }
    const near = nearest(service, new Set(this.#list.flatMap((member) => member.services ?? [])));
    return new GeeError("UNAVAILABLE", `no server of ${service} is registered`, {
      reason: "NO_SERVER",
      executed: "no",
      hint: near === undefined ? "gee list shows what is there" : `did you mean ${near}?`,
    });
  }

  /** Whether candidates are old members that were asked because nobody lists the service. */
  areGuesses(candidates: readonly Member[]): boolean {
    return (
      candidates.every((member) => member.services === undefined) &&
      this.#old.length < this.#list.length
    );
  }

  /** Why an address is left alone; undefined when it is not. */
  strangerError(member: Member): GeeError | undefined {
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
