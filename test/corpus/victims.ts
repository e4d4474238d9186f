import { parseEndpoint } from "../../src/base/address.ts";
import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import type { Log } from "../../src/base/log.ts";
import { systemClock } from "../../src/base/time.ts";
import { connect } from "../../src/index.ts";
import { createDial } from "../../src/net/dial.ts";
import { listen } from "../../src/net/listen.ts";
import { Connection } from "../../src/rpc/connection.ts";
import { Session } from "../../src/rpc/session.ts";
import type { SessionHost } from "../../src/rpc/session.ts";
import type { Message } from "../../src/wire/message.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { callOf, scripted } from "../support/ends.ts";
import { connectionOptions } from "../support/hosts.ts";
import { linkPair } from "../support/links.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";
import type { Input, Outcome, Split } from "./inputs.ts";

/** An input cut in one way. */
export interface Run {
  readonly input: Input;
  readonly split: Split;
}

/** The token of the ping that comes behind each input: a connection that lives answers it. */
const lastToken = 4_242;

/** How a call ended, in the words of the corpus. */
export function endOf(error: unknown): string {
  if (!(error instanceof GeeError)) return `threw ${String(error)}`;
  // Reasons of hostile servers have spaces.
  const reason = error.reason?.replaceAll(/\s/g, "_") ?? "-";
  return `${error.code} ${reason} ${error.executed}`;
}

/** What a peer heard behind the greeting. */
function heard(messages: readonly Message[]): Omit<Outcome, "closed"> {
  const answers: { id: number; end: string }[] = [];
  const others: string[] = [];
  let fault: Outcome["fault"];
  let pongs = 0;
  for (const message of messages) {
    switch (message.kind) {
      case "result":
        answers.push({ id: message.id, end: "result" });
        break;
      case "fault": {
        const { id, code, executed, reason = "-" } = message;
        if (id === 0) fault = { code, reason };
        else answers.push({ id, end: `${code} ${reason} ${executed}` });
        break;
      }
      case "pong":
        if (message.token === lastToken) pongs++;
        break;
      case "serverHello":
      case "callerHello":
      case "call":
        break;
      default:
        others.push(message.kind);
    }
  }
  return { answers, fault, others, pongs };
}

const sum = ["Foo.Sum", [1, 2]] as const;

/** A session in memory, in time that stands still. */
export function attackSession({ input, split }: Run, host: SessionHost): Outcome {
  const pair = linkPair({ delivery: "by hand" });
  const session = new Session(pair.server, host);
  pair.server.open(session.channel);
  const peer = new ScriptedPeer(pair.caller, "caller");
  if (input.phase === "open") peer.hello({ features: input.features });
  pair.deliver();
  for (const piece of split.pieces) {
    peer.send(piece);
    pair.deliver();
  }
  peer.say({ kind: "ping", id: 0, token: lastToken });
  pair.deliver();
  const outcome = { ...heard(peer.messages), closed: peer.closedWhy !== undefined };
  pair.caller.close();
  pair.deliver();
  if (!session.isClosed) throw new Error(`${input.name}: the session is left`);
  return outcome;
}

/** A connection in memory, with a call in flight, in time that stands still. */
export async function attackConnection(
  { input, split }: Run,
  clock: FakeClock,
  deadlines: Deadlines,
): Promise<Outcome> {
  const pair = linkPair({ delivery: "by hand" });
  const connection = new Connection(pair.caller, connectionOptions({ clock, deadlines }));
  pair.caller.open(connection.channel);
  const peer = new ScriptedPeer(pair.server, "server");
  connection.channel.flush();
  pair.deliver();
  let end = "pending";
  const start = (): void => {
    const call = callOf(...sum, clock, deadlines);
    call.promise.then(
      () => (end = "result"),
      (error: unknown) => (end = endOf(error)),
    );
    connection.start(call);
    connection.channel.flush();
    pair.deliver();
  };
  const called = connection.ready.then(start, (error: unknown) => void (end = endOf(error)));
  if (input.phase === "open") {
    peer.hello({ features: input.features });
    pair.deliver();
    await called;
  }
  for (const piece of split.pieces) {
    peer.send(piece);
    pair.deliver();
  }
  peer.say({ kind: "ping", id: 0, token: lastToken });
  pair.deliver();
  await turn();
  const outcome = { ...heard(peer.messages), closed: peer.closedWhy !== undefined, call: end };
  pair.server.close();
  pair.deliver();
  await connection.closedPromise;
  return outcome;
}

const waitMs = 5_000;

/** Turns the loop until all are done, or the time is over; those that are not show it themselves. */
async function allDone(cases: readonly { readonly done: () => boolean }[]): Promise<void> {
  const givenUpAt = performance.now() + waitMs;
  let waiting = cases;
  while (waiting.length > 0 && performance.now() < givenUpAt) {
    // Not a busy loop: the other process wants this processor too.
    await Bun.sleep(1);
    waiting = waiting.filter(({ done }) => !done());
  }
}

