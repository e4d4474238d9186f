import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { within } from "../../src/cli/within.ts";
import { FakeClock } from "../support/clock.ts";

test("what is done in time is returned, and no timer stays behind", async () => {
  const clock = new FakeClock();
  expect(await within(50, "no answer", Promise.resolve(3), clock)).toBe(3);
  await expect(within(50, "no answer", Promise.reject(new Error("why")), clock)).rejects.toThrow(
    "why",
  );
  expect(clock.pending()).toBe(0);
});

test("what is late fails, and was not executed", async () => {
  const clock = new FakeClock();
  const failure = within(50, "no answer", new Promise(() => {}), clock).catch(GeeError.from);
  await clock.advance(50);
  expect(await failure).toMatchObject({
    code: "DEADLINE_EXCEEDED",
    message: "no answer within 50ms",
    executed: "no",
  });
});
