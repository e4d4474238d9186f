// What is held costs memory: a call that waits, a stream that says nothing, a client, an instance in a
// registry. Each end apart, as the process grows from few of them to many.

import { maxOpenFiles, PeerFailed, residentBytes } from "./processes.ts";
import type { Child } from "./processes.ts";
import { result } from "./trial-row.ts";
import type { Ends, Reading, TrialRow } from "./trial-row.ts";
import { instances } from "./trials/registry-beats.ts";

const calls = 100_000;
const streams = 10_000;
const clients = Math.min(10_000, maxOpenFiles() - 512);

interface Held {
  readonly heap: number;
  readonly resident: number;
}

async function settle(end: Child, word: "heard" | "result", order: string): Promise<Held> {
  end.say(order);
  const heap = result<number>(await end.expect(word));
  const resident = residentBytes(end.pid);
  if (resident === undefined) throw new PeerFailed("no /proc says how much memory a process holds");
  return { heap, resident };
}

function each(before: Held, after: Held, count: number): Held {
  return {
    heap: (after.heap - before.heap) / count,
    resident: (after.resident - before.resident) / count,
  };
}

function readings(what: string, { heap, resident }: Held, bound: number): readonly Reading[] {
  return [
    { what: `${what}, RSS`, unit: "bytes", value: resident, bound },
    { what: `${what}, of that heap`, unit: "bytes", value: heap },
  ];
}

/** Goes from the first tenth to all: before, code is loaded and tables have their first size. */
async function grow({ server, client }: Ends, what: string, count: number) {
  const both = async () =>
    [await settle(client, "result", "settle"), await settle(server, "heard", "settle")] as const;
  const hold = async (wanted: number): Promise<void> => {
    client.say(`${what} ${wanted}`);
    const held = result<number>(await client.expect("result"));
    if (held !== wanted) throw new PeerFailed(`wrong result: ${held} of ${wanted} ${what}`);
  };
  const first = count / 10;
  await hold(first);
  const [clientBefore, serverBefore] = await both();
  await hold(count);
  const [clientAfter, serverAfter] = await both();
  return {
    client: each(clientBefore, clientAfter, count - first),
    server: each(serverBefore, serverAfter, count - first),
  };
}

/** At most so many bytes: a quarter above what is measured, so that what grows is seen. */
const bounds = {
  pendingCall: 1_200,
  runningHandler: 490,
  callerStream: 5_200,
  servedStream: 2_800,
  client: 100_000,
  instance: 3_600,
} as const;

async function callsRound(ends: Ends): Promise<readonly Reading[]> {
  const { client, server } = await grow(ends, "calls", calls);
  return [
    ...readings("a call that waits, its client", client, bounds.pendingCall),
    ...readings("a handler that runs, its server", server, bounds.runningHandler),
  ];
}

async function streamsRound(ends: Ends): Promise<readonly Reading[]> {
  const { client, server } = await grow(ends, "streams", streams);
  return [
    ...readings("an open stream, its client", client, bounds.callerStream),
    ...readings("an open stream, its server", server, bounds.servedStream),
  ];
}

async function clientsRound(ends: Ends): Promise<readonly Reading[]> {
  const { client } = await grow(ends, "clients", clients);
  return readings("a client with its connection", client, bounds.client);
}

async function registryRound({ server, client }: Ends): Promise<readonly Reading[]> {
  // The first only opens connections, and registers one.
  client.say("register");
  await client.expect("result");
  const before = await settle(server, "heard", "heap");
  client.say("register");
  await client.expect("result");
  const after = await settle(server, "heard", "heap");
  return readings("an instance", each(before, after, instances - 1), bounds.instance);
}

/** The trials of what is held. */
export const memoryRows: readonly TrialRow[] = [
  {
    name: "memory-calls",
    title: `${calls.toLocaleString("en")} calls that nobody answers, on 100 connections`,
    round: callsRound,
  },
  {
    name: "memory-streams",
    title: `${streams.toLocaleString("en")} streams that say nothing more, on 10 connections`,
    round: streamsRound,
  },
  {
    name: "memory-clients",
    title: `${clients.toLocaleString("en")} clients in one process, a connection each`,
    round: clientsRound,
  },
  {
    name: "memory-registry",
    title: `${instances.toLocaleString("en")} instances in a registry in memory`,
    round: registryRound,
  },
];
