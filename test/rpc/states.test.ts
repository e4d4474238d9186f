import { expect, test } from "bun:test";
import type { Message } from "../../src/wire/message.ts";
import { until } from "../support/clock.ts";
import { openConnection, openSession, wires } from "../support/ends.ts";
import { frameOf, fromHex, rawFrame } from "../support/scripted-peer.ts";
import type { ScriptedPeer } from "../support/scripted-peer.ts";

// The table of PROTOCOL.md, section 6: what every kind does in every state, on either side.

const call = { flags: 0, attempt: 0, idempotencyKey: undefined, streamArgument: undefined };
const cut = fromHex("82");

/** Every kind by the name it has in the table, for a call's id. */
function framesOf(id: number): Readonly<Record<string, Uint8Array>> {
  const none = { metadata: undefined };
  const fault = { executed: "maybe", reason: "WHY", retryAfterMs: undefined } as const;
  const sound: readonly (readonly [string, Message])[] = [
    [
      "call",
      { kind: "call", id, method: "Foo.Sum", timeoutMs: 9_000, args: [1, 2], ...call, ...none },
    ],
    ["cancel", { kind: "cancel", id, code: "ABORTED", message: undefined }],
    ["part", { kind: "part", id, bytes: new Uint8Array(3), totalBytes: 9 }],
    ["item", { kind: "item", id, value: 1, ...none }],
    ["end", { kind: "end", id, ...none }],
    ["credit", { kind: "credit", id, bytes: 100 }],
    [
      "fault",
      { kind: "fault", id, code: "NOT_FOUND", message: "no", details: 1, ...fault, ...none },
    ],
    ["result", { kind: "result", id, value: 7, ...none }],
  ];
  return {
    ...Object.fromEntries(sound.map(([name, message]) => [name, frameOf(message)])),
    "call, bad body": rawFrame(1, id, 3, cut),
    "result, bad body": rawFrame(3, id, 1, cut),
    "fault, bad body": rawFrame(4, id, 3, cut),
    "part, bad body": rawFrame(2, id, 1, cut),
    ping: rawFrame(9, id, 1, fromHex("05")),
    pong: rawFrame(10, id, 1, fromHex("05")),
    drain: rawFrame(11, id, 1, fromHex("09")),
    void: rawFrame(16, id, 1, fromHex("00")),
    "kind 23": rawFrame(23, id, 1, fromHex("00")),
    "kind 12": rawFrame(12, id, 1, fromHex("00")),
  };
}

/** What has come back since `from`, in a word each; `gone` when the connection is over. */
function outcome(peer: ScriptedPeer, from: number): string {
  const words = peer.messages.slice(from).map((message) => {
    if (message.kind === "pong") return message.token === 77 ? "" : "pong";
    if (message.kind === "fault" && message.id === 0) return `refuse ${message.reason}`;
    if (message.kind === "fault") {
      return `fault ${message.code} ${message.reason ?? ""} ${message.executed}`.replace("  ", " ");
    }
    return message.kind === "result" ? `result ${String(message.value)}` : message.kind;
  });
  return [...words, peer.closedWhy === undefined ? "" : "gone"].filter((word) => word).join(", ");
}

/** Sends a frame and a ping behind it, and waits for the pong or the end. */
async function answerTo(peer: ScriptedPeer, frame: Uint8Array): Promise<string> {
  const from = peer.frames.length;
  peer.send(frame, rawFrame(9, 0, 1, fromHex("184d")));
  await until(() => {
    if (peer.closedWhy !== undefined) return true;
    return peer.messages
      .slice(from)
      .some(({ kind, ...rest }) => kind === "pong" && "token" in rest && rest.token === 77);
  }, "an answer or the end");
  return outcome(peer, from);
}

const refuse = "refuse PROTOCOL_ERROR, gone";
const badMessage = "refuse BAD_MESSAGE, gone";
const unsupported = "refuse UNSUPPORTED_KIND, gone";
const unknown = "refuse UNKNOWN_KIND, gone";

/** Kind: before hello, id 0, id above all before, id in use, id ended, id passed over. */
const atServer: Readonly<Record<string, readonly string[]>> = {
  call: [refuse, refuse, "result 3", refuse, refuse, refuse],
  "call, bad body": [
    badMessage,
    badMessage,
    "fault INVALID_ARGUMENT BAD_BODY no",
    refuse,
    refuse,
    refuse,
  ],
  cancel: [refuse, "", "", "fault CANCELLED maybe", "", ""],
  part: [refuse, unsupported, unsupported, unsupported, unsupported, unsupported],
  item: [refuse, unsupported, unsupported, unsupported, unsupported, unsupported],
  end: [refuse, unsupported, unsupported, unsupported, unsupported, unsupported],
  credit: [refuse, unsupported, unsupported, unsupported, unsupported, unsupported],
  ping: [refuse, "pong", "pong", "pong", "pong", "pong"],
  pong: [refuse, "", "", "", "", ""],
  drain: [refuse, "", "", "", "", ""],
  fault: [refuse, "gone", refuse, refuse, refuse, refuse],
  "fault, bad body": [badMessage, badMessage, badMessage, badMessage, badMessage, badMessage],
  result: [refuse, refuse, refuse, refuse, refuse, refuse],
  // Before the hello the ping behind a frame that is skipped is refused.
  void: [refuse, "", "", "", "", ""],
  "kind 23": [refuse, "", "", "", "", ""],
  "kind 12": [unknown, unknown, unknown, unknown, unknown, unknown],
};

