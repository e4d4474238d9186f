import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import { HandlerRun } from "../../src/rpc/handler-run.ts";
import { NestedCalls } from "../../src/rpc/nested-calls.ts";
import { createServiceTable } from "../../src/rpc/service.ts";
import type { CallMessage } from "../../src/wire/message.ts";
import { callMessage } from "../support/calls.ts";
import { FakeClock } from "../support/clock.ts";

const clock = new FakeClock();
const served = createServiceTable({ Foo: { Sum: () => 1 } }).find("Foo.Sum");
function runOf(changes: Partial<CallMessage> = {}, deadlineAt = clock.now() + 100) {
  const expired: HandlerRun[] = [];
  const run = new HandlerRun(callMessage(7, changes), served, deadlineAt, {
    peer: "127.0.0.1:9",
    log: silentLog,
    clock,
    nested: new NestedCalls(undefined),
    onExpired: (one) => expired.push(one),
  });
  return { run, expired };
}

const why = new GeeError("CANCELLED", "enough");

test("it says which call it is, from whom, and what came with it", () => {
  const { run } = runOf({ metadata: { trace: "1" } });
  expect(run).toMatchObject({ id: 7, method: "Foo.Sum", peer: "127.0.0.1:9" });
  expect(run.metadata).toEqual({ trace: "1" });
  expect(runOf().run.metadata).toEqual({});
});

test("what is left of the deadline goes down to zero and not below", async () => {
  const { run } = runOf();
  await clock.advance(40);
  expect(run.remainingMs).toBe(60);
  await clock.advance(100);
  expect(run.remainingMs).toBe(0);
  expect(runOf({}, Number.POSITIVE_INFINITY).run.remainingMs).toBeUndefined();
});

test("its signal aborts with the first reason, and is the same one every time", () => {
  const { run } = runOf();
  const { signal } = run;
  expect(run.signal).toBe(signal);
  expect(signal.aborted).toBe(false);
  run.abort(why);
  run.abort(new GeeError("ABORTED", "another"));
  expect(signal.aborted).toBe(true);
  expect(signal.reason).toBe(why);
});

test("a signal that is first asked for after the abort has aborted already", () => {
  const { run } = runOf();
  run.abort(why);
  expect(run.signal.aborted).toBe(true);
  expect(run.signal.reason).toBe(why);
});

test("it passes its expiry on", () => {
  const { run, expired } = runOf();
  run.expired();
  expect(expired).toEqual([run]);
});
