import { figure, scene } from "../claim.ts";
import type { Claim } from "../claim.ts";
import type { World } from "../world.ts";

/** A process needs so long for each connection; the kernel holds as many as Bun tells it to. */
const facts = { listening: { acceptMs: 0.1, backlog: 511 }, serviceMs: 1, slots: 64 } as const;
/** It is back after so long at the most, by chance. */
const maxDownMs = 1_000;
const stepMs = 50;
/** Who is not connected by then never will be. */
const maxMs = 20_000;

function storm(world: World, crowd: number): ReturnType<Claim["run"]>[number]["figures"] {
  const [server] = world.serve(1, facts);
  const clients = world.connect(crowd, { named: true });
  for (const [index, client] of clients.entries()) {
    world.clock.after(index / 5, () => void world.call(client));
  }
  world.run(crowd / 5 + 1_000);
  const before = clients.map(({ machine }) => machine.dials);
  // Each has a call under way when its server is killed.
  const options = { waitForReady: true, timeoutMs: maxMs };
  for (const client of clients) void world.call(client, "Work.Do", options);
  // They have come, and none is answered.
  world.run(0.3);
  server?.kill();
  const downMs = maxDownMs * world.chance()();
  world.run(downMs);
  const [back] = world.build(1, facts, undefined, server);
  const tookMs = world.runUntil(() => back?.connections === crowd, stepMs, maxMs);
  const tries = clients.map(({ machine }, index) => machine.dials - (before[index] ?? 0));
  return [
    figure("until all are connected again", "s", tookMs / 1_000, "at most", 10),
    figure("tries of one client", "tries", Math.max(...tries), "at most", 4),
    figure("tries of a client on average", "tries", tries.reduce((sum, of) => sum + of, 0) / crowd),
    figure("time without a server", "ms", downMs),
  ];
}

/** A server that comes back is not run over. */
export const reconnect: Claim = {
  name: "storm",
  what: "10,000 clients lose their server, which is back within a second",
  run: (seed, crowd) => [scene(seed, (world) => storm(world, crowd))],
};
