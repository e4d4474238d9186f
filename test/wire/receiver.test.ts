import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { bufferedBytes } from "../../src/wire/buffered.ts";
import { FrameError, kinds } from "../../src/wire/frame.ts";
import type { Message } from "../../src/wire/message.ts";
import { Receiver } from "../../src/wire/receiver.ts";
import type { ReceiverOwner } from "../../src/wire/receiver.ts";
import { frameOf, rawFrame } from "../support/scripted-peer.ts";

/** Everything that a receiver told its owner, and what the owner wants. */
class Owner implements ReceiverOwner {
  readonly messages: Message[] = [];
  readonly badBodies: (readonly [kind: number, id: number])[] = [];
  readonly asked: string[] = [];
  finished = false;
  wants: (id: number) => boolean = () => true;
  onMessage: (message: Message) => void = () => {};

  message(message: Message): void {
    this.messages.push(message);
    this.onMessage(message);
  }
  badBody(kind: number, id: number): void {
    this.badBodies.push([kind, id]);
  }
  turnsAway(kind: number, id: number): boolean {
    this.asked.push(`kind ${kind} of ${id}`);
    return !this.wants(id);
  }
  takesPart(id: number, first: boolean): boolean {
    this.asked.push(first ? `first part of ${id}` : `part of ${id}`);
    return this.wants(id);
  }
}

function openReceiver(
  from: "caller" | "server" = "caller",
  max: number = limits.maxMessageBytes,
): { receiver: Receiver; owner: Owner } {
  const owner = new Owner();
  return { receiver: new Receiver(owner, owner, from, max), owner };
}

function part(id: number, bytes: Uint8Array, totalBytes?: number): Buffer {
  return frameOf({ kind: "part", id, bytes, totalBytes });
}

function item(id: number, value: unknown): Message {
  return { kind: "item", id, value, metadata: undefined, bytes: 0 };
}

/** A message's frame as parts of at most so many bytes. */
function partsOf(message: Message, most: number): Buffer[] {
  const content = frameOf(message).subarray(5);
  const parts: Buffer[] = [];
  for (let at = 0; at < content.length; at += most) {
    const bytes = content.subarray(at, at + most);
    parts.push(part(message.id, bytes, at === 0 ? content.length : undefined));
  }
  return parts;
}

function reasonOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    if (error instanceof FrameError) return error.reason;
    throw error;
  }
  return "none";
}

test("a message in parts is the message, and an item counts as if it had not been cut", () => {
  const before = bufferedBytes();
  for (const most of [1, 7, 1_000, 65_536]) {
    const { receiver, owner } = openReceiver("server");
    const value = { bytes: new Uint8Array(3_000).fill(3), text: "a" };
    for (const bytes of partsOf(item(5, value), most)) receiver.push(bytes);
    const { length } = frameOf(item(5, value));
    expect(owner.messages).toEqual([
      { kind: "item", id: 5, value, metadata: undefined, bytes: length },
    ]);
    expect(bufferedBytes()).toBe(before);
  }
});

test("the owner is asked of every part, and not again when the message is whole", () => {
  const { receiver, owner } = openReceiver();
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = partsOf(item(3, "abc"), 8);
  receiver.push(first);
  receiver.push(second);
  expect(owner.asked).toEqual(["first part of 3", "part of 3"]);
  expect(owner.messages.length).toBe(1);
});

test("a call or an item that is turned away is not looked at; everything else is not asked about", () => {
  const { receiver, owner } = openReceiver();
  owner.wants = () => false;
  receiver.push(rawFrame(kinds.call, 1, 3, Buffer.from("ffff", "hex")));
  receiver.push(rawFrame(kinds.item, 2, 1, Buffer.from("ff", "hex")));
  expect([owner.badBodies, owner.messages]).toEqual([[], []]);
  receiver.push(rawFrame(kinds.end, 3, 0, Buffer.alloc(0)));
  receiver.push(rawFrame(kinds.cancel, 4, 1, Buffer.from("01", "hex")));
  receiver.push(rawFrame(kinds.result, 5, 1, Buffer.from("ff", "hex")));
  expect(owner.asked).toEqual([`kind ${kinds.call} of 1`, `kind ${kinds.item} of 2`]);
  expect(owner.messages.map(({ kind }) => kind)).toEqual(["end", "cancel"]);
  expect(owner.badBodies).toEqual([[kinds.result, 5]]);
});

