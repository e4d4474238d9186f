import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { bufferedBytes } from "../../src/wire/buffered.ts";
import { kinds } from "../../src/wire/frame.ts";
import { encodeMessage } from "../../src/wire/message-writer.ts";
import type { CallMessage, Message } from "../../src/wire/message.ts";
import { Sender } from "../../src/wire/sender.ts";
import type { SenderOwner } from "../../src/wire/sender.ts";
import { frameOf } from "../support/scripted-peer.ts";
import { Taker } from "./taker.ts";
import type { TakenFrame } from "./taker.ts";

class Owner implements SenderOwner {
  finished = false;
  readonly events: string[] = [];
  blocked(): void {
    this.events.push("blocked");
  }
  flushed(): void {
    this.events.push("flushed");
  }
}

interface Bench {
  readonly sender: Sender;
  readonly link: Taker;
  readonly owner: Owner;
}

/** A sender whose other side takes messages of up to 64 MiB, and parts. */
function openSender(parts = true, peerMaxMessageBytes = 67_108_864): Bench {
  const link = new Taker();
  const owner = new Owner();
  const sender = new Sender(link, owner);
  sender.greeted(peerMaxMessageBytes, parts);
  return { sender, link, owner };
}

const large = 200_000;

function item(id: number, value: unknown): Message {
  return { kind: "item", id, value, metadata: undefined, bytes: 0 };
}

function bytesItem(id: number, size: number): Message {
  return item(id, new Uint8Array(size).fill(id));
}

function callWith(...args: readonly unknown[]): CallMessage {
  return {
    kind: "call",
    id: 0,
    method: 1,
    timeoutMs: 1_000,
    args,
    flags: 0,
    attempt: 0,
    metadata: undefined,
    idempotencyKey: undefined,
    streamArgument: undefined,
    idleMs: undefined,
  };
}

function ping(token: number): Message {
  return { kind: "ping", id: 0, token };
}

/** Gives 1, 2, 3, ... */
function idGiver(): { giveId: () => number } {
  let id = 0;
  return { giveId: () => ++id };
}

const names = new Map<number, string>(Object.entries(kinds).map(([name, kind]) => [kind, name]));

/** What left: `item 1`, `first part of 1`, `part of 1`. */
function story(frames: readonly TakenFrame[]): string[] {
  return frames.map(({ kind, id, fields }) => {
    if (kind !== kinds.part) return `${names.get(kind)} ${id}`;
    return fields === 2 ? `first part of ${id}` : `part of ${id}`;
  });
}

// ---------------------------------------------------------------- whole or in parts

test("what is larger than 131,072 bytes leaves in parts, when the other side takes them", () => {
  for (const [frameBytes, parts, expected] of [
    [131_072, true, ["item 1"]],
    [131_073, true, ["first part of 1", "part of 1"]],
    [131_073, false, ["item 1"]],
    [1_000_000, false, ["item 1"]],
  ] as const) {
    const { sender, link } = openSender(parts);
    // Head, the head of a byte string, content.
    sender.send(bytesItem(1, frameBytes - 17), undefined);
    sender.flush();
    expect([frameBytes, story(link.frames)]).toEqual([frameBytes, [...expected]]);
  }
});

test("before the greeting nothing is cut", () => {
  const link = new Taker();
  const sender = new Sender(link, new Owner());
  sender.send(bytesItem(1, large), undefined);
  sender.flush();
  expect(story(link.frames)).toEqual(["item 1"]);
});

