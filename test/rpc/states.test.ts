import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { callMessage } from "../support/calls.ts";
import { turn, until } from "../support/clock.ts";
import { openConnection, openSession, wires } from "../support/ends.ts";
import type { Wire } from "../support/ends.ts";
import { bareHello, frameOf, fromHex, fullHello, rawFrame } from "../support/scripted-peer.ts";
import type { ScriptedPeer } from "../support/scripted-peer.ts";
import { framesOf, inParts } from "./every-kind.ts";

// The tables of PROTOCOL.md, section 6: what every kind does in every state, on either side, with a
// peer that has named every feature and with one that has named none.

/** What has come back since `from`, in a word each; `gone` when the connection is over. */
function wordsOf(peer: ScriptedPeer, from: number): string[] {
  const words = peer.messages.slice(from).map((message) => {
    if (message.kind === "pong") return message.token === 77 ? "" : "pong";
    if (message.kind === "fault" && message.id === 0) return `refuse ${message.reason}`;
    if (message.kind === "fault") {
      return ["fault", message.code, message.reason, message.executed].filter(Boolean).join(" ");
    }
    return message.kind === "result" ? `result ${String(message.value)}` : message.kind;
  });
  return [...words, peer.closedWhy === undefined ? "" : "gone"];
}

/** Sends a frame, and a ping that shows when it has been dealt with and all that follows from it. */
async function send(peer: ScriptedPeer, ...frames: readonly Uint8Array[]): Promise<void> {
  for (const pieces of [frames, []]) {
    const from = peer.frames.length;
    peer.send(...pieces, rawFrame(9, 0, 1, fromHex("184d")));
    const isAnswered = (): boolean =>
      peer.closedWhy !== undefined || peer.frames.slice(from).some(({ kind }) => kind === 10);
    await until(isAnswered, "an answer or the end");
    // Handlers, items and what waits for the end of the turn.
    for (let turns = 0; turns < 4; turns++) await turn();
    if (peer.closedWhy !== undefined) return;
  }
}

/** Makes a state and has every kind come in it; returns what that did, in words. */
type Play = (wire: Wire, frameFor: (id: number) => Uint8Array) => Promise<string>;

/** By kind, the words for each state in turn. */
type Table = Readonly<Record<string, readonly string[]>>;

/** Plays a whole table and returns every cell that is another one in truth. */
async function differences(
  wire: Wire,
  table: Table,
  side: "caller" | "server",
  states: Readonly<Record<string, Play>>,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const [kind, cells] of Object.entries(table)) {
    for (const [column, [state, play]] of Object.entries(states).entries()) {
      const words = await play(wire, (id) => {
        const frame = framesOf(side, id).get(kind);
        if (frame === undefined) throw new RangeError(`no such kind: ${kind}`);
        return frame;
      });
      if (words !== cells[column]) wrong.push(`${kind}, ${state}: ${words}, not ${cells[column]}`);
    }
  }
  return wrong;
}

const refuse = "refuse PROTOCOL_ERROR, gone";
const bad = "refuse BAD_MESSAGE, gone";
const unsupported = "refuse UNSUPPORTED_KIND, gone";
const unknown = "refuse UNKNOWN_KIND, gone";

// -------------------------------------------------------------- at the server

/** More than a stream may send before the first credit, in items that are not cut. */
const items = Array.from({ length: 6 }, (_, index) => new Uint8Array(60_000).fill(index));

function createServices() {
  const seen: string[] = [];
  const never = new Promise<never>(() => {});
  const Foo = {
    Sum: (a: number, b: number) => a + b,
    Hang: () => never,
    /** Takes a stream, and answers with how that ended. */
    async Take(numbers: AsyncIterable<unknown>): Promise<string> {
      try {
        for await (const number of numbers) seen.push(`took ${String(number)}`);
        return "ended";
      } catch (error) {
        return GeeError.from(error).code;
      }
    },
    async *Give() {
      yield* items;
      await never;
    },
  };
  return { services: { Foo }, seen };
}

const firstHalf = (id: number): Uint8Array => inParts(callMessage(id))[0];

/**
 * A state of a session: `calls` were sent, `answers` frames have come back behind the hello, and the
 * frame is about the call `id`.
 */
