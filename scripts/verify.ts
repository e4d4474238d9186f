// All that a commit has to pass: format, types, lint, dead code, tests; stops at the first failure.
// With --no-tests it leaves the tests out.

import { install, run } from "./steps.ts";
import { runTests } from "./test.ts";

const checks: readonly (readonly [name: string, command: readonly string[]])[] = [
  ["format", ["bun", "fmt", "--check"]],
  ["types", ["bun", "check"]],
  ["lint", ["bun", "x", "--bun", "oxlint", "--deny-warnings"]],
  ["dead code", ["bun", "x", "--bun", "knip"]],
];

await install();
for (const [name, command] of checks) {
  console.log(`\n${name}: ${command.join(" ")}`);
  const exitCode = await run(command);
  if (exitCode === 0) continue;
  console.log(`\n${name} failed`);
  process.exit(exitCode);
}
if (!process.argv.includes("--no-tests")) {
  const { passed, failed, exitCode } = await runTests();
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(exitCode);
}
