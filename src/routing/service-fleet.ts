import type { GeeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import { Ejection } from "../fleet/ejection.ts";
import type { Outcome } from "../fleet/endpoint.ts";
import { hashOf, mix } from "../fleet/hash.ts";
import { policies } from "../fleet/policies.ts";
import type { Policy } from "../fleet/policy.ts";
import { hasTags, Preference, withTags } from "../fleet/preference.ts";
import type { Canary, Tags } from "../fleet/preference.ts";
import { RetryBudget } from "../fleet/retry-budget.ts";
import type { StreamArgument } from "../rpc/call-request.ts";
import type { Backend } from "./backend.ts";
import { MethodNotes } from "./method-notes.ts";
import { Roster } from "./roster.ts";
import type { RosterOptions } from "./roster.ts";
import type { Strangers } from "./strangers.ts";

/** What the fleets of a client have in common. */
export interface FleetOptions extends RosterOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly strangers: Strangers;
  /** How a server is chosen for calls that do not say it. */
  readonly policy: Policy;
  /** Where this client is; members of the same zone are preferred. */
  readonly zone: string | undefined;
  /** Members on trial, and their part of the calls. */
  readonly canary: Canary | undefined;
}

/** What a choice heeds of a call. */
export interface Choosing {
  readonly method: string;
  readonly policy: Policy | undefined;
  readonly hashKey: string | undefined;
  /** What whoever answers must have; undefined = anybody may. */
  readonly tags: Tags | undefined;
  /** The one that may answer. */
  readonly to: string | undefined;
  /** The argument that is given item by item; undefined when none is. */
  readonly stream: StreamArgument | undefined;
}

/** Members that one call tries in a row, at most. */
const maxTried = 128;

