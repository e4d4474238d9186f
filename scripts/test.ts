// Runs the tests, those of the compiled executable included. Arguments go to `bun test`.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildWhenStale, install, run } from "./steps.ts";

/** What became of the tests. */
export interface TestResult {
  readonly passed: number;
  readonly failed: number;
  readonly exitCode: number;
}

/** Counts of the report's outermost element; undefined when there is no report. */
async function readReport(
  path: string,
): Promise<{ tests: number; failed: number; skipped: number } | undefined> {
  const file = Bun.file(path);
  const head = (await file.exists())
    ? /<testsuites [^>]*>/.exec(await file.text())?.[0]
    : undefined;
  if (head === undefined) return undefined;
  const count = (name: string): number =>
    Number(new RegExp(` ${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  return { tests: count("tests"), failed: count("failures"), skipped: count("skipped") };
}

/** Runs `bun test` and says how it went, in the numbers of its own report. */
export async function runTests(args: readonly string[] = []): Promise<TestResult> {
  await install();
  await buildWhenStale();
  const folder = await mkdtemp(join(tmpdir(), "gee-test-"));
  const report = join(folder, "report.xml");
  try {
    const exitCode = await run([
      "bun",
      "test",
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...args,
    ]);
    const counts = await readReport(report);
    const failed = counts?.failed ?? 0;
    return {
      passed: counts === undefined ? 0 : counts.tests - counts.failed - counts.skipped,
      // A test file that does not even load is a failure that no test reports.
      failed: exitCode !== 0 && failed === 0 ? 1 : failed,
      exitCode,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const { passed, failed, exitCode } = await runTests(process.argv.slice(2));
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(exitCode);
}
