import type { PolicyName } from "../../src/base/policy-name.ts";
import type { Result } from "./claim.ts";
import type { SimulatedServer } from "./server.ts";
import { World } from "./world.ts";

/** What the table says of one policy. */
export interface Row {
  readonly policy: PolicyName;
  /** Parts of the calls that went to those that are slow, and to those that fail. */
  readonly slow: number;
  readonly failing: number;
  /** Of all calls. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Attempts per call. */
  readonly attempts: number;
  readonly failed: number;
  readonly wrongs: Result["wrongs"];
}

/** What the rows of one table have in common. */
export interface Fleet {
  readonly members: number;
  readonly clients: number;
  readonly perSecond: number;
  /** How many are slow; as many fail. */
  readonly odd: number;
}

/** How long it is looked at, and the time before that. */
const warmMs = 5_000;
const learnMs = 5_000;
const seenMs = 12_000;

/** Each client remembers every member: with 10,000 of them that is 25 MB. */
const maxClients = 32;

/** Names by which calls of `hash` are told apart. */
const keys = 10_000;

/** A fleet of so many members, 3 at least, and its load. */
export function fleetOf(members: number): Fleet {
  return {
    members,
    clients: Math.min(Math.max(8, Math.ceil(members / 16)), maxClients),
    perSecond: Math.min(Math.max(10 * members, 200), 4_000),
    odd: Math.ceil(members / 100),
  };
}

/**
 * One policy in a fleet in which some are slow, as many fail in 1 ms, and others drain, join and are
 * cut off for a while, as far as there are so many.
 */
export function rowOf(fleet: Fleet, policy: PolicyName, seed: number): Row {
  const { members, clients, perSecond, odd } = fleet;
  const world = new World(seed);
  const servers = world.serve(members);
  const slow = servers.slice(0, odd);
  const failing = servers.slice(odd, 2 * odd);
  // At least one of three is well.
  const [draining, cut] = members > 4 ? servers.slice(2 * odd) : [];
  const random = world.chance();
  world.load({
    clients: world.connect(clients, { policy }),
    perSecond,
    options: () =>
      policy === "hash" ? { hashKey: String(Math.floor(random() * keys)) } : noOptions,
  });
  world.run(warmMs);
  for (const server of slow) server.slowdown = 10;
  for (const server of failing) server.fail(1, "throw", 1);
  world.run(learnMs);
  const mark = world.mark();
  const at = (part: number, server: SimulatedServer | undefined, task: keyof Fate): void => {
    if (server !== undefined) world.clock.after(part * seenMs, () => fate[task](server));
  };
  at(0.1, draining, "drain");
  at(0.2, world.build(1)[0], "join");
  at(0.4, cut, "cut");
  at(0.9, cut, "heal");
  world.run(seenMs);
  const seen = world.since(mark);
  return {
    policy,
    slow: seen.share(slow),
    failing: seen.share(failing),
    p50Ms: seen.tookMs(0.5),
    p99Ms: seen.tookMs(0.99),
    attempts: seen.attempts / seen.begun,
    failed: seen.failed / seen.settled,
    wrongs: world.wrongs(),
  };
}

const noOptions = {};

/** What becomes of single members. */
const fate = {
  drain: (server: SimulatedServer) => server.drain(),
  join: (server: SimulatedServer) => server.announce(false),
  cut: (server: SimulatedServer) => server.cut(),
  heal: (server: SimulatedServer) => server.heal(),
};
type Fate = typeof fate;