test("calls, results, faults and items are cut, and the largest message of all is as well", () => {
  const text = "x".repeat(large);
  const details: Message = {
    kind: "fault",
    id: 3,
    code: "NOT_FOUND",
    message: "m",
    executed: "no",
    reason: undefined,
    retryAfterMs: undefined,
    details: text,
    metadata: undefined,
  };
  const { sender, link } = openSender();
  sender.send(callWith(text), { giveId: () => 1 });
  sender.send({ kind: "result", id: 2, value: text, metadata: undefined }, undefined);
  sender.send(details, undefined);
  sender.send(item(4, text), undefined);
  sender.flush();
  expect(link.frames.every(({ kind }) => kind === kinds.part)).toBe(true);
  expect(new Set(link.frames.map(({ id }) => id))).toEqual(new Set([1, 2, 3, 4]));

  const most = 20_000_000;
  expect(frameOf(bytesItem(1, most - 5)).length).toBe(most + 12);
  for (const message of [
    bytesItem(1, most - 5),
    { ...callWith(new Uint8Array(most - 10)), id: 1 },
  ]) {
    const exact = openSender(true, most);
    exact.sender.send(message, undefined);
    exact.sender.flush();
    const told = story(exact.link.frames);
    expect([told.length, told.every((what) => what.endsWith("part of 1"))]).toEqual([306, true]);
  }
  const { sender: full } = openSender(true, most);
  expect(() => full.send(bytesItem(1, most - 4), undefined)).toThrow("maxMessageBytes");
});

test("the first part of a call keeps its place among calls, the rest and all others give way", () => {
  const { sender, link } = openSender();
  const giver = idGiver();
  sender.send(callWith(1), giver);
  sender.send(callWith(new Uint8Array(large)), giver);
  sender.send(bytesItem(1, large), undefined);
  sender.send(callWith(3), giver);
  sender.send(ping(1), undefined);
  sender.flush();
  expect(story(link.frames).slice(0, 4)).toEqual(["call 1", "first part of 2", "call 3", "ping 0"]);
  expect(story(link.frames).slice(4).toSorted()).toEqual(
    ["first part of 1", ...["1", "1", "1", "2", "2", "2"].map((id) => `part of ${id}`)].toSorted(),
  );
});

test("calls that are more than the other side takes in parts leave whole, and answers wait", () => {
  const { sender, link } = openSender(true, 10_000_000);
  link.room = 0;
  const giver = idGiver();
  sender.send(ping(0), undefined);
  sender.flush();
  for (let count = 0; count < 4; count++) sender.send(callWith(new Uint8Array(6_000_000)), giver);
  sender.send(
    { kind: "result", id: 9, value: new Uint8Array(6_000_000), metadata: undefined },
    undefined,
  );
  link.room = Number.POSITIVE_INFINITY;
  sender.drained();
  const told = story(link.frames);
  expect(told.slice(0, 5)).toEqual([
    "ping 0",
    "first part of 1",
    "first part of 2",
    "call 3",
    "call 4",
  ]);
  // The answer is begun when the last part of a call is behind.
  const begun = told.indexOf("first part of 9");
  expect(begun).toBeGreaterThan(told.lastIndexOf("part of 1"));
  expect(begun).toBeLessThan(told.lastIndexOf("part of 2"));
});

// ---------------------------------------------------------------- order

test("nothing overtakes what waits of its id, but credit", () => {
  const { sender, link } = openSender();
  link.room = 0;
  sender.send(ping(0), undefined);
  sender.flush();
  sender.send(bytesItem(1, large), undefined);
  sender.send(item(1, "small"), undefined);
  sender.send(bytesItem(1, large), undefined);
  sender.send({ kind: "cancel", id: 1, code: "CANCELLED", message: undefined }, undefined);
  sender.send({ kind: "end", id: 1, metadata: undefined }, undefined);
  sender.send({ kind: "credit", id: 1, bytes: 5 }, undefined);
  sender.send(item(2, "other"), undefined);
  link.room = Number.POSITIVE_INFINITY;
  sender.drained();
  const message = ["first part of 1", "part of 1", "part of 1", "part of 1"];
  expect(story(link.frames)).toEqual([
    "ping 0",
    "credit 1",
    "item 2",
    ...message,
    "item 1",
    ...message,
    "cancel 1",
    "end 1",
  ]);
});

test("what gives a message up leaves at once when the rest was dropped", () => {
  const { sender, link } = openSender();
  link.room = 70_000;
  const ticket = sender.send(bytesItem(1, large), undefined);
  sender.send(item(1, "behind"), undefined);
  sender.send(bytesItem(2, large), undefined);
  sender.flush();
  expect(sender.withdraw(ticket)).toBe("cut");
  expect(sender.dropParts(1)).toBe(false);
  sender.send({ kind: "cancel", id: 1, code: "CANCELLED", message: undefined }, undefined);
  link.room = 70_000;
  sender.drained();
  expect(sender.dropParts(2)).toBe(true);
  link.room = Number.POSITIVE_INFINITY;
  sender.drained();
  // The part that was being written when the rest was dropped is the last.
  expect(story(link.frames)).toEqual([
    "first part of 1",
    "part of 1",
    "cancel 1",
    "first part of 2",
  ]);
  expect(sender.unsentBytes).toBe(0);
});

