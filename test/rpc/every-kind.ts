import { limits } from "../../src/base/limits.ts";
import type { Message } from "../../src/wire/message.ts";
import {
  callMessage,
  cancelMessage,
  endMessage,
  faultMessage,
  itemMessage,
  resultMessage,
} from "../support/calls.ts";
import { bareHello, frameOf, fromHex, rawFrame } from "../support/scripted-peer.ts";

/** A field that ends too early. */
const cut = fromHex("82");

/** A message in two parts. */
export function inParts(message: Message): readonly [first: Buffer, rest: Buffer] {
  const { id } = message;
  const content = frameOf(message).subarray(5);
  const totalBytes = content.length;
  const half = Math.floor(totalBytes / 2);
  return [
    frameOf({ kind: "part", id, bytes: content.subarray(0, half), totalBytes }),
    frameOf({ kind: "part", id, bytes: content.subarray(half), totalBytes: undefined }),
  ];
}

function hello(side: "caller" | "server", id: number): Buffer {
  const own = { maxInFlight: 9, instance: "scripted", services: new Map(), complete: true };
  const frame = frameOf(
    side === "caller"
      ? { kind: "callerHello", id: 0, hello: bareHello() }
      : { kind: "serverHello", id: 0, hello: { ...bareHello(), ...own } },
  );
  frame.writeUInt32BE(id, 8);
  return frame;
}

/** What goes in parts: what a caller and what a server would begin. */
const cutOf = (side: "caller" | "server", id: number): readonly [first: Buffer, rest: Buffer] =>
  inParts(side === "caller" ? callMessage(id) : resultMessage(id, 7));

/** Every kind, in its sound and its broken forms, that one side may send with an id. */
export function framesOf(side: "caller" | "server", id: number): ReadonlyMap<string, Uint8Array> {
  const [first, rest] = cutOf(side, id);
  const credit = (bytes: number): Buffer => frameOf({ kind: "credit", id, bytes });
  const most = credit(limits.maxCreditBytes);
  return new Map([
    ["hello", hello(side, id)],
    ["call", frameOf(callMessage(id))],
    ["call, bad body", rawFrame(1, id, 3, cut)],
    ["part, the first", first],
    ["part, a later", rest],
    ["part, all", Buffer.concat([first, rest])],
    ["part, all of an item", Buffer.concat(inParts(itemMessage(id, 1)))],
    ["part, bad body", rawFrame(2, id, 1, cut)],
    ["result", frameOf(resultMessage(id, 7))],
    ["result, bad body", rawFrame(3, id, 1, cut)],
    ["fault", frameOf(faultMessage(id, { code: "NOT_FOUND", reason: "WHY", executed: "maybe" }))],
    ["fault, bad body", rawFrame(4, id, 3, cut)],
    ["cancel", frameOf(cancelMessage(id))],
    ["cancel of another code", frameOf(cancelMessage(id, "ABORTED"))],
    ["cancel, bad body", rawFrame(5, id, 1, cut)],
    ["item", frameOf(itemMessage(id, 1))],
    ["item, bad body", rawFrame(6, id, 1, cut)],
    ["end", frameOf(endMessage(id))],
    ["end, bad body", rawFrame(7, id, 1, cut)],
    ["credit", credit(60_000)],
    ["credit, too much", Buffer.concat([most, most])],
    ["credit, bad body", rawFrame(8, id, 1, fromHex("00"))],
    ["ping", rawFrame(9, id, 1, fromHex("05"))],
    ["pong", rawFrame(10, id, 1, fromHex("05"))],
    ["drain", rawFrame(11, id, 1, fromHex("09"))],
    ["void", rawFrame(16, id, 1, fromHex("00"))],
    ["kind 23", rawFrame(23, id, 1, fromHex("00"))],
    ["kind 12", rawFrame(12, id, 1, fromHex("00"))],
  ]);
}