/** The members that may answer the calls to one service, and what those calls have shown of them. */
export class ServiceFleet extends Roster {
  /** What retries and hedges may cost. */
  readonly budget: RetryBudget;
  readonly methods: MethodNotes = new MethodNotes();
  readonly #options: FleetOptions;
  readonly #ejection: Ejection<Backend>;
  readonly #preference: Preference<Backend>;
  /** Those of them that are not out, as of which list of all that are not. */
  #availablePart: readonly Backend[] = [];
  #partOf: readonly Backend[] = [];
  /** What a policy is given; one object for all picks. */
  readonly #pick: {
    now: number;
    random: () => number;
    turn: number;
    hashKey: string | undefined;
  };

  constructor(options: FleetOptions) {
    super(options);
    const { clock, log, random, zone, canary } = options;
    this.#options = options;
    this.budget = new RetryBudget(clock.now());
    this.#preference = new Preference({ zone, canary });
    this.#ejection = new Ejection({
      random,
      onEject: ({ member }, forMs, why) =>
        log.warn("a server fails; it gets no calls for a while", {
          address: member.address,
          forMs: Math.round(forMs),
          why,
        }),
      onReturn: ({ member }) => log.info("a server answers again", { address: member.address }),
    });
    // From a random start: many clients that begin together do not all begin with the same server.
    this.#pick = { now: 0, random, turn: Math.floor(random() * 2 ** 30), hashKey: undefined };
  }

  // -------------------------------------------------------------- choosing

  /**
   * Who gets a call: one of those that are asked first, by the policy, without those that are out or
   * cannot be reached while there are others. `tried` are out of the question; when nobody else is
   * left among the first, anybody else who is listed. Undefined when there is none.
   */
  choose(
    call: Choosing,
    now: number,
    tried: ReadonlySet<Backend> | undefined,
  ): Backend | undefined {
    const hasTried = tried !== undefined && tried.size > 0;
    if (call.to !== undefined) {
      const only = this.find(call.to);
      if (only === undefined || (hasTried && tried.has(only))) return undefined;
      return call.tags === undefined || hasTags(only, call.tags) ? only : undefined;
    }
    const list = hasTried
      ? this.#others(call, now, tried)
      : this.isLone && call.tags === undefined
        ? this.first
        : this.#wanted(call, now);
    const backend = this.#pickFrom(list, call, now);
    if (backend === undefined || this.#isWell(backend)) return backend;
    return this.#pickFrom(this.#reachable(list), call, now);
  }

  /** The same among those who have a connection that takes calls. */
  chooseConnected(
    call: Choosing,
    now: number,
    tried: ReadonlySet<Backend> | undefined,
  ): Backend | undefined {
    if (call.to !== undefined) return undefined;
    const list = this.#wanted(call, now).filter(
      (backend) => backend.lane.ready !== undefined && tried?.has(backend) !== true,
    );
    return this.#pickFrom(list, call, now);
  }

  /** Whether there is anybody who was not tried. */
  hasOther(call: Choosing, tried: ReadonlySet<Backend>): boolean {
    if (tried.size >= maxTried) return false;
    for (const backend of this.all) {
      if (tried.has(backend) || this.#options.strangers.error(backend.member)) continue;
      if (call.tags !== undefined && !hasTags(backend, call.tags)) continue;
      if (call.to === undefined || call.to === backend.member.id) return true;
    }
    return false;
  }

  /** Those whom a policy chooses from. */
  #wanted(call: Choosing, now: number): readonly Backend[] {
    const { tags } = call;
    let all = this.first;
    let available = this.#ejection.available(all, now);
    // A key has its place among all: two clients with a part each would not agree on it.
    if (this.first !== this.chosen && this.#policyOf(call) !== policies.hash) {
      all = this.chosen;
      available = this.#part(available);
    }
    const random = this.#chanceFor(call);
    if (tags === undefined) return this.#preference.of(available, all, random);
    const tagged = withTags(available, tags);
    if (tagged.length > 0) return this.#preference.of(tagged, withTags(all, tags), random);
    return withTags(this.first, tags);
  }

  /** Of those that are not out, this client's own; all of its own when too few of them are left. */
  #part(available: readonly Backend[]): readonly Backend[] {
    if (available === this.first) return this.chosen;
    if (available !== this.#partOf) {
      const isIn = new Set(available);
      const part = this.chosen.filter((backend) => isIn.has(backend));
      this.#partOf = available;
      this.#availablePart = part.length * 2 < this.chosen.length ? this.chosen : part;
    }
    return this.#availablePart;
  }

  /** What a preference draws by: of a key always the same, so that it stays where it is. */
  #chanceFor({ hashKey }: Choosing): () => number {
    if (hashKey === undefined) return this.#options.random;
    let chance = hashOf(hashKey);
    return () => (chance = mix(chance + 1)) / 2 ** 32;
  }

  /** The same without those that were tried; when nobody is left, whoever else there is. */
  #others(call: Choosing, now: number, tried: ReadonlySet<Backend>): readonly Backend[] {
    if (tried.size >= maxTried) return [];
    const isLeft = (backend: Backend): boolean => !tried.has(backend);
    let list = this.#wanted(call, now).filter(isLeft);
    for (const more of [this.chosen, this.first, this.all]) {
      if (list.length > 0) break;
      list = (call.tags === undefined ? more : withTags(more, call.tags)).filter(isLeft);
    }
    return list;
  }

  /** Whether a call can be sent there now, or as soon as a dial is done that nothing speaks against. */
  #isWell({ lane, member }: Backend): boolean {
    if (lane.ready !== undefined) return true;
    return !lane.isFailing && this.#options.strangers.error(member) === undefined;
  }

  /** Those that are not failing, else those that are; a stranger is none of them. */
  #reachable(list: readonly Backend[]): readonly Backend[] {
    const { strangers } = this.#options;
    const failing: Backend[] = [];
    const well: Backend[] = [];
    for (const backend of list) {
      const { member, lane } = backend;
      if (strangers.error(member) !== undefined) continue;
      if (!lane.isFailing) well.push(backend);
      else {
        failing.push(backend);
        // No call is sent there to find out whether it is back; a dial of its own does that.
        lane.retry((error) => strangers.noteFailure(member, error));
      }
    }
    return well.length > 0 ? well : failing;
  }

  #pickFrom(list: readonly Backend[], call: Choosing, now: number): Backend | undefined {
    if (list.length < 2) return list[0];
    const pick = this.#pick;
    pick.now = now;
    pick.turn++;
    pick.hashKey = call.hashKey;
    return list[this.#policyOf(call)(list, pick)];
  }

  /** What takes as long as its caller likes says nothing by the time that it takes. */
  #policyOf(call: Choosing): Policy {
    if (call.policy !== undefined) return call.policy;
    const { policy } = this.#options;
    if (policy !== policies.p2c) return policy;
    const streams = call.stream !== undefined || this.methods.isStream(call.method);
    return streams ? policies["least-in-flight"] : policy;
  }

  /** Why the first is left alone of which that is so; undefined when there is none. */
  strangeness(): GeeError | undefined {
    for (const { member } of this.all) {
      const error = this.#options.strangers.error(member);
      if (error !== undefined) return error;
    }
    return undefined;
  }

  // -------------------------------------------------------------- learning

  /** An attempt begins. */
  begin(backend: Backend, now: number): void {
    backend.begin(now);
    // Whoever has no other is not on probation: what its calls show is not noted either.
    if (!this.isLone) this.#ejection.begin(backend, now);
  }

  /** An attempt that was sent has ended. */
  note(backend: Backend, outcome: Outcome, now: number): void {
    const change = this.#ejection.note(backend, outcome, now);
    // Who is back is not given its whole share at once.
    if (change === "returned") backend.renew(now);
  }
}
