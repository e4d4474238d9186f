// One end of a trial, in a process of its own: `bun trial.ts NAME server [BESIDE]` or `... client
// PORT`. It is told what to do line by line on stdin, answers on stdout, and ends when stdin does.

import { fail } from "./load.ts";
import { trial as beside } from "./trials/beside.ts";
import { trial as held } from "./trials/held.ts";
import { trial as call } from "./trials/call.ts";
import { trial as workers } from "./trials/workers.ts";
import { trial as memory } from "./trials/memory.ts";
import { trial as overload } from "./trials/overload.ts";
import { trial as pick } from "./trials/pick.ts";
import { trial as registryBeats } from "./trials/registry-beats.ts";
import { trial as registryEtcd } from "./trials/registry-etcd.ts";
import { trial as registryWatch } from "./trials/registry-watch.ts";

/** The two ends of a trial. */
export interface Trial {
  /** Serves at a free port. `beside` is where the process is that the trial has beside its own. */
  serve(beside: string): Promise<number>;
  /** Does what the server is told; where a trial tells it nothing, there is none. */
  hear?(order: string): Promise<unknown>;
  /** Connects; what it returns does what it is told, and says what came of it. */
  open(port: number): Promise<(order: string) => Promise<unknown>>;
}

const trials: ReadonlyMap<string, Trial> = new Map([
  ["memory-reader", memory],
  ["memory-calls", held],
  ["memory-streams", held],
  ["memory-clients", held],
  ["memory-registry", registryBeats],
  ["call", call],
  ["workers", workers],
  ["overload", overload],
  ["beside", beside],
  ["pick", pick],
  ["registry-beats", registryBeats],
  ["registry-watch", registryWatch],
  ["registry-etcd", registryEtcd],
]);

async function main(name = "", role = "", port = ""): Promise<void> {
  const trial = trials.get(name);
  if (trial === undefined) throw new Error(`there is no trial ${name}`);
  if (role === "server") {
    console.log(`listening ${await trial.serve(port)}`);
    for await (const line of console)
      console.log(`heard ${JSON.stringify((await trial.hear?.(line)) ?? null)}`);
  } else {
    const round = await trial.open(Number(port));
    console.log("ready");
    for await (const line of console)
      console.log(`result ${JSON.stringify((await round(line)) ?? null)}`);
  }
  process.exit(0);
}

if (import.meta.main) await main(...process.argv.slice(2)).catch(fail);
