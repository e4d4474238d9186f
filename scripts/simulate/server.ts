import type { Address } from "../../src/base/address.ts";
import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { Turns } from "../../src/base/turns.ts";
import { memberAt } from "../../src/discovery/member.ts";
import { Admission } from "../../src/rpc/admission.ts";
import { callContext } from "../../src/rpc/context.ts";
import { createServerHello } from "../../src/rpc/greeting.ts";
import { KeyStore } from "../../src/rpc/key-store.ts";
import { NestedCalls } from "../../src/rpc/nested-calls.ts";
import { createServiceTable } from "../../src/rpc/service.ts";
import { Session } from "../../src/rpc/session.ts";
import type { SessionHost } from "../../src/rpc/session.ts";
import { StartClock } from "../../src/rpc/start-clock.ts";
import { Shutdown } from "../../src/rpc/shutdown.ts";
import { Upkeep } from "../../src/rpc/upkeep.ts";
import type { Listening, Machine } from "./machine.ts";
import type { Listed, SimulatedRegistry } from "./registry.ts";
import type { ProcessClock } from "./time.ts";
import type { SimulatedClient } from "./client.ts";
import { Workplace } from "./work.ts";

/** What a server is. */
export interface ServerFacts {
  /** Default `Work`. */
  readonly service?: string;
  /** What a call takes on average: half of it always, the rest by chance (exponential). Default 5. */
  readonly serviceMs?: number;
  /** Calls that it works on at once; others wait in line. Default 16. */
  readonly slots?: number;
  readonly weight?: number;
  readonly zone?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** `Service.Method`s that it calls for every call, when its own work is done. */
  readonly calls?: string;
  /** How it takes connections. */
  readonly listening?: Omit<Listening, "accept">;
}

/**
 * How a call fails: its handler throws, which is an answer and final; it is turned away unstarted, as
 * by a server with too much to do; the connection that it came on is gone before the answer.
 */
export type Failure = "throw" | "refuse" | "reset";

/** What the world gives to a server. */
export interface ServerParts {
  readonly number: number;
  readonly machine: Machine;
  readonly registry: SimulatedRegistry;
  readonly random: () => number;
  /** Shared where a wheel for each would take too much memory; undefined for one of its own. */
  readonly deadlines: Deadlines | undefined;
  /** Makes the calls of `calls`. */
  readonly client: SimulatedClient | undefined;
  /** A handler runs for this call. */
  readonly ran: (call: number) => void;
}

/** Of a process that may be stopped, and without the tick by which a real one finds that out. */
class ProcessTurns extends Turns {
  readonly #clock: ProcessClock;

  constructor(clock: ProcessClock) {
    super(clock);
    this.#clock = clock;
  }

  override watch(): void {}
  override unwatch(): void {}
  override arrivalOf(now: number): number {
    return this.#clock.arrivalOf(now);
  }
}

/** A server: the answering half as `serve` makes it, without sockets, and handlers that take time. */
export class SimulatedServer {
  readonly number: number;
  readonly address: Address;
  readonly machine: Machine;
  readonly listed: Listed;
  /** What it does takes so many times as long. */
  slowdown = 1;
  /** ... and this share of its calls ten times as long again, by chance. */
  slowShare = 0;
  /** The share of its calls that fail, ... */
  failShare = 0;
  /** ... how, ... */
  failBy: Failure = "throw";
  /** ... and how long those that are started take; undefined: as long as others. */
  failMs: number | undefined;
  /** Calls that have reached it, those that it turned away among them. */
  attempts = 0;
  /** Since when nothing is wrong with it; undefined while something is, or nobody has heard of it. */
  wellSince: number | undefined;
  readonly #facts: ServerFacts;
  readonly #parts: ServerParts;
  readonly #place: Workplace;
  readonly #sessions: ReadonlySet<Session>;
  readonly #shutdown: Shutdown;
  #isRefusing = false;

