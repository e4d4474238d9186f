// One client of servers that are busy: how many calls they answer together.

import { connect } from "../../../src/index.ts";
import type { Trial } from "../trial.ts";
import type { Work } from "./work-module.ts";

const workMs = 5;
/** For each server: one that it is at, and some that wait, so that it always has work. */
const inFlightEach = 4;

/** Calls a second of the servers at some addresses, for so many ms, after a while that does not count. */
async function callsPerSecond(addresses: readonly string[], ms: number): Promise<number> {
  await using gee = connect({ address: addresses });
  const { Burn } = gee.service<Work>("Work");
  let calls = 0;
  const over = new AbortController();
  const loop = async (): Promise<void> => {
    while (!over.signal.aborted) {
      if ((await Burn(workMs)) !== workMs) throw new Error("wrong result");
      calls++;
    }
  };
  const loops = Promise.all(Array.from({ length: inFlightEach * addresses.length }, loop));
  await Bun.sleep(ms / 5);
  const before = calls;
  const startedAt = performance.now();
  await Bun.sleep(ms);
  const perSecond = (1_000 * (calls - before)) / (performance.now() - startedAt);
  over.abort();
  await loops;
  return perSecond;
}

export const trial: Trial = {
  // The servers are others.
  serve: () => Promise.resolve(0),
  open: () =>
    Promise.resolve((order) => {
      const [ms = "", ...addresses] = order.split(" ");
      return callsPerSecond(addresses, Number(ms));
    }),
};
