// Runs the tests, those of the compiled executable included. Arguments go to `bun test`.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildWhenStale, install, root, run } from "./steps.ts";

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

/** What measures time or memory: they have the machine to themselves, behind the others. */
const alone: ReadonlySet<string> = new Set([
  "test/allocations.test.ts",
  "test/binary/beats.test.ts",
  "test/cluster/honest-beats.test.ts",
  "test/corpus/corpus.test.ts",
  "test/corpus/floods.test.ts",
  "test/editor-completions.test.ts",
  "test/streams/item-source.test.ts",
]);

/** Runs `bun test` with these arguments; its counts are those of its own report. */
async function runGroup(args: readonly string[], report: string): Promise<TestResult> {
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
}

/**
 * Runs the tests and says how it went. Most of them wait for other processes, so two files run at a
 * time, and then one by one those that would be disturbed.
 */
export async function runTests(args: readonly string[] = []): Promise<TestResult> {
  await install();
  await buildWhenStale();
  const folder = await mkdtemp(join(tmpdir(), "gee-test-"));
  try {
    if (args.length > 0) return await runGroup(args, join(folder, "report.xml"));
    const files = [...new Bun.Glob("test/**/*.test.ts").scanSync(root)].sort();
    const beside = files.filter((file) => !alone.has(file)).map((file) => `./${file}`);
    const single = files.filter((file) => alone.has(file)).map((file) => `./${file}`);
    const first = await runGroup(
      ["--parallel=2", "--no-isolate", ...beside],
      join(folder, "beside.xml"),
    );
    const second = await runGroup(single, join(folder, "alone.xml"));
    return {
      passed: first.passed + second.passed,
      failed: first.failed + second.failed,
      exitCode: first.exitCode === 0 ? second.exitCode : first.exitCode,
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
