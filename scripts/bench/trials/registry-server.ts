// The registry of a trial, and beside it what Bun itself needs to answer the same beats.

import { heapStats } from "bun:jsc";
import { serveRegistry } from "../../../src/index.ts";
import type { Registry } from "../../../src/index.ts";

let registry: Registry | undefined;
let listen = "127.0.0.1:0";

/** Serves a registry at a free port, with `store` or in memory. */
export async function serveTrialRegistry(store = "memory"): Promise<number> {
  registry = await serveRegistry({ listen, store });
  const { port, host } = new URL(registry.url);
  listen = host;
  return Number(port);
}

/** Reads JSON and answers JSON, as long as a registry's: nobody over HTTP does it for less. */
function serveBare(): number {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const beat: unknown = await request.json();
      const isBeat = typeof beat === "object" && beat !== null && "secret" in beat;
      return isBeat
        ? Response.json({ leaseMs: 9_000, epoch: "0123456789abcdef", index: 10_000 })
        : new Response("no beat", { status: 400 });
    },
  });
  return server.port ?? 0;
}

/**
 * What the server of a trial is told: `heap` (bytes, once nothing is left to be collected), `bare`
 * (its port), `members` (their number), `restart` (at the same port, knowing nobody).
 */
export async function hear(order: string): Promise<number> {
  if (order === "bare") return serveBare();
  if (order === "members") return registry?.memberCount() ?? 0;
  if (order === "restart") {
    await registry?.[Symbol.asyncDispose]();
    return serveTrialRegistry();
  }
  for (let pass = 0; pass < 3; pass++) {
    Bun.gc(true);
    await Bun.sleep(100);
  }
  return heapStats().heapSize;
}
