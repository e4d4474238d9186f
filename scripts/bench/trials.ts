// What gee is held to on its own, beside nobody: memory behind a slow reader, work under overload, a
// small call beside a large reply. Each has two processes, and several rounds of which the median counts.

import { fileURLToPath } from "node:url";
import { policyNames } from "../../src/base/policy-name.ts";
import { Child, PeerFailed, residentBytes } from "./processes.ts";
import { memoryRows } from "./memory-rows.ts";
import { processRows } from "./process-rows.ts";
import { registryRows } from "./registry-rows.ts";
import { median } from "./statistics.ts";
import { result } from "./trial-row.ts";
import type { Ends, Reading, TrialRow } from "./trial-row.ts";
import type { BesideResult } from "./trials/beside.ts";
import type { PickResult } from "./trials/pick.ts";
import type { OverloadResult } from "./trials/overload.ts";

const program = fileURLToPath(import.meta.resolve("./trial.ts"));
const sampleMs = 10;

/** One figure of a trial. */
export interface TrialFigure {
  readonly what: string;
  readonly unit: string;
  readonly value: number;
  /** The value of each round. */
  readonly rounds: readonly number[];
  /** What is to be reached, and whether more is better; undefined where the figure only tells. */
  readonly bound?: number;
  readonly moreIsBetter?: boolean;
  readonly reached?: boolean;
  /** What is better still. */
  readonly aim?: number;
  readonly aimReached?: boolean;
}

/** What came of one trial. */
export interface TrialReport {
  readonly name: string;
  readonly title: string;
  readonly figures: readonly TrialFigure[];
}

function resident({ server, client }: Ends): readonly [server: number, client: number] {
  const ofServer = residentBytes(server.pid);
  const ofClient = residentBytes(client.pid);
  if (ofServer === undefined || ofClient === undefined) {
    throw new PeerFailed("no /proc says how much memory a process holds");
  }
  return [ofServer, ofClient];
}

const mebibyte = 1_048_576;

async function memoryRound(ends: Ends, seconds: number): Promise<readonly Reading[]> {
  const base = resident(ends);
  let peak = base;
  const watch = setInterval(() => {
    const [server, client] = resident(ends);
    peak = [Math.max(peak[0], server), Math.max(peak[1], client)];
  }, sampleMs);
  try {
    ends.client.say(String(seconds));
    const { mbPerSecond } = result<{ readonly mbPerSecond: number }>(
      await ends.client.expect("result"),
    );
    const grown = (end: 0 | 1): number => (peak[end] - base[end]) / mebibyte;
    return [
      { what: "the server's RSS above its base", unit: "MiB", value: grown(0), bound: 32 },
      { what: "the reader's RSS above its base", unit: "MiB", value: grown(1), bound: 32 },
      { what: "read", unit: "MB/s", value: mbPerSecond },
    ];
  } finally {
    clearInterval(watch);
  }
}

async function overloadRound({ client }: Ends, seconds: number): Promise<readonly Reading[]> {
  client.say(String(seconds));
  const { peak, over } = result<OverloadResult>(await client.expect("result"));
  return [
    { what: "goodput at its peak", unit: "calls/s", value: peak.goodput },
    { what: "offered then", unit: "calls/s", value: over.offered },
    { what: "refused", unit: "%", value: (100 * over.refused) / over.calls },
    {
      what: "goodput, of its peak",
      unit: "times",
      value: over.goodput / peak.goodput,
      bound: 0.9,
      moreIsBetter: true,
    },
    { what: "p99 of accepted calls at the peak", unit: "ms", value: peak.p99Ms },
    {
      what: "p99 of accepted calls, of that",
      unit: "times",
      value: over.p99Ms / peak.p99Ms,
      bound: 2,
    },
    { what: "p99 of refusals", unit: "ms", value: over.refusalP99Ms, bound: 5 },
  ];
}

async function besideRound({ client }: Ends, seconds: number): Promise<readonly Reading[]> {
  client.say(String(seconds));
  const { quiet, beside, repliesPerSecond } = result<BesideResult>(await client.expect("result"));
  const readings = (when: string, { p50Ms, p99Ms, maxMs }: BesideResult["quiet"]): Reading[] => [
    { what: `p50 ${when}`, unit: "ms", value: p50Ms },
    { what: `p99 ${when}`, unit: "ms", value: p99Ms },
    { what: `longest ${when}`, unit: "ms", value: maxMs },
  ];
  return [
    ...readings("quiet", quiet),
    ...readings("beside", beside),
    { what: "large replies", unit: "a second", value: repliesPerSecond },
  ];
}