test("a message of which a part is not wanted is let go, and its later parts harm nobody", () => {
  const before = bufferedBytes();
  const { receiver, owner } = openReceiver();
  const [first = Buffer.alloc(0), ...others] = partsOf(item(3, "abcdefgh"), 5);
  receiver.push(first);
  expect([receiver.unfinishedMessage, receiver.unfinishedBytes]).toEqual([0, 16]);
  owner.wants = () => false;
  for (const bytes of others) receiver.push(bytes);
  expect(receiver.unfinishedMessage).toBeUndefined();
  receiver.push(first);
  expect([owner.messages, receiver.unfinishedMessage, bufferedBytes()]).toEqual([
    [],
    undefined,
    before,
  ]);
});

test("a part that cannot be read fails its message: what came of it is let go", () => {
  const before = bufferedBytes();
  const { receiver, owner } = openReceiver();
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = partsOf(item(3, "abc"), 8);
  receiver.push(first);
  receiver.push(rawFrame(kinds.part, 3, 1, Buffer.from("6161", "hex")));
  expect(owner.badBodies).toEqual([[kinds.part, 3]]);
  expect([receiver.unfinishedMessage, bufferedBytes()]).toEqual([undefined, before]);
  // Or its rest would be put together with what is behind the hole.
  expect(reasonOf(() => receiver.push(second))).toBe("PROTOCOL_ERROR");
});

test("a message whose content cannot be read fails its call, as a frame's does", () => {
  const { receiver, owner } = openReceiver();
  const content = Buffer.from("8306 1a00000003 ff".replaceAll(" ", ""), "hex");
  receiver.push(part(3, content.subarray(0, 7), content.length));
  receiver.push(part(3, content.subarray(7)));
  expect([owner.badBodies, owner.messages]).toEqual([[[kinds.item, 3]], []]);
  for (const bytes of partsOf(item(3, "abc"), 8)) receiver.push(bytes);
  expect(owner.messages.length).toBe(1);
});

test("within a message of an id, each kind of frame of that id has its effect", () => {
  const frames: readonly (readonly [kind: number, fields: number, hex: string, effect: string])[] =
    [
      [kinds.call, 3, "010080", "PROTOCOL_ERROR"],
      [kinds.result, 1, "00", "PROTOCOL_ERROR"],
      [kinds.item, 1, "00", "PROTOCOL_ERROR"],
      [kinds.end, 0, "", "PROTOCOL_ERROR"],
      [kinds.cancel, 1, "01", "given up"],
      [kinds.fault, 3, "056000", "given up"],
      [kinds.credit, 1, "01", "goes on"],
      [kinds.void, 1, "ff", "goes on"],
      [17, 1, "ff", "goes on"],
    ];
  for (const [kind, fields, hex, effect] of frames) {
    const { receiver, owner } = openReceiver("server");
    const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = partsOf(item(3, "abc"), 8);
    receiver.push(first);
    const frame = rawFrame(kind, 3, fields, Buffer.from(hex, "hex"));
    const reason = reasonOf(() => receiver.push(frame));
    if (effect === "PROTOCOL_ERROR") {
      expect([kind, reason, owner.messages]).toEqual([kind, effect, []]);
      continue;
    }
    expect([kind, reason]).toEqual([kind, "none"]);
    expect(receiver.unfinishedMessage === undefined).toBe(effect === "given up");
    if (effect === "given up") expect(reasonOf(() => receiver.push(second))).toBe("PROTOCOL_ERROR");
    else {
      receiver.push(second);
      expect(owner.messages.at(-1)).toMatchObject({ kind: "item", value: "abc" });
    }
    // Of another id, it has none.
    const other = openReceiver("server");
    other.receiver.push(first);
    other.receiver.push(rawFrame(kind, 4, fields, Buffer.from(hex, "hex")));
    expect(other.receiver.unfinishedMessage).toBe(0);
  }
});

test("which kinds may come in parts depends on the side", () => {
  const allowed = {
    caller: [kinds.call, kinds.fault, kinds.item],
    server: [kinds.result, kinds.fault, kinds.item],
  };
  const bodies = new Map<number, readonly [fields: number, hex: string]>([
    [kinds.call, [3, "010080"]],
    [kinds.fault, [3, "056000"]],
  ]);
  for (const from of ["caller", "server"] as const) {
    for (let kind = 0; kind < 24; kind++) {
      const [fields, hex] = bodies.get(kind) ?? [1, "00"];
      const content = rawFrame(kind, 3, fields, Buffer.from(hex, "hex")).subarray(5);
      const { receiver, owner } = openReceiver(from);
      const reason = reasonOf(() => receiver.push(part(3, content, content.length)));
      const fits = allowed[from].some((known) => known === kind);
      expect([from, kind, reason]).toEqual([from, kind, fits ? "none" : "PROTOCOL_ERROR"]);
      expect(owner.messages.length).toBe(fits ? 1 : 0);
    }
  }
});

