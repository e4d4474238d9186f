// A server as a process of its own, for floods. It says where it is on stdout.

import { callContext, serve } from "../../src/index.ts";

// When the test is gone, so is this.
process.stdin.once("end", () => process.exit(1)).resume();

class Work {
  Sum(a: number, b: number): number {
    return a + b;
  }
  Big(size: number): Uint8Array {
    return new Uint8Array(size);
  }
  /** Waits until its caller has had enough. */
  async Wait(): Promise<void> {
    const { signal } = callContext();
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
  }
}

const quiet = (): void => {};
const server = await serve({
  services: { Work: new Work() },
  log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
});
console.log(JSON.stringify({ address: server.address }));
