import { expect, test } from "bun:test";
import { connect } from "../../src/index.ts";
import { silentLog } from "../../src/base/log.ts";
import { limits } from "../../src/base/limits.ts";
import { eventually } from "../support/cluster.ts";
import { Fleet } from "../support/fleet.ts";
import { journalNow } from "../support/journal.ts";

const taken = 6;
/** Told within 50 ms on a machine that does nothing else; here ten times that. */
const lateMs = 500;

/** Resolves with a number once it has stayed the same for so many looks. */
async function settled(read: () => Promise<unknown>): Promise<number> {
  let last: unknown;
  let same = 0;
  await eventually(async () => {
    const now = await read();
    same = now === last ? same + 1 : 0;
    last = now;
    await Bun.sleep(10);
    return same === 10;
  }, "a number that stays");
  return Number(last);
}

test("a reader that takes 6 items of an endless stream leaves the producer less than a window ahead, and its break runs the producer's finally", async () => {
  await using fleet = await Fleet.create();
  const server = await fleet.server({ stages: ["Stage"] });
  await using gee = connect({ address: server.said.address, log: silentLog });
  for (const itemBytes of [0, 64, 1_024, 8_192]) {
    const call = `endless${itemBytes}`;
    let ahead = 0;
    let count = 0;
    let leftAt = 0;
    for await (const item of gee.call("Stage.Endless", [call, itemBytes])) {
      expect(item).toEqual(new Uint8Array(itemBytes));
      if (++count < taken) continue;
      // The reader does something else for a while; what the producer may send, it sends.
      const produced = await settled(() => gee.call("Stage.Produced", [call]));
      ahead = (produced - taken) * itemBytes;
      console.log(`${itemBytes} bytes an item: ${produced} produced, ${ahead} bytes ahead`);
      // It would have gone on without flow control, and it did use what it was granted. A frame's
      // own bytes count as well: the smaller the items, the fewer of their bytes fit.
      if (itemBytes >= 1_024) expect(ahead).toBeGreaterThan(limits.streamWindowBytes / 2);
      expect(produced - taken).toBeLessThan(limits.streamWindowBytes / (itemBytes + 12));
      expect(ahead).toBeLessThan(limits.streamWindowBytes);
      expect((await fleet.journal("finally")).filter((entry) => entry.call === call)).toEqual([]);
      leftAt = journalNow();
      break;
    }
    const own = ({ call: name }: { readonly call: string }): boolean => name === call;
    const [end] = await fleet.written("finally", 1, own);
    expect(end?.pid).toBe(server.pid);
    expect((end?.at ?? 0) - leftAt).toBeLessThan(lateMs);
    const [aborted] = await fleet.written("aborted", 1, own);
    expect(aborted?.code).toBe("CANCELLED");
    // Nothing was produced behind the end.
    expect(await gee.call("Stage.Produced", [call])).toBe(end?.items);
  }
  expect(server.errors()).toBe("");
}, 20_000);

test("a handler that takes 6 items of an endless argument leaves the caller less than a window ahead, and its break runs the caller's finally", async () => {
  await using fleet = await Fleet.create();
  const server = await fleet.server({ stages: ["Stage"] });
  await using gee = connect({ address: server.said.address, log: silentLog });
  let produced = 0;
  let left = false;
  const itemBytes = 1_024;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        produced++;
        yield new Uint8Array(itemBytes);
      }
    } finally {
      left = true;
    }
  }
  const answer = gee.call("Stage.TakeSome", ["some", endless(), taken]);
  await fleet.written("ticked", 1);
  const count = await settled(async () => produced);
  const ahead = (count - taken) * itemBytes;
  expect(ahead).toBeGreaterThan(limits.streamWindowBytes / 2);
  expect(ahead).toBeLessThan(limits.streamWindowBytes);
  expect(left).toBeFalse();
  await gee.call("Stage.GoOn", ["some"]);
  expect(await answer).toBe(taken);
  await eventually(() => left, "the caller's finally");
  expect(server.errors()).toBe("");
}, 20_000);
