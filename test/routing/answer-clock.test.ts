import { expect, test } from "bun:test";
import { AnswerClock } from "../../src/routing/answer-clock.ts";
import { FakeClock } from "../support/clock.ts";

test("what runs together has one time, and what comes later another", async () => {
  const clock = new FakeClock();
  const answers = new AnswerClock(clock);
  const first = answers.now();
  clock.stall(5);
  expect(answers.now()).toBe(first);
  await Promise.resolve();
  expect(answers.now()).toBe(first + 5);
});
