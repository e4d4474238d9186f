import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { silentLog } from "../src/base/log.ts";
import { connect, serve } from "../src/index.ts";
import { Hosting } from "../src/rpc/hosting.ts";
import { NestedCalls } from "../src/rpc/nested-calls.ts";
import { createServiceTable } from "../src/rpc/service.ts";
import type { Link, LinkEvents } from "../src/wire/link.ts";
import { callMessage } from "./support/calls.ts";
import { FakeClock } from "./support/clock.ts";
import { frameOf, fullHello } from "./support/scripted-peer.ts";

class Foo {
  Sum(a: number, b: number): number {
    return a + b;
  }
}

const calls = 1_000;

/** Objects of each kind that were made while `work` ran, for each of its calls. */
async function made(work: () => Promise<void>): Promise<ReadonlyMap<string, number>> {
  Bun.gc(true);
  const { objectTypeCounts: before } = heapStats();
  await work();
  const { objectTypeCounts: after } = heapStats();
  return new Map(
    Object.entries(after).map(([kind, count]) => [kind, (count - (before[kind] ?? 0)) / calls]),
  );
}

// At the caller: the arguments, the request, the call, its promise with the two functions that settle it
// and what these share, the message to send, the message that came. At the server: the message that
// came, its arguments, the handler's context, the message to send.
test("a call makes 13 objects, both ends together", async () => {
  await using server = await serve({ services: { Foo: new Foo() } });
  await using gee = connect({ address: server.address });
  const foo = gee.service<Foo>("Foo");
  const load = async (): Promise<void> => {
    for (let round = 0; round < calls / 50; round++) {
      const answers = Array.from({ length: 50 }, () => foo.Sum(1, 2));
      for (const answer of answers) await answer;
    }
  };
  const sums: number[] = [];
  // A collection in the midst takes much away: then it is no count.
  const found = (): boolean => sums.some((sum) => sum > 10 && sum < 13.5);
  // Until the code is hot: before that, what could stay on the stack is made as objects as well.
  for (let round = 0; round < 40 && !found(); round++) {
    for (let warm = 0; warm < 30; warm++) await load();
    const counts = await made(load);
    const kinds = ["Object", "Array", "Function", "JSLexicalEnvironment", "Promise"];
    sums.push(kinds.reduce((total, kind) => total + (counts.get(kind) ?? 0), 0));
  }
  expect([sums, found()]).toEqual([sums, true]);
});

/** One for all connections, so that only what a server makes of a link is counted. */
const deafLink: Link = {
  peer: "test",
  local: true,
  write: (_bytes, start, end) => end - start,
  pause() {},
  resume() {},
  end() {},
  close() {},
};

async function objects(): Promise<number> {
  // What is collected late, and what was held for the turn of the loop, goes first.
  for (let round = 0; round < 3; round++) {
    Bun.gc(true);
    await Bun.sleep(1);
  }
  return heapStats().objectTypeCounts.Object ?? 0;
}

// The session, its channel, and that one's receiver, sender and outbox; with the first call its intake,
// arrivals, answering, replies and table of streams.
test("an idle connection is 5 objects at its server, and 10 after its first call", async () => {
  const count = 1_000;
  const clock = new FakeClock();
  const hosting = new Hosting({
    clock,
    log: silentLog,
    table: createServiceTable({ Foo: new Foo() }),
    instance: "this one",
    nested: new NestedCalls(undefined),
    maxConnections: 2 * count,
  });
  const hello = frameOf({ kind: "callerHello", id: 0, hello: fullHello() });
  const call = frameOf(callMessage(1, { method: "Foo.Sum", args: [1, 2] }));
  const pong = frameOf({ kind: "pong", id: 0, token: 0 });
  const connections: LinkEvents[] = [];
  const each = (bytes: Uint8Array): void => {
    for (const connection of connections) connection.data(bytes);
  };
  const join = (): void => {
    while (connections.length < count) connections.push(hosting.accept(deafLink));
    each(hello);
  };
  const before = await objects();
  join();
  const perConnection = async (): Promise<number> =>
    Math.round((10 * ((await objects()) - before)) / count) / 10;
  expect(await perConnection()).toBe(5);
  // Of two sweeps the first finds a sign of life, and in the second each is asked for one.
  for (let round = 0; round < 2; round++) {
    await clock.advance(30_000);
    each(pong);
  }
  expect([hosting.connections, await perConnection()]).toEqual([count, 5]);
  each(call);
  expect(await perConnection()).toBe(10);
});
