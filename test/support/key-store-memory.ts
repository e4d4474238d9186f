import { limits } from "../../src/base/limits.ts";
import { KeyStore } from "../../src/rpc/key-store.ts";
import { FakeClock } from "./clock.ts";

// 100,000 calls with keys. Prints what does not hold of the memory on the way, as JSON; [] when all does.

/** Objects, and the memory of buffers, when nothing is left to collect. */
function liveBytes(): number {
  Bun.gc(true);
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const clock = new FakeClock();
const store = new KeyStore(clock);
const most = { keys: 0, bytes: 0 };
let keys = 0;

async function rounds(count: number): Promise<void> {
  for (let round = 0; round < count; round++) {
    for (let call = 0; call < 1_000; call++) {
      const key = `key-${keys}`;
      const begun = store.begin({ method: "Foo.Sum", caller: "alice", key, argsDigest: "1, 2" });
      if (begun.kind !== "new") throw new Error(`the call is ${begun.kind} and not new`);
      if (keys % 10 === 0) store.forget(begun.entry);
      else store.finish(begun.entry, Buffer.alloc(500 + (keys % 3_000)));
      keys++;
    }
    most.keys = Math.max(most.keys, store.size);
    most.bytes = Math.max(most.bytes, store.bytes);
    // At first fewer than the store has room for expire, then more.
    await clock.advance(round % 2 === 0 ? 1_000 : 60_000);
  }
}

const empty = liveBytes();
const look = (): { liveBytes: number; storeBytes: number } => ({
  liveBytes: liveBytes() - empty,
  storeBytes: store.bytes,
});
await rounds(30);
const full = look();
await rounds(70);
const later = look();
await clock.advance(limits.idempotencyWindowMs + 1_000);
const over = look();
const mebibyte = 1_048_576;
const claims: Readonly<Record<string, boolean>> = {
  "all were kept or forgotten": keys === 100_000,
  "no more keys than there may be": most.keys <= limits.maxIdempotencyKeys,
  "no more bytes than there may be": most.bytes <= limits.maxIdempotencyBytes,
  "what is kept is seen": full.liveBytes > full.storeBytes / 2,
  "later it is no more": later.liveBytes - full.liveBytes < 4 * mebibyte,
  "at last there is nothing": store.size === 0 && store.bytes === 0 && clock.pending() === 0,
  "and nothing is held": over.liveBytes < 4 * mebibyte,
};
const broken = Object.entries(claims).filter(([, holds]) => !holds);
console.log(JSON.stringify(broken.map(([claim]) => ({ claim, most, full, later, over }))));
