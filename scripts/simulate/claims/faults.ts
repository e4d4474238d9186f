import { figure, scene } from "../claim.ts";
import type { Claim } from "../claim.ts";
import type { SimulatedServer } from "../server.ts";
import type { World } from "../world.ts";

const everyMs = 2_000;
const rounds = 20;

/** Something happens to a server, or to the registry, and ends by itself. */
function befall(world: World, server: SimulatedServer, random: () => number): void {
  const forMs = 500 + 9_500 * random();
  const then = (end: () => void): void => void world.clock.after(forMs, end);
  const replace = (): void =>
    then(() => {
      for (const next of world.build(1, {}, undefined, server)) next.announce(false);
    });
  switch (Math.floor(random() * 8)) {
    case 0:
      server.kill();
      replace();
      break;
    case 1:
      server.drain();
      then(() => {
        for (const next of world.build(1)) next.announce(false);
      });
      break;
    case 2:
      server.stop();
      then(() => server.resume());
      break;
    case 3:
      server.cut();
      then(() => server.heal());
      break;
    case 4:
      world.registry.isDown = true;
      then(() => (world.registry.isDown = false));
      break;
    case 5:
      server.slowdown = 20;
      then(() => (server.slowdown = 1));
      break;
    default: {
      const by = (["throw", "refuse", "reset"] as const)[Math.floor(random() * 3)] ?? "throw";
      server.fail(random(), by);
      then(() => server.fail(0, by));
    }
  }
}

/** Whatever happens, what must hold in every scene holds: it fails by that alone. */
export const faults: Claim = {
  name: "faults",
  what: "of 12 members some are killed, stopped, cut off, drained, slow or failing all the time",
  run: (seed) => [
    scene(seed, (world) => {
      world.serve(12);
      world.load({ clients: world.connect(6), perSecond: 300 });
      world.run(5_000);
      const mark = world.mark();
      const random = world.chance();
      for (let round = 0; round < rounds; round++) {
        const well = world.servers.filter(({ wellSince }) => wellSince !== undefined);
        const server = well[Math.floor(random() * well.length)];
        // Half of them are left alone, so that there is always somebody to go to.
        if (server !== undefined && well.length > 6) befall(world, server, random);
        world.run(everyMs);
      }
      const { failed, settled, attempts, begun } = world.since(mark);
      return [
        figure("calls that fail", "%", failed / settled),
        figure("attempts per call", "times", attempts / begun, "at most", 1.2),
      ];
    }),
  ],
};
