// A registry over one member of etcd: registrations, each of which is a lease and a key, beside the
// same writes straight to etcd; and beats, which cost etcd a keepalive now and then.

import { Samples } from "../load.ts";
import { quantile } from "../statistics.ts";
import type { Trial } from "../trial.ts";
import { openLines } from "./http-line.ts";
import type { HttpLine } from "./http-line.ts";
import { beat, Fleet, forEach, idOf, post, register, waitLooking } from "./registry-load.ts";
import type { BeatsResult } from "./registry-load.ts";
import { serveTrialRegistry } from "./registry-server.ts";

const instances = 1_000;
/** Requests that are under way at once, where as many as possible are made. */
const atOnce = 64;
const leaseMs = 9_000;
/** With it 1,000 instances beat as often as 15,000 do otherwise. */
const shortLeaseMs = 600;
/** What a registry writes for an instance has about so many bytes. */
const recordBytes = 250;

/** Does something for every instance, on as many connections as are given; how many a second. */
async function perSecond(
  lines: readonly HttpLine[],
  run: (line: HttpLine, index: number) => Promise<void>,
): Promise<number> {
  const startedAt = performance.now();
  await forEach(instances, lines.length, async (index, worker) => {
    const line = lines[worker];
    if (line !== undefined) await run(line, index);
  });
  return (1_000 * instances) / (performance.now() - startedAt);
}

/** A lease and a key each, written to etcd itself. */
async function writeStraight(etcdPort: number): Promise<number> {
  const lines = await openLines(etcdPort, atOnce);
  const value = Buffer.alloc(recordBytes, "x").toString("base64");
  const rate = await perSecond(lines, async (line, index) => {
    const granted = await post(line, "/v3/lease/grant", { TTL: (3 * leaseMs) / 1_000 });
    const lease =
      typeof granted === "object" && granted !== null && "ID" in granted ? granted.ID : "";
    const key = Buffer.from(`straight/${idOf(index)}`).toString("base64");
    await post(line, "/v3/kv/put", { key, value, lease });
  });
  for (const line of lines) line.close();
  return rate;
}

/** Instances of a trial; those that are registered once more are others. */
class Instances {
  readonly #port: number;
  #registered = 0;
  #secrets: string[] = [];
  #fleet: Fleet | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** Registers them; how many a second. */
  async register(): Promise<number> {
    const lines = await openLines(this.#port, atOnce);
    const first = this.#registered;
    this.#registered += instances;
    this.#secrets = [];
    const rate = await perSecond(lines, async (line, index) => {
      this.#secrets[index] = await register(line, first + index, leaseMs);
    });
    for (const line of lines) line.close();
    return rate;
  }

  /** Those that were registered last beat one after the other on each of 64 connections. */
  async beatFast(seconds: number): Promise<BeatsResult> {
    const lines = await openLines(this.#port, atOnce);
    const first = this.#registered - instances;
    const samples = new Samples();
    samples.listening = true;
    const startedAt = performance.now();
    let beats = 0;
    const work = async (line: HttpLine): Promise<void> => {
      for (let now = startedAt; now - startedAt < 1_000 * seconds; now = performance.now()) {
        const index = beats++ % instances;
        if (!(await beat(line, first + index, this.#secrets[index] ?? ""))) {
          throw new Error(`wrong result: instance ${index} was forgotten`);
        }
        samples.add(performance.now() - now);
      }
    };
    const [lateMs] = await Promise.all([waitLooking(1_000 * seconds), ...lines.map(work)]);
    const rate = (1_000 * beats) / (performance.now() - startedAt);
    for (const line of lines) line.close();
    const sorted = samples.take();
    const ms = (share: number): number => quantile(sorted, share) / 1_000;
    return { beats, perSecond: rate, p50Ms: ms(0.5), p99Ms: ms(0.99), lateMs };
  }

  /** Instances with short leases, each at its own pace from now on. */
  async beatOften(): Promise<void> {
    const lines = await openLines(this.#port, instances);
    const none = Array<undefined>(instances).fill(undefined);
    this.#fleet = new Fleet(none, shortLeaseMs, this.#registered);
    this.#registered += instances;
    this.#fleet.start(lines);
    await this.#fleet.allAnew();
    await Bun.sleep(2 * shortLeaseMs);
  }

  async measure(seconds: number): Promise<BeatsResult> {
    if (this.#fleet === undefined) throw new Error("nobody beats");
    return this.#fleet.measure(seconds);
  }
}

export const trial: Trial = {
  serve: (place) => serveTrialRegistry(`etcd://${place}`),
  open(port) {
    const all = new Instances(port);
    return Promise.resolve(async (order) => {
      const [what = "", number = "0"] = order.split(" ");
      switch (what) {
        case "straight":
          return writeStraight(Number(number));
        case "register":
          return all.register();
        case "fast":
          return all.beatFast(Number(number));
        case "often":
          return all.beatOften();
        default:
          return all.measure(Number(number));
      }
    });
  },
};
