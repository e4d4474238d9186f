// A server as a process of its own, for tests of whole fleets. Its one argument is JSON; it says
// where it is on stdout, and stops on SIGTERM.

import { appendFileSync } from "node:fs";
import { callContext, serve } from "../../src/index.ts";

// When the test is gone, so is this.
process.stdin.once("end", () => process.exit(1)).resume();

const { registry, listen, ledger, lameDuckMs, drainTimeoutMs } = JSON.parse(
  process.argv[2] ?? "{}",
) as {
  readonly registry?: string;
  readonly listen?: string;
  readonly ledger: string;
  readonly lameDuckMs?: number;
  readonly drainTimeoutMs?: number;
};

class Work {
  /** Writes down that it has begun, before it does anything. */
  async Do(call: string, ms: number): Promise<string> {
    const { signal } = callContext();
    appendFileSync(ledger, `${call} ${process.pid}\n`);
    if (ms > 0) await Bun.sleep(ms);
    signal.throwIfAborted();
    return call;
  }
}

const server = await serve({
  services: { Work: new Work() },
  registry,
  listen,
  lameDuckMs,
  drainTimeoutMs,
});
await server.registered;
process.once("SIGTERM", async () => {
  await server.stop();
  process.exit(0);
});
console.log(JSON.stringify({ address: server.address, id: server.id }));
