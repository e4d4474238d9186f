import { codeNumbers } from "../../src/base/errors.ts";
import { kinds } from "../../src/wire/frame.ts";
import { featureNames } from "../../src/wire/hello.ts";
import { rawFrame } from "../support/scripted-peer.ts";
import { badParts, expand, rejects } from "../wire/vectors.ts";
import type { Reject } from "../wire/vectors.ts";

/** How a call ends: `result`, or code, reason and executed, where `-` is none and `*` any. */
export type CallEnd = string;

/** What a victim has to do with an input. */
export type Must =
  /** A fault with id 0 and one of the reasons, and the end of the connection. */
  | {
      readonly kind: "fault";
      readonly code: string;
      readonly reasons: readonly string[];
      /** How a client's own call ends. */
      readonly call: CallEnd;
    }
  /** The end of the connection without a word. Who waits for a call there hears the reason. */
  | { readonly kind: "closes"; readonly reason: string }
  /** These calls end so, nothing else is said, and the connection lives. */
  | { readonly kind: "answers"; readonly calls: ReadonlyMap<number, CallEnd> }
  /** Nothing is said, no call ends, and the connection lives. */
  | { readonly kind: "ignores" };

/** Hostile bytes, and what must happen. */
export interface Input {
  readonly name: string;
  /** The row of the threat table; empty for those of vectors.json that are none's. */
  readonly row: string;
  /** Who says it. The victim is the other side. */
  readonly from: "caller" | "server";
  /** greeting: it is the first thing that this side says. */
  readonly phase: "greeting" | "open";
  /** The features that its hello has named. */
  readonly features: readonly string[];
  readonly bytes: Buffer;
  readonly must: Must;
}

type Json = Readonly<Record<string, unknown>>;

/** A corpus file that does not have the form that it should have. */
export class BadInput extends Error {}

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objectOf(value: unknown): Json {
  if (!isJson(value)) throw new BadInput(`no object: ${JSON.stringify(value)}`);
  return value;
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw new BadInput(`no text: ${JSON.stringify(value)}`);
  return value;
}

function oneOf<T extends string>(value: unknown, ...choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw new BadInput(`${JSON.stringify(value)}, not ${choices.join()}`);
  return found;
}

function mustOf(value: unknown): Must {
  const json = objectOf(value);
  const kind = oneOf(json["kind"], "fault", "closes", "answers", "ignores");
  switch (kind) {
    case "fault": {
      const reason = textOf(json["reason"]);
      const call = textOf(json["call"] ?? `UNAVAILABLE ${reason} *`);
      return { kind, code: textOf(json["code"]), reasons: [reason], call };
    }
    case "closes":
      return { kind, reason: textOf(json["reason"]) };
    case "answers": {
      const calls = Object.entries(objectOf(json["calls"]));
      return { kind, calls: new Map(calls.map(([id, end]) => [Number(id), textOf(end)])) };
    }
    case "ignores":
      return { kind };
    default:
      return kind satisfies never;
  }
}

function inputOf(value: unknown): Input {
  const json = objectOf(value);
  return {
    name: textOf(json["name"]),
    row: textOf(json["row"]),
    from: oneOf(json["from"], "caller", "server"),
    phase: oneOf(json["phase"], "greeting", "open"),
    features: [],
    bytes: expand(textOf(json["hex"])),
    must: mustOf(json["must"]),
  };
}

async function read(name: string): Promise<readonly Input[]> {
  const file = objectOf(await Bun.file(new URL(`./${name}.json`, import.meta.url)).json());
  const { inputs } = file;
  if (!Array.isArray(inputs)) throw new BadInput(`${name}.json has no inputs`);
  return inputs.map(inputOf);
}

/** What a session or a connection makes of a frame that vectors.json says is refused. */
function mustOfReject({ bytes, refused, code, reason, from }: Reject): Must {
  if (reason === "NOT_A_FRAME") return { kind: "closes", reason };
  if (refused === "connection") {
    const call = `UNAVAILABLE ${reason} *`;
    return { kind: "fault", code: code ?? "", reasons: [reason ?? ""], call };
  }
  const kind = bytes[6];
  const id = bytes.readUInt32BE(8);
  if (from === "caller" && kind === kinds.call) {
    return { kind: "answers", calls: new Map([[id, "INVALID_ARGUMENT BAD_BODY no"]]) };
  }
  if (from === "server" && (kind === kinds.result || kind === kinds.fault)) {
    const executed = kind === kinds.result ? "yes" : "maybe";
    return { kind: "answers", calls: new Map([[id, `INTERNAL BAD_BODY ${executed}`]]) };
  }
  // A feature that nobody agreed on, in a body that nobody can read: either is a good reason.
  const reasons = ["UNSUPPORTED_KIND", "BAD_MESSAGE"];
  return { kind: "fault", code: "*", reasons, call: "UNAVAILABLE * *" };
}

function rowOf(name: string): string {
  return /\((T\d+)\)/.exec(name)?.[1] ?? "";
}

const ofVectors = rejects.map((reject): Input => ({
  name: reject.name,
  row: rowOf(reject.name),
  from: reject.from,
  phase: reject.greeting ? "greeting" : "open",
  features: [],
  bytes: reject.bytes,
  must: mustOfReject(reject),
}));

/** Messages in parts that are wrong, from a side that has agreed on parts. */
const ofParts = badParts.map((reject): Input => ({
  name: reject.name,
  row: rowOf(reject.name),
  from: reject.from,
  phase: "open",
  features: featureNames,
  bytes: reject.bytes,
  must: mustOfReject(reject),
}));

const argumentHead = Buffer.from("0119271081", "hex");

