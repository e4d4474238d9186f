import { parseArgs } from "node:util";
import { rows } from "./rows.ts";
import type { Row } from "./rows.ts";

/** What a run of the benchmark is to do. */
export interface Options {
  readonly rows: readonly Row[];
  readonly rounds: number;
  /** Of the one row that opens thousands of connections each time. */
  readonly idleRounds: number;
  readonly windowMs: number;
  /** In every run, before the window opens. */
  readonly rampMs: number;
  /** Once for each process, so that its code is compiled. */
  readonly warmMs: number;
  readonly json: boolean;
  /** A good client beside floods is measured too. */
  readonly floods: boolean;
}

/** Thrown for arguments that make no sense. The message says what would. */
export class UsageError extends Error {}

/** What `--help` prints. */
export const usage: string = `bun run bench [--quick] [--only NAME] [--rounds N] [--seconds N] [--json]

  --quick       three short rounds: about 40 s, and only good for a glance
  --only NAME   rows whose name begins so, several with commas; or floods
                (${rows.map(({ name }) => name).join(", ")})
  --rounds N    runs of each side, of which the median counts; 5 unless it is said
  --seconds N   how long each run is measured; 0.7 unless it is said
  --json        one JSON document on stdout, for programs
`;

function positive(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && value < 1_000) return value;
  throw new UsageError(`--${name} is ${JSON.stringify(text)}; a number above 0 is expected`);
}

function selected(only: string | undefined): readonly Row[] {
  if (only === undefined) return rows;
  const names = only.split(",").map((name) => name.trim());
  for (const name of names) {
    if (name !== "" && rows.some((row) => row.name.startsWith(name))) continue;
    const known = rows.map((row) => row.name).join(", ");
    throw new UsageError(`there is no row ${JSON.stringify(name)}; there are ${known}`);
  }
  return rows.filter((row) => names.some((name) => row.name.startsWith(name)));
}

/** Reads the command line. @throws UsageError */
export function parseOptions(args: readonly string[]): Options | "help" {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
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
  return {
    rows: values.only === "floods" ? [] : selected(values.only),
    floods: values.only === undefined ? !quick : values.only === "floods",
    rounds,
    idleRounds: quick ? 1 : rounds,
    windowMs,
    rampMs: Math.min(100, windowMs / 2),
    warmMs: Math.min(700, windowMs * 3),
    json,
  };
}
