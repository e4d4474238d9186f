import { expect, test } from "bun:test";
import { Deadlines } from "../../src/base/deadlines.ts";
import { limits } from "../../src/base/limits.ts";
import { OpenCalls } from "../../src/rpc/open-calls.ts";
import { takeAnswer } from "../../src/rpc/take-answer.ts";
import type { AnswerMessage } from "../../src/rpc/take-answer.ts";
import { featureNames } from "../../src/wire/hello.ts";
import { callOf } from "../support/calls.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { collect, Source } from "../support/loopback.ts";
import { openBench } from "../wire/recorder.ts";

const metadata = { page: "1" };
const messages: Readonly<Record<string, (id: number) => AnswerMessage>> = {
  result: (id) => ({ kind: "result", id, value: 3, metadata }),
  fault: (id) => ({
    kind: "fault",
    id,
    code: "ABORTED",
    message: "no",
    executed: "yes",
    reason: "SOLD_OUT",
    retryAfterMs: undefined,
    details: { left: 0 },
    metadata,
  }),
  item: (id) => ({ kind: "item", id, value: "a", metadata, bytes: 20 }),
  "an item that takes all credit": (id) => ({
    kind: "item",
    id,
    value: "a",
    metadata: undefined,
    bytes: limits.streamWindowBytes,
  }),
  end: (id) => ({ kind: "end", id, metadata }),
  credit: (id) => ({ kind: "credit", id, bytes: 10 }),
  "too much credit": (id) => ({ kind: "credit", id, bytes: limits.maxCreditBytes }),
  cancel: (id) => ({ kind: "cancel", id, code: "CANCELLED", message: undefined }),
};

/** Calls of which 1 is open, and has an argument that is a stream when that is wanted. */
function open(argument?: AsyncIterable<unknown>) {
  const clock = new FakeClock();
  const { channel, peer } = openBench({ from: "server", both: { delivery: "microtask" } });
  const owner = { idsRanOut() {}, tooManyStrays() {}, gaveUp() {} };
  const calls = new OpenCalls(channel, owner, 1);
  calls.greeted({ maxInFlight: 10, services: new Map(), features: featureNames });
  const got: unknown[] = [];
  const call = callOf(
    "Foo.Sum",
    argument === undefined ? [] : [null],
    clock,
    new Deadlines(clock),
    {
      onMetadata: (given, when) => got.push([when, { ...given }]),
      stream: argument === undefined ? undefined : { index: 0, items: argument },
    },
  );
  calls.start(call, 10_000);
  const take = (name: string, id = 1): string | undefined => {
    const message = messages[name];
    if (message === undefined) throw new Error(`no message ${name}`);
    return takeAnswer(message(id), calls);
  };
  return { calls, call, peer, got, take };
}

/** What is wrong with each of them, by what its id stands for. */
const rules: readonly (readonly [string, { none: boolean; open: boolean; other: boolean }])[] = [
  ["result", { none: false, open: false, other: false }],
  ["fault", { none: false, open: false, other: false }],
  ["item", { none: true, open: false, other: false }],
  ["end", { none: true, open: false, other: false }],
  ["credit", { none: true, open: false, other: false }],
  ["cancel", { none: true, open: false, other: false }],
];

test.each(rules)("%s of no call, of one that is open, and of any other", (name, rule) => {
  const isWrong = (id: number): boolean => open().take(name, id) !== undefined;
  expect({ none: isWrong(0), open: isWrong(1), other: isWrong(9) }).toEqual(rule);
});

test("a result is what the call resolves with, and its metadata come along", async () => {
  const { calls, call, got, take } = open();
  take("result");
  expect(await call.promise).toBe(3);
  await turn();
  expect(got).toEqual([["response", metadata]]);
  expect(calls.size).toBe(0);
});

test("a fault is what it rejects with", async () => {
  const { call, got, take } = open();
  take("fault");
  expect(await call.promise.catch((error: unknown) => error)).toMatchObject({
    code: "ABORTED",
    reason: "SOLD_OUT",
    details: { left: 0 },
    executed: "yes",
  });
  await turn();
  expect(got).toEqual([["trailing", metadata]]);
});

test("items and an end are what it gives when it is iterated", async () => {
  const { calls, call, got, take } = open();
  take("item");
  take("item");
  expect(calls.size).toBe(1);
  take("end");
  expect(await collect(call.call)).toEqual(["a", "a"]);
  expect(got).toContainEqual(["response", metadata]);
  expect(got).toContainEqual(["trailing", metadata]);
  expect(calls.size).toBe(0);
});

test("an item without credit, and too much credit, are wrong", () => {
  const { take } = open();
  expect(take("an item that takes all credit")).toBeUndefined();
  expect(take("item")).toContain("call 1");
  const sending = open(new Source().held(1));
  expect(sending.take("credit")).toBeUndefined();
  expect(sending.take("too much credit")).toContain("call 1");
});

test("a cancel is answered with the end of the argument", async () => {
  const { peer, take } = open(new Source().held(1));
  take("cancel");
  await turn();
  expect(peer.messages.at(-1)).toMatchObject({ kind: "end", id: 1 });
});
