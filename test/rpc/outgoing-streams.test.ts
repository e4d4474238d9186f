import { expect, test } from "bun:test";
import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { OutgoingStreams } from "../../src/rpc/outgoing-streams.ts";
import { FakeClock, turn, until } from "../support/clock.ts";
import { Source } from "../support/loopback.ts";
import { openBench } from "../wire/recorder.ts";

const over = new GeeError("ABORTED", "no");

/** The streams of a call with or without an argument, and what their call hears. */
function open(argument?: AsyncIterable<unknown>) {
  const clock = new FakeClock();
  const heard: string[] = [];
  const owner = {
    clock,
    deadlines: new Deadlines(clock),
    id: 7,
    hasDeadline: false,
    queued() {},
    idle: () => void heard.push("idle"),
    left: () => void heard.push("left"),
  };
  const stream = argument === undefined ? undefined : { index: 0, items: argument };
  const streams = new OutgoingStreams(owner, stream, 1_000);
  const dial = () => openBench({ from: "server", both: { delivery: "microtask" } });
  return { clock, heard, owner, streams, dial };
}

async function* failing(error: unknown): AsyncGenerator<number> {
  yield 1;
  throw error;
}

test("the argument's items leave when the call is open, and behind them its end", async () => {
  const { streams, dial } = open(new Source().numbers(2));
  const { channel, peer } = dial();
  await turn();
  expect(peer.messages).toEqual([]);
  streams.openedOn(channel);
  await until(() => peer.frames.length === 3, "all items");
  expect(peer.messages).toMatchObject([
    { kind: "item", id: 7, value: 1, metadata: undefined },
    { kind: "item", id: 7, value: 2, metadata: undefined },
    { kind: "end", id: 7, metadata: undefined },
  ]);
});

test("another attempt begins with the first item, under its own id; none does once the server has answered", async () => {
  const { owner, streams, dial } = open(new Source().held(2));
  const first = dial();
  streams.openedOn(first.channel);
  await until(() => first.peer.frames.length === 2, "both items");
  expect(streams.rewind()).toBe(true);
  const second = dial();
  owner.id = 1;
  streams.openedOn(second.channel);
  await until(() => second.peer.frames.length === 2, "both items again");
  expect(second.peer.messages).toMatchObject([
    { kind: "item", id: 1, value: 1 },
    { kind: "item", id: 1, value: 2 },
  ]);
  expect(streams.credit(10)).toBe(true);
  expect(streams.rewind()).toBe(false);
});

test.each<readonly [string, (streams: OutgoingStreams) => unknown]>([
  ["an item", (streams) => streams.item(openBench().channel, "a", 20)],
  ["a cancel", (streams) => streams.stopSending()],
])("%s of the server's also ends the time in which another attempt may begin", (_what, answer) => {
  const { streams, dial } = open(new Source().held(2));
  streams.openedOn(dial().channel);
  answer(streams);
  expect(streams.rewind()).toBe(false);
});

test("without an argument another attempt may always begin", () => {
  expect(open().streams.rewind()).toBe(true);
});

test("a server that wants no more of the argument gets its end, once, and the source is left", async () => {
  const source = new Source();
  const { streams, dial } = open(source.numbers());
  const { channel, peer } = dial();
  streams.openedOn(channel);
  await until(() => source.given > 10, "items");
  streams.stopSending();
  streams.stopSending();
  await until(() => source.left === 1, "the source's end");
  await until(() => peer.messages.at(-1)?.kind === "end", "the end");
  await turn();
  expect(peer.messages.filter(({ kind }) => kind === "end").length).toBe(1);
});

test("a cancel behind the end is no second end", async () => {
  const { streams, dial } = open(new Source().numbers(1));
  const { channel, peer } = dial();
  streams.openedOn(channel);
  await until(() => peer.frames.length === 2, "all items");
  streams.stopSending();
  await turn();
  expect(peer.messages.map(({ kind }) => kind)).toEqual(["item", "end"]);
});

test("an error of the source that is meant for the server goes to it whole", async () => {
  const why = new GeeError("ABORTED", "dry", { reason: "DRY", details: { left: 0 } });
  const { streams, dial } = open(failing(why));
  const { channel, peer } = dial();
  streams.openedOn(channel);
  await until(() => peer.frames.length === 2, "the error");
  expect(peer.messages[1]).toMatchObject({
    kind: "fault",
    id: 7,
    code: "ABORTED",
    reason: "DRY",
    details: { left: 0 },
  });
  expect(streams.explained(over)).toBe(over);
});

test("of any other the server hears only that there was one, and the caller has it as the cause", async () => {
  const why = new TypeError("the secret is in here");
  const { streams, dial } = open(failing(why));
  const { channel, peer } = dial();
  streams.openedOn(channel);
  await until(() => peer.frames.length === 2, "the error");
  expect(peer.messages[1]).toMatchObject({ kind: "fault", id: 7, reason: "SOURCE_FAILED" });
  expect(peer.received.toString()).not.toContain("secret");
  const told = new GeeError("INTERNAL", "failed", { reason: "SOURCE_FAILED", executed: "yes" });
  expect(streams.explained(told)).toMatchObject({ reason: "SOURCE_FAILED", executed: "yes" });
  expect(streams.explained(told).cause).toBe(why);
});

test("what comes is there for whoever iterates, early or late", async () => {
  const { streams, dial } = open();
  const { channel } = dial();
  expect(streams.item(channel, "a", 20)).toBe(true);
  expect(streams.item(channel, "b", 20)).toBe(true);
  streams.answered();
  const items = streams.receive();
  expect(await items.next()).toEqual({ done: false, value: "a" });
  expect(await items.next()).toEqual({ done: false, value: "b" });
  expect(await items.next()).toEqual({ done: true, value: undefined });
});

test("an item without credit breaks the protocol", () => {
  const { streams, dial } = open();
  const { channel } = dial();
  expect(streams.item(channel, "large", limits.streamWindowBytes)).toBe(true);
  expect(streams.item(channel, "more", 20)).toBe(false);
});

test("a failure is thrown at whoever iterates, and the source is left, opened or not", async () => {
  for (const isOpened of [true, false]) {
    const source = new Source();
    const { streams, dial } = open(source.held(2));
    if (isOpened) {
      streams.openedOn(dial().channel);
      await until(() => source.given === 2, "items");
    }
    const next = streams.receive().next();
    streams.close(over, true);
    expect(await next.catch((error: unknown) => error)).toBe(over);
    await until(() => source.left === 1, "the source's end");
  }
});

test("its call hears when nothing moves, and when whoever iterates has left", async () => {
  const { clock, heard, streams, dial } = open();
  streams.openedOn(dial().channel);
  await clock.advance(1_500);
  expect(heard).toEqual(["idle"]);
  await streams.receive().return();
  expect(heard).toEqual(["idle", "left"]);
});
