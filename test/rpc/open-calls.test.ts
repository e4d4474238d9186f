import { expect, test } from "bun:test";
import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { OpenCalls } from "../../src/rpc/open-calls.ts";
import type { OutgoingCall } from "../../src/rpc/outgoing-call.ts";
import { Channel } from "../../src/wire/channel.ts";
import { kinds } from "../../src/wire/frame.ts";
import { methodFlags } from "../../src/wire/hello.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { callOf, failureOf } from "../support/ends.ts";
import type { TestCall } from "../support/ends.ts";
import { linkPair } from "../support/links.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";

const lastId = 2 ** 32 - 2 ** 16;
const closing = new GeeError("UNAVAILABLE", "over", { reason: "OVER" });

/** Calls with an owner that only keeps what it is told, and a server that only keeps what it hears. */
function setup(firstCallId = 1) {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const pair = linkPair();
  const peer = new ScriptedPeer(pair.server, "server");
  const told: string[] = [];
  const nothing = (): void => {};
  const owner = {
    message: nothing,
    badBody: nothing,
    readEnd: nothing,
    blocked: nothing,
    drained: nothing,
    paused: nothing,
    resumed: nothing,
    turnsAway: () => false,
    takesPart: () => false,
    closed: nothing,
    idsRanOut: () => void told.push(`ids ran out with ${calls.size} open`),
    tooManyStrays: (allowed: number) => void told.push(`more than ${allowed} strays`),
    gaveUp: () => void told.push(`gave up with ${calls.size} open`),
  };
  const channel = new Channel(pair.caller, owner, "server", limits.maxServerHelloBytes);
  pair.caller.open(channel);
  const calls = new OpenCalls(channel, owner, firstCallId);
  const start = (
    method = "Foo.Sum",
    args: readonly unknown[] = [],
    options: TestCall = {},
  ): OutgoingCall => {
    const call = callOf(method, args, clock, deadlines, options);
    calls.start(call, 1_000);
    return call;
  };
  const sent = async (): Promise<(readonly [kind: number, id: number])[]> => {
    await turn();
    return peer.frames.map(({ kind, id }) => [kind, id] as const);
  };
  return { calls, channel, peer, told, start, sent };
}

/** Calls whose server accepts `maxInFlight` at once and lists nothing. */
function greeted(maxInFlight: number): ReturnType<typeof setup> {
  const made = setup();
  made.calls.greeted({ features: [], maxInFlight, services: new Map() });
  return made;
}

test("ids rise by one, in the order of the frames, whoever was started first", async () => {
  const { calls, start, sent } = setup(7);
  const inner: OutgoingCall[] = [];
  const argument = {
    get value(): number {
      inner.push(start());
      return 1;
    },
  };
  const first = start();
  const outer = start("Foo.Sum", [argument]);
  expect([first.id, outer.id, inner[0]?.id]).toEqual([7, 9, 8]);
  expect(await sent()).toEqual([
    [kinds.call, 7],
    [kinds.call, 8],
    [kinds.call, 9],
  ]);
  for (const call of [outer, ...inner, first]) expect(calls.answer(call.id)).toBe(call);
});

test("a call that cannot be encoded takes no id, even when it started another before it failed", async () => {
  const { calls, start, sent } = setup();
  const inner: OutgoingCall[] = [];
  const argument = {
    get value(): unknown {
      inner.push(start());
      return Symbol("cannot travel");
    },
  };
  const outer = start("Foo.Sum", [argument]);
  expect(await failureOf(outer.promise)).toMatchObject({ reason: "CANNOT_TRAVEL", executed: "no" });
  expect([calls.size, inner[0]?.id, start().id]).toEqual([1, 1, 2]);
  expect(await sent()).toEqual([
    [kinds.call, 1],
    [kinds.call, 2],
  ]);
});

test("a call that its own arguments end is not open, and nothing of it is sent", async () => {
  const { calls, told, start, sent } = setup();
  const controller = new AbortController();
  const argument = {
    get value(): number {
      controller.abort();
      return 1;
    },
  };
  start("Foo.Sum", [argument], { signal: controller.signal });
  expect(calls.size).toBe(0);
  expect(start().id).toBe(1);
  expect(told).toEqual([]);
  expect(await sent()).toEqual([[kinds.call, 1]]);
});

test("a large call that its own arguments end is not sent either, though it would leave at once", async () => {
  const { start, sent } = setup();
  const controller = new AbortController();
  const argument = {
    bytes: new Uint8Array(30_000),
    get value(): number {
      controller.abort();
      return 1;
    },
  };
  const call = start("Foo.Sum", [argument], { signal: controller.signal });
  expect(await failureOf(call.promise)).toMatchObject({ code: "CANCELLED", executed: "no" });
  expect(await sent()).toEqual([]);
});

test("a call whose arguments close the channel is not open, and takes no id", async () => {
  const { calls, channel, start } = setup();
  const argument = {
    get value(): number {
      channel.close(closing);
      return 1;
    },
  };
  const call = start("Foo.Sum", [argument]);
  expect(await failureOf(call.promise)).toMatchObject({
    reason: "CONNECTION_CLOSING",
    executed: "no",
  });
  expect([calls.size, call.id]).toEqual([0, 0]);
});

test("the owner hears that ids have run out once the last one's call is open, not before", () => {
  const { told, start } = setup(lastId - 1);
  start();
  expect(told).toEqual([]);
  expect(start().id).toBe(lastId);
  expect(told).toEqual(["ids ran out with 2 open"]);
});