test("small frames that wait behind a large one leave together", () => {
  const { sender, link } = openSender();
  link.room = 0;
  sender.send(bytesItem(1, large), undefined);
  for (let count = 0; count < 5_000; count++) sender.send(item(1, count), undefined);
  link.room = Number.POSITIVE_INFINITY;
  sender.flush();
  expect(link.frames.length).toBe(4 + 5_000);
  expect(link.writes).toBeLessThan(10);
});

// ---------------------------------------------------------------- what is encoded may send

test("a getter may send large messages on the sender that sends it: all come whole, in their order", () => {
  for (const outerBytes of [10, 20_000, large]) {
    for (const innerBytes of [10, 20_000, large]) {
      const { sender, link } = openSender();
      const giver = idGiver();
      const tickets: number[] = [];
      const outer = sender.send(
        callWith({
          get a() {
            tickets.push(sender.send(callWith(new Uint8Array(innerBytes).fill(1)), giver));
            return new Uint8Array(outerBytes).fill(2);
          },
        }),
        giver,
      );
      sender.flush();
      const ids = link.frames
        .filter(({ kind, fields }) => kind !== kinds.part || fields === 2)
        .map(({ id }) => id);
      expect(ids).toEqual([1, 2]);
      expect([...tickets, outer].map((ticket) => sender.hasLeft(ticket))).toEqual([true, true]);
      for (const [id, size, fill] of [
        [1, innerBytes, 1],
        [2, outerBytes, 2],
      ] as const) {
        const content = Buffer.concat(
          link.frames
            .filter((frame) => frame.id === id)
            .map(({ kind, body }) =>
              kind === kinds.part ? body.subarray(5, 5 + body.readUInt32BE(1)) : body,
            ),
        );
        expect(content.subarray(-size).equals(Buffer.alloc(size, fill))).toBe(true);
      }
    }
  }
});

test("a getter may end the connection: its own message is not sent", () => {
  for (const size of [10, 20_000, large]) {
    const { sender, link, owner } = openSender();
    sender.send(ping(1), undefined);
    sender.flush();
    const value = {
      get a() {
        owner.finished = true;
        return new Uint8Array(size);
      },
    };
    const ticket = sender.send(item(1, value), undefined);
    sender.flush();
    expect([sender.hasLeft(ticket), story(link.frames), sender.unsentBytes]).toEqual([
      false,
      ["ping 0"],
      0,
    ]);
    // Not even encoded, so that nothing can be thrown.
    expect(sender.hasLeft(sender.send(item(1, new Map()), undefined))).toBe(false);
  }
});

// ---------------------------------------------------------------- large bytes

test("large bytes leave as they were when they were sent, and nothing holds them then", () => {
  // What encodes is the same for all messages that are not sent by a getter.
  const encoder = encodeMessage(ping(1), 100);
  for (const size of [4_095, 4_096, 20_000, 130_000, large]) {
    for (const behind of [false, true]) {
      const { sender, link } = openSender();
      if (behind) sender.send(bytesItem(1, large), undefined);
      const value = new Uint8Array(size).fill(7);
      for (const send of [
        () => sender.send(item(1, value), undefined),
        () => sender.sendItem(1, value, undefined),
        () => sender.send({ kind: "result", id: 1, value, metadata: undefined }, undefined),
        () => sender.send({ ...callWith(1, value), id: 1 }, { giveId: () => 1 }),
      ]) {
        value.fill(7);
        send();
        value.fill(8);
        expect(encoder.tail).toBeUndefined();
      }
      sender.flush();
      const sent = Buffer.concat(
        link.frames.map(({ kind, body }) =>
          kind === kinds.part ? body.subarray(5, 5 + body.readUInt32BE(1)) : body,
        ),
      );
      expect([
        sent.includes(Buffer.alloc(100, 8)),
        sent.filter((byte) => byte === 7).length,
      ]).toEqual([false, 4 * size]);
    }
  }
});

