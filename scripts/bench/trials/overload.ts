// A method with room for so many calls at once, and three times as many callers as it can serve: what
// it has no room for is refused at once, and what it takes is as quick as ever.

import { connect, GeeError, serve } from "../../../src/index.ts";
import { quantile } from "../statistics.ts";
import type { Trial } from "../trial.ts";

const concurrency = 32;
const workMs = 5;
const overloadRatio = 3;
const warmMs = 1_000;

class Work {
  async Nap(number: number): Promise<number> {
    await Bun.sleep(workMs);
    return number;
  }
}

/** What was counted over some time. */
interface Counted {
  readonly calls: number;
  readonly goodput: number;
  readonly p99Ms: number;
}

/** What one round gave. */
export interface OverloadResult {
  readonly peak: Counted;
  readonly over: Counted & {
    readonly offered: number;
    readonly refused: number;
    readonly refusalP99Ms: number;
  };
}

type Nap = (number: number) => Promise<number>;

function p99(values: readonly number[]): number {
  return quantile(Float64Array.from(values).sort(), 0.99);
}

/** As many callers as there is room for, each with one call after the other. */
async function atPeak(nap: Nap, ms: number): Promise<Counted> {
  const took: number[] = [];
  const startedAt = performance.now();
  const loop = async (): Promise<void> => {
    for (let now = performance.now(); now - startedAt < ms; now = performance.now()) {
      if ((await nap(1)) !== 1) throw new Error("wrong result");
      took.push(performance.now() - now);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  const seconds = (performance.now() - startedAt) / 1_000;
  return { calls: took.length, goodput: took.length / seconds, p99Ms: p99(took) };
}

/** Calls at a rate that does not ask how the last ones fared. */
async function openLoop(nap: Nap, perSecond: number, ms: number): Promise<OverloadResult["over"]> {
  const took: number[] = [];
  const refusedIn: number[] = [];
  const open = new Set<Promise<void>>();
  const one = async (number: number): Promise<void> => {
    const calledAt = performance.now();
    try {
      if ((await nap(number)) !== number) throw new Error("wrong result");
      took.push(performance.now() - calledAt);
    } catch (error) {
      if (!(error instanceof GeeError) || error.code !== "RESOURCE_EXHAUSTED") throw error;
      refusedIn.push(performance.now() - calledAt);
    }
  };
  const startedAt = performance.now();
  let calls = 0;
  for (let now = startedAt; now - startedAt < ms; now = performance.now()) {
    for (const due = ((now - startedAt) * perSecond) / 1_000; calls < due; calls++) {
      const call = one(calls);
      open.add(call);
      void call.finally(() => open.delete(call));
    }
    await Bun.sleep(1);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const inTime = took.length;
  await Promise.all(open);
  return {
    calls,
    offered: calls / seconds,
    goodput: inTime / seconds,
    p99Ms: p99(took),
    refused: refusedIn.length,
    refusalP99Ms: p99(refusedIn),
  };
}

export const trial: Trial = {
  async serve() {
    const server = await serve({
      services: { Work: new Work() },
      methods: { Work: { Nap: { concurrency } } },
    });
    return Number(server.address.slice(server.address.lastIndexOf(":") + 1));
  },
  async open(port) {
    const { Nap } = connect({ address: `tcp@127.0.0.1:${port}` }).service<Work>("Work");
    const { goodput } = await atPeak(Nap, warmMs);
    await openLoop(Nap, overloadRatio * goodput, warmMs);
    return async (order) => {
      const seconds = Number(order);
      const peak = await atPeak(Nap, 1_000 * seconds);
      const over = await openLoop(Nap, overloadRatio * peak.goodput, 1_000 * seconds);
      return { peak, over } satisfies OverloadResult;
    };
  },
};
