import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import type { PolicyName } from "../../src/base/policy-name.ts";
import type { CallOptions } from "../../src/rpc/remote.ts";
import { seededRandom } from "../../test/wire/random-values.ts";
import { SimulatedClient } from "./client.ts";
import { createCore } from "./core.ts";
import { Meter, quantile } from "./meter.ts";
import { Network } from "./network.ts";
import { SimulatedRegistry } from "./registry.ts";
import { SimulatedServer } from "./server.ts";
import type { ServerFacts } from "./server.ts";
import { VirtualClock } from "./time.ts";

/** The deadline of every call. */
const timeoutMs = 2_000;
/** Servers up to which each has a timing wheel of its own. */
const ownWheels = 256;

/** What clients are. */
export interface ClientFacts {
  readonly policy?: PolicyName;
  /** They know the addresses of all servers that there are by now, and no registry. */
  readonly named?: boolean;
}

/** Calls that come by chance (a Poisson process), until it is stopped. */
export interface LoadFacts {
  readonly clients: readonly SimulatedClient[];
  readonly perSecond: number;
  /** Default `Work`. */
  readonly service?: string;
  /** The share of calls to `Once`, which may not run again, as `Do` may. Default 0.25. */
  readonly onceShare?: number;
  /** Made for each call. */
  readonly options?: () => CallOptions;
}

/** A call that has failed although it was not started anywhere is asked after these codes. */
const unservedCodes: ReadonlySet<string> = new Set(["UNAVAILABLE", "DEADLINE_EXCEEDED"]);
/** A server that has been well for so long before a call is one to which the call could have gone. */
const knownMs = 5_000;

/** A moment from which on something is looked at. */
export interface Mark {
  readonly at: number;
  readonly begun: number;
  readonly settled: number;
  readonly attempts: readonly number[];
}

/** What has happened since a mark. */
export interface Seen {
  readonly seconds: number;
  /** Calls that were begun. */
  readonly begun: number;
  /** Calls that have settled, and how many of those have failed. */
  readonly settled: number;
  readonly failed: number;
  /** Handlers that were started. */
  readonly attempts: number;
  /** The part of those that some servers had. */
  share(servers: readonly SimulatedServer[]): number;
  /** What settled calls took at the most, but for the slowest ones: 0.99 leaves out one in 100. */
  tookMs(quantile: number): number;
}

