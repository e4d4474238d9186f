import { parseArgs } from "node:util";
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
  /** Of the rows about CPU time, whose bound is a twentieth: many that are short. */
  readonly cpuRounds: number;
  /** Of the one row that opens thousands of connections each time. */
  readonly idleRounds: number;
  readonly windowMs: number;
  /** In every run, before the window opens. */
  readonly rampMs: number;
  /** Once for each process, so that its code is compiled. */
  readonly warmMs: number;
  /** What of a stream's items is sent in one run, as a share. */
  readonly streamShare: number;
  /** The commit whose CPU time ours is held against; undefined for the one before ours. */
  readonly against: string | undefined;
  readonly json: boolean;
  /** A good client beside floods is measured too. */
  readonly floods: boolean;
}

/** Thrown for arguments that make no sense. The message says what would. */
export class UsageError extends Error {}

/** What `--help` prints. */
export const usage: string = `bun run bench [--quick] [--only NAME] [--rounds N] [--seconds N]
              [--against COMMIT] [--json]

  --quick       three short rounds: about 40 s, and only good for a glance
  --only NAME   rows and trials whose name begins so, several with commas; or floods
                (${rows.map(({ name }) => name).join(", ")};
                ${trialRows.map(({ name }) => name).join(", ")})
  --rounds N    runs of each side, of which the median counts; unless it is said 5, and 27 of CPU time
  --seconds N   how long each run is measured; 0.7 unless it is said
  --against C   the commit that the rows about CPU time (cpu-...) compare with; unless it is said
                HEAD when src has changes, else the one before it
  --json        one JSON document on stdout, for programs

GEE_LONG=1 has the trials go on for 10 s each instead of 2 s.
`;

function positive(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && value < 1_000) return value;
  throw new UsageError(`--${name} is ${JSON.stringify(text)}; a number above 0 is expected`);
}

/** What `only` names: rows, trials, and whether floods are among it. */
function selected(only: string): Pick<Options, "rows" | "trials" | "floods"> {
  const names = only.split(",").map((name) => name.trim());
  const isNamed = (one: { readonly name: string }): boolean =>
    names.some((name) => one.name.startsWith(name));
  const everything = [...rows, ...trialRows, { name: "floods" }];
  for (const name of names) {
    if (name !== "" && everything.some((one) => one.name.startsWith(name))) continue;
    const known = everything.map((one) => one.name).join(", ");
    throw new UsageError(`there is no row ${JSON.stringify(name)}; there are ${known}`);
  }
  return {
    rows: rows.filter(isNamed),
    trials: trialRows.filter(isNamed),
    floods: isNamed({ name: "floods" }),
  };
}

/** Reads the command line. @throws UsageError */
export function parseOptions(args: readonly string[]): Options | "help" {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        against: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
        json: { type: "boolean", default: false },
        only: { type: "string" },
        quick: { type: "boolean", default: false },
        rounds: { type: "string" },
        seconds: { type: "string" },
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  if (values.help) return "help";
  const { quick, json } = values;
  const rounds = positive("rounds", values.rounds, quick ? 3 : 5);
  if (!Number.isInteger(rounds)) throw new UsageError("--rounds is a whole number");
  const windowMs = 1_000 * positive("seconds", values.seconds, quick ? 0.1 : 0.7);
  const all = { rows, trials: quick ? [] : trialRows, floods: !quick };
  const isLong = process.env["GEE_LONG"] === "1";
  return {
    ...(values.only === undefined ? all : selected(values.only)),
    trialRounds: quick ? 1 : Math.min(rounds, 3),
    trialSeconds: isLong ? 10 : quick ? 1 : 2,
    rounds,
    cpuRounds: values.rounds === undefined && !quick ? 27 : rounds,
    idleRounds: quick ? 1 : rounds,
    windowMs,
    rampMs: Math.min(100, windowMs / 2),
    warmMs: Math.min(700, windowMs * 3),
    streamShare: quick ? 0.1 : 1,
    against: values.against,
    json,
  };
}
