import type { PolicyName } from "../../../src/base/policy-name.ts";
import { figure, scene } from "../claim.ts";
import type { Claim, Figure, Result } from "../claim.ts";
import type { World } from "../world.ts";

/** How busy clients are: their number, and how many calls all of them make. */
const busy = { clients: 4, perSecond: 400, name: "100 calls/s a client" } as const;
const quiet = { clients: 2, perSecond: 20, name: "10 calls/s a client" } as const;

/** Time in which connections are made and clients learn of their servers, ... */
const warmMs = 5_000;
/** ... and of a change. */
const learnMs = 3_000;

/** Four servers, of which the first changes; what it is given from then on. */
function shareOfOne(
  world: World,
  { clients, perSecond }: { readonly clients: number; readonly perSecond: number },
  change: (server: ReturnType<World["serve"]>[number]) => void,
): number {
  const servers = world.serve(4);
  world.load({ clients: world.connect(clients), perSecond });
  world.run(warmMs);
  for (const server of servers.slice(0, 1)) change(server);
  world.run(learnMs);
  const mark = world.mark();
  world.run(12_000_000 / Math.max(perSecond, 100));
  return world.since(mark).share(servers.slice(0, 1));
}

/** One that is slow gets little. */
export const slow: Claim = {
  name: "slow",
  what: "one of four members 10 times slower",
  run: (seed) =>
    [busy, quiet].map((load) =>
      scene(seed, (world) => {
        const share = shareOfOne(world, load, (server) => (server.slowdown = 10));
        return [figure(`its share of the calls, ${load.name}`, "%", share, "below", 0.05)];
      }),
    ),
};

/** One that fails fast gets less, however fast it looks. */
export const failing: Claim = {
  name: "failing",
  what: "one of four members fails each call in 1 ms",
  run: (seed) =>
    [busy, quiet].map((load) =>
      scene(seed, (world) => {
        const share = shareOfOne(world, load, (server) => server.fail(1, "throw", 1));
        return [figure(`its share of the calls, ${load.name}`, "%", share, "below", 0.02)];
      }),
    ),
};

/** Parts of the even share that a tenth member gets: at first, half-way, when it is warm. */
function freshShares(world: World, policy: PolicyName): readonly [number, number, number] {
  world.serve(9);
  world.load({ clients: world.connect(4, { policy }), perSecond: 1_000 });
  world.run(warmMs);
  const fresh = world.build(1);
  for (const server of fresh) server.announce(false);
  // Until its registry has heard of it, and the clients of that.
  world.runUntil(() => fresh.some(({ attempts }) => attempts > 0), 10, 5_000);
  const over = (forMs: number): number => {
    const mark = world.mark();
    world.run(forMs);
    return world.since(mark).share(fresh) * 10;
  };
  const first = over(3_000);
  world.run(7_000);
  const half = over(10_000);
  world.run(10_000);
  // By load a share wavers by the minute: one peak is remembered for ten seconds.
  return [first, half, over(45_000)];
}

/** One that is new is not given its whole share at once. */
export const fresh: Claim = {
  name: "fresh",
  what: "a fresh member rises from 10 % to its full weight in 30 s",
  run: (seed) => [
    scene(seed, (world) => {
      const [first, half, warm] = freshShares(world, "weighted-random");
      return [
        figure("weighted-random: part of the even share, first 3 s", "%", first, "at most", 0.18),
        figure("weighted-random: from 10 to 20 s, at least", "%", half, "at least", 0.4),
        figure("weighted-random: from 10 to 20 s, at most", "%", half, "at most", 0.6),
        figure("weighted-random: from 30 to 75 s", "%", warm, "at least", 0.9),
      ];
    }),
    scene(seed, (world) => {
      const [first, half, warm] = freshShares(world, "p2c");
      return [
        figure("p2c: part of the even share, first 3 s", "%", first, "at most", 0.3),
        figure("p2c: from 10 to 20 s", "%", half),
        figure("p2c: from 30 to 75 s", "%", warm, "at least", 0.75),
      ];
    }),
  ],
};

/** The p99 of all calls before and after one of four becomes slow. */
function tails(
  seed: number,
  policy: PolicyName,
  load: typeof busy | typeof quiet,
  figures: (healthyMs: number, slowMs: number) => readonly Figure[],
): Result {
  return scene(seed, (world) => {
    const servers = world.serve(4);
    world.load({ clients: world.connect(load.clients, { policy }), perSecond: load.perSecond });
    world.run(warmMs);
    const forMs = 12_000_000 / Math.max(load.perSecond, 100);
    const p99 = (): number => {
      const mark = world.mark();
      world.run(forMs);
      return world.since(mark).tookMs(0.99);
    };
    const healthyMs = p99();
    for (const server of servers.slice(0, 1)) server.slowdown = 10;
    world.run(5_000);
    return figures(healthyMs, p99());
  });
}

/** The slow one's share is so small that the slowest of all calls do not show it. */
export const tail: Claim = {
  name: "tail",
  what: "total p99 with one of four members 10 times slower, after 5 s",
  run: (seed) => [
    tails(seed, "p2c", busy, (healthyMs, slowMs) => [
      figure("p99 of all healthy", "ms", healthyMs),
      figure("times that with one slow, p2c", "times", slowMs / healthyMs, "at most", 2),
    ]),
    tails(seed, "round-robin", busy, (healthyMs, slowMs) => [
      figure("round robin's beside it", "times", slowMs / healthyMs),
    ]),
    tails(seed, "p2c", quiet, (healthyMs, slowMs) => [
      figure(`p2c with only ${quiet.name}`, "times", slowMs / healthyMs),
    ]),
  ],
};