/** Servers, a registry, clients, and the time in which they live. */
export class World {
  readonly clock: VirtualClock = new VirtualClock();
  readonly network: Network;
  readonly registry: SimulatedRegistry;
  readonly meter: Meter = new Meter();
  readonly servers: SimulatedServer[] = [];
  readonly #random: () => number;
  readonly #deadlines: Deadlines = new Deadlines(this.clock);
  readonly #stops: (() => void)[] = [];
  #clients = 0;
  /** Calls that nobody started, though somebody could have. */
  #lost = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.network = new Network(this.clock, this.chance());
    this.registry = new SimulatedRegistry(this.clock, this.chance());
  }

  /** Chance of its own for one part, so that no other part's use of it changes what it gets. */
  chance(): () => number {
    return seededRandom(Math.floor(this.#random() * 2 ** 32));
  }

  /** Servers that listen; nobody has been told of them yet. */
  build(
    count: number,
    facts: ServerFacts = {},
    client?: SimulatedClient,
    place?: SimulatedServer,
  ): SimulatedServer[] {
    return Array.from({ length: count }, () => {
      const number = this.servers.length + 1;
      const host =
        place?.machine.host ?? `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
      const server = new SimulatedServer(facts, {
        number,
        machine: this.network.machine(host),
        registry: this.registry,
        random: this.chance(),
        deadlines: number > ownWheels ? this.#deadlines : undefined,
        client,
        ran: (call) => this.meter.ran(call),
      });
      this.servers.push(server);
      return server;
    });
  }

  /** Servers that listen and are listed. */
  serve(count: number, facts: ServerFacts = {}, client?: SimulatedClient): SimulatedServer[] {
    const servers = this.build(count, facts, client);
    for (const server of servers) server.announce(true);
    return servers;
  }

  /** Clients that have done nothing yet. */
  connect(count: number, facts: ClientFacts = {}): SimulatedClient[] {
    const { policy = "p2c", named = false } = facts;
    const addresses = named ? this.servers.map(({ address }) => address) : undefined;
    return Array.from({ length: count }, () => {
      const number = ++this.#clients;
      const host = `172.${16 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
      const machine = this.network.machine(host);
      const core = createCore({
        clock: this.clock,
        log: silentLog,
        deadlines: this.#deadlines,
        random: this.chance(),
        open: this.network.dialOf(machine),
        from: addresses ?? this.registry.client(),
        policy,
        timeoutMs,
      });
      return new SimulatedClient(machine, core);
    });
  }

  /** One call; its promise is kept when it has settled, with who answered. */
  call(client: SimulatedClient, method = "Work.Do", options: CallOptions = {}): Promise<unknown> {
    const { meter, clock } = this;
    const number = meter.begin(!method.endsWith(".Once"));
    const begunAt = clock.now();
    const allowedMs = options.timeoutMs ?? timeoutMs;
    const settled = (error: GeeError | undefined): void => {
      const tookMs = clock.now() - begunAt;
      // Timers are exact here.
      if (tookMs > allowedMs + 1) meter.late++;
      meter.end(tookMs, error);
      if (error !== undefined && this.#isLost(error, method, begunAt)) this.#lost++;
    };
    return client.call(method, [number], options).then(
      (answer) => {
        settled(undefined);
        return answer;
      },
      (error: unknown) => settled(GeeError.from(error)),
    );
  }

  /** Whether a call was started nowhere, though there was somebody to go to all the time. */
  #isLost({ executed, code }: GeeError, method: string, begunAt: number): boolean {
    if (executed !== "no" || !unservedCodes.has(code)) return false;
    const service = method.slice(0, method.indexOf("."));
    return this.servers.some(
      ({ wellSince = Infinity, listed }) =>
        wellSince <= begunAt - knownMs && listed.services?.includes(service) === true,
    );
  }

  /** Begins to call; returns what ends that. */
  load({ clients, perSecond, service = "Work", onceShare = 0.25, options }: LoadFacts): () => void {
    const random = this.chance();
    const [once, many] = [`${service}.Once`, `${service}.Do`];
    let runs = true;
    const next = (): void => {
      if (!runs) return;
      const client = clients[Math.floor(random() * clients.length)];
      const method = random() < onceShare ? once : many;
      if (client !== undefined) void this.call(client, method, options?.());
      plan();
    };
    const plan = (): void => {
      this.clock.after((-1_000 * Math.log(1 - random())) / perSecond, next);
    };
    plan();
    const stop = (): void => void (runs = false);
    this.#stops.push(stop);
    return stop;
  }

  /** Time passes. */
  run(forMs: number): void {
    this.clock.run(forMs);
  }

  /** Time passes in steps until something is so, for `maxMs` at most; returns how long that took. */
  runUntil(isSo: () => boolean, stepMs: number, maxMs: number): number {
    const begunAt = this.clock.now();
    while (!isSo() && this.clock.now() - begunAt < maxMs) this.run(stepMs);
    return this.clock.now() - begunAt;
  }

  mark(): Mark {
    return {
      at: this.clock.now(),
      begun: this.meter.begun,
      settled: this.meter.settled,
      attempts: this.servers.map(({ attempts }) => attempts),
    };
  }

  since(mark: Mark): Seen {
    const attempts = this.servers.map(
      (server, index) => server.attempts - (mark.attempts[index] ?? 0),
    );
    const sum = attempts.reduce((total, of) => total + of, 0);
    const took = Float64Array.from(this.meter.tookMs.from(mark.settled));
    return {
      seconds: (this.clock.now() - mark.at) / 1_000,
      begun: this.meter.begun - mark.begun,
      settled: took.length,
      failed: this.meter.failed.from(mark.settled).reduce((total, of) => total + of, 0),
      attempts: sum,
      share: (servers) =>
        servers.reduce((total, { number }) => total + (attempts[number - 1] ?? 0), 0) / sum,
      tookMs: (share) => quantile(took, share),
    };
  }

  /**
   * What must hold whatever happened: ends all load, waits for the calls that are under way, and
   * returns in words what is wrong; nothing when all is well.
   */
  wrongs(): readonly string[] {
    for (const stop of this.#stops) stop();
    this.run(timeoutMs + 1_000);
    const { begun, settled, late, ranTwice } = this.meter;
    const wrongs: readonly (readonly [count: number, what: string])[] = [
      [begun - settled, "calls never settled"],
      [late, "calls settled behind their deadline"],
      [ranTwice, "runs of calls that may run once and had run already"],
      [this.#lost, "calls that nobody started, though somebody could have"],
    ];
    return wrongs.flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`]));
  }
}
