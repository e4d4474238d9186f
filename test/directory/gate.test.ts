import { expect, test } from "bun:test";
import { Gate } from "../../src/directory/gate.ts";
import { turn } from "../support/clock.ts";

test("so many are in at a time, and the others follow in the order in which they came", async () => {
  const gate = new Gate(2);
  const entered: number[] = [];
  for (let n = 1; n <= 5; n++) void gate.enter().then(() => entered.push(n));
  await turn();
  expect(entered).toEqual([1, 2]);
  gate.leave();
  await turn();
  expect(entered).toEqual([1, 2, 3]);
  gate.leave();
  gate.leave();
  await turn();
  expect(entered).toEqual([1, 2, 3, 4, 5]);
  gate.leave();
  gate.leave();
  for (let n = 6; n <= 8; n++) void gate.enter().then(() => entered.push(n));
  await turn();
  expect(entered).toEqual([1, 2, 3, 4, 5, 6, 7]);
});