test("a message in parts is held to the size of a message, which the greeting may raise", () => {
  const { receiver, owner } = openReceiver("caller", 4_096);
  const small = frameOf({ ...item(1, new Uint8Array(4_093)) }).subarray(5);
  expect(small.length).toBe(4_096 + 7);
  expect(reasonOf(() => receiver.push(part(1, small, small.length)))).toBe("FRAME_TOO_LARGE");
  const raised = openReceiver("caller", 4_200);
  raised.receiver.maxBodyBytes = 65_536;
  const large = frameOf(item(1, new Uint8Array(65_533))).subarray(5);
  expect(large.length).toBe(65_536 + 7);
  raised.receiver.push(part(1, large.subarray(0, 60_000), large.length));
  raised.receiver.push(part(1, large.subarray(60_000)));
  expect([raised.owner.messages.length, owner.messages.length]).toEqual([1, 0]);
});

test("large bytes that are most of their buffer are a view of it, and all others a copy", () => {
  for (const [size, beside, isView] of [
    [4_095, 0, false],
    [4_096, 0, true],
    [100_000, 99_000, true],
    [100_000, 101_000, false],
    [100_000, 0, true],
  ] as const) {
    const frame = frameOf(item(1, new Uint8Array(size).fill(7)));
    const more = beside === 0 ? [] : [frameOf(item(2, "x".repeat(beside)))];
    const chunk = Buffer.concat([frame, ...more]);
    const own = Buffer.allocUnsafeSlow(chunk.length);
    chunk.copy(own);
    const { receiver, owner } = openReceiver();
    receiver.push(own);
    const [message] = owner.messages;
    const value = message?.kind === "item" ? message.value : undefined;
    if (!(value instanceof Uint8Array)) throw new Error("no bytes");
    expect(value).toEqual(new Uint8Array(size).fill(7));
    expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype);
    expect([size, beside, value.buffer === own.buffer]).toEqual([size, beside, isView]);
    if (!isView) expect(value.buffer.byteLength).toBe(size);
  }
});

test("a view starts where its bytes do, also when the chunk is a window itself", () => {
  const frame = frameOf(
    item(
      1,
      Uint8Array.from({ length: 5_000 }, (_, index) => index & 255),
    ),
  );
  const own = Buffer.allocUnsafeSlow(2_000 + frame.length);
  frame.copy(own, 2_000);
  const { receiver, owner } = openReceiver();
  receiver.push(own.subarray(2_000));
  const [message] = owner.messages;
  const value = message?.kind === "item" ? message.value : undefined;
  expect(value).toEqual(Uint8Array.from({ length: 5_000 }, (_, index) => index & 255));
  expect(value instanceof Uint8Array && value.buffer === own.buffer).toBe(true);
});

test("bytes are told to be used up when they are many and no value is a view of them", () => {
  const many = (count: number, size: number): Buffer[] =>
    Array.from({ length: count }, () => frameOf(item(1, new Uint8Array(size))));
  const large = frameOf(item(1, new Uint8Array(60_000)));
  for (const [what, chunks, told] of [
    ["few", [frameOf(item(1, "x"))], [false]],
    ["one value that is most of them", [large], [false]],
    ["values that are less than half of them", many(3, 60_000), [true]],
    ["small values", many(20, 3_000), [true]],
    ["text alone", [frameOf(item(1, "x".repeat(60_000)))], [true]],
    ["parts", partsOf(item(1, new Uint8Array(200_000)), 65_536), [true]],
    [
      "the end of a frame that began before",
      [large.subarray(0, 100), large.subarray(100)],
      [false, true],
    ],
    ["the beginning of a frame", [large.subarray(0, 50_000)], [true]],
    ["what cannot be read", [rawFrame(kinds.item, 1, 1, Buffer.alloc(50_000, 0xff))], [true]],
  ] as const) {
    const { receiver } = openReceiver();
    // What follows each other with one answer came together.
    const pieces = told.length === 1 ? [Buffer.concat(chunks)] : chunks;
    const answers = pieces.map((piece) => receiver.push(new Uint8Array(piece)));
    expect([what, answers]).toEqual([what, [...told]]);
    receiver.clear();
  }
});

