// Runs a row: every side in every round, and what each run gave.

import type { RunResult } from "./load.ts";
import type { Options } from "./options.ts";
import { start, startPair } from "./peers.ts";
import type { Pair, Surroundings } from "./peers.ts";
import { cpuUs, maxOpenFiles, PeerFailed, residentBytes } from "./processes.ts";
import type { Child } from "./processes.ts";
import { idleConnections, packaged } from "./rows.ts";
import type { PeerName, Row } from "./rows.ts";
import { orderOfRound } from "./statistics.ts";

/** One run of one side. */
export interface Run {
  /** What the row is about, in its unit. */
  readonly value: number;
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
  /** CPU time of each end for one call, all its threads together. */
  readonly serverCpuUs: number | undefined;
  readonly clientCpuUs: number | undefined;
  /** A fixed piece of work just before: how fast the machine was. */
  readonly calibrationMs: number;
}

/** All runs of a row: by side, one for each round. */
export interface Measured {
  readonly row: Row;
  readonly runs: ReadonlyMap<PeerName, readonly Run[]>;
  /** Other than the row says, when a limit of the machine is lower. */
  readonly connections: number;
}

/** The time of a loop that is always the same. */
export function calibrate(): number {
  const startedAt = performance.now();
  let hash = 0;
  for (let index = 0; index < 4_000_000; index++) hash = (Math.imul(hash, 31) + index) | 0;
  const tookMs = performance.now() - startedAt;
  // The result is used, or the loop could be left out.
  return hash === 0.5 ? 0 : tookMs;
}

/** What a client says of its own CPU time; undefined of one that does not know it. */
function ownCpuUs(said: string): number | undefined {
  return said === "" ? undefined : Number(said);
}

/** To the microsecond where a twentieth matters, and from outside where a hundredth of a second does. */
async function serverCpuUs(server: Child, row: Row): Promise<number | undefined> {
  if (row.figure !== "cpuUsPerCall") return cpuUs(server.pid);
  server.say("cpu");
  return Number(await server.expect("cpu"));
}

function parseResult(text: string): RunResult {
  const result: RunResult = JSON.parse(text);
  return result;
}

function perCall(before: number | undefined, after: number | undefined, calls: number) {
  return before === undefined || after === undefined ? undefined : (after - before) / calls;
}

/** How long one run is: calls for some time, so many calls, or so many items of a stream. */
export type Length =
  | { readonly rampMs: number; readonly windowMs: number }
  | { readonly calls: number }
  | { readonly items: number };

function orderOf(length: Length): string {
  if ("items" in length) return `pass ${length.items}`;
  return "calls" in length ? `count ${length.calls}` : `run ${length.rampMs} ${length.windowMs}`;
}

/** One run of one side. @throws PeerFailed for a wrong result and for a process that ended */
export async function runPair({ server, client }: Pair, row: Row, length: Length): Promise<Run> {
  try {
    return await runEnds(server, client, row, length);
  } catch (error) {
    // A client often fails because of its server: what that one said is the reason.
    if (!(error instanceof PeerFailed) || server.errors === "") throw error;
    throw new PeerFailed(`${error.message}\n\n${server.name} said:\n${server.errors}`);
  }
}

async function runEnds(server: Child, client: Child, row: Row, length: Length): Promise<Run> {
  const calibrationMs = calibrate();
  const order = orderOf(length);
  // Before a run of so many calls the server has nothing to do, and says so to the microsecond.
  const idleUs = "calls" in length ? await serverCpuUs(server, row) : undefined;
  client.say(order);
  const clientBefore = ownCpuUs(await client.expect("start")) ?? cpuUs(client.pid);
  const serverBefore = idleUs ?? (await serverCpuUs(server, row));
  const clientAfter = ownCpuUs(await client.expect("stop")) ?? cpuUs(client.pid);
  const serverAfter = await serverCpuUs(server, row);
  const result = parseResult(await client.expect("result"));
  const { calls, p50Us, p99Us } = result;
  if (calls === 0) throw new PeerFailed(`${client.name}: no call came back (${order})`);
  const serverUs = perCall(serverBefore, serverAfter, calls);
  const clientUs = perCall(clientBefore, clientAfter, calls);
  return {
    value: valueOf(row, result, serverUs, clientUs),
    p50Us,
    p99Us,
    serverCpuUs: serverUs,
    clientCpuUs: clientUs,
    calibrationMs,
  };
}

