import { expect, test } from "bun:test";
import { Audit } from "../../src/directory/audit.ts";
import { FakeClock } from "../support/clock.ts";
import { memoryLog } from "../support/memory-log.ts";

const attempt = { method: "POST", source: "10.0.0.9", token: "line 3", why: "it may not" };

test("a refused write is a line that says who, how and why", () => {
  const { log, lines } = memoryLog();
  const audit = new Audit(new FakeClock(), log);
  audit.refused(attempt);
  audit.refused({ ...attempt, source: undefined, token: undefined });
  expect(lines).toEqual([
    'warn registry write refused method=POST source=10.0.0.9 token="line 3" why="it may not"',
    'warn registry write refused method=POST why="it may not"',
  ]);
});

test("what an attacker writes cannot make a line of its own", () => {
  const { log, lines } = memoryLog();
  new Audit(new FakeClock(), log).refused({ ...attempt, why: "a\nwarn b=\u001b[2J" });
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toMatch(/[\n\u001b]/);
});

test("ten lines a second, and then how many were left out", async () => {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const audit = new Audit(clock, log);
  for (let n = 0; n < 1_000; n++) audit.refused(attempt);
  expect(lines).toHaveLength(10);
  await clock.advance(999);
  audit.refused(attempt);
  expect(lines).toHaveLength(10);
  await clock.advance(1);
  audit.refused(attempt);
  audit.refused(attempt);
  expect(lines.slice(10)).toEqual([
    expect.stringMatching(/why="it may not" untold=991$/),
    expect.stringMatching(/why="it may not"$/),
  ]);
});