/** Kind: before hello, id 0, id in use, id given up, an id that nobody opened. */
const atCaller: Readonly<Record<string, readonly string[]>> = {
  result: [refuse, "", "settles 7", "", ""],
  "result, bad body": [refuse, badMessage, "settles INTERNAL BAD_BODY yes", "", ""],
  fault: [refuse, "gone", "settles NOT_FOUND WHY maybe", "", ""],
  "fault, bad body": [refuse, badMessage, "settles INTERNAL BAD_BODY maybe", "", ""],
  part: [refuse, unsupported, unsupported, unsupported, unsupported],
  item: [refuse, unsupported, unsupported, unsupported, unsupported],
  end: [refuse, unsupported, unsupported, unsupported, unsupported],
  credit: [refuse, unsupported, unsupported, unsupported, unsupported],
  ping: [refuse, "pong", "pong", "pong", "pong"],
  pong: [refuse, "", "", "", ""],
  drain: [refuse, "", "", "", ""],
  call: [refuse, refuse, refuse, refuse, refuse],
  cancel: [refuse, refuse, refuse, refuse, refuse],
  void: [refuse, "", "", "", ""],
  "kind 23": [refuse, "", "", "", ""],
  "kind 12": [unknown, unknown, unknown, unknown, unknown],
};

for (const wire of wires) {
  test(`a server answers every kind in every state as the protocol says, over ${wire.name}`, async () => {
    const services = {
      Foo: { Sum: (a: number, b: number) => a + b, Hang: () => new Promise(() => {}) },
    };
    const states = ["greeting", "id 0", "id above", "id in use", "id ended", "id passed over"];
    const ids = [1, 0, 9, 5, 6, 2];
    const wrong: string[] = [];
    for (const [kind, cells] of Object.entries(atServer)) {
      for (const [column, state] of states.entries()) {
        const { peer, session } = await openSession(wire, services);
        if (state !== "greeting") {
          peer.hello();
          const sum = { kind: "call", method: "Foo.Sum", timeoutMs: 9_000, ...call } as const;
          const rest = { args: [1, 2], metadata: undefined };
          peer.say({ ...sum, ...rest, id: 5, method: "Foo.Hang" }, { ...sum, ...rest, id: 6 });
          await until(() => peer.frames.length === 2, "a hello and a result");
        }
        const got = await answerTo(peer, framesOf(ids[column] ?? 0)[kind] ?? new Uint8Array());
        if (got !== cells[column]) {
          wrong.push(`${kind}, ${state}: ${got} instead of ${cells[column]}`);
        }
        session.channel.link.close();
      }
    }
    expect(wrong).toEqual([]);
  });

  test(`a caller takes every kind in every state as the protocol says, over ${wire.name}`, async () => {
    const wrong: string[] = [];
    const states = ["greeting", "id 0", "id in use", "id given up", "id unknown"];
    const ids = [1, 0, 1, 2, 99];
    for (const [kind, cells] of Object.entries(atCaller)) {
      for (const [column, state] of states.entries()) {
        const { peer, connection, call: start } = await openConnection(wire);
        const settled: string[] = [];
        if (state !== "greeting") {
          peer.hello();
          await connection.ready;
          const controller = new AbortController();
          start("Foo.Hang").promise.then(
            (value) => settled.push(`settles ${String(value)}`),
            (error) =>
              settled.push(`settles ${error.code} ${error.reason ?? ""} ${error.executed}`),
          );
          start("Foo.Hang", [], { signal: controller.signal });
          await until(() => peer.frames.length === 3, "two calls");
          controller.abort();
          await until(() => peer.frames.length === 4, "a cancel");
        }
        let got = await answerTo(peer, framesOf(ids[column] ?? 0)[kind] ?? new Uint8Array());
        if (settled.length > 0 && !got.endsWith("gone")) got = settled.join(", ");
        if (got !== cells[column]) {
          wrong.push(`${kind}, ${state}: ${got} instead of ${cells[column]}`);
        }
        connection.channel.link.close();
      }
    }
    expect(wrong).toEqual([]);
  });
}
