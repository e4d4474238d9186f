import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { Answering } from "../../src/rpc/answering.ts";
import { Intake } from "../../src/rpc/intake.ts";
import { badCall, cancelled } from "../../src/rpc/refusals.ts";
import { features } from "../../src/wire/hello.ts";
import { callMessage } from "../support/calls.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { hostOf } from "../support/hosts.ts";
import { openBench } from "../wire/recorder.ts";

class Foo {
  readonly ran: unknown[] = [];

  Sum(a: number, b: number): number {
    this.ran.push(["Sum", a, b]);
    return a + b;
  }

  Hold(): Promise<never> {
    this.ran.push(["Hold"]);
    return new Promise(() => {});
  }

  Total(items: unknown): Promise<never> {
    this.ran.push(["Total", typeof items]);
    return new Promise(() => {});
  }

  Big(): string {
    return "x".repeat(3_000_000);
  }
}

/** Calls of one connection on their way in, and the answers as their caller, a script, gets them. */
function open(maxInFlight: number = limits.maxInFlight) {
  const clock = new FakeClock();
  const foo = new Foo();
  const host = hostOf({ Foo: foo }, { clock, maxInFlight });
  const bench = openBench({ parts: true });
  const answering = new Answering(bench.channel, host, { ended() {} });
  answering.agreed = features.parts | features.streams | features.oneway | features.keys;
  const intake = new Intake(bench.channel, answering, host);
  const hold = (id: number): void =>
    intake.arrive(callMessage(id, { method: "Foo.Hold", args: [] }));
  /** The read is over: what has come is started, and what is answered is sent. */
  const readEnd = (): void => {
    intake.readEnd();
    intake.start();
    bench.channel.flush();
    bench.pair.deliver();
  };
  return { clock, foo, answering, intake, hold, readEnd, ...bench };
}

const gone = cancelled("CANCELLED");

test("calls are started when their read is over, in the order of their ids", () => {
  const { foo, intake, peer, readEnd } = open();
  intake.arrive(callMessage(1));
  intake.arrive(callMessage(4, { args: [3, 4] }));
  expect(foo.ran).toEqual([]);
  expect(intake.inFlight).toBe(2);
  readEnd();
  expect(foo.ran).toEqual([
    ["Sum", 1, 2],
    ["Sum", 3, 4],
  ]);
  expect(peer.messages).toMatchObject([
    { kind: "result", id: 1, value: 3 },
    { kind: "result", id: 4, value: 7 },
  ]);
  expect(intake.inFlight).toBe(0);
  expect(intake.lastId).toBe(4);
});

test("an id that does not rise ends the connection", () => {
  for (const id of [3, 2]) {
    const { intake, owner } = open();
    intake.arrive(callMessage(3));
    intake.arrive(callMessage(id));
    expect(owner.closedWhys).toMatchObject([{ reason: "PROTOCOL_ERROR" }]);
  }
});

test("an id is ended when it was open and is not: not before it came, nor while it waits or runs", () => {
  const { intake, hold, readEnd } = open();
  expect([0, 1, 2].map((id) => intake.isEnded(id))).toEqual([false, false, false]);
  hold(2);
  // 1 was passed over.
  expect([0, 1, 2, 3].map((id) => intake.isEnded(id))).toEqual([false, true, false, false]);
  readEnd();
  expect(intake.isEnded(2)).toBe(false);
  intake.cancel(2, gone);
  expect(intake.isEnded(2)).toBe(true);
  expect(intake.takesPart(5, true)).toBe(true);
  expect(intake.isEnded(5)).toBe(false);
});

test("a call that cannot be read is answered, and its id is used up", () => {
  const { intake, peer, readEnd } = open();
  intake.unreadable(1, badCall("no bytes"));
  readEnd();
  expect(peer.messages).toMatchObject([
    { kind: "fault", id: 1, code: "INVALID_ARGUMENT", reason: "BAD_BODY", executed: "no" },
  ]);
  expect(intake.lastId).toBe(1);
});

test("with all places taken a call is turned away, and says how many there are", () => {
  const { intake, hold, peer, readEnd } = open(2);
  hold(1);
  expect(intake.turnsAway(2)).toBe(false);
  hold(2);
  expect(intake.turnsAway(3)).toBe(true);
  readEnd();
  expect(intake.turnsAway(4)).toBe(true);
  intake.cancel(1, gone);
  expect(intake.turnsAway(5)).toBe(false);
  readEnd();
  const refused = { kind: "fault", reason: "TOO_MANY_IN_FLIGHT", executed: "no" };
  expect(peer.messages).toMatchObject([
    { ...refused, id: 3, message: "2 calls are in flight on this connection" },
    { ...refused, id: 4 },
    { kind: "fault", id: 1, code: "CANCELLED" },
  ]);
});

test("a call is open from its first part on, and started when it is whole", () => {
  const { foo, intake, readEnd } = open(2);
  expect(intake.takesPart(1, true)).toBe(true);
  expect(intake.inFlight).toBe(1);
  readEnd();
  expect(intake.takesPart(1, false)).toBe(true);
  intake.arrive(callMessage(1));
  expect(intake.inFlight).toBe(1);
  readEnd();
  expect(foo.ran).toEqual([["Sum", 1, 2]]);
});

