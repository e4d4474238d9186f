import type { Message } from "../../src/wire/message.ts";
import { fromHex } from "../support/scripted-peer.ts";

/** A message and its bytes. */
export interface Vector {
  readonly name: string;
  readonly from: "caller" | "server";
  readonly decodeOnly: boolean;
  readonly encodeOnly: boolean;
  readonly bytes: Buffer;
  readonly message: Message;
}

/** Bytes that are skipped. */
export interface Skip {
  readonly name: string;
  readonly from: "caller" | "server";
  readonly bytes: Buffer;
}

/** Bytes that are refused. */
export interface Reject extends Skip {
  readonly greeting: boolean;
  readonly refused: "connection" | "body";
  readonly code: string | undefined;
  readonly reason: string | undefined;
}

/** Frames that come one behind the other, and the messages that are read from them. */
export interface Parts extends Skip {
  readonly messages: readonly Message[];
}

type Json = Readonly<Record<string, unknown>>;

/** A vector in vectors.json that does not have the form which the file itself states. */
export class BadVector extends Error {}

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objectOf(value: unknown): Json {
  if (!isJson(value)) throw new BadVector(`no object: ${JSON.stringify(value)}`);
  return value;
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new BadVector(`no list: ${JSON.stringify(value)}`);
  return value;
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw new BadVector(`no text: ${JSON.stringify(value)}`);
  return value;
}

/** Hex in which `(xx)*n` stands for xx written n times. */
export function expand(hex: string): Buffer {
  const written = hex.replaceAll(/\(([0-9a-f]*)\)\*(\d+)/g, (_, piece: string, times: string) =>
    piece.repeat(Number(times)),
  );
  return fromHex(written);
}

const numberArrays: ReadonlyMap<string, (elements: readonly number[]) => unknown> = new Map<
  string,
  (elements: readonly number[]) => unknown
>([
  ["$Uint8ClampedArray", (elements) => new Uint8ClampedArray(elements)],
  ["$Uint16Array", (elements) => new Uint16Array(elements)],
  ["$Uint32Array", (elements) => new Uint32Array(elements)],
  ["$Int8Array", (elements) => new Int8Array(elements)],
  ["$Int16Array", (elements) => new Int16Array(elements)],
  ["$Int32Array", (elements) => new Int32Array(elements)],
  ["$Float32Array", (elements) => new Float32Array(elements)],
  ["$Float64Array", (elements) => new Float64Array(elements)],
]);

function special(name: string, content: unknown): unknown {
  const numbers = numberArrays.get(name);
  if (numbers !== undefined) return numbers(listOf(content).map(Number));
  switch (name) {
    case "$undefined":
      return undefined;
    case "$number":
      return Number(textOf(content));
    case "$bigint":
      return BigInt(textOf(content));
    case "$bytes":
      return new Uint8Array(fromHex(textOf(content)));
    case "$date":
      return content === null ? new Date(Number.NaN) : new Date(textOf(content));
    case "$BigInt64Array":
      return new BigInt64Array(listOf(content).map((element) => BigInt(textOf(element))));
    case "$BigUint64Array":
      return new BigUint64Array(listOf(content).map((element) => BigInt(textOf(element))));
    case "$repeat": {
      const [count, value] = listOf(content);
      return Array.from({ length: Number(count) }, () => valueOf(value));
    }
    case "$repeatBytes": {
      const [count, byte] = listOf(content);
      return new Uint8Array(Number(count)).fill(Number(byte));
    }
    case "$repeatText": {
      const [count, text] = listOf(content);
      return textOf(text).repeat(Number(count));
    }
    default:
      throw new BadVector(`notation ${name}`);
  }
}

/** A value from the notation of the file. */
export function valueOf(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(valueOf);
  if (!isJson(json)) return json;
  const keys = Object.keys(json);
  const [first = ""] = keys;
  if (first.startsWith("$")) {
    if (keys.length !== 1) throw new BadVector(`notation with ${keys.length} keys`);
    return special(first, json[first]);
  }
  return Object.fromEntries(keys.map((key) => [key, valueOf(json[key])]));
}

function isMessage(value: object): value is Message {
  return "kind" in value && "id" in value;
}

function servicesOf(json: unknown): Map<string, unknown> {
  return new Map(
    Object.entries(objectOf(json)).map(([name, facts]) => {
      const { contract, methods } = objectOf(facts);
      return [name, { contract, methods: new Map(Object.entries(objectOf(methods))) }];
    }),
  );
}

function messageOf(json: unknown): Message {
  const fields = objectOf(json);
  const { kind } = fields;
  const message =
    kind === "serverHello"
      ? {
          ...fields,
          hello: {
            ...objectOf(fields["hello"]),
            services: servicesOf(objectOf(fields["hello"])["services"]),
          },
        }
      : objectOf(valueOf(fields));
  if (!isMessage(message)) throw new BadVector("no message");
  return message;
}

function sideOf(value: unknown): "caller" | "server" {
  if (value !== "caller" && value !== "server") throw new BadVector("from is no side");
  return value;
}

function skipOf(json: Json): Skip {
  return {
    name: textOf(json["name"]),
    from: sideOf(json["from"]),
    bytes: expand(textOf(json["hex"])),
  };
}

const path = new URL("../../src/wire/vectors.json", import.meta.url);

/** The file as text, and as JSON. */
export const vectorsText: string = await Bun.file(path).text();
const file = objectOf(JSON.parse(vectorsText));

export const constants: unknown = file["constants"];

export const vectors: readonly Vector[] = listOf(file["vectors"])
  .map(objectOf)
  .map((json) => ({
    ...skipOf(json),
    decodeOnly: json["decodeOnly"] === true,
    encodeOnly: json["encodeOnly"] === true,
    message: messageOf(json["message"]),
  }));

export const skips: readonly Skip[] = listOf(file["skips"]).map(objectOf).map(skipOf);

function rejectOf(json: Json): Reject {
  return {
    ...skipOf(json),
    greeting: json["phase"] === "greeting",
    refused: json["refused"] === "connection" ? "connection" : "body",
    code: json["code"] === undefined ? undefined : textOf(json["code"]),
    reason: json["reason"] === undefined ? undefined : textOf(json["reason"]),
  };
}

export const rejects: readonly Reject[] = listOf(file["rejects"]).map(objectOf).map(rejectOf);

export const parts: readonly Parts[] = listOf(file["parts"])
  .map(objectOf)
  .map((json) => ({ ...skipOf(json), messages: listOf(json["messages"]).map(messageOf) }));

export const badParts: readonly Reject[] = listOf(file["badParts"]).map(objectOf).map(rejectOf);

function isNoDate(value: unknown): boolean {
  return value instanceof Date && Number.isNaN(value.getTime());
}

/** A message without the fields that are undefined, so that two can be compared strictly. */
export function bare(message: Message): object {
  const present = (fields: object): object =>
    Object.fromEntries(
      Object.entries(fields)
        .filter(([, value]) => value !== undefined)
        // Two dates that are none are no equals for `expect`.
        .map(([key, value]) => [key, isNoDate(value) ? "no date" : value]),
    );
  if (message.kind === "callerHello") return { ...message, hello: present(message.hello) };
  if (message.kind === "serverHello") {
    const services = [...message.hello.services].map(([name, facts]) => [name, present(facts)]);
    return { ...message, hello: { ...message.hello, services } };
  }
  return present(message);
}
