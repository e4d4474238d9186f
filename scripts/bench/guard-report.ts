// What the guard says, for people.

import type { GuardReport } from "./guard.ts";
import { mostCost } from "./verdict.ts";
import type { Verdict } from "./verdict.ts";

const most = `${Math.round(100 * (mostCost - 1))} %`;

const words: Readonly<Record<Verdict, string>> = {
  within: `within ${most}`,
  "costs more": "COSTS MORE",
  "not decided": "not decided",
};

/** What stands above the rows. */
export function guardHead(now: string, before: string, hasSaved: boolean): string {
  return [
    `${now}, beside ${before}`,
    "CPU time of a call, server and client, all threads; both at once, new processes for each pair",
    "",
    line(["", "before", "now", "now / before", "95 % sure", "pairs", ""]) +
      (hasSaved ? "       saved" : ""),
  ].join("\n");
}

const widths = [34, 11, 11, 13, 14, 6, 12] as const;

function line(cells: readonly string[]): string {
  return widths
    .map((width, index) => {
      const cell = cells[index] ?? "";
      return index === 0 ? cell.padEnd(width) : index === 6 ? `  ${cell}` : cell.padStart(width);
    })
    .join("")
    .trimEnd();
}

function us(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)} us`;
}

/** One row. */
export function guardText(report: GuardReport): string {
  const { title, beforeUs, nowUs, median, low, high, ratios, verdict, savedUs } = report;
  const text = line([
    title,
    us(beforeUs),
    us(nowUs),
    median.toFixed(3),
    `${low.toFixed(2)} - ${high.toFixed(2)}`,
    String(ratios.length),
    words[verdict],
  ]);
  return savedUs === undefined ? text : `${text.padEnd(103)} ${us(savedUs)}`;
}

function named(reports: readonly GuardReport[], verdict: Verdict): string {
  return reports
    .filter((report) => report.verdict === verdict)
    .map(({ name }) => name)
    .join(", ");
}

/** What it comes to. */
export function guardFoot(reports: readonly GuardReport[], seconds: number): string {
  const dear = named(reports, "costs more");
  const open = named(reports, "not decided");
  return [
    dear === "" ? `nothing costs more than ${most}` : `costs more than ${most}: ${dear}`,
    ...(open === ""
      ? []
      : [
          `not decided: ${open} (${most} more is neither shown nor ruled out; a quiet machine may)`,
        ]),
    `${seconds.toFixed(0)} s`,
  ].join("\n");
}

/** 1 when something costs more, else 0: what is not decided is said, and no failure. */
export function guardExitCode(reports: readonly GuardReport[]): 0 | 1 {
  return reports.some(({ verdict }) => verdict === "costs more") ? 1 : 0;
}
