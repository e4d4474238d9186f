import { expect, test } from "bun:test";
import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { CallItems, isCredit } from "../../src/rpc/call-items.ts";
import { takeIn } from "../../src/rpc/take-in.ts";
import type { StreamMessage, StreamsOfCalls } from "../../src/rpc/take-in.ts";
import { ItemSource } from "../../src/streams/item-source.ts";
import { FakeClock } from "../support/clock.ts";
import { openBench } from "../wire/recorder.ts";

const window = limits.streamWindowBytes;

const item: StreamMessage = { kind: "item", id: 7, value: "a", metadata: undefined, bytes: 20 };
const end: StreamMessage = { kind: "end", id: 7, metadata: undefined };
const credit: StreamMessage = { kind: "credit", id: 7, bytes: 10 };
const fault: StreamMessage = {
  kind: "fault",
  id: 7,
  code: "ABORTED",
  message: "the source is dry",
  executed: "yes",
  reason: "DRY",
  retryAfterMs: 5,
  details: { left: 0 },
  metadata: undefined,
};

function callItems(): CallItems {
  const clock = new FakeClock();
  const owner = {
    idle() {},
    left() {},
    queued() {},
    firstMetadata: () => undefined,
    sent() {},
    broke() {},
    untravelled: (error: unknown) => error,
    finished() {},
    step: <T>(run: () => T): T => run(),
  };
  const items = new CallItems(owner, { clock, deadlines: new Deadlines(clock) }, 1_000);
  items.attach(openBench().channel, 7);
  return items;
}

/** One call whose streams are these. */
function callsOf(items: CallItems | undefined): StreamsOfCalls {
  return {
    streamsOf: () => items,
    credit: (_id, bytes) => items?.credit(bytes) ?? isCredit(bytes),
  };
}

/** The streams of a call in each state that matters here. */
const states = {
  "no streams": () => undefined,
  "an answer alone": () => {
    const items = callItems();
    items.send(new ItemSource({ next: () => new Promise(() => {}) }, () => {}));
    return items;
  },
  "an open argument": () => {
    const items = callItems();
    items.receive();
    return items;
  },
  "an argument at its end": () => {
    const items = callItems();
    items.receive();
    items.end();
    return items;
  },
  "an argument that failed": () => {
    const items = callItems();
    items.receive();
    items.end(new GeeError("ABORTED", "dry"));
    return items;
  },
  "an argument without credit": () => {
    const items = callItems();
    items.receive();
    items.item("large", window);
    return items;
  },
  "an argument that nobody takes any more": () => {
    const items = callItems();
    void items.receive().return();
    return items;
  },
};

type State = keyof typeof states;
type Kind = StreamMessage["kind"];

/** Whether each message is right in each state. */
const rules: readonly (readonly [State, Readonly<Record<Kind, boolean>>])[] = [
  ["no streams", { item: false, end: false, fault: false, credit: true }],
  ["an answer alone", { item: false, end: false, fault: false, credit: true }],
  ["an open argument", { item: true, end: true, fault: true, credit: true }],
  ["an argument at its end", { item: false, end: false, fault: false, credit: true }],
  ["an argument that failed", { item: false, end: false, fault: false, credit: true }],
  ["an argument without credit", { item: false, end: true, fault: true, credit: true }],
  ["an argument that nobody takes any more", { item: true, end: true, fault: true, credit: true }],
];

test.each(rules)("%s", (state, rule) => {
  const wrong = (message: StreamMessage): boolean => {
    const said = takeIn(message, callsOf(states[state]()));
    if (said !== undefined) expect(said).toContain("call 7");
    return said === undefined;
  };
  expect({
    item: wrong(item),
    end: wrong(end),
    fault: wrong(fault),
    credit: wrong(credit),
  }).toEqual(rule);
});

test("credit that would pass the most that there may be is wrong", () => {
  const items = states["an answer alone"]();
  const rest = limits.maxCreditBytes - window;
  expect(takeIn({ ...credit, bytes: rest }, callsOf(items))).toBeUndefined();
  expect(takeIn({ ...credit, bytes: 1 }, callsOf(items))).toContain("call 7");
});

test("what came is there to be taken: items, and the caller's error with all its fields", async () => {
  const items = callItems();
  const received = items.receive();
  takeIn(item, callsOf(items));
  takeIn(fault, callsOf(items));
  expect(await received.next()).toEqual({ done: false, value: "a" });
  const error: unknown = await received.next().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(GeeError);
  expect(error).toMatchObject({
    code: "ABORTED",
    message: "the source is dry",
    reason: "DRY",
    details: { left: 0 },
    retryAfterMs: 5,
  });
});