test("large bytes that are not sent after all are not held either", () => {
  const encoder = encodeMessage(ping(1), 100);
  const value = new Uint8Array(20_000);
  const { sender } = openSender(true, 10_000);
  expect(() => sender.sendItem(1, value, undefined)).toThrow("larger than maxMessageBytes, 10000");
  expect(encoder.tail).toBeUndefined();
  expect(openSender().sender.send(callWith(value), { giveId: () => 0 })).toBe(0);
  expect(encoder.tail).toBeUndefined();
  const ended = openSender();
  const endsIt = {
    get a() {
      ended.owner.finished = true;
      return 1;
    },
  };
  ended.sender.send(callWith(endsIt, value), { giveId: () => 1 });
  expect([encoder.tail, ended.sender.unsentBytes]).toEqual([undefined, 0]);
});

// ---------------------------------------------------------------- items, and frames that are kept

test("an item's bytes are those of its frame, in parts or not, and it asks for no flush", async () => {
  for (const size of [1, 1_000, large]) {
    const { sender, link } = openSender();
    const value = new Uint8Array(size);
    const metadata = { a: "b" };
    const expected = frameOf({ kind: "item", id: 1, value, metadata, bytes: 0 }).length;
    expect(sender.sendItem(1, value, metadata)).toBe(expected);
    await Promise.resolve();
    expect(link.writes).toBe(0);
    sender.flush();
    expect(link.writes).toBeGreaterThan(0);
  }
});

test("a kept frame is sent with any id, as often as one likes, and stays what it was", () => {
  for (const size of [10, 20_000, large]) {
    const { sender, link } = openSender();
    const result: Message = {
      kind: "result",
      id: 0,
      value: new Uint8Array(size).fill(9),
      metadata: undefined,
    };
    const kept = frameOf(result);
    sender.send(bytesItem(7, large), undefined);
    for (const id of [5, 6, 7]) sender.sendEncoded(kept, id);
    sender.flush();
    expect(kept.subarray(12).equals(frameOf(result).subarray(12))).toBe(true);
    for (const id of [5, 6]) {
      const content = Buffer.concat(
        link.frames
          .filter((frame) => frame.id === id)
          .map(({ kind, body }) =>
            kind === kinds.part ? body.subarray(5, 5 + body.readUInt32BE(1)) : body,
          ),
      );
      expect(content.subarray(-size).equals(Buffer.alloc(size, 9))).toBe(true);
    }
    const seven = story(link.frames).filter((what) => what.endsWith(" 7"));
    expect(seven.slice(4)).toEqual(
      size === large ? ["first part of 7", "part of 7", "part of 7", "part of 7"] : ["result 7"],
    );
  }
});

test("a kept frame that is larger than this peer takes is refused", () => {
  const { sender, link } = openSender(true, 100);
  const frame = (size: number): Buffer =>
    frameOf({ kind: "result", id: 0, value: new Uint8Array(size), metadata: undefined });
  sender.sendEncoded(frame(98), 1);
  expect(() => sender.sendEncoded(frame(99), 2)).toThrow(
    new GeeError("RESOURCE_EXHAUSTED", "the answer would be larger than maxMessageBytes, 100"),
  );
  sender.flush();
  expect(story(link.frames)).toEqual(["result 1"]);
});

// ---------------------------------------------------------------- the link

test("the owner hears once that the link is full, and of every flush", () => {
  const { sender, link, owner } = openSender();
  link.room = 20;
  sender.send(ping(1), undefined);
  sender.send(ping(2), undefined);
  sender.flush();
  sender.flush();
  expect(owner.events).toEqual(["blocked", "flushed", "flushed"]);
  link.room = 100;
  sender.drained();
  expect(owner.events.slice(3)).toEqual(["flushed"]);
  expect(sender.unsentBytes).toBe(0);
});

test("a link that is full before a large frame is told with the next flush", () => {
  const { sender, link, owner } = openSender();
  link.room = 5;
  // The last of these has no place beside the others.
  for (let id = 1; id <= 9; id++) sender.send(bytesItem(id, 120_000), undefined);
  expect([link.writes, owner.events]).toEqual([1, []]);
  sender.flush();
  expect([link.writes, owner.events]).toEqual([1, ["blocked", "flushed"]]);
});