function atSession(
  features: "all" | "none",
  id: number,
  calls: readonly Uint8Array[] = [],
  answers = 0,
): Play {
  return async (wire, frameFor) => {
    const { services, seen } = createServices();
    const { peer, session } = await openSession(wire, services);
    peer.hello(features === "all" ? fullHello() : bareHello());
    peer.send(...calls);
    await until(() => peer.frames.length >= 1 + answers, "the state");
    const from = peer.frames.length;
    await send(peer, frameFor(id));
    session.channel.link.close();
    return [...seen, ...wordsOf(peer, from)].filter(Boolean).join(", ");
  };
}

const beforeHello: Play = async (wire, frameFor) => {
  const { peer, session } = await openSession(wire, createServices().services);
  await send(peer, frameFor(1));
  session.channel.link.close();
  return wordsOf(peer, 0).filter(Boolean).join(", ");
};

const call = (id: number, method: string): Uint8Array =>
  frameOf(callMessage(id, { method, args: [null, 2] }));
const take = frameOf(callMessage(5, { method: "Foo.Take", args: [null], streamArgument: 0 }));

function serverStates(features: "all" | "none"): Readonly<Record<string, Play>> {
  return {
    "before the hello": beforeHello,
    "id 0": atSession(features, 0),
    "id above": atSession(features, 9, [call(5, "Foo.Hang")]),
    "id in use": atSession(features, 5, [call(5, "Foo.Hang")]),
    "id ended": atSession(features, 5, [call(5, "Foo.Sum")], 1),
    "id passed over": atSession(features, 2, [call(5, "Foo.Hang")]),
  };
}

const streamStates: Readonly<Record<string, Play>> = {
  ...serverStates("all"),
  "id with an argument": atSession("all", 5, [take]),
  "id with an answer": atSession("all", 5, [call(5, "Foo.Give")], 5),
  "id in parts": atSession("all", 5, [firstHalf(5)]),
};

const noCall = "fault INVALID_ARGUMENT BAD_BODY no";
const noItem = "fault INVALID_ARGUMENT BAD_BODY maybe";
const cancelled = "fault CANCELLED maybe";

/** What does not depend on the features. */
const plainAtServer: Table = {
  hello: ["serverHello", refuse, refuse, refuse, refuse, refuse],
  call: [refuse, refuse, "result 3", refuse, refuse, refuse],
  "call, bad body": [bad, bad, noCall, refuse, refuse, refuse],
  cancel: [refuse, "", "", cancelled, "", ""],
  "cancel of another code": [refuse, "", "", cancelled, "", ""],
  "cancel, bad body": [bad, bad, bad, bad, bad, bad],
  "credit, bad body": [bad, bad, bad, bad, bad, bad],
  ping: [refuse, "pong", "pong", "pong", "pong", "pong"],
  pong: [refuse, "", "", "", "", ""],
  drain: [refuse, "", "", "", "", ""],
  result: [refuse, refuse, refuse, refuse, refuse, refuse],
  "result, bad body": [bad, bad, bad, bad, bad, bad],
  // Before the hello the ping behind a frame that is skipped is refused.
  void: [refuse, "", "", "", "", ""],
  "kind 23": [refuse, "", "", "", "", ""],
  "kind 12": [unknown, unknown, unknown, unknown, unknown, unknown],
};

const bareAtServer: Table = {
  ...plainAtServer,
  "part, the first": [refuse, ...Array.from({ length: 5 }, () => unsupported)],
  "part, a later": [refuse, ...Array.from({ length: 5 }, () => unsupported)],
  "part, bad body": [bad, bad, ...Array.from({ length: 4 }, () => unsupported)],
  item: [refuse, ...Array.from({ length: 5 }, () => unsupported)],
  "item, bad body": [bad, bad, ...Array.from({ length: 4 }, () => unsupported)],
  end: [refuse, ...Array.from({ length: 5 }, () => unsupported)],
  "end, bad body": [bad, bad, ...Array.from({ length: 4 }, () => unsupported)],
  credit: [refuse, ...Array.from({ length: 5 }, () => unsupported)],
  fault: [refuse, "gone", ...Array.from({ length: 4 }, () => unsupported)],
  "fault, bad body": [bad, bad, ...Array.from({ length: 4 }, () => unsupported)],
};

