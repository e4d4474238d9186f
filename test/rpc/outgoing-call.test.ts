import { expect, test } from "bun:test";
import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import type { CallCarrier } from "../../src/rpc/call-request.ts";
import { FakeClock } from "../support/clock.ts";
import { callOf, failureOf } from "../support/ends.ts";
import type { TestCall } from "../support/ends.ts";

function setup(options: TestCall = {}) {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const told: string[] = [];
  let settled = 0;
  const carrier: CallCarrier = {
    abandon(_call, code) {
      told.push(code);
      return "maybe";
    },
  };
  const call = callOf("Foo.Sum", [], clock, deadlines, { ...options, settled: () => settled++ });
  return { clock, deadlines, call, carrier, told, settledCount: () => settled };
}

const unreachable = new GeeError("UNAVAILABLE", "gone", { executed: "no" });

test("the first to settle wins and everything later is dropped", async () => {
  const { clock, call, carrier, told, settledCount, deadlines } = setup();
  call.carriedBy(carrier, 1, 0);
  call.succeed(3);
  call.succeed(4);
  call.fail(unreachable);
  call.expired();
  await clock.advance(20_000);
  expect(await call.promise).toBe(3);
  expect(settledCount()).toBe(1);
  expect(told).toEqual([]);
  expect(deadlines.size).toBe(0);
});

test("a call that nobody carries yet ends at its deadline as not executed", async () => {
  const { clock, call } = setup({ timeoutMs: 250 });
  await clock.advance(249);
  expect(call.settled).toBe(false);
  await clock.advance(1);
  expect(await failureOf(call.promise)).toMatchObject({
    code: "DEADLINE_EXCEEDED",
    message: "Foo.Sum was not done in time",
    executed: "no",
  });
});

test("at its deadline a call that is carried tells its carrier, whose word on executed it takes", async () => {
  const { clock, call, carrier, told } = setup({ timeoutMs: 250 });
  call.carriedBy(carrier, 1, 0);
  await clock.advance(250);
  expect(await failureOf(call.promise)).toMatchObject({
    code: "DEADLINE_EXCEEDED",
    executed: "maybe",
  });
  expect(told).toEqual(["DEADLINE_EXCEEDED"]);
});

test("an abort ends a call at once, with the abort's reason as the cause", async () => {
  const controller = new AbortController();
  const { call, carrier, told, deadlines } = setup({ signal: controller.signal });
  call.carriedBy(carrier, 1, 0);
  const reason = new Error("the user left");
  controller.abort(reason);
  const error = await failureOf(call.promise);
  expect(error).toMatchObject({ code: "CANCELLED", message: "Foo.Sum was cancelled" });
  expect(error.cause).toBe(reason);
  expect(told).toEqual(["CANCELLED"]);
  expect(deadlines.size).toBe(0);
});

test("an abort with a GeeError keeps that error's words", async () => {
  const controller = new AbortController();
  const { call } = setup({ signal: controller.signal });
  controller.abort(new GeeError("NOT_FOUND", "the other one failed"));
  expect(await failureOf(call.promise)).toMatchObject({
    code: "CANCELLED",
    message: "the other one failed",
  });
});

test("a signal that has aborted before the call lets it never begin", async () => {
  const { call, settledCount, deadlines } = setup({ signal: AbortSignal.abort(new Error("no")) });
  expect(call.settled).toBe(true);
  expect(await failureOf(call.promise)).toMatchObject({ code: "CANCELLED", executed: "no" });
  expect(settledCount()).toBe(1);
  expect(deadlines.size).toBe(0);
});

test("a failure is the call's only when there is no further attempt", async () => {
  let attempts = 0;
  const { call, settledCount } = setup({ again: () => ++attempts < 3 });
  call.fail(unreachable);
  call.fail(unreachable);
  expect(call.settled).toBe(false);
  call.fail(unreachable);
  expect(await failureOf(call.promise)).toBe(unreachable);
  expect(attempts).toBe(3);
  expect(settledCount()).toBe(1);
});

test("between two attempts nobody carries the call, and it counts as not executed", async () => {
  const { clock, call, carrier, told } = setup({ again: () => true, timeoutMs: 100 });
  call.carriedBy(carrier, 1, 0);
  call.fail(unreachable);
  await clock.advance(100);
  expect(await failureOf(call.promise)).toMatchObject({
    code: "DEADLINE_EXCEEDED",
    executed: "no",
  });
  expect(told).toEqual([]);
});

test("a settled call holds on to no listener of its signal", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++;
    Reflect.apply(addEventListener, signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--;
    Reflect.apply(removeEventListener, signal, args);
  };
  const { call } = setup({ signal });
  expect(listeners).toBe(1);
  call.succeed(1);
  expect(listeners).toBe(0);
});
