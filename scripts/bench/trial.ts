// One end of a trial, in a process of its own: `bun trial.ts NAME server` or `... client PORT`. It is
// told what to do line by line on stdin, answers on stdout, and ends when stdin does.

import { fail } from "./load.ts";
import { trial as beside } from "./trials/beside.ts";
import { trial as memory } from "./trials/memory.ts";
import { trial as overload } from "./trials/overload.ts";
import { trial as registry } from "./trials/registry.ts";

/** The two ends of a trial. */
export interface Trial {
  /** Serves at a free port. */
  serve(): Promise<number>;
  /** Connects; what it returns goes through one round and says what came of it. */
  open(port: number): Promise<(seconds: number) => Promise<unknown>>;
}

const trials: ReadonlyMap<string, Trial> = new Map([
  ["memory", memory],
  ["overload", overload],
  ["beside", beside],
  ["registry", registry],
]);

async function main(name = "", role = "", port = ""): Promise<void> {
  const trial = trials.get(name);
  if (trial === undefined) throw new Error(`there is no trial ${name}`);
  if (role === "server") {
    console.log(`listening ${await trial.serve()}`);
    for await (const line of console) console.log(`heard ${line}`);
  } else {
    const round = await trial.open(Number(port));
    console.log("ready");
    for await (const line of console)
      console.log(`result ${JSON.stringify(await round(Number(line)))}`);
  }
  process.exit(0);
}

if (import.meta.main) await main(...process.argv.slice(2)).catch(fail);
