import { isCallable } from "../base/address.ts";
import { GeeError } from "../base/errors.ts";
import { isOwnService, nearest } from "../base/names.ts";
import type { Member } from "../discovery/member.ts";
import type { Tags } from "../fleet/preference.ts";
import { ServiceFleet } from "./service-fleet.ts";
import type { FleetOptions } from "./service-fleet.ts";

/** Whom a call is for. */
export interface Wanted {
  readonly service: string;
  /** The one instance that may answer, by id. */
  readonly to: string | undefined;
}

/** The one fleet for the services that every server has of its own. No service has this name. */
const ownServices = "gee.";

/** Whether a member is known to serve; what every server has of its own is not listed. */
export function serves(member: Pick<Member, "services">, service: string): boolean {
  const { services } = member;
  return services !== undefined && (isOwnService(service) || services.includes(service));
}

/** Where people see who there is. */
function listOf(service: string): string {
  return isOwnService(service) ? "gee list" : `gee list ${service}`;
}

/** The members of a list by what they serve. What is known of a member outlives the list. */
export class Fleets {
  readonly #options: FleetOptions;
  /** The list that the rest was made from ... */
  #given: readonly Member[] = [];
  /** ... but for those that nobody can call from here. */
  #list: readonly Member[] = [];
  /** Services that somebody lists. */
  #listed: Set<string> = new Set();
  /** Those of them that were asked for. */
  readonly #byService: Map<string, ServiceFleet> = new Map();
  /** Members of which nobody knows what they serve. */
  readonly #old: ServiceFleet;
  /** The service that was asked for last, and what answers for it. No service's name is empty. */
  #lastName = "";
  #last: ServiceFleet;
  /** All of the list, for calls to one instance. */
  #everybody: ServiceFleet | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#old = new ServiceFleet(options);
    this.#last = this.#old;
  }

  /** Goes on with another list; false when it is the one that is known. */
  use(given: readonly Member[]): boolean {
    if (given === this.#given) return false;
    this.#given = given;
    const list = given.filter(({ address }) => isCallable(address));
    this.#list = list;
    this.#lastName = "";
    const { clock, pool, strangers } = this.#options;
    const now = clock.now();
    this.#listed = new Set(list.flatMap(({ services }) => services ?? []));
    for (const [service, fleet] of this.#byService) {
      if (this.#isListed(service)) fleet.use(this.#serving(service), now);
      else this.#byService.delete(service);
    }
    const old = list.filter(({ services }) => services === undefined);
    this.#old.use(old, now);
    this.#everybody?.use(list, now);
    strangers.keepOnly(new Set(old.map(({ address }) => address)));
    pool.keepOnly(list);
    return true;
  }

  #serving(service: string): readonly Member[] {
    return this.#list.filter((member) => serves(member, service));
  }

  /** Whoever lists anything has the services that every server has. */
  #isListed(service: string): boolean {
    return isOwnService(service) ? this.#listed.size > 0 : this.#listed.has(service);
  }

  /**
   * Who may answer: the members that list the service, else the old members, of which nobody knows
   * yet what they serve; for a call to one instance those among whom it is.
   */
  of({ service, to }: Wanted): ServiceFleet {
    const fleet = this.#of(service);
    if (to === undefined || fleet.find(to) !== undefined) return fleet;
    return this.all();
  }

  /** All members, whatever they serve. */
  all(): ServiceFleet {
    if (this.#everybody === undefined) {
      this.#everybody = new ServiceFleet(this.#options);
      this.#everybody.use(this.#list, this.#options.clock.now());
    }
    return this.#everybody;
  }

  #of(service: string): ServiceFleet {
    // Most programs call one service for a while; looking it up is a good part of finding a server.
    if (service === this.#lastName) return this.#last;
    const found = this.#find(service);
    this.#lastName = service;
    this.#last = found;
    return found;
  }

  #find(service: string): ServiceFleet {
    const name = isOwnService(service) ? ownServices : service;
    const known = this.#byService.get(name);
    if (known !== undefined) return known;
    // Only what is listed is remembered: a caller's own names must not fill the map.
    if (!this.#isListed(name)) return this.#old;
    const fleet = new ServiceFleet(this.#options);
    fleet.use(this.#serving(name), this.#options.clock.now());
    this.#byService.set(name, fleet);
    return fleet;
  }

  /** What is said when nobody may answer. */
  nobody({ service, to, tags }: Wanted & { readonly tags?: Tags | undefined }): GeeError {
    const isThere = to !== undefined && this.all().find(to) !== undefined;
    if (to !== undefined && !isThere) {
      return new GeeError("UNAVAILABLE", `no instance ${to} is registered`, {
        reason: "NO_INSTANCE",
        executed: "no",
        hint: `${listOf(service)} shows the instances`,
      });
    }
    if (tags !== undefined && (isThere || this.#of(service).size > 0)) {
      const wanted = Object.entries(tags).map(([name, value]) => `${name}=${value}`);
      const who = isThere ? `instance ${to} has not` : `no server of ${service} has`;
      return new GeeError("UNAVAILABLE", `${who} ${wanted.join(" and ")}`, {
        reason: isThere ? "NO_INSTANCE" : "NO_SERVER",
        executed: "no",
        hint: `${listOf(service)} --json shows the tags`,
      });
    }
    const near = nearest(service, this.#listed);
    return new GeeError("UNAVAILABLE", `no server of ${service} is registered`, {
      reason: "NO_SERVER",
      executed: "no",
      hint: near === undefined ? "gee list shows what is there" : `did you mean ${near}?`,
    });
  }

  /** Whether a fleet is that of old members, asked because nobody lists the service. */
  isGuess(fleet: ServiceFleet): boolean {
    return fleet === this.#old && fleet.size < this.#list.length;
  }
}
