import { parseArgs } from "node:util";
import { guardRows } from "./guard-rows.ts";
import type { GuardOptions } from "./guarding.ts";
import { rows } from "./rows.ts";
import type { Row } from "./rows.ts";
import { trialRows } from "./trials.ts";

/** What a run of the benchmark is to do. */
export interface Options {
  readonly rows: readonly Row[];
  /** What gee is held to beside nobody. */
  readonly trials: typeof trialRows;
  readonly trialRounds: number;
  /** How long a trial goes on, where it is not a matter of how much. */
  readonly trialSeconds: number;
  readonly rounds: number;
  /** Of streams, of thousands of connections, and of peers that are far behind. */
  readonly longRounds: number;
  readonly windowMs: number;
  /** In every run, before the window opens. */
  readonly rampMs: number;
  /** Once for each process, so that its code is compiled. */
  readonly warmMs: number;
  /** What of a stream's items is sent in one run, as a share. */
  readonly streamShare: number;
  readonly json: boolean;
  /** Every figure for people, too. */
  readonly details: boolean;
  /** A good client beside floods is measured too. */
  readonly floods: boolean;
}

/** Thrown for arguments that make no sense. The message says what would. */
export class UsageError extends Error {}

/** Names with commas, in lines of a terminal, behind the help's column. */
function namesText(all: readonly { readonly name: string }[]): string {
  const lines: string[] = [""];
  for (const [index, { name }] of all.entries()) {
    const word = index < all.length - 1 ? `${name}, ` : name;
    if (`${lines.at(-1)}${word}`.length > 84) lines.push("");
    lines.push(`${lines.pop() ?? ""}${word}`);
  }
  return lines.map((line) => line.trimEnd()).join("\n                ");
}

/** What `--help` prints. */
export const usage: string = `bun run bench [--quick] [--only NAME] [--rounds N] [--seconds N] [--details] [--json]
bun run bench --guard [--against COMMIT | --baseline FILE | --save FILE] [--only NAME] [--json]

  --quick       three short rounds: about 40 s, and only good for a glance
  --only NAME   rows and trials whose name begins so, several with commas; or floods
                (${namesText(rows)};
                ${namesText(trialRows)})
  --rounds N    runs of each side, of which the median counts; unless it is said 5
  --seconds N   how long each run is measured; 0.4 unless it is said
  --details     each side's figures in full: spread, p50 and p99, CPU time; and all of each trial
  --json        one JSON document on stdout, for programs

  --guard       nothing but CPU time of a call, of the working tree's gee beside another commit's, until
                it is sure whether that is more than 5 %: exit code 1 when a row's is
                (${guardRows.map(({ row }) => row.name).join(", ")})
  --against C   that commit; unless it is said HEAD when there are changes, else the one before it
  --save F      writes what this commit costs on this machine to a file, compared with itself
  --baseline F  compares with the commit of such a file; refused on another machine (exit code 2)

GEE_LONG=1 has the trials go on for 10 s each instead of 2 s.
`;

function positive(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && value < 1_000) return value;
  throw new UsageError(`--${name} is ${JSON.stringify(text)}; a number above 0 is expected`);
}

function namesOf(only: string): readonly string[] {
  return only.split(",").map((name) => name.trim());
}

function isNamed(only: string, one: { readonly name: string }): boolean {
  return namesOf(only).some((name) => name !== "" && one.name.startsWith(name));
}

/** What `only` names: rows, trials, and whether floods are among it. */
function selected(only: string): Pick<Options, "rows" | "trials" | "floods"> {
  const everything = [...rows, ...trialRows, { name: "floods" }];
  for (const name of namesOf(only)) {
    if (name !== "" && everything.some((one) => one.name.startsWith(name))) continue;
    const known = everything.map((one) => one.name).join(", ");
    throw new UsageError(`there is no row ${JSON.stringify(name)}; there are ${known}`);
  }
  return {
    rows: rows.filter((one) => isNamed(only, one)),
    trials: trialRows.filter((one) => isNamed(only, one)),
    floods: isNamed(only, { name: "floods" }),
  };
}

type Values = ReturnType<typeof valuesOf>;

function valuesOf(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        against: { type: "string" },
        baseline: { type: "string" },
        details: { type: "boolean", default: false },
        guard: { type: "boolean", default: false },
        save: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
        json: { type: "boolean", default: false },
        only: { type: "string" },
        quick: { type: "boolean", default: false },
        rounds: { type: "string" },
        seconds: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function guardOptions({ against, baseline, save, only, json, ...others }: Values): GuardOptions {
  const given = Object.entries({ against, baseline, save }).filter(([, value]) => value);
  if (given.length > 1) {
    const names = given.map(([name]) => `--${name}`).join(" and ");
    throw new UsageError(`${names}: each says what is compared, so one of them`);
  }
  for (const name of ["quick", "rounds", "seconds"] as const) {
    if (others[name])
      throw new UsageError(`--${name} is not of --guard, which goes on until it is sure`);
  }
  const chosen = guardRows.filter(({ row }) => only === undefined || isNamed(only, row));
  for (const name of only === undefined ? [] : namesOf(only)) {
    if (chosen.some(({ row }) => isNamed(name, row))) continue;
    const known = guardRows.map(({ row }) => row.name).join(", ");
    throw new UsageError(`--guard has no row ${JSON.stringify(name)}; it has ${known}`);
  }
  return { rows: chosen, against, baseline, save, json };
}

/** Reads the command line. @throws UsageError */
export function parseOptions(
  args: readonly string[],
): Options | { readonly guard: GuardOptions } | "help" {
  const values = valuesOf(args);
  if (values.help) return "help";
  if (values.guard) return { guard: guardOptions(values) };
  for (const name of ["against", "baseline", "save"] as const) {
    if (values[name] !== undefined) throw new UsageError(`--${name} is of --guard`);
  }
  const { quick, json } = values;
  const rounds = positive("rounds", values.rounds, quick ? 3 : 5);
  if (!Number.isInteger(rounds)) throw new UsageError("--rounds is a whole number");
  const windowMs = 1_000 * positive("seconds", values.seconds, quick ? 0.1 : 0.4);
  const all = { rows, trials: quick ? [] : trialRows, floods: !quick };
  const isLong = process.env["GEE_LONG"] === "1";
  return {
    ...(values.only === undefined ? all : selected(values.only)),
    trialRounds: quick ? 1 : Math.min(rounds, 2),
    trialSeconds: isLong ? 10 : quick ? 1 : 2,
    rounds,
    longRounds: quick ? 1 : Math.min(rounds, 3),
    windowMs,
    rampMs: Math.min(100, windowMs / 2),
    warmMs: Math.min(500, windowMs * 3),
    streamShare: quick ? 0.1 : 1,
    json,
    details: values.details,
  };
}
