// Whether a change costs CPU time: the working tree's gee beside another commit's, both at the same
// time, so that whatever else the machine does it does to both. Each pair has new processes, because a
// process that was compiled a little otherwise stays so for its life.

import { availableParallelism } from "node:os";
import { thisMachine } from "./baseline.ts";
import type { Baseline, Machine } from "./baseline.ts";
import type { Before } from "./before.ts";
import type { GuardRow } from "./guard-rows.ts";
import { runPair } from "./measure.ts";
import { lookAround, pin, startPair } from "./peers.ts";
import type { Pair, Surroundings } from "./peers.ts";
import { median } from "./statistics.ts";
import { isDecided, judge, looks } from "./verdict.ts";
import type { Interval, Verdict } from "./verdict.ts";

/** Windows of one pair, of whose ratios the median counts; even, as they change CPUs in turn. */
const windows = 8;
/** A process makes as many calls as so many windows have before it counts. */
const warmWindows = 6;

/** What came of one row. */
export interface GuardReport extends Interval {
  readonly name: string;
  readonly title: string;
  /** CPU time of a call, both ends, all threads: medians of all pairs. */
  readonly nowUs: number;
  readonly beforeUs: number;
  /** now / before, of each pair. */
  readonly ratios: readonly number[];
  readonly verdict: Verdict;
  /** What the baseline says that it was. */
  readonly savedUs?: number;
}

/** One pair of runs, in processes of their own. */
interface PairResult {
  readonly ratio: number;
  readonly nowUs: number;
  readonly beforeUs: number;
}

/** Starts both sides; which of them comes first alternates. */
async function startBoth(
  row: GuardRow["row"],
  against: "gee" | "before",
  around: Surroundings,
  isTurned: boolean,
): Promise<readonly [now: Pair, before: Pair]> {
  if (!isTurned) {
    const now = await startPair("gee", row, around);
    return [now, await startPair(against, row, around)];
  }
  const before = await startPair(against, row, around);
  return [await startPair("gee", row, around), before];
}

function place(pair: Pair, cpu: number, around: Surroundings): void {
  pin(pair.server, cpu, around);
  pin(pair.client, cpu, around);
}

async function measurePair(
  { row, calls, onOneCpu }: GuardRow,
  against: "gee" | "before",
  around: Surroundings,
  index: number,
): Promise<PairResult> {
  const [now, before] = await startBoth(row, against, around, index % 2 === 1);
  await using stack = new AsyncDisposableStack();
  stack.use(now);
  stack.use(before);
  const both = (wanted: number) =>
    Promise.all([
      runPair(now, row, { calls: wanted }),
      runPair(before, row, { calls: wanted }),
    ] as const);
  await both(warmWindows * calls);
  const runs: (readonly [now: number, before: number])[] = [];
  for (let window = 0; window < windows; window++) {
    if (onOneCpu && availableParallelism() > 1) {
      place(now, (index + window) % 2, around);
      place(before, (index + window + 1) % 2, around);
    }
    const [ours, theirs] = await both(calls);
    runs.push([ours.value, theirs.value]);
  }
  return {
    ratio: median(runs.map(([ours, theirs]) => ours / theirs)),
    nowUs: median(runs.map(([ours]) => ours)),
    beforeUs: median(runs.map(([, theirs]) => theirs)),
  };
}

async function measureRow(
  guarded: GuardRow,
  against: "gee" | "before",
  around: Surroundings,
  isEnough: (ratios: readonly number[]) => boolean,
  savedUs: number | undefined,
): Promise<GuardReport> {
  const pairs: PairResult[] = [];
  const ratios: number[] = [];
  while (!isEnough(ratios)) {
    const pair = await measurePair(guarded, against, around, pairs.length);
    pairs.push(pair);
    ratios.push(pair.ratio);
  }
  return {
    name: guarded.row.name,
    title: guarded.row.title,
    nowUs: median(pairs.map(({ nowUs }) => nowUs)),
    beforeUs: median(pairs.map(({ beforeUs }) => beforeUs)),
    ratios,
    ...judge(ratios),
    ...(savedUs === undefined ? {} : { savedUs }),
  };
}

/** What the guard is to do. */
export interface GuardWork {
  readonly rows: readonly GuardRow[];
  /** The commit that is held against; undefined for the working tree beside itself. */
  readonly before: Before | undefined;
  /** What was saved of it. */
  readonly baseline: Baseline | undefined;
}

/** Measures each row until it is decided, and tells of each when it is. @throws PeerFailed */
export async function guard(
  { rows, before, baseline }: GuardWork,
  onRow: (report: GuardReport) => void,
): Promise<readonly GuardReport[]> {
  const around = { ...(await lookAround([])), before };
  const reports: GuardReport[] = [];
  // Beside itself there is nothing to decide: as many pairs as the first look takes say how it is.
  const [few = 0] = looks;
  const isEnough =
    before === undefined ? (ratios: readonly number[]) => ratios.length >= few : isDecided;
  for (const row of rows) {
    const saved = baseline?.rows.find(({ name }) => name === row.row.name)?.cpuUs;
    const against = before === undefined ? "gee" : "before";
    const report = await measureRow(row, against, around, isEnough, saved);
    reports.push(report);
    onRow(report);
  }
  return reports;
}

/** What `--save` writes: both sides are the same code, so both say what it costs. */
export function baselineOf(
  commit: string,
  reports: readonly GuardReport[],
  machine: Machine = thisMachine(),
): Baseline {
  return {
    benchmark: "gee guard",
    commit,
    machine,
    rows: reports.map(({ name, nowUs, beforeUs }) => ({
      name,
      cpuUs: median([nowUs, beforeUs]),
    })),
  };
}
