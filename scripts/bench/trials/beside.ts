// A small call on a connection that is busy with a large reply: it leaves and is answered between the
// parts of that.

import { connect, serve } from "../../../src/index.ts";
import { quantile } from "../statistics.ts";
import type { Trial } from "../trial.ts";

const replyBytes = 50_000_000;
const maxMessageBytes = 67_108_864;
const warmMs = 500;

class Both {
  readonly #reply: Uint8Array = new Uint8Array(replyBytes).fill(7);

  Large(): Uint8Array {
    return this.#reply;
  }

  async Small(number: number): Promise<number> {
    await Bun.sleep(1);
    return number;
  }
}

interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** What one round gave. */
export interface BesideResult {
  readonly quiet: Latency;
  readonly beside: Latency;
  readonly repliesPerSecond: number;
}

type Small = (number: number) => Promise<number>;

async function latency(small: Small, ms: number): Promise<Latency> {
  const took: number[] = [];
  const startedAt = performance.now();
  for (let now = startedAt; now - startedAt < ms; now = performance.now()) {
    if ((await small(took.length)) !== took.length) throw new Error("wrong result");
    took.push(performance.now() - now);
  }
  const sorted = Float64Array.from(took).sort();
  return {
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    maxMs: quantile(sorted, 1),
  };
}

export const trial: Trial = {
  async serve() {
    const server = await serve({ services: { Both: new Both() }, maxMessageBytes });
    return Number(server.address.slice(server.address.lastIndexOf(":") + 1));
  },
  async open(port) {
    const gee = connect({ address: `tcp@127.0.0.1:${port}`, maxMessageBytes });
    const both = gee.service<Both>("Both");
    const besideLarge = async (ms: number): Promise<readonly [Latency, number]> => {
      const over = new AbortController();
      let replies = 0;
      const large = async (): Promise<void> => {
        while (!over.signal.aborted) {
          const bytes = await both.Large();
          if (bytes.length !== replyBytes || bytes.at(-1) !== 7) throw new Error("wrong result");
          replies++;
        }
      };
      const running = large();
      const measured = await latency(both.Small, ms);
      over.abort();
      await running;
      return [measured, (1_000 * replies) / ms];
    };
    await latency(both.Small, warmMs);
    await besideLarge(warmMs);
    return async (order) => {
      const seconds = Number(order);
      const quiet = await latency(both.Small, 1_000 * seconds);
      const [beside, repliesPerSecond] = await besideLarge(1_000 * seconds);
      return { quiet, beside, repliesPerSecond } satisfies BesideResult;
    };
  },
};
