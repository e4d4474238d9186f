import type { PolicyName } from "../../../src/base/policy-name.ts";
import { figure, scene } from "../claim.ts";
import type { Claim, Result } from "../claim.ts";
import type { SimulatedServer } from "../server.ts";
import type { Seen, World } from "../world.ts";

/** A pause, and the part of the time that all pauses are. */
const pauseMs = 100;
const pausedShare = 0.05;
/** While it lasts a member is so many times slower. */
const slowdown = 20;

/** Has a member pause once in each so many ms, as one does that collects its garbage. */
function pauseAtTimes(world: World, server: SimulatedServer): void {
  const random = world.chance();
  const everyMs = pauseMs / pausedShare;
  const next = (): void => {
    const inMs = (everyMs - pauseMs) * random();
    world.clock.after(inMs, () => (server.slowdown = slowdown));
    world.clock.after(inMs + pauseMs, () => (server.slowdown = 1));
    world.clock.after(everyMs, next);
  };
  next();
}

function seenWith(
  world: World,
  facts: { readonly policy: PolicyName; readonly hedge: boolean; readonly one: boolean },
): Seen {
  const { policy, hedge, one } = facts;
  const servers = world.serve(one ? 3 : 4);
  for (const server of one ? servers.slice(0, 1) : servers) pauseAtTimes(world, server);
  const options = { hedge };
  const clients = world.connect(4, { policy });
  world.load({ clients, perSecond: 400, onceShare: 0, options: () => options });
  world.run(10_000);
  const mark = world.mark();
  world.run(25_000);
  return world.since(mark);
}

function pair(seed: number, policy: PolicyName, one: boolean): readonly Result[] {
  let plainMs = Number.NaN;
  const name = one ? `one of three pauses, ${policy}` : `each of four pauses, ${policy}`;
  const plain = scene(seed, (world) => {
    plainMs = seenWith(world, { policy, hedge: false, one }).tookMs(0.99);
    return [figure(`${name}: p99`, "ms", plainMs)];
  });
  const hedged = scene(seed, (world) => {
    const seen = seenWith(world, { policy, hedge: true, one });
    const extra = seen.attempts / seen.begun - 1;
    return [
      figure(
        `${name}: times that when hedged`,
        "times",
        seen.tookMs(0.99) / plainMs,
        "at most",
        0.5,
      ),
      figure(`${name}: extra attempts`, "%", extra, "below", 0.1),
    ];
  });
  return [plain, hedged];
}

/** When all are slow at once, a second attempt helps nobody. */
function allSlow(seed: number): Result {
  return scene(seed, (world) => {
    const servers = world.serve(4);
    const options = { hedge: true };
    world.load({ clients: world.connect(4), perSecond: 400, onceShare: 0, options: () => options });
    // From the first call on: what is not spent is kept for 10 s.
    const mark = world.mark();
    world.run(10_000);
    for (const server of servers) server.slowdown = 5;
    world.run(10_000);
    const { attempts, begun } = world.since(mark);
    return [
      figure(
        "all four 5 times slower at once: extra attempts",
        "%",
        attempts / begun - 1,
        "below",
        0.1,
      ),
    ];
  });
}

/** A second attempt of few calls spares the others the slow ones. */
export const hedging: Claim = {
  name: "hedging",
  what: "hedged calls to members that are 20 times slower 5 % of the time",
  run: (seed) => [...pair(seed, "p2c", false), ...pair(seed, "round-robin", true), allSlow(seed)],
};