/** The columns of the plain ones, and behind them: with an argument, with an answer, in parts. */
const fullAtServer: Table = {
  hello: [...(plainAtServer["hello"] ?? []), refuse, refuse, refuse],
  call: [...(plainAtServer["call"] ?? []), refuse, refuse, refuse],
  "call, bad body": [...(plainAtServer["call, bad body"] ?? []), refuse, refuse, refuse],
  cancel: [...(plainAtServer["cancel"] ?? []), cancelled, cancelled, "fault CANCELLED no"],
  "cancel of another code": [
    ...(plainAtServer["cancel of another code"] ?? []),
    cancelled,
    cancelled,
    "fault CANCELLED no",
  ],
  "cancel, bad body": [bad, bad, bad, bad, bad, bad, bad, bad, bad],
  "part, the first": [refuse, refuse, "", refuse, "", "", "", refuse, refuse],
  "part, a later": [refuse, refuse, refuse, refuse, "", "", refuse, refuse, "result 3"],
  "part, all": [refuse, refuse, "result 3", refuse, "", "", refuse, refuse, refuse],
  "part, all of an item": [refuse, refuse, refuse, refuse, "", "", "took 1", refuse, refuse],
  "part, bad body": [bad, bad, refuse, noItem, "", "", noItem, noItem, noCall],
  item: [refuse, refuse, refuse, refuse, "", "", "took 1", refuse, refuse],
  "item, bad body": [bad, bad, refuse, noItem, "", "", noItem, noItem, refuse],
  end: [refuse, refuse, refuse, refuse, "", "", "result ended", refuse, refuse],
  "end, bad body": [bad, bad, refuse, noItem, "", "", noItem, noItem, refuse],
  credit: [refuse, refuse, refuse, "", "", "", "", "item", ""],
  "credit, too much": [refuse, refuse, refuse, refuse, "", "", refuse, refuse, refuse],
  "credit, bad body": [bad, bad, bad, bad, bad, bad, bad, bad, bad],
  ping: [...(plainAtServer["ping"] ?? []), "pong", "pong", "pong"],
  pong: [...(plainAtServer["pong"] ?? []), "", "", ""],
  drain: [...(plainAtServer["drain"] ?? []), "", "", ""],
  fault: [refuse, "gone", refuse, refuse, "", "", "result NOT_FOUND", refuse, refuse],
  "fault, bad body": [bad, bad, refuse, noItem, "", "", noItem, noItem, noCall],
  result: [...(plainAtServer["result"] ?? []), refuse, refuse, refuse],
  "result, bad body": [...(plainAtServer["result, bad body"] ?? []), bad, bad, refuse],
  void: [...(plainAtServer["void"] ?? []), "", "", ""],
  "kind 23": [...(plainAtServer["kind 23"] ?? []), "", "", ""],
  "kind 12": [...(plainAtServer["kind 12"] ?? []), unknown, unknown, unknown],
};

// -------------------------------------------------------------- at the caller

/** Calls: 1 is the one in the state, 2 was given up. Their frames, and what follows, are there. */
function atConnection(
  features: "all" | "none",
  id: number,
  first: "plain" | "argument" | "iterated" = "plain",
  answer: readonly Uint8Array[] = [],
): Play {
  return async (wire, frameFor) => {
    const { peer, connection, call: start } = await openConnection(wire);
    peer.hello(features === "all" ? fullHello() : bareHello());
    await connection.ready;
    const settled: string[] = [];
    const failed = (thrown: unknown): void => {
      const { code, reason, executed } = GeeError.from(thrown);
      settled.push(["settles", code, reason, executed].filter(Boolean).join(" "));
    };
    const stream = { index: 0, items: streamOf(items) };
    const one = start("Foo.Hang", [0], first === "argument" ? { stream } : {});
    if (first === "iterated") void takeAll(one.call, settled).catch(failed);
    else one.promise.then((value) => settled.push(`settles ${String(value)}`), failed);
    const controller = new AbortController();
    start("Foo.Hang", [], { signal: controller.signal });
    await until(() => peer.frames.some((frame) => frame.id === 2), "two calls");
    controller.abort();
    const sent = first === "argument" ? 9 : 4;
    await until(() => peer.frames.length === sent, "a cancel, and items");
    if (answer.length > 0) await send(peer, ...answer);
    const from = peer.frames.length;
    settled.length = 0;
    await send(peer, frameFor(id));
    const words = [...settled, ...wordsOf(peer, from)].filter(Boolean);
    connection.channel.link.close();
    // What is in flight fails with the connection, which says no more than that.
    return words
      .filter((word) => !words.includes("gone") || !word.startsWith("settles"))
      .join(", ");
  };
}

