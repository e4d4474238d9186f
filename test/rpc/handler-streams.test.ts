import { expect, test } from "bun:test";
import { Deadlines } from "../../src/base/deadlines.ts";
import type { GeeError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import { callContext } from "../../src/rpc/context.ts";
import { HandlerRun } from "../../src/rpc/handler-run.ts";
import { HandlerStreams, isItems } from "../../src/rpc/handler-streams.ts";
import type { HandlerStreamsHost } from "../../src/rpc/handler-streams.ts";
import { NestedCalls } from "../../src/rpc/nested-calls.ts";
import { createServiceTable } from "../../src/rpc/service.ts";
import { callMessage } from "../support/calls.ts";
import { FakeClock, until } from "../support/clock.ts";
import { memoryLog } from "../support/memory-log.ts";
import { openBench } from "../wire/recorder.ts";

const idleMs = 1_000;
const served = createServiceTable({ Foo: { Sum: () => 1 } }).find("Foo.Sum");

/** The streams of call 7 at its server, what they tell their host, and the caller as a script. */
function open() {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const { channel, peer } = openBench({ both: { delivery: "microtask" } });
  const heard: string[] = [];
  const errors: unknown[] = [];
  const givenUp: (readonly [number, GeeError])[] = [];
  const host: HandlerStreamsHost = {
    clock,
    deadlines: new Deadlines(clock),
    log,
    channel,
    giveUp(id, why) {
      givenUp.push([id, why]);
      return true;
    },
    itemsSent: (run) => heard.push(`sent ${run.id}`),
    itemsBroke(run, error) {
      heard.push(`broke ${run.id}`);
      errors.push(error);
    },
    itemsQueued() {},
    itemsFinished: (run) => heard.push(`finished ${run.id}`),
  };
  const streams = new HandlerStreams(host, 7);
  const run = new HandlerRun(callMessage(7), served, Number.POSITIVE_INFINITY, {
    peer: "127.0.0.1:9",
    log: silentLog,
    clock,
    nested: new NestedCalls(undefined),
    onExpired() {},
  });
  return { clock, lines, peer, heard, errors, givenUp, streams, run };
}

test.each<readonly [string, unknown, boolean]>([
  ["an asynchronous generator", (async function* () {})(), true],
  ["a generator", (function* () {})(), true],
  ["anything with an asynchronous iterator", { [Symbol.asyncIterator]: () => {} }, true],
  ["an iterator of a map", new Map([[1, 2]]).values(), true],
  ["a stream of the platform", new ReadableStream(), true],
  ["a list", [1, 2], false],
  ["bytes", new Uint8Array(2), false],
  ["a map", new Map(), false],
  ["a text", "abc", false],
  ["an object with a next", { next: 1, [Symbol.iterator]: 2 }, false],
  ["an object", { a: 1 }, false],
  ["null", null, false],
  ["undefined", undefined, false],
])("whether %s is items", (_what, value, expected) => {
  expect(isItems(value)).toBe(expected);
});

test("the answer's items leave, with the answer's metadata on the first, and then all is sent", async () => {
  const { streams, run, heard, peer } = open();
  run.setMetadata({ page: "1" });
  streams.answer(
    run,
    (function* () {
      yield "a";
      yield "b";
    })(),
  );
  await until(() => heard.length === 2, "the end");
  await until(() => peer.frames.length === 2, "items");
  expect(heard).toEqual(["sent 7", "finished 7"]);
  expect(peer.messages).toMatchObject([
    { kind: "item", id: 7, value: "a", metadata: { page: "1" } },
    { kind: "item", id: 7, value: "b", metadata: undefined },
  ]);
});

test("the source sees the call's context before each item, and until it awaits something", async () => {
  const { streams, run, heard } = open();
  const seen: unknown[] = [];
  const lost: unknown[] = [];
  async function* give(): AsyncGenerator<number> {
    try {
      for (let number = 1; number <= 2; number++) {
        seen.push(callContext());
        yield number;
      }
      seen.push(callContext());
      await Promise.resolve();
      try {
        callContext();
      } catch (error) {
        lost.push(error);
      }
      yield 3;
    } finally {
      seen.push("end");
    }
  }
  streams.answer(run, give());
  await until(() => heard.includes("sent 7"), "the end");
  expect(seen).toEqual([run, run, run, "end"]);
  expect(lost).toMatchObject([{ code: "FAILED_PRECONDITION", reason: "NO_CALL_CONTEXT" }]);
});

test("a generator that is not asynchronous sees the context when it is returned as well", async () => {
  const { streams, run, heard, peer } = open();
  const seen: unknown[] = [];
  function* endless(): Generator<number> {
    try {
      for (;;) yield 1;
    } finally {
      seen.push(callContext());
    }
  }
  streams.answer(run, endless());
  await until(() => peer.frames.length > 0, "items");
  streams.items.stopSending();
  await until(() => heard.length === 1, "its end");
  expect(heard).toEqual(["finished 7"]);
  expect(seen).toEqual([run]);
});

test("what the source throws is its host's to answer", async () => {
  const { streams, run, heard, errors } = open();
  const why = new Error("out of paper");
  streams.answer(
    run,
    (function* (): Generator<number> {
      yield 1;
      throw why;
    })(),
  );
  await until(() => heard.length === 2, "the failure");
  expect(heard).toEqual(["broke 7", "finished 7"]);
  expect(errors).toEqual([why]);
});

test("an iterator that throws when it is returned is logged, and hurts nobody", async () => {
  const { streams, run, heard, lines } = open();
  streams.answer(run, {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false, value: 1 }),
      return: () => Promise.reject(new Error("the door is stuck")),
    }),
  });
  await until(() => streams.items !== undefined, "a start");
  streams.items.stopSending();
  await until(() => heard.length === 1, "its end");
  expect(heard).toEqual(["finished 7"]);
  expect(lines.join("\n")).toContain("a stream failed when it was left");
  expect(lines.join("\n")).toContain("Foo.Sum");
  expect(lines.join("\n")).toContain("the door is stuck");
});

test("whoever takes no more of the argument has its sender stop", async () => {
  const { streams, peer } = open();
  streams.expectItems(idleMs);
  await streams.items.receive().return();
  await until(() => peer.frames.length === 1, "a cancel");
  expect(peer.messages).toMatchObject([{ kind: "cancel", id: 7, code: "CANCELLED" }]);
});

test("what stands still is given up: DEADLINE_EXCEEDED, IDLE, and what it was", async () => {
  const { streams, run, clock, givenUp } = open();
  streams.expectItems(idleMs);
  streams.started(run);
  await clock.advance(idleMs * 1.25);
  expect(givenUp.map(([id]) => id)).toEqual([7]);
  expect(givenUp[0]?.[1]).toMatchObject({
    code: "DEADLINE_EXCEEDED",
    reason: "IDLE",
    executed: "maybe",
    message: "nothing moved for 1000 ms in Foo.Sum",
  });
});

test("a call whose handler was not started is idle as well", async () => {
  const { streams, clock, givenUp } = open();
  streams.expectItems(idleMs);
  await clock.advance(idleMs * 1.25);
  expect(givenUp).toMatchObject([[7, { reason: "IDLE" }]]);
});