/** Writes piece by piece, all runs side by side: the n-th of each, then a turn of the loop. */
async function sendAll(
  runs: readonly { readonly peer: ScriptedPeer; readonly split: Split }[],
): Promise<void> {
  const most = Math.max(...runs.map(({ split }) => split.pieces.length));
  for (let index = 0; index < most; index++) {
    for (const { peer, split } of runs) {
      const piece = split.pieces[index];
      if (piece !== undefined && peer.closedWhy === undefined) peer.send(piece);
    }
    await turn();
  }
  for (const { peer } of runs) {
    if (peer.closedWhy === undefined) peer.say({ kind: "ping", id: 0, token: lastToken });
  }
}

function isOver(peer: ScriptedPeer, wantedAnswers: number): boolean {
  if (peer.closedWhy !== undefined) return true;
  const { answers, pongs } = heard(peer.messages);
  return pongs > 0 && answers.length >= wantedAnswers;
}

/** Runs against a server, each on a connection of its own, all at once. */
export async function attackServer(address: string, runs: readonly Run[]): Promise<Outcome[]> {
  const dial = createDial(systemClock);
  const endpoint = parseEndpoint(address);
  const attackers = await Promise.all(
    runs.map(async ({ input, split }) => {
      const { peer, attach } = scripted("caller");
      await dial(endpoint, { timeoutMs: waitMs }, attach);
      if (input.phase === "open") peer.hello({ features: input.features });
      const wanted = input.must.kind === "answers" ? input.must.calls.size : 0;
      return { input, split, peer, done: () => isOver(peer, wanted) };
    }),
  );
  await allDone(
    attackers.map(({ input, peer }) => ({
      done: () => input.phase === "greeting" || peer.frames.length > 0,
    })),
  );
  await sendAll(attackers);
  await allDone(attackers);
  const outcomes = attackers.map(({ peer }) => ({
    ...heard(peer.messages),
    closed: peer.closedWhy !== undefined,
  }));
  for (const { peer } of attackers) peer.link.close();
  return outcomes;
}

/** A server that says hello (but for inputs of the greeting), an input, and nothing of its own. */
export interface HostileServer extends Disposable {
  readonly address: string;
  readonly peers: readonly ScriptedPeer[];
  /** What its last caller heard and did; `call` is for who knows. */
  outcome(): Outcome;
}

/** Starts a hostile server. To every connection it does the same, at its own pace. */
export async function startHostileServer({ input, split }: Run): Promise<HostileServer> {
  const peers: ScriptedPeer[] = [];
  const attack = async (peer: ScriptedPeer): Promise<void> => {
    await allDone([{ done: () => peer.frames.length > 0 || peer.closedWhy !== undefined }]);
    if (input.phase === "open") {
      peer.hello({ complete: false, features: input.features });
      await allDone([{ done: () => peer.frames.length > 1 || peer.closedWhy !== undefined }]);
    }
    await sendAll([{ peer, split }]);
  };
  const endpoint = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const listener = await listen(endpoint, systemClock, (link) => {
    const { peer, attach } = scripted("server");
    peers.push(peer);
    void attack(peer);
    return attach(link);
  });
  return {
    address: listener.address,
    peers,
    outcome() {
      const peer = peers.at(-1);
      return { ...heard(peer?.messages ?? []), closed: peer?.closedWhy !== undefined };
    },
    [Symbol.dispose]() {
      listener.stop();
      for (const peer of peers) peer.link.close();
    },
  };
}

/** Runs against clients, each with a call in flight to a server of its own, all at once. */
export async function attackClients(runs: readonly Run[], log: Log): Promise<Outcome[]> {
  await using stack = new AsyncDisposableStack();
  const victims = await Promise.all(
    runs.map(async (run) => {
      const server = stack.use(await startHostileServer(run));
      const victim = { server, end: "pending" };
      const { kind } = run.input.must;
      const client = stack.use(connect({ address: server.address, log }));
      client.call(...sum).then(
        () => (victim.end = "result"),
        (error: unknown) => (victim.end = endOf(error)),
      );
      const done = (): boolean => {
        const { closed, pongs } = server.outcome();
        if (kind === "ignores") return pongs > 0;
        return victim.end !== "pending" && (closed || pongs > 0);
      };
      return { victim, done };
    }),
  );
  await allDone(victims);
  const outcomes = victims.map(({ victim }) => ({ ...victim.server.outcome(), call: victim.end }));
  // Who still waits has its answer now, so that no client is left.
  for (const { victim } of victims) {
    const [peer] = victim.server.peers;
    peer?.say({ kind: "result", id: 1, value: 3, metadata: undefined });
  }
  await allDone(victims.map(({ victim }) => ({ done: () => victim.end !== "pending" })));
  return outcomes;
}
