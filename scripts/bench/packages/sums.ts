// What these peers have in common: they add, and nothing else.

import { CallLoad } from "../load.ts";
import type { Caller } from "../load.ts";
import type { PeerProgram } from "../peer.ts";

const notMeasured = (): Promise<never> => Promise.reject(new Error("not measured"));

/** A peer that only adds: how it serves at a free port, and how a caller of it is opened. */
export function sums(
  serve: () => Promise<number>,
  open: (port: number) => Promise<Caller["sum"]>,
): PeerProgram {
  return {
    serve: async () => ({ port: await serve(), connections: () => Number.NaN }),
    async open(setup) {
      if (setup.work !== "sum" || setup.connections !== 1) return notMeasured();
      const sum = await open(setup.port);
      return new CallLoad([{ sum, order: notMeasured, bytes: notMeasured }], setup);
    },
    openFlow: notMeasured,
    hello: notMeasured,
  };
}
