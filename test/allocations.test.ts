import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { connect, serve } from "../src/index.ts";

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
  for (let round = 0; round < 60; round++) await load();
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (let round = 0; round < 5; round++) {
    const counts = await made(load);
    const sum = ["Object", "Array", "Function", "JSLexicalEnvironment", "Promise"]
      .map((kind) => counts.get(kind) ?? 0)
      .reduce((total, count) => total + count);
    least = Math.min(least, sum);
    most = Math.max(most, sum);
  }
  // A collection in the midst would take some away: the largest count is the whole one.
  expect(most).toBeGreaterThan(10);
  expect(least).toBeLessThan(13.5);
});
