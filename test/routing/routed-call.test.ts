import { expect, test } from "bun:test";
import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import { RoutedCall } from "../../src/routing/routed-call.ts";
import type { RoutedRequest } from "../../src/routing/routed-call.ts";
import { routedRequest } from "../support/calls.ts";
import { FakeClock } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";

/** A call, and what its router has heard. */
function routed(changes: Partial<RoutedRequest> = {}, goesOn = false) {
  const heard: string[] = [];
  const router = {
    again(_call: RoutedCall, { message }: GeeError): boolean {
      heard.push(`again: ${message}`);
      return goesOn;
    },
    settled(_call: RoutedCall, error: GeeError | undefined): void {
      heard.push(`settled: ${error?.message}`);
    },
  };
  const clock = new FakeClock();
  const deadlineAt = clock.now() + 10_000;
  const call = new RoutedCall(
    router,
    routedRequest({ deadlineAt, ...changes }),
    new Deadlines(clock),
  );
  call.promise.catch(() => {});
  return { call, heard, clock };
}

const failure = new GeeError("ABORTED", "no");

test("its router is asked for another attempt, and hears once how it has ended", async () => {
  const { call, heard } = routed();
  call.fail(failure);
  call.fail(failure);
  expect(heard).toEqual(["again: no", "settled: no"]);
  expect(await failureOf(call.promise)).toBe(failure);
});

test("while its router goes on it is not settled", async () => {
  const { call, heard } = routed({}, true);
  call.fail(failure);
  expect(call.settled).toBe(false);
  call.succeed(3);
  expect(heard).toEqual(["again: no", "settled: undefined"]);
  expect(await call.promise).toBe(3);
});

test("its deadline and its signal are no matter of another attempt", async () => {
  const controller = new AbortController();
  const { call, heard } = routed({ signal: controller.signal }, true);
  call.listen();
  controller.abort();
  expect((await failureOf(call.promise)).code).toBe("CANCELLED");
  const late = routed({}, true);
  await late.clock.advance(10_000);
  expect((await failureOf(late.call.promise)).code).toBe("DEADLINE_EXCEEDED");
  for (const lines of [heard, late.heard]) {
    expect(lines).toEqual([expect.stringMatching(/^settled: /)]);
  }
});

test("it has no memory before something failed, and then one", () => {
  const { call } = routed();
  expect(call.trail).toBeUndefined();
  const { memory } = call;
  expect(call.memory).toBe(memory);
  expect(call.trail).toBe(memory);
  expect(memory.tried.size).toBe(0);
});

test("whether this attempt was sent is told by what was sent before it", () => {
  const { call } = routed({}, true);
  expect(call.wasSent).toBe(false);
  call.sends++;
  expect(call.wasSent).toBe(true);
  call.memory.sentBefore = call.sends;
  expect(call.wasSent).toBe(false);
  call.sends++;
  expect(call.wasSent).toBe(true);
});
