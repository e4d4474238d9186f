// A client as a process of its own, with calls of every shape under way to one server. Its one
// argument is JSON; it goes on until it is ended.

import { connect } from "../../src/index.ts";
import { silentLog } from "../../src/base/log.ts";
import type { FleetClientOptions } from "./fleet.ts";

// When the test is gone, so is this.
process.stdin.once("end", () => process.exit(1)).resume();

const { address, each, keyedMs, waitsOnly }: FleetClientOptions = JSON.parse(
  process.argv[2] ?? "{}",
);

async function* endless(): AsyncGenerator<number> {
  for (let item = 1; ; item++) {
    yield item;
    await Bun.sleep(5);
  }
}

async function takeAll(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items) await Bun.sleep(5);
}

const gee = connect({ address, log: silentLog });
for (let index = 0; index < each; index++) {
  void gee.call("Stage.Wait", [`wait${index}`], { timeoutMs: 60_000 });
  if (waitsOnly === true) continue;
  void takeAll(gee.call("Stage.Endless", [`endless${index}`, 100]));
  void takeAll(gee.call("Stage.Count", [`count${index}`, 1_000_000, 5]));
  void gee.call("Stage.Take", [`take${index}`, endless()]);
  void gee.call("Stage.Work", [`keyed${index}`, keyedMs], { idempotencyKey: `key${index}` });
}
console.log(JSON.stringify({}));
