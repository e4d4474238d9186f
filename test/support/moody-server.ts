// A server as a process of its own that is as slow and as faulty as the test says at any moment. Its
// one argument is JSON; it says where it is on stdout, and stops on SIGTERM.

import { appendFileSync } from "node:fs";
import { silentLog } from "../../src/base/log.ts";
import { GeeError, serve } from "../../src/index.ts";
import { well } from "./moody.ts";
import type { Mood, MoodyServerOptions, Where } from "./moody.ts";
import { SpoilingRelay } from "./spoiling-relay.ts";

// When the test is gone, so is this.
process.stdin.once("end", () => process.exit(1)).resume();

const options: MoodyServerOptions & { readonly ledger: string } = JSON.parse(
  process.argv[2] ?? "{}",
);

let mood: Mood = { ...well, ...options.mood };
/** Resolves when those who were held may go. */
let released = Promise.withResolvers<void>();

/** Writes down that it has begun, before it does anything, and answers with who it was. */
async function perform(call: string): Promise<string> {
  appendFileSync(options.ledger, `${call} ${process.pid}\n`);
  if (mood.holds) await released.promise;
  else if (mood.failing > 0 && Math.random() < mood.failing) {
    throw new GeeError("INTERNAL", "it is not well", { reason: "NOT_WELL" });
  } else if (mood.workMs > 0) await Bun.sleep(mood.workMs);
  return `${call} ${process.pid}`;
}

class Work {
  /** A method that nobody says anything of. */
  async Do(call: string): Promise<string> {
    return await perform(call);
  }

  /** One that may run more than once. */
  async Read(call: string): Promise<string> {
    return await perform(call);
  }

  /** The same with something that fills sockets. */
  async Put(call: string, _load: Uint8Array): Promise<string> {
    return await perform(call);
  }
}

const server = await serve({
  services: { Work: new Work() },
  methods: { Work: { Read: { idempotent: true } } },
  registry: options.registry,
  listen: options.listen,
  maxInFlight: options.maxInFlight,
  log: silentLog,
});
await server.registered;

/** What the test says and asks, at a place of its own: it is none of the calls that count. */
class Moods {
  Set(next: Partial<Mood>): void {
    mood = { ...mood, ...next };
    if (mood.holds) return;
    released.resolve();
    released = Promise.withResolvers();
  }

  Connections(): number {
    return server.connections();
  }
}

const control = await serve({ services: { Moods: new Moods() }, log: silentLog });
const relay = options.spoils === true ? new SpoilingRelay(server, () => mood.spoiling) : undefined;

process.once("SIGTERM", async () => {
  await Promise.all([server.stop(), control.stop()]);
  process.exit(0);
});
const where: Where = {
  address: relay?.address ?? server.address,
  id: server.id,
  control: control.address,
};
console.log(JSON.stringify(where));