  constructor(facts: ServerFacts, parts: ServerParts) {
    const { number, machine } = parts;
    const { clock } = machine;
    const { service = "Work", slots = 16, weight = 1, zone, tags } = facts;
    this.#facts = facts;
    this.#parts = parts;
    this.number = number;
    this.machine = machine;
    this.address = machine.address;
    const id = number.toString(16).padStart(32, "0");
    this.listed = {
      ...memberAt(this.address),
      id,
      services: [service],
      weight,
      zone,
      tags,
      revision: 1,
    };
    this.#place = new Workplace(clock, slots);
    const admission = new Admission(limits.maxConnections, clock);
    const upkeep = new Upkeep<Session>({ clock, random: parts.random });
    this.#sessions = upkeep.sessions;
    const table = createServiceTable(
      {
        [service]: { Do: (call: number) => this.#do(call), Once: (call: number) => this.#do(call) },
      },
      { [service]: { Do: { idempotent: true } } },
    );
    const { client } = parts;
    const refuses = (): boolean => this.#refuses();
    const host: SessionHost = {
      clock,
      deadlines: parts.deadlines ?? new Deadlines(clock),
      turns: new ProcessTurns(clock),
      starts: new StartClock(clock),
      log: silentLog,
      table,
      hello: createServerHello(table, id),
      keys: new KeyStore(clock),
      nested: client ?? new NestedCalls(undefined),
      maxInFlight: limits.maxInFlight,
      // Asked once for each call that could be started.
      get maxRunningHandlers() {
        return refuses() ? 0 : limits.maxRunningHandlers;
      },
      detached: new Set(),
      running: 0,
      draining: false,
      greeted: (session) => admission.greeted(session.channel),
      changed: (session) => {
        if (session.isClosed && upkeep.remove(session)) admission.left(session.channel);
        this.#shutdown.look();
      },
    };
    this.#shutdown = new Shutdown(clock, host, this.#sessions);
    machine.listen({
      ...facts.listening,
      accept: (link) => {
        const session = new Session(link, host);
        upkeep.add(session);
        const refusal = admission.enter(session.channel);
        if (refusal !== undefined) queueMicrotask(() => session.channel.refuse(refusal));
        return session.channel;
      },
    });
  }

  /** Makes its handlers' calls. */
  get client(): SimulatedClient | undefined {
    return this.#parts.client;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sessions.size;
  }

  /** Whether the next call is turned away. A refusal is asked for twice: by the rule and its words. */
  #refuses(): boolean {
    if (this.failBy !== "refuse") return false;
    this.#isRefusing = !this.#isRefusing && this.#fails();
    if (this.#isRefusing) this.attempts++;
    return this.#isRefusing;
  }

  #fails(): boolean {
    return this.failShare > 0 && this.#parts.random() < this.failShare;
  }

  #do(call: number): Promise<unknown> {
    const { random, ran } = this.#parts;
    const { serviceMs = 5, calls } = this.#facts;
    this.attempts++;
    ran(call);
    const fails = this.failBy !== "refuse" && this.#fails();
    const times = this.slowShare > 0 && random() < this.slowShare ? 10 : 1;
    const usualMs = times * this.slowdown * serviceMs * (0.5 - 0.5 * Math.log(1 - random()));
    const takesMs = fails ? (this.failMs ?? usualMs) : usualMs;
    const context = callContext();
    const { peer } = context;
    return new Promise((resolve, reject) => {
      this.#place.add(takesMs, () => {
        if (fails && this.failBy === "reset") this.machine.reset(peer);
        if (fails) reject(new GeeError("UNAVAILABLE", "out of order", { reason: "OUT_OF_ORDER" }));
        else if (calls === undefined) resolve(this.number);
        else resolve(context.call(calls, [call]));
      });
    });
  }

  // -------------------------------------------------------------- what happens to it

  /** Its registry hears of it from now on. `old`: and has for long. */
  announce(old: boolean): void {
    this.#isWell(true);
    this.#parts.registry.beats(this.listed, old);
  }

  #isWell(well: boolean): void {
    this.wellSince = well ? this.machine.clock.now() : undefined;
  }

  /** From now on calls fail. */
  fail(share: number, by: Failure, failMs?: number): void {
    this.#isWell(share === 0);
    this.failShare = share;
    this.failBy = by;
    this.failMs = failMs;
  }

  /** SIGTERM. */
  drain(): void {
    this.#isWell(false);
    void this.#shutdown.run(
      { lameDuckMs: limits.lameDuckMs, drainTimeoutMs: limits.drainTimeoutMs },
      {
        withdraw: () => this.#parts.registry.withdraw(this.listed.id),
        stopListening: () => this.machine.stopListening(),
        dispose: () => Promise.resolve(),
      },
    );
  }

  /** SIGKILL. */
  kill(): void {
    this.#isWell(false);
    this.machine.kill();
    this.#parts.registry.silent(this.listed.id);
  }

  /** SIGSTOP. */
  stop(): void {
    this.#isWell(false);
    this.machine.stop();
    this.#parts.registry.silent(this.listed.id);
  }

  /** SIGCONT. */
  resume(): void {
    this.#isWell(true);
    this.machine.resume();
    this.#parts.registry.beats(this.listed);
  }

  /** Nobody can reach it, and it reaches nobody. */
  cut(): void {
    this.#isWell(false);
    this.machine.cut();
    this.#parts.registry.silent(this.listed.id);
  }

  /** That is over. */
  heal(): void {
    this.#isWell(true);
    this.machine.heal();
    this.#parts.registry.beats(this.listed);
  }
}
