import { expect, test } from "bun:test";
import { type Patience, within } from "../../src/routing/within.ts";
import { FakeClock } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";

function request(clock: FakeClock, signal?: AbortSignal): Patience {
  return { method: "Foo.Sum", timeoutMs: 500, deadlineAt: clock.now() + 500, signal };
}

test("what is there in time is handed on, and no timer stays behind", async () => {
  const clock = new FakeClock();
  expect(await within(clock, request(clock), Promise.resolve(3))).toBe(3);
  expect(clock.pending()).toBe(0);
});

test("what takes longer than the request may is not waited for", async () => {
  const clock = new FakeClock();
  const late = failureOf(within(clock, request(clock), new Promise(() => {})));
  await clock.advance(500);
  expect(await late).toMatchObject({
    code: "DEADLINE_EXCEEDED",
    message: "no registry answered in 500 ms",
    executed: "no",
  });
});

test("a signal ends the wait, before it or while it lasts", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const never = new Promise(() => {});
  const during = failureOf(within(clock, request(clock, controller.signal), never));
  controller.abort();
  expect(await during).toMatchObject({ code: "CANCELLED", executed: "no" });
  const before = failureOf(within(clock, request(clock, controller.signal), never));
  expect(await before).toMatchObject({ code: "CANCELLED", executed: "no" });
  expect(clock.pending()).toBe(0);
});
