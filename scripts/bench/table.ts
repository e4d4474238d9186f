// What was measured, at a glance: a line for each work, and what was to be reached.

import { figureText } from "./report.ts";
import type { Comparison, Report, RowReport } from "./report.ts";
import { isMoreBetter, peerTitles } from "./rows.ts";
import type { PeerName } from "./rows.ts";

/** Over the columns, in their order. */
const columns: readonly (readonly [peer: PeerName, head: string])[] = [
  ["tcp", "TCP"],
  ["websocket", "WS"],
  ["http", "HTTP"],
  ["go", "Go"],
  ["grpc", "gRPC"],
  ["capnweb", "Cap'n"],
  ["trpc", "tRPC"],
  ["moleculer", "Molec."],
];

const titleWidth = 43;
const figureWidth = 17;
const columnWidth = 7;

function ratioText(ratio: number): string {
  return ratio >= 9.95 ? `${ratio.toFixed(0)}x` : `${ratio.toFixed(ratio < 1.5 ? 2 : 1)}x`;
}

/** What stands above the table. */
export function tableHead({ bun, cpu, cores, kernel }: Report["machine"]): string {
  return [
    `Bun ${bun}, ${cores} x ${cpu}, Linux ${kernel}; two processes on loopback, one connection`,
    "gee's figure, and gee / peer of the same round: calls a second (more is better), or us and KiB (less)",
    "",
    "".padEnd(titleWidth + figureWidth - 3) +
      "gee" +
      columns.map(([, head]) => head.padStart(columnWidth)).join(""),
  ].join("\n");
}

/** One line of it. */
export function tableLine({ title, figure, sides, comparisons }: RowReport): string {
  const ours = sides.find(({ peer }) => peer === "gee");
  const cells = columns.map(([peer]) => {
    const ratio = comparisons.find(({ against }) => against === peer)?.ratio;
    return (ratio === undefined ? "-" : ratioText(ratio.median)).padStart(columnWidth);
  });
  const value = ours === undefined ? "" : figureText(ours.value, figure);
  return title.padEnd(titleWidth) + value.padStart(figureWidth) + cells.join("");
}

/** One bound that is to be reached. */
export interface Judged {
  readonly what: string;
  /** With its range. */
  readonly value: string;
  readonly floor: string;
  readonly reached: boolean;
  readonly aim: string;
  readonly aimReached: boolean | undefined;
}

function ofComparison(row: RowReport, comparison: Comparison): readonly Judged[] {
  const { against, ratio, floor, orOwn, reached, aim, aimReached } = comparison;
  if (floor === undefined) return [];
  const own = row.sides.find(({ peer }) => peer === "gee")?.value ?? Number.NaN;
  const sign = isMoreBetter[row.figure] ? ">=" : "<=";
  return [
    {
      what: ratio === undefined ? row.name : `${row.name} / ${peerTitles[against]}`,
      value:
        ratio === undefined
          ? figureText(own, row.figure)
          : `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)}-${ratio.greatest.toFixed(2)})`,
      floor: `${sign} ${floor}${orOwn === undefined ? "" : ` or ${orOwn / 1e6}M/s`}`,
      reached: reached === true,
      aim: aim === undefined ? "" : `${sign} ${aim}`,
      aimReached,
    },
  ];
}

function number(value: number): string {
  const digits = value >= 1_000 ? 0 : 2;
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** Every bound of a report: those of rows, of trials and of floods. */
export function judgedOf({
  rows,
  trials,
  floods,
}: Pick<Report, "rows" | "trials" | "floods">): readonly Judged[] {
  const ofRows = rows.flatMap((row) => row.comparisons.flatMap((one) => ofComparison(row, one)));
  const ofTrials = trials.flatMap(({ name, figures }) =>
    figures.flatMap(({ what, unit, value, bound, moreIsBetter, reached, aim, aimReached }) => {
      if (bound === undefined) return [];
      const sign = moreIsBetter === true ? ">=" : "<=";
      return [
        {
          what: `${name}: ${what}`,
          value: `${number(value)} ${unit}`,
          floor: `${sign} ${bound}`,
          reached: reached === true,
          aim: aim === undefined ? "" : `${sign} ${aim}`,
          aimReached,
        },
      ];
    }),
  );
  const ofFloods = floods.map(({ flood, ratio }) => ({
    what: `floods: p99 beside ${flood}, of the quiet one`,
    value: `${ratio.toFixed(1)} times`,
    floor: "<= 5",
    reached: ratio <= 5,
    aim: "",
    aimReached: undefined,
  }));
  return [...ofRows, ...ofTrials, ...ofFloods];
}

/** All bounds, a line each; nothing when there are none. */
export function floorsText(judged: readonly Judged[]): string {
  if (judged.length === 0) return "";
  const cell = (text: string, reached: boolean | undefined): string =>
    reached === undefined ? "" : `${text.padEnd(14)} ${reached ? "reached" : "MISSED "}`;
  const missed = judged.filter(({ reached }) => !reached);
  const aims = judged.filter(({ aimReached }) => aimReached !== undefined);
  const aimed = aims.filter(({ aimReached }) => aimReached);
  return [
    `${"".padEnd(52)}${"".padStart(20)}  floor                   aim`,
    ...judged.map(({ what, value, floor, reached, aim, aimReached }) =>
      `${what.padEnd(52)}${value.padStart(20)}  ${cell(floor, reached)}  ${
        aimReached === undefined ? "" : `${aim.padEnd(8)} ${aimReached ? "reached" : "missed"}`
      }`.trimEnd(),
    ),
    `${judged.length - missed.length} of ${judged.length} floors reached, ` +
      `${aimed.length} of ${aims.length} aims` +
      (missed.length === 0 ? "" : `; missed: ${missed.map(({ what }) => what).join("; ")}`),
  ].join("\n");
}

/** What stands at the end. */
export function footText(report: Report): string {
  const calibrations = report.rows
    .flatMap(({ sides }) => sides.flatMap(({ runs }) => runs))
    .map(({ calibrationMs }) => calibrationMs);
  return [
    ...(calibrations.length === 0
      ? []
      : [
          `calibration loop ${Math.min(...calibrations).toFixed(1)} to ` +
            `${Math.max(...calibrations).toFixed(1)} ms: compare figures of like ones, and ratios`,
        ]),
    ...report.skipped.map(({ what, why }) => `left out: ${what}: ${why}`),
    ...report.failed.map(({ what, why }) => `FAILED: ${what}: ${why}`),
    `${report.rounds} rounds of ${report.secondsPerRun} s; ${report.tookSeconds.toFixed(0)} s in all`,
  ].join("\n");
}
