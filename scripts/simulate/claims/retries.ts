import { figure, scene } from "../claim.ts";
import type { Claim, Result } from "../claim.ts";
import type { Failure } from "../server.ts";
import type { World } from "../world.ts";

const perSecond = 500;
const seconds = 16;
/** What a client may try again each second beside its share of the calls. */
const reserve = 10;
const ways: readonly Failure[] = ["throw", "refuse", "reset"];
const inWords: Readonly<Record<Failure, string>> = {
  throw: "handlers throw",
  refuse: "calls are turned away",
  reset: "connections are reset",
};

function halfFails(seed: number, by: Failure): Result {
  return scene(seed, (world) => {
    const clients = world.connect(8);
    const servers = world.serve(4);
    // From the first moment on: no good day has left anything to spend.
    for (const server of servers) server.fail(0.5, by);
    world.load({ clients, perSecond, onceShare: 0 });
    const mark = world.mark();
    world.run(1_000 * seconds);
    const seen = world.since(mark);
    const beyond = seen.attempts - reserve * clients.length * seconds;
    const least = Math.min(...servers.map((server) => seen.share([server])));
    const name = inWords[by];
    return [
      figure(
        `${name}: attempts per call, less 10/s a client`,
        "times",
        beyond / seen.begun,
        "at most",
        1.2,
      ),
      figure(`${name}: the least share of one of the four`, "%", least, "at least", 0.1),
    ];
  });
}

/** A bad day is not made worse. */
export const half: Claim = {
  name: "half",
  what: "all of four members fail half of their calls",
  run: (seed) => ways.map((by) => halfFails(seed, by)),
};

/** What A's calls of B come to at C, which fails all of them, or is not there at all. */
function threeHops(seed: number, by: Failure | "killed"): Result {
  return scene(seed, (world) => {
    const ends = world.serve(2, { service: "C" });
    const through = Array.from({ length: 2 }, () => callsC(world)).flat();
    for (const server of ends) {
      if (by === "killed") server.kill();
      else server.fail(1, by);
    }
    // A part of B's is turned away as well: what A tries again, B does not.
    for (const server of through.slice(0, 1)) server.fail(0.3, "refuse");
    world.load({ clients: world.connect(2), perSecond, service: "B", onceShare: 0 });
    const mark = world.mark();
    const before = dialsOf(world);
    world.run(1_000 * seconds);
    const seen = world.since(mark);
    if (by === "killed") {
      const dials = (dialsOf(world) - before) / seen.begun;
      return [figure("killed: connections tried at C, per call", "times", dials, "at most", 1.2)];
    }
    const load = seen.share(ends) * seen.attempts;
    const name = inWords[by];
    return [
      figure(`${name}: calls at C for each of A's`, "times", load / seen.begun),
      figure(
        `${name}: the same, less 10/s each B`,
        "times",
        (load - reserve * through.length * seconds) / seen.begun,
        "at most",
        1.2,
      ),
    ];
  });
}

/** A server of B that calls C for each call, by a client of its own. */
function callsC(world: World): ReturnType<World["serve"]> {
  const [client] = world.connect(1);
  return world.serve(1, { service: "B", calls: "C.Do" }, client);
}

/** Connections that were tried by those who call C. */
function dialsOf({ servers }: World): number {
  const clients = new Set(servers.flatMap(({ client }) => client ?? []));
  return [...clients].reduce((sum, { machine }) => sum + machine.dials, 0);
}

/** Retries are made where the failure is, and not at each hop before it. */
export const hops: Claim = {
  name: "hops",
  what: "A calls B calls C, and C is down",
  run: (seed) => [...ways, "killed" as const].map((by) => threeHops(seed, by)),
};