async function pickRound({ client }: Ends): Promise<readonly Reading[]> {
  client.say("pick");
  const nanoseconds = result<PickResult>(await client.expect("result"));
  return policyNames.map((name) => ({
    what: name,
    unit: "ns",
    value: nanoseconds[name],
    // What every call pays; the others are chosen by those who want them.
    ...(name === "p2c" ? { bound: 200 } : {}),
  }));
}

/** Every trial there is. */
export const trialRows: readonly TrialRow[] = [
  {
    name: "memory-reader",
    title: "a stream of 256 MiB to a reader that takes 50 MB/s",
    round: memoryRound,
  },
  {
    name: "overload",
    title: "three times the calls that a method has room for (concurrency 32, 5 ms each)",
    round: overloadRound,
  },
  {
    name: "beside",
    title: "a call of 1 ms beside a reply of 50 MB on the same connection",
    round: besideRound,
  },
  {
    name: "pick",
    title: "a server picked among 64, by each policy",
    round: pickRound,
  },
  ...memoryRows,
  ...processRows,
  ...registryRows,
];

/** Runs a trial. @throws PeerFailed for a wrong result and for a process that ended */
export async function runTrial(
  { name, title, beside: startBeside, round, mostRounds = Number.POSITIVE_INFINITY }: TrialRow,
  rounds: number,
  seconds: number,
): Promise<TrialReport> {
  const readings: (readonly Reading[])[] = [];
  for (let index = 0; index < Math.min(rounds, mostRounds); index++) {
    // New processes each time: memory that one round has taken is not given back to the next.
    await using beside = await startBeside?.();
    const serve = [process.execPath, program, name, "server", beside?.place ?? ""];
    await using server = new Child(`${name}, server`, serve, {});
    const port = await server.expect("listening");
    const command = [process.execPath, program, name, "client", port];
    await using client = new Child(`${name}, client`, command, {});
    await client.expect("ready");
    readings.push(await round({ server, client, beside }, seconds));
  }
  const [first = []] = readings;
  return {
    name,
    title,
    figures: first.map(({ what, unit, bound, aim, moreIsBetter }, index) => {
      const values = readings.map((own) => own[index]?.value ?? Number.NaN);
      const value = median(values);
      if (bound === undefined) return { what, unit, value, rounds: values };
      const isReached = (limit: number) =>
        moreIsBetter === true ? value >= limit : value <= limit;
      return {
        what,
        unit,
        value,
        rounds: values,
        bound,
        moreIsBetter: moreIsBetter === true,
        reached: isReached(bound),
        ...(aim === undefined ? {} : { aim, aimReached: isReached(aim) }),
      };
    }),
  };
}

/** Those of some trials that cannot be run here. */
export function skippedTrials(
  chosen: readonly TrialRow[],
): readonly { readonly what: string; readonly why: string }[] {
  return chosen.flatMap(({ name, whyNot }) => {
    const why = whyNot?.();
    return why === undefined ? [] : [{ what: name, why }];
  });
}

/** One trial for people. */
export function trialText({ title, figures }: TrialReport): string {
  return [
    title,
    ...figures.map(
      ({ what, unit, value, rounds, bound, moreIsBetter, reached, aim, aimReached }) => {
        const digits = value >= 1_000 ? 0 : 2;
        const text = (own: number): string =>
          own.toLocaleString("en", {
            minimumFractionDigits: digits,
            maximumFractionDigits: digits,
          });
        const range = `(${text(Math.min(...rounds))}-${text(Math.max(...rounds))})`;
        const verdict =
          bound === undefined
            ? ""
            : `${moreIsBetter === true ? ">=" : "<="} ${bound}`.padStart(10) +
              (reached === true ? "  reached" : "  MISSED") +
              (aim === undefined
                ? ""
                : `, aim ${aim} ${aimReached === true ? "reached" : "missed"}`);
        return (
          `  ${what.padEnd(42)} ${text(value).padStart(10)} ${unit.padEnd(9)} ${range.padEnd(20)}` +
          verdict
        ).trimEnd();
      },
    ),
  ].join("\n");
}
