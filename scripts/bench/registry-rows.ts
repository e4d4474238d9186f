// What a registry is held to: beats, watchers and a restart in memory; and what one member of etcd
// sustains.

import { Child, cpuUs, ownFolder, PeerFailed } from "./processes.ts";
import { result } from "./trial-row.ts";
import type { Beside, Ends, Reading, TrialRow } from "./trial-row.ts";
import { instances } from "./trials/registry-beats.ts";
import type { BeatsResult } from "./trials/registry-load.ts";
import { watchers } from "./trials/registry-watch.ts";
import type { WatchResult } from "./trials/registry-watch.ts";

async function ask<T>(end: Child, word: "heard" | "result", order: string): Promise<T> {
  end.say(order);
  return result<T>(await end.expect(word));
}

function cpuOf(child: Child): number {
  const us = cpuUs(child.pid);
  if (us === undefined) throw new PeerFailed("no /proc says how much CPU time a process took");
  return us;
}

interface Beats extends BeatsResult {
  /** CPU time of each process meanwhile, as a share of a core and for each beat. */
  readonly cores: readonly number[];
  readonly usPerBeat: readonly number[];
}

/** Has the client measure beats, and some processes meanwhile. */
async function measureBeats(
  client: Child,
  order: string,
  children: readonly Child[],
): Promise<Beats> {
  const before = children.map(cpuOf);
  const startedAt = performance.now();
  const beats = await ask<BeatsResult>(client, "result", order);
  const tookMs = performance.now() - startedAt;
  const used = children.map((child, index) => cpuOf(child) - (before[index] ?? 0));
  return {
    ...beats,
    cores: used.map((us) => us / 1_000 / tookMs),
    usPerBeat: used.map((us) => us / beats.beats),
  };
}

async function beatsRound({ server, client }: Ends, seconds: number): Promise<readonly Reading[]> {
  const order = `measure ${Math.max(seconds, 3)}`;
  await ask(client, "result", `bare ${await ask<number>(server, "heard", "bare")}`);
  const bare = await measureBeats(client, order, [server]);
  await ask(client, "result", "stop");

  await ask(client, "result", "register");
  const baseBytes = await ask<number>(server, "heard", "heap");
  const registeredMs = await ask<number>(client, "result", "register");
  const bytes = (await ask<number>(server, "heard", "heap")) - baseBytes;
  await ask(client, "result", "beat");
  const own = await measureBeats(client, order, [server, client]);

  await ask(server, "heard", "restart");
  const restartedAt = performance.now();
  await ask(client, "result", "anew");
  const anewMs = performance.now() - restartedAt;
  const members = await ask<number>(server, "heard", "members");
  if (members !== instances) throw new PeerFailed(`wrong result: ${members} members`);
  const [core = Number.NaN, clientCore = Number.NaN] = own.cores;
  const [us = Number.NaN] = own.usPerBeat;
  const [bareUs = Number.NaN] = bare.usPerBeat;
  return [
    {
      what: "beats",
      unit: "a second",
      value: own.perSecond,
      bound: Math.floor(instances / 3.1),
      moreIsBetter: true,
    },
    { what: "p50 of a beat", unit: "ms", value: own.p50Ms },
    { what: "p99 of a beat", unit: "ms", value: own.p99Ms, bound: 20 },
    { what: "p99 of a beat at a bare Bun.serve", unit: "ms", value: bare.p99Ms },
    { what: "the instances late, at most", unit: "ms", value: own.lateMs },
    { what: "the registry, of a core", unit: "%", value: 100 * core, bound: 60 },
    { what: "the instances, of a core", unit: "%", value: 100 * clientCore },
    { what: "CPU of a beat", unit: "us", value: us, bound: 100 },
    { what: "CPU of a beat at a bare Bun.serve", unit: "us", value: bareUs },
    { what: "CPU of a beat, of that", unit: "times", value: us / bareUs },
    {
      what: "heap of an instance",
      unit: "KiB",
      value: bytes / 1_024 / (instances - 1),
      bound: 2,
    },
    { what: "registering all, 64 at a time", unit: "s", value: registeredMs / 1_000 },
    { what: "all of them again after a restart", unit: "s", value: anewMs / 1_000, bound: 10 },
  ];
}

