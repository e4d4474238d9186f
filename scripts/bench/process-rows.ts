// gee as a program: how long a call from the shell takes, and what a second worker is worth.

import { fileURLToPath } from "node:url";
import { root } from "../steps.ts";
import { Child, ownFolder, PeerFailed } from "./processes.ts";
import { median } from "./statistics.ts";
import { result } from "./trial-row.ts";
import type { Ends, Reading, TrialRow } from "./trial-row.ts";

const callsOfRound = 15;
const windowsOfRound = 3;
const module = fileURLToPath(import.meta.resolve("./trials/work-module.ts"));

/** Has the executable built when it is older than its source; what is said of that goes to stderr. */
async function buildExecutable(): Promise<void> {
  const script = "import { buildWhenStale } from './scripts/steps.ts'; await buildWhenStale();";
  const child = Bun.spawn([process.execPath, "-e", script], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if ((await child.exited) !== 0) throw new PeerFailed("gee could not be built");
}

/** The least that a program of Bun is: it does nothing, compiled as gee is. */
async function buildEmpty(): Promise<string> {
  const folder = ownFolder();
  await Bun.write(`${folder}/empty.ts`, "");
  const outfile = `${folder}/empty`;
  await Bun.build({
    entrypoints: [`${folder}/empty.ts`],
    compile: { outfile, autoloadBunfig: false, autoloadDotenv: false },
    format: "esm",
    minify: true,
    bytecode: true,
  });
  return outfile;
}

let built: Promise<string> | undefined;

function startToExitMs(command: readonly string[], said: string): number {
  const startedAt = performance.now();
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { stderr: "pipe" });
  const tookMs = performance.now() - startedAt;
  if (exitCode === 0 && stdout.toString().startsWith(said)) return tookMs;
  throw new PeerFailed(`${command.join(" ")}: exit code ${exitCode}\n${stdout}${stderr}`);
}

async function callRound({ client }: Ends): Promise<readonly Reading[]> {
  built ??= buildExecutable().then(buildEmpty);
  const empty = await built;
  client.say("port");
  const address = `tcp@127.0.0.1:${result<number>(await client.expect("result"))}`;
  const gee = `${root}/gee`;
  const call: number[] = [];
  const version: number[] = [];
  const nothing: number[] = [];
  // The first of each is not counted: its file is not in memory yet.
  for (let index = 0; index <= callsOfRound; index++) {
    call.push(startToExitMs([gee, "call", "Foo.Sum", "1", "2", "--address", address], "3"));
    version.push(startToExitMs([gee, "version"], "gee "));
    nothing.push(startToExitMs([empty], ""));
  }
  const middle = (values: readonly number[]): number => median(values.slice(1));
  return [
    { what: "gee call, start to exit", unit: "ms", value: middle(call), bound: 40, aim: 20 },
    { what: "gee version", unit: "ms", value: middle(version) },
    { what: "a compiled program that does nothing", unit: "ms", value: middle(nothing) },
    { what: "gee call, of that", unit: "times", value: middle(call) / middle(nothing) },
  ];
}

interface Group extends AsyncDisposable {
  readonly addresses: readonly string[];
}

/** `gee server --workers`, which ends its workers when it is ended. */
async function startWorkers(count: number): Promise<Group> {
  const options = ["--workers", String(count), "--no-register", "--json"];
  const command = [process.execPath, `${root}/src/main.ts`, "server", module, ...options];
  const setpriv = Bun.which("setpriv");
  // It does not end with its stdin, as the others do: with the benchmark itself, then.
  const child = new Child(
    `gee server --workers ${count}`,
    [...(setpriv === null ? [] : [setpriv, "--pdeathsig", "KILL", "--"]), ...command],
    {},
  );
  const { workers } = result<{ readonly workers: readonly { readonly address: string }[] }>(
    await child.line("workers"),
  );
  return {
    addresses: workers.map(({ address }) => address),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

async function workersRound({ client }: Ends, seconds: number): Promise<readonly Reading[]> {
  await using one = await startWorkers(1);
  await using two = await startWorkers(2);
  const measure = async ({ addresses }: Group): Promise<number> => {
    client.say([(1_000 * seconds) / 2, ...addresses].join(" "));
    return result<number>(await client.expect("result"));
  };
  const ones: number[] = [];
  const twos: number[] = [];
  for (let window = 0; window < windowsOfRound; window++) {
    ones.push(await measure(one));
    twos.push(await measure(two));
  }
  const ratios = twos.map((value, index) => value / (ones[index] ?? Number.NaN));
  return [
    { what: "one worker", unit: "calls/s", value: median(ones) },
    { what: "two workers", unit: "calls/s", value: median(twos) },
    {
      what: "two, of one",
      unit: "times",
      value: median(ratios),
      bound: 1.8,
      aim: 1.95,
      moreIsBetter: true,
    },
  ];
}

/** The trials of whole processes. */
export const processRows: readonly TrialRow[] = [
  {
    name: "call",
    title: "gee call of the executable, at a server that runs",
    round: callRound,
  },
  {
    name: "workers",
    title: "two workers on a machine with two cores, 5 ms of CPU a call, one client process",
    whyNot: () => (navigator.hardwareConcurrency < 2 ? "there is one CPU" : undefined),
    round: workersRound,
  },
];
