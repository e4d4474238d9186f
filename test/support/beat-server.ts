// A server as a process of its own whose main loop can be kept busy. Its one argument is JSON; it
// says where it is on stdout, stops on SIGTERM, and then ends when nothing keeps it alive.

import { serve } from "../../src/index.ts";

/** What the process is told. */
export interface BeatServerOptions {
  readonly registry: string;
  readonly hungAfterMs?: number;
  readonly beatThread?: boolean;
}

// When the test is gone, so is this.
const gone = (): never => process.exit(1);
process.stdin.once("end", gone).resume();

const options: BeatServerOptions = JSON.parse(process.argv[2] ?? "{}");

class Work {
  /** Computes for so long, and lets nothing else run. */
  Burn(ms: number): number {
    const endAt = performance.now() + ms;
    let rounds = 0;
    while (performance.now() < endAt) rounds++;
    return Math.min(rounds, 1);
  }

  /** Never ends. Nothing in this process gets a turn any more. */
  Hang(): never {
    for (;;);
  }
}

const server = await serve({ services: { Work: new Work() }, lameDuckMs: 0, ...options });
await server.registered;
process.once("SIGTERM", async () => {
  await server.stop();
  process.stdin.off("end", gone).pause();
});
console.log(JSON.stringify({ address: server.address, id: server.id }));