function valueOf(
  { figure, inFlight, size }: Row,
  { calls, seconds }: RunResult,
  serverUs = Number.NaN,
  clientUs = Number.NaN,
): number {
  if (figure === "meanUs") return (1e6 * seconds * inFlight) / calls;
  if (figure === "cpuUsPerCall") return serverUs + clientUs;
  return figure === "mbPerSecond" ? (size * calls) / seconds / 1e6 : calls / seconds;
}

/** The sides of a row that can be measured here. */
export function sidesOf(row: Row, around: Surroundings): readonly PeerName[] {
  const here = row.peers.filter(
    (peer) =>
      (peer !== "go" || around.go !== undefined) &&
      (!packaged.includes(peer) || around.packages.has(peer)),
  );
  return ["gee", ...here];
}

async function measureCalls(row: Row, options: Options, around: Surroundings): Promise<Measured> {
  await using stack = new AsyncDisposableStack();
  // When one of them fails, the benchmark does, and ends the others with all that it owns.
  const pairs = await Promise.all(sidesOf(row, around).map((peer) => startPair(peer, row, around)));
  for (const pair of pairs) stack.use(pair);
  // Few calls a second are few chances to be compiled, and on one CPU the compiler is in the way.
  const warmMs = row.inFlight === 1 ? 2 * options.warmMs : options.warmMs;
  const items = Math.ceil(row.items * options.streamShare);
  const { rampMs, windowMs } = options;
  const warm = items > 0 ? { items } : { rampMs: warmMs, windowMs: windowMs / 2 };
  const length = items > 0 ? { items } : { rampMs, windowMs };
  for (const pair of pairs) await runPair(pair, row, warm);
  const runs = new Map<PeerName, Run[]>(pairs.map(({ peer }) => [peer, []]));
  const rounds = items > 0 ? options.longRounds : options.rounds;
  for (let round = 0; round < rounds; round++) {
    for (const pair of orderOfRound(pairs, round)) {
      // Far behind, so a few rounds tell how far.
      if (packaged.includes(pair.peer) && round >= options.longRounds) continue;
      const run = await runPair(pair, row, length);
      runs.get(pair.peer)?.push(run);
    }
  }
  return { row, runs, connections: row.connections };
}

/** What a server holds once nothing is left to be collected, and how many are connected to it. */
async function settled(server: Pair["server"]): Promise<[bytes: number, connections: number]> {
  server.say("settle");
  const connections = Number(await server.expect("connections"));
  const bytes = residentBytes(server.pid);
  if (bytes === undefined) throw new PeerFailed("no /proc says how much memory a process holds");
  return [bytes, connections];
}

async function holdOnce(
  peer: PeerName,
  connections: number,
  around: Surroundings,
): Promise<number> {
  await using server = start(peer, "server", "{}", undefined, around);
  const port = await server.expect("listening");
  await using holder = start(peer, "holder", port, undefined, around);
  await holder.expect("ready");
  // The first one finds code that is not yet loaded: that is no cost of a connection.
  holder.say("hold 1");
  await holder.expect("held");
  const [before] = await settled(server);
  holder.say(`hold ${connections}`);
  await holder.expect("held");
  const [after, held] = await settled(server);
  if (held !== connections) {
    throw new PeerFailed(`${server.name}: wrong result: ${held} of ${connections} are connected`);
  }
  return (after - before) / 1_024 / (connections - 1);
}

async function measureIdle(row: Row, options: Options, around: Surroundings): Promise<Measured> {
  // The server keeps 256 descriptors for itself, and both ends need a few beside the connections.
  const connections = Math.min(idleConnections, maxOpenFiles() - 512);
  const sides = sidesOf(row, around);
  const runs = new Map<PeerName, Run[]>(sides.map((peer) => [peer, []]));
  for (let round = 0; round < options.longRounds; round++) {
    for (const peer of orderOfRound(sides, round)) {
      const calibrationMs = calibrate();
      runs.get(peer)?.push({
        value: await holdOnce(peer, connections, around),
        p50Us: undefined,
        p99Us: undefined,
        serverCpuUs: undefined,
        clientCpuUs: undefined,
        calibrationMs,
      });
    }
  }
  return { row, runs, connections };
}

/** Measures one row. @throws PeerFailed for a wrong result and for a process that ended */
export function measure(row: Row, options: Options, around: Surroundings): Promise<Measured> {
  return row.work === "idle"
    ? measureIdle(row, options, around)
    : measureCalls(row, options, around);
}
