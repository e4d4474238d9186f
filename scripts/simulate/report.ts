import { holds, worse } from "./claim.ts";
import type { Figure, Result, Unit } from "./claim.ts";
import type { Fleet, Row } from "./table.ts";

/** A figure of a claim, and the seed that it is of. */
export interface Reported {
  readonly claim: string;
  readonly figure: Figure;
  readonly seed: number;
  /** The arguments that show it again. */
  readonly again: string;
}

function written(value: number, unit: Unit): string {
  switch (unit) {
    case "%":
      return `${(value * 100).toFixed(2)} %`;
    case "ms":
      return `${value.toFixed(1)} ms`;
    case "s":
      return `${value.toFixed(2)} s`;
    case "times":
      return value.toFixed(3);
    case "tries":
      return value.toFixed(2);
    case "calls":
      return String(value);
    default:
      return unit satisfies never;
  }
}

/** Cells below one another; the first column and those named in `left` begin at the left. */
function columns(rows: readonly (readonly string[])[], left: readonly number[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => (cells[column] ?? "").length)),
  );
  return rows.map((cells) =>
    cells
      .map((cell, column) =>
        left.includes(column)
          ? cell.padEnd(widths[column] ?? 0)
          : cell.padStart(widths[column] ?? 0),
      )
      .join("   ")
      .trimEnd(),
  );
}

/** What the policies came to. */
export function tableLines(fleet: Fleet, rows: readonly Row[]): readonly string[] {
  const { members, clients, perSecond, odd } = fleet;
  const each =
    odd === 1 ? "one is 10 times slower, one fails" : `${odd} are 10 times slower, ${odd} fail`;
  return [
    `${members} members, ${clients} clients, ${perSecond} calls/s; ${each} in 1 ms (even share ` +
      `${written(odd / members, "%")})${members > 4 ? "; one drains, one joins, one is cut off" : "; one joins"}`,
    "",
    ...columns(
      [
        ["policy", "slow gets", "failing gets", "p50", "p99", "attempts/call", "failed"],
        ...rows.map((row) => [
          row.policy,
          written(row.slow, "%"),
          written(row.failing, "%"),
          written(row.p50Ms, "ms"),
          written(row.p99Ms, "ms"),
          written(row.attempts, "times"),
          written(row.failed, "%"),
        ]),
      ],
      [0],
    ),
    "",
  ];
}

/** The figures of one run of a claim; what went wrong in it is one as well, that should be 0. */
export function figuresOf(results: readonly Result[]): readonly Figure[] {
  const wrongs = results.flatMap((result) => result.wrongs);
  const bound = { kind: "at most", value: 0 } as const;
  return [
    ...results.flatMap(({ figures }) => figures),
    ...wrongs.map((what): Figure => {
      const value = Number.parseInt(what, 10);
      return { name: what.replace(/^\d+ /, ""), unit: "calls", value, bound };
    }),
  ];
}

/** The worst of each claim's figures, each with the first seed that it is of. */
export function worstOf(reported: readonly Reported[]): readonly Reported[] {
  const worst = new Map<string, Reported>();
  for (const one of reported) {
    const name = `${one.claim}: ${one.figure.name}`;
    const known = worst.get(name);
    const isWorse = known !== undefined && worse(known.figure, one.figure) !== known.figure;
    if (known === undefined || isWorse) worst.set(name, one);
  }
  return [...worst.values()];
}

function boundOf({ unit, bound }: Figure): string {
  return bound === undefined ? "" : `${bound.kind} ${written(bound.value, unit)}`;
}

/** What the claims came to; `seeds`: of how many seeds these are the worst. */
export function claimLines(reported: readonly Reported[], seeds: number): readonly string[] {
  const verdict = (figure: Figure): string =>
    figure.bound === undefined ? "" : holds(figure) ? "ok" : "FAILED";
  const rows = reported.map(({ claim, figure, seed }, index) => [
    reported[index - 1]?.claim === claim ? "" : claim,
    figure.name,
    written(figure.value, figure.unit),
    boundOf(figure),
    ...(seeds > 1 ? [String(seed)] : []),
    verdict(figure),
  ]);
  const head = ["claim", "figure", seeds > 1 ? "worst" : "measured", "bound"];
  const lines = columns([[...head, ...(seeds > 1 ? ["seed"] : []), ""], ...rows], [0, 1, 3]);
  const failed = reported.filter(({ figure }) => !holds(figure));
  const again = new Set(failed.map((one) => `  bun scripts/simulate.ts ${one.again}`));
  const bounded = reported.filter(({ figure }) => figure.bound !== undefined);
  const sum =
    failed.length === 0
      ? `all ${bounded.length} figures are within their bounds`
      : `${failed.length} of ${bounded.length} figures are beyond their bounds; to see it again:`;
  return [...lines, "", sum, ...again];
}