test("last words take the place of all that waits, beside the line too", () => {
  const before = bufferedBytes();
  const { sender, link } = openSender();
  const tickets = [
    sender.send(ping(1), undefined),
    sender.send(callWith(new Uint8Array(large)), { giveId: () => 1 }),
    sender.send(bytesItem(2, large), undefined),
    sender.send(item(2, "behind"), undefined),
  ];
  const why = new GeeError("UNAVAILABLE", "over", { reason: "TEST" });
  expect(sender.sendLast(why, true)).toBe(true);
  sender.flush();
  expect(story(link.frames)).toEqual(["fault 0"]);
  expect(tickets.map((ticket) => sender.hasLeft(ticket))).toEqual([false, false, false, false]);
  sender.clear();
  expect(tickets.map((ticket) => sender.hasLeft(ticket))).toEqual([false, false, false, false]);
  expect(bufferedBytes()).toBe(before);
});

test("there are no last words in the midst of a frame or of a part", () => {
  for (const message of [ping(1), bytesItem(1, 20_000), bytesItem(1, large)]) {
    const { sender, link } = openSender();
    link.room = 5;
    sender.send(message, undefined);
    sender.flush();
    expect(sender.sendLast(new GeeError("INTERNAL", "over"), true)).toBe(false);
    sender.clear();
  }
});

test("pings pass a message of 50 MB with at most one part before each", () => {
  const before = bufferedBytes();
  for (const kind of ["result", "call"] as const) {
    const { sender, link } = openSender();
    const value = new Uint8Array(50_000_000);
    for (let index = 0; index < value.length; index += 997) value[index] = index & 255;
    link.room = 100;
    if (kind === "result") sender.send({ kind, id: 1, value, metadata: undefined }, undefined);
    else sender.send(callWith(value), { giveId: () => 1 });
    sender.flush();
    expect(sender.unsentBesideLargest).toBeLessThan(70_000);
    const sentAt: number[] = [];
    for (let token = 0; sender.unsentBytes > 0; token++) {
      sentAt.push(link.takenBytes);
      sender.send(ping(token), undefined);
      sender.flush();
      link.room = 150_000 + ((token * 7_919) % 300_000);
      sender.drained();
      expect(token).toBeLessThan(1_000);
    }
    const { frames } = link;
    const starts = frames.filter(({ kind: which }) => which === kinds.part).map(({ at }) => at);
    for (const { kind: which, at, body } of frames) {
      if (which !== kinds.ping) continue;
      const since =
        sentAt[frames.filter((other) => other.kind === kinds.ping && other.at < at).length];
      const between = starts.filter((start) => start >= (since ?? 0) && start < at).length;
      expect([body.toString("hex"), between <= 1]).toEqual([body.toString("hex"), true]);
    }
    const content = Buffer.concat(
      frames
        .filter(({ kind: which }) => which === kinds.part)
        .map(({ body }) => body.subarray(5, 5 + body.readUInt32BE(1))),
    );
    expect(content.subarray(-value.length).equals(value)).toBe(true);
    expect(sentAt.length).toBeGreaterThan(100);
  }
  expect(bufferedBytes()).toBe(before);
});

test("a second large message is not begun before what the other side takes of both has room", () => {
  const { sender, link } = openSender(true, 52_428_800);
  const value = new Uint8Array(30_000_000);
  for (const id of [1, 2])
    sender.send({ kind: "result", id, value, metadata: undefined }, undefined);
  sender.send(
    { kind: "result", id: 3, value: new Uint8Array(large), metadata: undefined },
    undefined,
  );
  sender.flush();
  const told = story(link.frames);
  expect(told.indexOf("first part of 2")).toBeGreaterThan(told.lastIndexOf("part of 1"));
  // It waits its turn behind the second: nobody is to be overtaken for ever.
  expect(told.indexOf("first part of 3")).toBeGreaterThan(told.indexOf("first part of 2"));
  expect(limits.maxUnfinishedBytes).toBeLessThan(30_000_000);
});
