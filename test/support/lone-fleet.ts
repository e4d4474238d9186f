import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import type { Member } from "../../src/discovery/member.ts";
import { policies } from "../../src/fleet/policies.ts";
import type { Backend } from "../../src/routing/backend.ts";
import { Fleets } from "../../src/routing/fleets.ts";
import { ServiceFleet } from "../../src/routing/service-fleet.ts";
import type { Choosing, FleetOptions } from "../../src/routing/service-fleet.ts";
import { Strangers } from "../../src/routing/strangers.ts";
import { Pool } from "../../src/rpc/pool.ts";
import { seededRandom } from "../wire/random-values.ts";
import { FakeClock } from "./clock.ts";
import { memoryLog } from "./memory-log.ts";
import { instanceAt } from "./scripted-site.ts";

/** What a call wants that wants nothing special. */
export const anybody: Choosing = {
  method: "Foo.Do",
  policy: undefined,
  hashKey: undefined,
  tags: undefined,
  to: undefined,
  stream: undefined,
};

/** How many of so many calls each port gets; "none" for those that nobody gets. */
export type Shares = Readonly<Record<string, number>>;

/** The fleet of one service, without a router. */
export interface LoneFleet {
  readonly clock: FakeClock;
  readonly fleet: ServiceFleet;
  readonly strangers: Strangers;
  readonly lines: readonly string[];
  /** Of 400 calls if not said. */
  shares(call?: Partial<Choosing>, calls?: number, tried?: ReadonlySet<Backend>): Shares;
}

/** A fleet of these members at 1,000 ms, which choose at random. All their lanes fail. */
export function loneFleet(
  members: readonly Member[],
  changes: Partial<FleetOptions> = {},
): LoneFleet {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const refused = new GeeError("UNAVAILABLE", "refused", { reason: "CONNECT_FAILED" });
  const pool = new Pool({
    clock,
    deadlines: new Deadlines(clock),
    random: () => 1,
    open: () => Promise.reject(refused),
  });
  const strangers = new Strangers(clock, log, false);
  const fleet = new ServiceFleet({
    clock,
    log,
    random: seededRandom(7),
    pool,
    strangers,
    policy: policies.random,
    zone: undefined,
    canary: undefined,
    seed: 1,
    subsetSize: 64,
    ...changes,
  });
  fleet.use(members, clock.now());
  return {
    clock,
    fleet,
    strangers,
    lines,
    shares(call = {}, calls = 400, tried = undefined) {
      const counts: Record<string, number> = {};
      for (let each = 0; each < calls; each++) {
        const backend = fleet.choose({ ...anybody, ...call }, clock.now(), tried);
        const port = backend === undefined ? "none" : portOf(backend);
        counts[port] = (counts[port] ?? 0) + 1;
      }
      return counts;
    },
  };
}

/** Fleets of a client that knows these members and dials nobody. */
export function fleetsOf(members: readonly Member[]): Fleets {
  const clock = new FakeClock();
  const fleets = new Fleets({
    clock,
    log: silentLog,
    random: () => 0.5,
    pool: new Pool({ clock, deadlines: new Deadlines(clock), open: () => new Promise(() => {}) }),
    strangers: new Strangers(clock, silentLog, false),
    policy: policies.p2c,
    zone: undefined,
    canary: undefined,
    seed: 7,
    subsetSize: 64,
  });
  fleets.use(members);
  return fleets;
}

/** The port of a member. */
export function portOf({ member }: Backend): string {
  return member.address.replace(/.*:/, "");
}

/** Who gets calls. */
export function who(shares: Shares): readonly string[] {
  return Object.keys(shares).sort();
}

/** The members at these ports. */
export function at(fleet: ServiceFleet, ...ports: readonly number[]): ReadonlySet<Backend> {
  return new Set(ports.flatMap((port) => fleet.find(instanceAt(port)) ?? []));
}

/** The first member of a fleet. */
export function firstOf({ first: [first] }: ServiceFleet): Backend {
  if (first === undefined) throw new Error("there is no member");
  return first;
}
