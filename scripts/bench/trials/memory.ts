// A stream that is read slowly: what waits for the reader waits at its source, and nowhere in memory.

import { connect, serve } from "../../../src/index.ts";
import type { Trial } from "../trial.ts";

/** What the stream has in all. */
const streamBytes = 268_435_456;
const itemBytes = 65_536;
const readBytesPerMs = 50_000;

class Source {
  /** New bytes each, as from a file: what is sent and forgotten is the collector's. */
  async *Bytes(total: number): AsyncGenerator<Uint8Array> {
    for (let sent = 0; sent < total; sent += itemBytes)
      yield new Uint8Array(itemBytes).fill(sent / itemBytes);
  }
}

export const trial: Trial = {
  async serve() {
    const server = await serve({ services: { Source: new Source() } });
    return Number(server.address.slice(server.address.lastIndexOf(":") + 1));
  },
  async open(port) {
    const source = connect({ address: `tcp@127.0.0.1:${port}` }).service<Source>("Source");
    // One item, so that what is only loaded once is no memory of the stream.
    for await (const item of source.Bytes(itemBytes))
      if (item.length !== itemBytes) throw new Error();
    return async () => {
      const startedAt = performance.now();
      let read = 0;
      for await (const item of source.Bytes(streamBytes)) {
        if (item[0] !== (read / itemBytes) % 256) throw new Error(`wrong result at byte ${read}`);
        read += item.length;
        const aheadMs = read / readBytesPerMs - (performance.now() - startedAt);
        if (aheadMs >= 1) await Bun.sleep(aheadMs);
      }
      if (read !== streamBytes) throw new Error(`wrong result: ${read} of ${streamBytes} bytes`);
      return { mbPerSecond: read / 1_000 / (performance.now() - startedAt) };
    };
  },
};
