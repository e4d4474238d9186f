// How fast gee is beside what one would use otherwise: the same work, on the same machine, in the
// same minutes. Each side is two processes on loopback; every result is checked.
//
//   bun run bench [--quick] [--only NAME] [--rounds N] [--seconds N] [--details] [--json]
//   bun run bench --guard [--against COMMIT | --baseline FILE | --save FILE] [--only NAME] [--json]
//
// It fails for a wrong result and for a process that ended, never for a figure that is slow. The guard
// fails when a call costs more CPU time than it did.

import { cpus, release } from "node:os";
import { BaselineError } from "./bench/baseline.ts";
import { GitError } from "./bench/before.ts";
import { floodText, measureFloods } from "./bench/floods.ts";
import { runGuard } from "./bench/guarding.ts";
import { measure } from "./bench/measure.ts";
import { parseOptions, usage, UsageError } from "./bench/options.ts";
import type { Options } from "./bench/options.ts";
import { lookAround } from "./bench/peers.ts";
import { endAll, PeerFailed } from "./bench/processes.ts";
import { headText, reportRow, rowText } from "./bench/report.ts";
import type { Report, RowReport } from "./bench/report.ts";
import { floorsText, footText, judgedOf, tableHead, tableLine } from "./bench/table.ts";
import { runTrial, skippedTrials, trialText } from "./bench/trials.ts";
import type { TrialReport } from "./bench/trials.ts";
import { install } from "./steps.ts";

/** What went wrong: the others are measured all the same, minutes as they take. */
interface Failure {
  readonly what: string;
  readonly why: string;
}

/** Measures one thing; when it fails, that is noted. */
async function attempt<T>(
  what: string,
  failed: Failure[],
  measureIt: () => Promise<T>,
): Promise<readonly T[]> {
  console.error(`measuring ${what}`);
  try {
    return [await measureIt()];
  } catch (error) {
    if (!(error instanceof PeerFailed)) throw error;
    console.error(error.message);
    failed.push({ what, why: error.message.split("\n")[0] ?? "" });
    return [];
  }
}

async function bench(options: Options): Promise<0 | 1> {
  const startedAt = performance.now();
  const say = (text: string): void => {
    if (!options.json) console.log(text);
  };
  const machine = {
    bun: Bun.version,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    kernel: release(),
  };
  const around = await lookAround(options.rows);
  const skipped = [...around.skipped, ...skippedTrials(options.trials)];
  for (const { what, why } of skipped) console.error(`left out: ${what}: ${why}`);
  if (options.rows.length > 0) say(options.details ? headText(machine) : tableHead(machine));
  const failed: Failure[] = [];
  const rows: RowReport[] = [];
  for (const row of options.rows) {
    for (const measured of await attempt(row.name, failed, () => measure(row, options, around))) {
      const report = reportRow(measured);
      rows.push(report);
      say(options.details ? `${rowText(report)}\n` : tableLine(report));
    }
  }
  const trials: TrialReport[] = [];
  for (const trial of options.trials) {
    if (trial.whyNot?.() !== undefined) continue;
    const { trialRounds, trialSeconds } = options;
    const run = (): Promise<TrialReport> => runTrial(trial, trialRounds, trialSeconds);
    for (const report of await attempt(trial.name, failed, run)) {
      trials.push(report);
      if (options.details) say(`${trialText(report)}\n`);
    }
  }
  const floods = (options.floods ? await attempt("floods", failed, measureFloods) : []).flat();
  if (options.details && floods.length > 0) say(`${floodText(floods)}\n`);
  const report: Report = {
    benchmark: "gee",
    machine,
    rounds: options.rounds,
    secondsPerRun: options.windowMs / 1_000,
    skipped,
    failed,
    tookSeconds: (performance.now() - startedAt) / 1_000,
    rows,
    trials,
    floods,
  };
  if (options.json) console.log(JSON.stringify(report));
  else say(`\n${floorsText(judgedOf(report))}\n\n${footText(report)}`);
  return failed.length === 0 ? 0 : 1;
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(args);
    if (options === "help") {
      console.log(usage);
      return 0;
    }
    await install();
    if ("guard" in options) return await runGuard(options.guard);
    return await bench(options);
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${usage}`);
      return 2;
    }
    if (error instanceof BaselineError || error instanceof GitError) {
      console.error(error.message);
      return 2;
    }
    console.error(error instanceof PeerFailed ? error.message : error);
    // Of the guard, 1 is a verdict.
    return args.includes("--guard") ? 2 : 1;
  } finally {
    endAll();
  }
}

if (import.meta.main) {
  for (const [signal, exitCode] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.on(signal, () => {
      endAll();
      process.exit(exitCode);
    });
  }
  process.exitCode = await main(process.argv.slice(2));
}