test("one that is whole behind others is started before those with higher ids", () => {
  const { foo, intake, readEnd } = open();
  intake.takesPart(1, true);
  intake.arrive(callMessage(2, { args: [2, 2] }));
  intake.arrive(callMessage(1, { args: [1, 1] }));
  readEnd();
  expect(foo.ran).toEqual([
    ["Sum", 1, 1],
    ["Sum", 2, 2],
  ]);
});

test("its time counts from the first part", async () => {
  const { foo, clock, intake, peer, readEnd } = open();
  intake.takesPart(1, true);
  readEnd();
  await clock.advance(600);
  intake.arrive(callMessage(1, { timeoutMs: 500 }));
  readEnd();
  expect(foo.ran).toEqual([]);
  expect(peer.messages).toMatchObject([{ id: 1, code: "DEADLINE_EXCEEDED", reason: "EXPIRED" }]);
});

test("parts are for what is due: a call that is begun, or items; nothing else", () => {
  const later = open();
  expect(later.intake.takesPart(1, false)).toBe(false);
  expect(later.owner.closedWhys).toMatchObject([{ reason: "PROTOCOL_ERROR" }]);

  const ended = open();
  ended.intake.arrive(callMessage(1));
  ended.readEnd();
  expect(ended.intake.takesPart(1, true)).toBe(false);
  expect(ended.owner.closedWhys).toEqual([]);

  const running = open();
  running.hold(1);
  running.readEnd();
  expect(running.intake.takesPart(1, true)).toBe(false);
  expect(running.owner.closedWhys).toMatchObject([{ reason: "PROTOCOL_ERROR" }]);

  const streams = open();
  const call = { method: "Foo.Total", args: [null], streamArgument: 0 };
  streams.intake.arrive(callMessage(1, call));
  expect(streams.intake.takesPart(1, true)).toBe(true);
  streams.readEnd();
  expect(streams.foo.ran).toEqual([["Total", "object"]]);
  expect(streams.intake.takesPart(1, true)).toBe(true);
  expect(streams.owner.closedWhys).toEqual([]);
});

test("with all places taken a call in parts is turned away with its first", () => {
  const { intake, hold, peer, readEnd } = open(1);
  hold(1);
  expect(intake.takesPart(2, true)).toBe(false);
  // Whatever follows of it is dropped.
  expect(intake.takesPart(2, false)).toBe(false);
  readEnd();
  expect(peer.messages).toMatchObject([{ id: 2, reason: "TOO_MANY_IN_FLIGHT" }]);
});

test("a cancel that comes with its call wins; so does one of a call that is not whole", () => {
  const { foo, intake, hold, peer, readEnd } = open();
  hold(1);
  expect(intake.cancel(1, gone)).toBe(true);
  intake.takesPart(2, true);
  expect(intake.cancel(2, gone)).toBe(true);
  readEnd();
  expect(foo.ran).toEqual([]);
  expect(peer.messages).toMatchObject([
    { kind: "fault", id: 1, code: "CANCELLED", executed: "no" },
    { kind: "fault", id: 2, code: "CANCELLED", executed: "no" },
  ]);
  expect(intake.inFlight).toBe(0);
});

test("a cancel of one that runs is answered; of one that is answered, or was never opened, it is not", () => {
  const { intake, hold, peer, readEnd } = open();
  hold(1);
  readEnd();
  expect(intake.cancel(1, gone)).toBe(true);
  expect(intake.cancel(1, gone)).toBe(true);
  expect(intake.cancel(2, gone)).toBe(false);
  readEnd();
  expect(peer.messages).toMatchObject([
    { kind: "fault", id: 1, code: "CANCELLED", executed: "maybe" },
  ]);
  expect(peer.messages.length).toBe(1);
});

test("of an answer that is leaving in parts, a cancel takes the place", () => {
  const { intake, channel, peer, pair, readEnd } = open();
  intake.arrive(callMessage(1, { method: "Foo.Big", args: [] }));
  intake.readEnd();
  intake.start();
  expect(channel.unsentBytes).toBeGreaterThan(2_000_000);
  intake.cancel(1, gone);
  expect(channel.unsentBytes).toBeLessThan(200_000);
  readEnd();
  pair.deliver();
  expect(peer.messages.at(-1)).toMatchObject({ kind: "fault", id: 1, executed: "yes" });
});

test("what was not started is refused when it is over, and what runs is not", () => {
  const { foo, intake, hold, peer, readEnd } = open();
  hold(1);
  readEnd();
  hold(2);
  intake.takesPart(3, true);
  const why = new GeeError("UNAVAILABLE", "over", { reason: "DRAINING", executed: "no" });
  intake.refuseAll(why);
  readEnd();
  expect(peer.messages).toMatchObject([
    { kind: "fault", id: 2, reason: "DRAINING", executed: "no" },
    { kind: "fault", id: 3, reason: "DRAINING", executed: "no" },
  ]);
  expect(foo.ran).toEqual([["Hold"]]);
  expect(intake.inFlight).toBe(1);
});

test("what waits when the connection is gone is never started", async () => {
  const { foo, intake, hold, readEnd } = open();
  hold(1);
  intake.takesPart(2, true);
  intake.clear();
  readEnd();
  await turn();
  expect(foo.ran).toEqual([]);
  expect(intake.inFlight).toBe(0);
});
