#!/usr/bin/env bun
import { run } from "./cli/run.ts";

// The loop may run dry below a promise that can no longer settle; that is a failure, not an end.
process.once("beforeExit", () => {
  console.error("error: INTERNAL  gee ran out of work before it was done");
  process.exit(1);
});

// No top-level await: Bun spins for ever on one that cannot settle. And an exit by hand, because
// a user's module may have left timers and sockets behind.
void run(process.argv.slice(2), process.env).then((exitCode) => process.exit(exitCode));
