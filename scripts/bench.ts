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
import type { FloodReport } from "./bench/floods.ts";
import { runGuard } from "./bench/guarding.ts";
import { measure } from "./bench/measure.ts";
import { parseOptions, usage, UsageError } from "./bench/options.ts";
import type { Options } from "./bench/options.ts";
import { lookAround } from "./bench/peers.ts";
import { endAll, PeerFailed } from "./bench/processes.ts";
import { headText, reportRow, rowText } from "./bench/report.ts";
import type { Report, RowReport } from "./bench/report.ts";
import { floorsText, footText, judgedOf, tableHead, tableLine } from "./bench/table.ts";
import { runTrials, skippedTrials, trialText } from "./bench/trials.ts";
import { install } from "./steps.ts";

async function bench(options: Options): Promise<void> {
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
  const rows: RowReport[] = [];
  for (const row of options.rows) {
    console.error(`measuring ${row.name}`);
    const report = reportRow(await measure(row, options, around));
    rows.push(report);
    say(options.details ? `${rowText(report)}\n` : tableLine(report));
  }
  const trials = await runTrials(
    options.trials,
    options.trialRounds,
    options.trialSeconds,
    (name) => console.error(`measuring ${name}`),
  );
  if (options.details) for (const trial of trials) say(`${trialText(trial)}\n`);
  let floods: readonly FloodReport[] = [];
  if (options.floods) {
    console.error("measuring floods");
    floods = await measureFloods();
    if (options.details) say(`${floodText(floods)}\n`);
  }
  const report: Report = {
    benchmark: "gee",
    machine,
    rounds: options.rounds,
    secondsPerRun: options.windowMs / 1_000,
    skipped,
    tookSeconds: (performance.now() - startedAt) / 1_000,
    rows,
    trials,
    floods,
  };
  if (options.json) console.log(JSON.stringify(report));
  else say(`\n${floorsText(judgedOf(report))}\n\n${footText(report)}`);
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
    await bench(options);
    return 0;
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