test("values live on when bytes that are used up are freed, whatever came together", () => {
  let freed = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const { receiver, owner } = openReceiver();
    const sizes = Array.from(
      { length: 1 + (seed % 7) },
      (_, n) => (seed * 7_919 * (n + 1)) % 150_000,
    );
    const frames = sizes.flatMap((size, n) => {
      const message = item(n + 1, new Uint8Array(size).fill(n + 1));
      return seed % 3 === 0 && size > 70_000 ? partsOf(message, 65_536) : [frameOf(message)];
    });
    const all = Buffer.concat(frames);
    const step = 40_000 + ((seed * 104_729) % 500_000);
    for (let at = 0; at < all.length; at += step) {
      const chunk = new Uint8Array(all.subarray(at, at + step));
      if (!receiver.push(chunk)) continue;
      chunk.buffer.transfer(0);
      freed++;
    }
    const values = owner.messages.map((message) => (message.kind === "item" ? message.value : 0));
    expect(values).toEqual(sizes.map((size, n) => new Uint8Array(size).fill(n + 1)));
  }
  expect(freed).toBeGreaterThan(100);
});

test("of bytes during which others came nothing is known", () => {
  const bytes = (): Uint8Array =>
    new Uint8Array(Buffer.concat([frameOf(item(1, "x".repeat(60_000)))]));
  const inner = openReceiver();
  const outer = openReceiver();
  let innerUsedUp = false;
  outer.owner.onMessage = () => (innerUsedUp = inner.receiver.push(bytes()));
  expect([outer.receiver.push(bytes()), innerUsedUp]).toEqual([false, true]);
});

test("what came in pieces or in parts is never written over by what comes behind", () => {
  const { receiver, owner } = openReceiver();
  const value = (id: number): Uint8Array => new Uint8Array(200_000).fill(id);
  for (let id = 1; id <= 5; id++) {
    const frame = frameOf(item(id, value(id)));
    receiver.push(Buffer.from(frame.subarray(0, 150_000)));
    receiver.push(Buffer.from(frame.subarray(150_000)));
    for (const bytes of partsOf(item(id, value(id)), 65_536)) receiver.push(bytes);
  }
  const values = owner.messages.map((message) => (message.kind === "item" ? message.value : 0));
  expect(values).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5].map(value));
});

test("an incomplete frame and an unfinished message are told by number and size until they are let go", () => {
  const before = bufferedBytes();
  const { receiver } = openReceiver();
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = partsOf(item(3, "abc"), 8);
  const told = (): unknown[] => [
    receiver.incompleteFrame,
    receiver.incompleteBytes,
    receiver.unfinishedMessage,
    receiver.unfinishedBytes,
  ];
  expect(told()).toEqual([undefined, 0, undefined, 0]);
  receiver.push(first.subarray(0, 6));
  expect(told()).toEqual([0, first.length, undefined, 0]);
  receiver.push(first.subarray(6));
  expect(told()).toEqual([undefined, 0, 0, 11]);
  receiver.push(second.subarray(0, 3));
  expect(told()).toEqual([1, 0, 0, 11]);
  expect([receiver.dropUnfinished(3), receiver.dropUnfinished(3)]).toEqual([true, false]);
  expect(told()).toEqual([1, 0, undefined, 0]);
  receiver.clear();
  expect(told()).toEqual([undefined, 0, undefined, 0]);
  expect(bufferedBytes()).toBe(before);
});

test("behind the last part of a message that ends the connection nothing is read", () => {
  const { receiver, owner } = openReceiver();
  owner.onMessage = () => {
    owner.finished = true;
    receiver.clear();
  };
  const parts = partsOf(item(3, "abc"), 8);
  receiver.push(Buffer.concat([...parts, ...parts, Buffer.from("00", "hex")]));
  expect(owner.messages.length).toBe(1);
});

test("an owner that ends with a part has it dropped", () => {
  const before = bufferedBytes();
  const { receiver, owner } = openReceiver();
  owner.wants = () => {
    owner.finished = true;
    return true;
  };
  receiver.push(Buffer.concat(partsOf(item(3, "abc"), 8)));
  expect([owner.messages, receiver.unfinishedMessage, bufferedBytes()]).toEqual([
    [],
    undefined,
    before,
  ]);
});
