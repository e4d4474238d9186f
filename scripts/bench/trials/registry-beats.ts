// Ten thousand instances at a beat of 3 s, each on a connection of its own, or as many as there may be
// connections; then the registry restarts and knows none of them.

import { maxOpenFiles } from "../processes.ts";
import type { Trial } from "../trial.ts";
import { openLines } from "./http-line.ts";
import type { HttpLine } from "./http-line.ts";
import { Fleet, forEach, register } from "./registry-load.ts";
import type { BeatsResult } from "./registry-load.ts";
import { hear, serveTrialRegistry } from "./registry-server.ts";

const leaseMs = 9_000;
/** Registrations at a time, all on connections that are there before the first. */
const atOnce = 64;

/** How many instances there are: a connection each, and a few files besides. */
export const instances: number = Math.min(10_000, maxOpenFiles() - 512);

/** The instances of a trial. */
class Instances {
  readonly #port: number;
  readonly #secrets: string[] = [];
  #few: readonly HttpLine[] = [];
  #fleet: Fleet | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** Registers all that are not registered yet; returns how long that took, in ms. */
  async register(): Promise<number> {
    if (this.#few.length === 0) {
      this.#few = await openLines(this.#port, atOnce);
      // The first one finds code that is not yet loaded.
      await this.#registerTo(1);
      return 0;
    }
    const startedAt = performance.now();
    await this.#registerTo(instances);
    return performance.now() - startedAt;
  }

  async #registerTo(count: number): Promise<void> {
    const known = this.#secrets.length;
    await forEach(count - known, atOnce, async (index, worker) => {
      const line = this.#few[worker];
      if (line === undefined) throw new Error("no connection");
      this.#secrets[known + index] = await register(line, known + index, leaseMs);
    });
  }

  /** Beats from now on. The first period does not count. */
  async beat(port: number, secrets: readonly string[]): Promise<void> {
    const lines = await openLines(port, secrets.length);
    this.#fleet = new Fleet(secrets, leaseMs);
    this.#fleet.start(lines);
    await Bun.sleep(leaseMs / 3);
  }

  beatAtRegistry(): Promise<void> {
    return this.beat(this.#port, this.#secrets);
  }

  async stop(): Promise<void> {
    await this.#fleet?.stop();
  }

  async measure(seconds: number): Promise<BeatsResult> {
    if (this.#fleet === undefined) throw new Error("nobody beats");
    return this.#fleet.measure(seconds);
  }

  /** Waits until all of them had to register anew. */
  async allAnew(): Promise<void> {
    await this.#fleet?.allAnew();
  }
}

const noSecret = "0123456789abcdef0123456789abcdef";

export const trial: Trial = {
  serve: () => serveTrialRegistry(),
  hear,
  open(port) {
    const all = new Instances(port);
    return Promise.resolve(async (order) => {
      const [what = "", number = "0"] = order.split(" ");
      switch (what) {
        case "bare":
          return all.beat(Number(number), Array<string>(instances).fill(noSecret));
        case "stop":
          return all.stop();
        case "register":
          return all.register();
        case "beat":
          return all.beatAtRegistry();
        case "measure":
          return all.measure(Number(number));
        default:
          return all.allAnew();
      }
    });
  },
};
