import { expect, test } from "bun:test";
import { EtcdRevisions } from "../../src/directory/etcd-revisions.ts";
import { FakeClock, turn } from "../support/clock.ts";

test("each who waits is told when it is reached, or when the time is over, and leaves no timer", async () => {
  const clock = new FakeClock();
  const revisions = new EtcdRevisions(clock);
  const told: string[] = [];
  const wait = (revision: number, ms: number): void =>
    void revisions.reached(revision, ms).then((reached) => told.push(`${revision} ${reached}`));
  revisions.reach(3);
  for (const revision of [2, 3, 4, 5, 6, 7]) wait(revision, revision * 100);
  await turn();
  expect(told).toEqual(["2 true", "3 true"]);
  revisions.reach(5);
  await turn();
  expect(told.slice(2)).toEqual(["4 true", "5 true"]);
  await clock.advance(600);
  expect(told.slice(4)).toEqual(["6 false"]);
  expect([clock.pending(), clock.pending("foreground")]).toEqual([1, 0]);
  revisions[Symbol.dispose]();
  await turn();
  expect([told.at(-1), clock.pending()]).toEqual(["7 false", 0]);
});

test("in another history it goes back", async () => {
  const revisions = new EtcdRevisions(new FakeClock());
  revisions.reach(9);
  revisions.reach(2);
  expect([revisions.current, await revisions.reached(2, 100)]).toEqual([2, true]);
});