test("methods go by number only when the hello lists them", async () => {
  const { calls, peer, start } = setup();
  start("Foo.Sum");
  const methods = new Map([["Sum", { number: 9, flags: methodFlags.idempotent }]]);
  calls.greeted({ features: [], maxInFlight: 100, services: new Map([["Foo", { methods }]]) });
  for (const name of ["Foo.Sum", "Foo.Sum", "Foo.Other", "Bar.Sum", "Sum", "Foo.Sum."]) start(name);
  await turn();
  const sent = peer.messages.map((message) => message.kind === "call" && message.method);
  expect(sent).toEqual(["Foo.Sum", 9, 9, "Foo.Other", "Bar.Sum", "Sum", "Foo.Sum."]);
});

test("what is left of a deadline is sent in whole milliseconds, neither below 0 nor above the most", async () => {
  const { calls, peer } = setup();
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  for (const leftMs of [-5, 0, 0.2, 1_000, 2 * limits.maxTimeoutMs]) {
    calls.start(callOf("Foo.Sum", [], clock, deadlines), leftMs);
  }
  await turn();
  const sent = peer.messages.map((message) => message.kind === "call" && message.timeoutMs);
  expect(sent).toEqual([0, 0, 1, 1_000, limits.maxTimeoutMs]);
});

test("an answer finds its call once; the next one for it is a stray", () => {
  const { calls, told, start } = setup();
  const call = start();
  expect(calls.answer(call.id)).toBe(call);
  for (let count = 0; count < 100; count++) expect(calls.answer(call.id)).toBeUndefined();
  expect(told).toEqual([]);
  expect(calls.answer(call.id)).toBeUndefined();
  expect(told).toEqual(["more than 100 strays"]);
});

test("the one answer that a call gets after it was given up is no stray, and those behind it are", async () => {
  const { calls, told, start, sent } = setup();
  const given = Array.from({ length: 200 }, () => start());
  await sent();
  for (const call of given) calls.abandon(call, "CANCELLED", "enough");
  told.length = 0;
  for (const call of given) expect(calls.answer(call.id)).toBeUndefined();
  for (const call of given.slice(0, 100)) calls.answer(call.id);
  expect(told).toEqual([]);
  calls.answer(given[0]?.id ?? 0);
  expect(told).toEqual(["more than 100 strays"]);
});

test("an answer that cannot be read fails its call alone: a result has run, a fault may have", async () => {
  const { calls, told, start } = setup();
  const [result, fault, other] = [start(), start(), start()];
  calls.unreadable(kinds.result, result.id, "why");
  calls.unreadable(kinds.fault, fault.id, "why");
  const error = { code: "INTERNAL", reason: "BAD_BODY" };
  expect(await failureOf(result.promise)).toMatchObject({ ...error, executed: "yes" });
  expect(await failureOf(fault.promise)).toMatchObject({ ...error, executed: "maybe" });
  expect([other.settled, calls.size]).toEqual([false, 1]);
  for (let count = 0; count < 101; count++) calls.unreadable(kinds.fault, fault.id, "why");
  expect(told).toEqual(["more than 100 strays"]);
});

test("a call that is given up before it has left is taken back, and leaves nothing behind", async () => {
  const { calls, told, start, sent } = greeted(1);
  const call = start();
  expect(calls.abandon(call, "CANCELLED", "enough")).toBe("no");
  expect(told).toEqual(["gave up with 0 open"]);
  expect(start().id).toBe(2);
  expect(await sent()).toEqual([
    [kinds.void, 1],
    [kinds.call, 2],
  ]);
});

test("a call that is given up after it has left is cancelled, and keeps its place until its answer", async () => {
  const { calls, peer, told, start, sent } = greeted(1);
  const call = start();
  await sent();
  expect(calls.abandon(call, "DEADLINE_EXCEEDED", "too late")).toBe("maybe");
  expect([calls.size, ...told]).toEqual([0, "gave up with 0 open"]);
  await turn();
  expect(peer.messages[1]).toMatchObject({ kind: "cancel", id: 1, code: "DEADLINE_EXCEEDED" });
  expect(await failureOf(start().promise)).toMatchObject({
    reason: "TOO_MANY_IN_FLIGHT",
    executed: "no",
  });
  calls.answer(call.id);
  expect(start().settled).toBe(false);
});

test("a call that is answered already cannot be given up, and nobody hears of it", async () => {
  const { calls, told, start, sent } = setup();
  const call = start();
  await sent();
  calls.answer(call.id);
  expect(calls.abandon(call, "CANCELLED", "enough")).toBe("maybe");
  expect(told).toEqual([]);
  expect(await sent()).toEqual([[kinds.call, 1]]);
});

test("a server that drains passes over what it had not accepted, and its answers to that are no strays", async () => {
  const { calls, told, start } = setup();
  const elsewhere: number[] = [];
  const again = (call: OutgoingCall, error: GeeError): boolean => {
    expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "DRAINING", executed: "no" });
    return elsewhere.push(call.id) > 0;
  };
  for (let count = 0; count < 300; count++) start("Foo.Sum", [], { again });
  calls.passedOver(50);
  expect(elsewhere).toEqual(Array.from({ length: 250 }, (_, index) => 51 + index));
  expect(calls.size).toBe(50);
  for (let id = 1; id <= 300; id++) expect(calls.answer(id)?.id).toBe(id > 50 ? undefined : id);
  expect(told).toEqual([]);
});

test("at the end what has left may have run, and what has not did not", async () => {
  const { calls, start, sent } = setup();
  const left = start();
  await sent();
  const unsent = start();
  calls.closed(closing);
  for (const [call, executed] of [
    [left, "maybe"],
    [unsent, "no"],
  ] as const) {
    const error = await failureOf(call.promise);
    expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "OVER", message: "over", executed });
    expect(error.cause).toBe(closing);
  }
  expect(calls.size).toBe(0);
});
