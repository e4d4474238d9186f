// What was measured, as one document: for programs as it is, for people as a table.

import type { FloodReport } from "./floods.ts";
import type { Measured, Run } from "./measure.ts";
import { isMoreBetter, peerTitles } from "./rows.ts";
import type { Figure, PeerName } from "./rows.ts";
import { median, ratioOf, spread } from "./statistics.ts";
import type { Ratio } from "./statistics.ts";
import type { TrialReport } from "./trials.ts";

/** One side of a row. */
export interface Side {
  readonly peer: PeerName;
  /** The median of all rounds. */
  readonly value: number;
  /** From the least to the greatest, as a share of the median. */
  readonly spread: number;
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
  readonly serverCpuUs: number | undefined;
  readonly clientCpuUs: number | undefined;
  readonly runs: readonly Run[];
}

/** gee beside one peer; beside itself when the bound is one of its own figure. */
export interface Comparison {
  readonly against: PeerName;
  /** gee / peer, of the same round each; undefined for gee's own figure. */
  readonly ratio: Ratio | undefined;
  /** What is to be reached: at least that much where more is better, else at most. */
  readonly floor: number | undefined;
  /** The figure of gee's own that also does. */
  readonly orOwn?: number;
  readonly reached: boolean | undefined;
  /** What is better still. */
  readonly aim?: number;
  readonly aimReached?: boolean;
}

export interface RowReport {
  readonly name: string;
  readonly title: string;
  readonly figure: Figure;
  readonly connections: number;
  readonly sides: readonly Side[];
  readonly comparisons: readonly Comparison[];
}

/** The document that `--json` prints. */
export interface Report {
  readonly benchmark: "gee";
  readonly machine: {
    readonly bun: string;
    readonly cpu: string;
    readonly cores: number;
    readonly kernel: string;
  };
  readonly rounds: number;
  readonly secondsPerRun: number;
  readonly skipped: readonly { readonly what: string; readonly why: string }[];
  /** What could not be measured because something went wrong. */
  readonly failed: readonly { readonly what: string; readonly why: string }[];
  readonly tookSeconds: number;
  readonly rows: readonly RowReport[];
  readonly trials: readonly TrialReport[];
  readonly floods: readonly FloodReport[];
}

function middle(values: readonly (number | undefined)[]): number | undefined {
  const there = values.filter((value) => value !== undefined);
  return there.length === 0 ? undefined : median(there);
}

function sideOf(peer: PeerName, runs: readonly Run[]): Side {
  const values = runs.map(({ value }) => value);
  return {
    peer,
    value: median(values),
    spread: spread(values),
    p50Us: middle(runs.map((run) => run.p50Us)),
    p99Us: middle(runs.map((run) => run.p99Us)),
    serverCpuUs: middle(runs.map((run) => run.serverCpuUs)),
    clientCpuUs: middle(runs.map((run) => run.clientCpuUs)),
    runs,
  };
}

/** Sums a row up. */
export function reportRow({ row, runs, connections }: Measured): RowReport {
  const sides = [...runs].map(([peer, own]) => sideOf(peer, own));
  const ours = sides.find(({ peer }) => peer === "gee");
  const { figure } = row;
  const compare = (against: PeerName, theirs: Side): Comparison => {
    const { bound: floor, orOwn, aim } = row.floors.find((own) => own.against === against) ?? {};
    const ratio =
      ours === undefined || ours === theirs
        ? undefined
        : ratioOf(
            ours.runs.map(({ value }) => value),
            theirs.runs.map(({ value }) => value),
          );
    const value = ratio?.median ?? theirs.value;
    const isReached = (figureOfOurs: number, limit: number): boolean =>
      isMoreBetter[figure] ? figureOfOurs >= limit : figureOfOurs <= limit;
    const reached =
      floor === undefined
        ? undefined
        : isReached(value, floor) ||
          (orOwn !== undefined && ours !== undefined && isReached(ours.value, orOwn));
    return {
      against,
      ratio,
      floor,
      ...(orOwn === undefined ? {} : { orOwn }),
      reached,
      ...(aim === undefined ? {} : { aim, aimReached: isReached(value, aim) }),
    };
  };
  return {
    name: row.name,
    title: row.title,
    figure,
    connections,
    sides,
    comparisons: sides
      .filter(({ peer }) => peer !== "gee" || row.floors.some(({ against }) => against === "gee"))
      .map((side) => compare(side.peer, side)),
  };
}

const units: Readonly<Record<Figure, string>> = {
  callsPerSecond: "calls/s",
  itemsPerSecond: "items/s",
  mbPerSecond: "MB/s",
  meanUs: "us mean",
  cpuUsPerCall: "us CPU",
  kibPerConnection: "KiB each",
};

/** A figure with its unit. */
export function figureText(value: number, figure: Figure): string {
  const digits = isMoreBetter[figure] ? 0 : 2;
  const text = value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return `${text} ${units[figure]}`;
}

function cpuText({ serverCpuUs, clientCpuUs }: Side): string {
  if (serverCpuUs === undefined || clientCpuUs === undefined) return "";
  return `${serverCpuUs.toFixed(2)} + ${clientCpuUs.toFixed(2)}`;
}

function verdict({ floor, orOwn, reached }: Comparison, figure: Figure): [string, string] {
  if (floor === undefined) return ["", ""];
  return [
    `${isMoreBetter[figure] ? ">=" : "<="} ${floor}${orOwn === undefined ? "" : ` or ${orOwn / 1e6}M`}`,
    reached === true ? "reached" : "MISSED",
  ];
}

const widths = [24, 20, 8, 16, 18, 20, 12, 8] as const;

function line(cells: readonly string[]): string {
  return widths
    .map((width, index) => {
      const cell = cells[index] ?? "";
      return index === 0 ? cell.padEnd(width) : cell.padStart(width);
    })
    .join(" ")
    .trimEnd();
}

const heads = ["", "median", "spread", "p50 / p99 us", "CPU us a call", "gee / peer", "floor", ""];

/** One row for people. */
export function rowText(row: RowReport): string {
  const { figure } = row;
  const sides = row.sides.map((side) => {
    const comparison = row.comparisons.find(({ against }) => against === side.peer);
    const ratio = comparison?.ratio;
    const [floor, reached] = comparison === undefined ? ["", ""] : verdict(comparison, figure);
    return line([
      `  ${peerTitles[side.peer]}`,
      figureText(side.value, figure),
      `${Math.round(100 * side.spread)}%`,
      side.p50Us === undefined || side.p99Us === undefined
        ? ""
        : `${side.p50Us.toFixed(0)} / ${side.p99Us.toFixed(0)}`,
      cpuText(side),
      ratio === undefined
        ? ""
        : `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)}-${ratio.greatest.toFixed(2)})`,
      floor,
      reached,
    ]);
  });
  return [row.title, ...sides].join("\n");
}

/** What stands above the rows in full. */
export function headText({ bun, cpu, cores, kernel }: Report["machine"]): string {
  return [
    `Bun ${bun}, ${cores} x ${cpu}, Linux ${kernel}; two processes on loopback, one connection`,
    "CPU: server + client, all threads. Ratios: of the same round, median (least-greatest).",
    "",
    line(heads),
  ].join("\n");
}