async function* streamOf(values: readonly unknown[]): AsyncGenerator<unknown> {
  yield* values;
  await new Promise(() => {});
}

async function takeAll(values: AsyncIterable<unknown>, seen: string[]): Promise<void> {
  for await (const value of values) seen.push(`took ${String(value)}`);
  seen.push("ended");
}

const beforeServerHello: Play = async (wire, frameFor) => {
  const { peer, connection } = await openConnection(wire);
  const from = peer.frames.length;
  await send(peer, frameFor(1));
  connection.channel.link.close();
  return wordsOf(peer, from).filter(Boolean).join(", ");
};

function callerStates(features: "all" | "none"): Readonly<Record<string, Play>> {
  return {
    "before the hello": beforeServerHello,
    "id 0": atConnection(features, 0),
    "id in use": atConnection(features, 1),
    "id given up": atConnection(features, 2),
    "id unknown": atConnection(features, 99),
  };
}

const itemFrame = framesOf("server", 1).get("item") ?? new Uint8Array();
const firstPart = framesOf("server", 1).get("part, the first") ?? new Uint8Array();
const callerStreamStates: Readonly<Record<string, Play>> = {
  ...callerStates("all"),
  "id with an argument": atConnection("all", 1, "argument"),
  "id with an answer": atConnection("all", 1, "iterated", [itemFrame]),
  "id in parts": atConnection("all", 1, "plain", [firstPart]),
};

const badAnswer = "settles INTERNAL BAD_BODY yes";
const maybeBad = "settles INTERNAL BAD_BODY maybe";
const notFound = "settles NOT_FOUND WHY maybe";
const isAStream = "settles FAILED_PRECONDITION IS_A_STREAM maybe";
const isNoStream = "settles FAILED_PRECONDITION IS_NO_STREAM maybe";

const plainAtCaller: Table = {
  hello: ["", refuse, refuse, refuse, refuse],
  result: [refuse, "", "settles 7", "", ""],
  "result, bad body": [refuse, bad, badAnswer, "", ""],
  fault: [refuse, "gone", notFound, "", ""],
  "fault, bad body": [refuse, bad, maybeBad, "", ""],
  "cancel, bad body": [bad, bad, bad, bad, bad],
  "credit, bad body": [bad, bad, bad, bad, bad],
  ping: [refuse, "pong", "pong", "pong", "pong"],
  pong: [refuse, "", "", "", ""],
  drain: [refuse, "", "", "", ""],
  call: [refuse, refuse, refuse, refuse, refuse],
  "call, bad body": [refuse, bad, refuse, refuse, refuse],
  void: [refuse, "", "", "", ""],
  "kind 23": [refuse, "", "", "", ""],
  "kind 12": [unknown, unknown, unknown, unknown, unknown],
};

const bareAtCaller: Table = {
  ...plainAtCaller,
  "part, the first": [refuse, ...Array.from({ length: 4 }, () => unsupported)],
  "part, a later": [refuse, ...Array.from({ length: 4 }, () => unsupported)],
  "part, bad body": [refuse, bad, ...Array.from({ length: 3 }, () => unsupported)],
  item: [refuse, ...Array.from({ length: 4 }, () => unsupported)],
  "item, bad body": [refuse, bad, ...Array.from({ length: 3 }, () => unsupported)],
  end: [refuse, ...Array.from({ length: 4 }, () => unsupported)],
  "end, bad body": [refuse, bad, ...Array.from({ length: 3 }, () => unsupported)],
  credit: [refuse, ...Array.from({ length: 4 }, () => unsupported)],
  cancel: [refuse, ...Array.from({ length: 4 }, () => unsupported)],
};