/** Values that are refused as an argument are refused as a result: one validator, both ways (T34). */
const asResults = rejects
  .filter(
    ({ name, bytes }) =>
      name.startsWith("value: ") &&
      // Without the argument itself it is at the limit and not beyond it.
      !name.endsWith("the argument itself") &&
      bytes.subarray(12, 17).equals(argumentHead),
  )
  .map(({ name, bytes }): Input => ({
    name: `${name}, as a result`,
    row: "T34",
    from: "server",
    phase: "open",
    features: [],
    bytes: rawFrame(kinds.result, 1, 1, bytes.subarray(17)),
    must: { kind: "answers", calls: new Map([[1, "INTERNAL BAD_BODY yes"]]) },
  }));

const files = await Promise.all(["frames", "values", "methods", "states"].map(read));

/** Every input: those of vectors.json, those of this folder's files. */
export const inputs: readonly Input[] = [...ofVectors, ...ofParts, ...asResults, ...files.flat()];

const manyBytes = 4_096;
const deepestCut = 64;

/** A way to cut an input into writes. */
export interface Split {
  readonly name: string;
  readonly pieces: readonly Buffer[];
}

/** Bytes one by one; of a large input the first ones, and the rest in one. */
function byteByByte(bytes: Buffer, most: number): readonly Buffer[] {
  const single = bytes.length <= most ? bytes.length : 256;
  const pieces = Array.from(bytes.subarray(0, single), (byte) => Buffer.from([byte]));
  return single === bytes.length ? pieces : [...pieces, bytes.subarray(single)];
}

/** An input whole, byte by byte, and cut in two at every offset up to 64. */
export function splitsOf(bytes: Buffer, options: { readonly singleBytes: number }): Split[] {
  const splits: Split[] = [
    { name: "whole", pieces: [bytes] },
    { name: "byte by byte", pieces: byteByByte(bytes, options.singleBytes) },
  ];
  // Copying megabytes sixty-four times shows nothing about a head of twelve bytes.
  const step = bytes.length <= 65_536 ? 1 : 7;
  for (let at = 1; at < bytes.length && at <= deepestCut; at += step) {
    splits.push({ name: `cut at ${at}`, pieces: [bytes.subarray(0, at), bytes.subarray(at)] });
  }
  return splits;
}

/** Whether an input is small enough to go over sockets in every way. */
export function isSmall({ bytes }: Input): boolean {
  return bytes.length <= manyBytes;
}

/** What became of an input. */
export interface Outcome {
  /** The answers to calls that the peer heard, in order. */
  readonly answers: readonly { readonly id: number; readonly end: CallEnd }[];
  /** The fault with id 0 that it heard. */
  readonly fault: { readonly code: string; readonly reason: string } | undefined;
  /** Whatever else it heard, by kind. */
  readonly others: readonly string[];
  readonly closed: boolean;
  /** Pongs to the ping that came last. */
  readonly pongs: number;
  /** How the victim's own call ended, when the victim is a client. */
  readonly call?: CallEnd | "pending";
}

function isEnd(actual: CallEnd, wanted: CallEnd): boolean {
  const [is, should] = [actual.split(" "), wanted.split(" ")];
  return (
    is.length === should.length && should.every((word, index) => word === "*" || word === is[index])
  );
}

/** What is wrong with an outcome; undefined when nothing is. */
export function faultIn({ must, from }: Input, outcome: Outcome): string | undefined {
  const { answers, fault, others, closed, pongs, call } = outcome;
  const ids = answers.map(({ id }) => id);
  if (new Set(ids).size < ids.length) return `answers to ${ids.join()}`;
  if (others.length > 0) return `it said ${others.join()}`;
  switch (must.kind) {
    case "fault":
      if (!closed) return "it is not closed";
      if (fault === undefined) return "it gave no reason";
      if (must.code !== "*" && fault.code !== must.code) return `${fault.code} ${fault.reason}`;
      if (!must.reasons.includes(fault.reason)) return `${fault.code} ${fault.reason}`;
      return from === "server" && !isEnd(call ?? "", must.call) ? `its call: ${call}` : undefined;
    case "closes":
      if (!closed) return "it is not closed";
      if (fault !== undefined) return `${fault.code} ${fault.reason}`;
      if (from === "server" && !isEnd(call ?? "", `UNAVAILABLE ${must.reason} *`)) {
        return `its call: ${call}`;
      }
      return undefined;
    case "answers": {
      if (closed) return `closed: ${fault?.reason}`;
      if (pongs !== 1) return `${pongs} pongs`;
      const got = new Map(answers.map(({ id, end }) => [id, end]));
      if (from === "server") got.set(1, call ?? "");
      for (const [id, end] of must.calls) {
        if (!isEnd(got.get(id) ?? "", end)) return `call ${id}: ${got.get(id)}`;
      }
      return got.size === must.calls.size ? undefined : `answers to ${ids.join()}`;
    }
    case "ignores":
      if (closed) return `closed: ${fault?.reason}`;
      if (pongs !== 1) return `${pongs} pongs`;
      if (answers.length > 0) return `answers to ${ids.join()}`;
      return from === "server" && call !== "pending" ? `its call: ${call}` : undefined;
    default:
      return must satisfies never;
  }
}

function endOfCall(must: Must): CallEnd {
  switch (must.kind) {
    case "fault":
      return must.call;
    case "closes":
      return `UNAVAILABLE ${must.reason} *`;
    case "answers":
      return must.calls.get(1) ?? "result";
    case "ignores":
      return "result";
    default:
      return must satisfies never;
  }
}

/** The exit code with which `gee call` must end. */
export function exitCodeOf({ must }: Input): number {
  const [code] = endOfCall(must).split(" ");
  const number = Object.entries(codeNumbers).find(([name]) => name === code)?.[1];
  return number === undefined ? 0 : 64 + number;
}