async function watchRound({ server, client }: Ends, seconds: number): Promise<readonly Reading[]> {
  const before = cpuOf(server);
  const told = await ask<WatchResult>(client, "result", String(Math.max(seconds, 3)));
  const us = (cpuOf(server) - before) / told.changes / watchers;
  return [
    { what: "half of them know", unit: "ms", value: told.halfMs },
    { what: "all of them know", unit: "ms", value: told.allMs },
    { what: "all of them know, longest", unit: "ms", value: told.longestMs, bound: 250 },
    { what: "CPU for one watcher told", unit: "us", value: us },
  ];
}

/** A port that nobody has now. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function isReady(place: string): Promise<boolean> {
  try {
    return (await (await fetch(`http://${place}/health`)).text()).includes('"true"');
  } catch {
    return false;
  }
}

/** One member of etcd, with its data in a folder that the benchmark removes. */
async function startEtcd(): Promise<Beside> {
  const place = `127.0.0.1:${freePort()}`;
  const peer = `http://127.0.0.1:${freePort()}`;
  const settings = {
    name: "one",
    "data-dir": ownFolder(),
    "listen-client-urls": `http://${place}`,
    "advertise-client-urls": `http://${place}`,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": `one=${peer}`,
    "log-level": "error",
  };
  // It does not end with its stdin, as the others do: with the benchmark itself, then.
  const setpriv = Bun.which("setpriv");
  const child = new Child(
    "etcd",
    [
      ...(setpriv === null ? [] : [setpriv, "--pdeathsig", "KILL", "--"]),
      "etcd",
      ...Object.entries(settings).map(([flag, value]) => `--${flag}=${value}`),
    ],
    process.arch === "arm64" ? { ETCD_UNSUPPORTED_ARCH: "arm64" } : {},
  );
  const givenUpAt = performance.now() + 20_000;
  while (!(await isReady(place))) {
    if (performance.now() > givenUpAt) throw new PeerFailed(`etcd is not ready\n${child.errors}`);
    await Bun.sleep(20);
  }
  return { child, place, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}

async function etcdRound(
  { server, client, beside }: Ends,
  seconds: number,
): Promise<readonly Reading[]> {
  if (beside === undefined) throw new PeerFailed("there is no etcd");
  const port = beside.place.slice(beside.place.lastIndexOf(":") + 1);
  // Each twice, turn about: the first time code is loaded, and files are made.
  for (const order of [`straight ${port}`, "register"]) await ask(client, "result", order);
  const straight = await ask<number>(client, "result", `straight ${port}`);
  const registered = await ask<number>(client, "result", "register");
  const children = [server, beside.child];
  const fast = await measureBeats(client, `fast ${seconds}`, children);
  await ask(client, "result", "often");
  const often = await measureBeats(client, `measure ${Math.max(seconds, 3)}`, children);
  const cores = ({ cores: [registry = 0, etcd = 0] }: Beats): Reading[] => [
    { what: "the registry then, of a core", unit: "%", value: 100 * registry },
    { what: "etcd then, of a core", unit: "%", value: 100 * etcd },
  ];
  return [
    { what: "a lease and a key, straight to etcd", unit: "a second", value: straight },
    { what: "registrations", unit: "a second", value: registered },
    { what: "registrations, of that", unit: "times", value: registered / straight },
    { what: "beats, as fast as they go", unit: "a second", value: fast.perSecond },
    { what: "p99 of such a beat", unit: "ms", value: fast.p99Ms },
    ...cores(fast),
    { what: "beats at leases of 600 ms", unit: "a second", value: often.perSecond },
    { what: "p99 of such a beat", unit: "ms", value: often.p99Ms },
    ...cores(often),
  ];
}

/** The trials of the registry. */
export const registryRows: readonly TrialRow[] = [
  {
    name: "registry-beats",
    title: `a registry in memory: ${instances.toLocaleString("en")} instances at a beat of 3 s`,
    mostRounds: 1,
    round: beatsRound,
  },
  {
    name: "registry-watch",
    title: `a registry in memory: ${watchers.toLocaleString("en")} watchers are told of a change`,
    round: watchRound,
  },
  {
    name: "registry-etcd",
    title: "a registry over one member of etcd, 1,000 instances (what it sustains, no bounds)",
    whyNot: () =>
      Bun.which("etcd") === null
        ? "etcd is not installed (on Debian: apt-get install etcd-server)"
        : undefined,
    beside: startEtcd,
    mostRounds: 1,
    round: etcdRound,
  },
];