/** The columns of the plain ones, and behind them: with an argument, with an answer, in parts. */
const fullAtCaller: Table = {
  hello: [...(plainAtCaller["hello"] ?? []), refuse, refuse, refuse],
  result: [...(plainAtCaller["result"] ?? []), "settles 7", isNoStream, refuse],
  "result, bad body": [...(plainAtCaller["result, bad body"] ?? []), badAnswer, badAnswer, refuse],
  fault: [...(plainAtCaller["fault"] ?? []), notFound, notFound, notFound],
  "fault, bad body": [...(plainAtCaller["fault, bad body"] ?? []), maybeBad, maybeBad, maybeBad],
  "part, the first": [refuse, refuse, "", "", "", "", "", refuse],
  "part, a later": [refuse, refuse, refuse, "", "", refuse, refuse, "settles 7"],
  "part, all": [refuse, refuse, "settles 7", "", "", "settles 7", isNoStream, refuse],
  "part, all of an item": [refuse, refuse, isAStream, "", "", isAStream, "took 1", refuse],
  "part, bad body": [
    refuse,
    bad,
    `${maybeBad}, cancel`,
    "",
    "",
    `${maybeBad}, cancel`,
    `${maybeBad}, cancel`,
    `${maybeBad}, cancel`,
  ],
  item: [refuse, refuse, isAStream, "", "", isAStream, "took 1", refuse],
  "item, bad body": [
    refuse,
    bad,
    `${badAnswer}, cancel`,
    "",
    "",
    `${badAnswer}, cancel`,
    `${badAnswer}, cancel`,
    refuse,
  ],
  end: [refuse, refuse, isAStream, "", "", isAStream, "ended", refuse],
  "end, bad body": [refuse, bad, badAnswer, "", "", badAnswer, badAnswer, refuse],
  credit: [refuse, refuse, "", "", "", "item", "", ""],
  "credit, too much": [refuse, refuse, refuse, "", "", refuse, refuse, refuse],
  "credit, bad body": [bad, bad, bad, bad, bad, bad, bad, bad],
  cancel: [refuse, refuse, "", "", "", "end", "", ""],
  "cancel of another code": [refuse, refuse, "", "", "", "end", "", ""],
  "cancel, bad body": [bad, bad, bad, bad, bad, bad, bad, bad],
  ping: [...(plainAtCaller["ping"] ?? []), "pong", "pong", "pong"],
  pong: [...(plainAtCaller["pong"] ?? []), "", "", ""],
  drain: [...(plainAtCaller["drain"] ?? []), "", "", ""],
  call: [...(plainAtCaller["call"] ?? []), refuse, refuse, refuse],
  "call, bad body": [...(plainAtCaller["call, bad body"] ?? []), refuse, refuse, refuse],
  void: [...(plainAtCaller["void"] ?? []), "", "", ""],
  "kind 23": [...(plainAtCaller["kind 23"] ?? []), "", "", ""],
  "kind 12": [...(plainAtCaller["kind 12"] ?? []), unknown, unknown, unknown],
};

/** Some hundred connections, one behind the other. */
const slowMs = 30_000;

for (const wire of wires) {
  const name = (text: string): string => `${text}, over ${wire.name}`;

  test(
    name("a server does with every kind in every state what the protocol says"),
    async () => {
      expect(await differences(wire, fullAtServer, "caller", streamStates)).toEqual([]);
    },
    slowMs,
  );

  test(
    name("a server without a feature in common does what the protocol says"),
    async () => {
      expect(await differences(wire, bareAtServer, "caller", serverStates("none"))).toEqual([]);
    },
    slowMs,
  );

  test(
    name("a caller does with every kind in every state what the protocol says"),
    async () => {
      expect(await differences(wire, fullAtCaller, "server", callerStreamStates)).toEqual([]);
    },
    slowMs,
  );

  test(
    name("a caller without a feature in common does what the protocol says"),
    async () => {
      expect(await differences(wire, bareAtCaller, "server", callerStates("none"))).toEqual([]);
    },
    slowMs,
  );
}

test("a table has a row for every kind and a cell for every state", () => {
  const kinds = [...framesOf("caller", 1).keys()];
  // With a peer that knows no feature what follows a first frame is never looked at.
  const never = ["part, all", "part, all of an item", "credit, too much"];
  const tables = [
    [fullAtServer, streamStates, []],
    [bareAtServer, serverStates("none"), never],
    [fullAtCaller, callerStreamStates, []],
    [bareAtCaller, callerStates("none"), [...never, "cancel of another code"]],
  ] as const;
  for (const [table, states, left] of tables) {
    expect([...Object.keys(table), ...left].toSorted()).toEqual(kinds.toSorted());
    for (const cells of Object.values(table)) {
      expect(cells.length).toBe(Object.keys(states).length);
    }
  }
});
