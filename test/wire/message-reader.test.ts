import { expect, test } from "bun:test";
import { ValueReader } from "../../src/wire/decode.ts";
import { Malformed } from "../../src/wire/heads.ts";
import { kinds } from "../../src/wire/frame.ts";
import { isKnownKind, readMessage } from "../../src/wire/message-reader.ts";
import type { Message } from "../../src/wire/message.ts";
import { expand } from "./vectors.ts";

const reader = new ValueReader();

function read(kind: number, fields: number, hex: string, id = 1): Message {
  const bytes = expand(hex);
  reader.open(bytes, 0, bytes.length);
  return readMessage(reader, kind, id, fields, "caller");
}

/** The fewest fields of each kind that has a call's id, and the most that are known. */
const sound: readonly (readonly [kind: number, fields: readonly string[], least: number])[] = [
  [kinds.call, ["01", "00", "80", "00", "00", "f6", "f6", "f6", "f6"], 3],
  [kinds.part, ["40", "00"], 1],
  [kinds.result, ["00", "f6"], 1],
  [kinds.fault, ["05", "60", "00", "f6", "f6", "f6", "f6"], 3],
  [kinds.cancel, ["01", "f6"], 1],
  [kinds.item, ["00", "f6"], 1],
  [kinds.end, ["f6"], 0],
  [kinds.credit, ["01"], 1],
  [kinds.ping, ["00"], 1],
  [kinds.pong, ["00"], 1],
  [kinds.drain, ["00", "f6"], 1],
];

test("kinds 0 to 11 are known and no other", () => {
  const known = Array.from({ length: 24 }, (_, kind) => kind).filter(isKnownKind);
  expect(known).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

test("every kind is read with every number of fields from its least on", () => {
  for (const [kind, fields, least] of sound) {
    for (let count = 0; count <= fields.length; count++) {
      const hex = fields.slice(0, count).join("");
      if (count < least) {
        expect(() => read(kind, count, hex)).toThrow(`kind ${kind} with ${count} fields`);
      } else {
        expect(read(kind, count, hex).id).toBeOneOf([0, 1]);
      }
    }
  }
});

test("fields that this version does not know are held to the rules of values and then ignored", () => {
  for (const [kind, fields] of sound) {
    const whole = fields.join("");
    const known = read(kind, fields.length, whole);
    // They take of a stream's credit all the same.
    const expected = known.kind === "item" ? { ...known, bytes: known.bytes + 7 } : known;
    expect(read(kind, fields.length + 2, `${whole}a16161c24101f7`)).toEqual(expected);
    for (const bad of ["ff", "d81b80", "62c328", "a16161", "(81)*32 80", ""]) {
      expect(() => read(kind, fields.length + 1, `${whole} ${bad}`)).toThrow(Malformed);
    }
  }
});

test("bytes behind the last field are refused for every kind", () => {
  for (const [kind, fields, least] of sound) {
    for (let count = least; count <= fields.length; count++) {
      expect(() => read(kind, count, `${fields.slice(0, count).join("")}00`)).toThrow(
        "bytes behind the end",
      );
    }
  }
});

test("numbers of fields have their limits, exactly", () => {
  const limits: readonly (readonly [kind: number, before: string, max: string, over: string])[] = [
    [kinds.call, "", "1affffffff 00 80", "1b0000000100000000 00 80"],
    [kinds.call, "01", "1a7fffffff 80", "1a80000000 80"],
    [kinds.credit, "", "1a7fffffff", "1a80000000"],
    [kinds.ping, "", "1affffffff", "1b0000000100000000"],
    [kinds.drain, "", "1affffffff", "1b0000000100000000"],
    [kinds.fault, "", "1affffffff 60 00", "1b0000000100000000 60 00"],
    [kinds.fault, "05 60", "18ff", "190100"],
  ];
  for (const [kind, before, max, over] of limits) {
    const least = sound.find(([known]) => known === kind)?.[2] ?? 0;
    expect(read(kind, least, `${before} ${max}`).id).toBeOneOf([0, 1]);
    expect(() => read(kind, least, `${before} ${over}`)).toThrow("a number above");
  }
});

test("credit is at least 1", () => {
  expect(read(kinds.credit, 1, "01")).toEqual({ kind: "credit", id: 1, bytes: 1 });
  expect(() => read(kinds.credit, 1, "00")).toThrow("credit of nothing");
});

test("a call's idle time has its limit, exactly, and may be left out or null", () => {
  const call = "01 00 80 00 00 f6 f6 f6";
  expect(read(kinds.call, 9, `${call} 1a7fffffff`)).toMatchObject({ idleMs: 2_147_483_647 });
  expect(read(kinds.call, 9, `${call} 00`)).toMatchObject({ idleMs: 0 });
  expect(read(kinds.call, 9, `${call} f6`)).toMatchObject({ idleMs: undefined });
  expect(read(kinds.call, 8, call)).toMatchObject({ idleMs: undefined });
  for (const bad of ["1a80000000", "20", "6161", "fb3ff8000000000000"]) {
    expect(() => read(kinds.call, 9, `${call} ${bad}`)).toThrow(Malformed);
  }
});

test("an item says how many bytes its frame has, whatever is in it", () => {
  expect(read(kinds.item, 1, "00")).toMatchObject({ bytes: 13 });
  expect(read(kinds.item, 2, "6161 a161616162")).toMatchObject({ bytes: 19 });
  expect(read(kinds.item, 4, "00 f6 820102 f7")).toMatchObject({ bytes: 18 });
});

test("a part has at most 65,536 bytes", () => {
  expect(read(kinds.part, 1, "5a00010000 (00)*65536")).toMatchObject({ totalBytes: undefined });
  expect(() => read(kinds.part, 1, "5a00010001 (00)*65537")).toThrow("more than 65536 bytes");
});

test("metadata have at most 16,384 bytes as they are encoded, in every kind that has them", () => {
  // A map's head, a text of one letter, and a text with a head of three bytes.
  const most = "a1 6161 793ffa (62)*16378";
  const over = "a1 6161 793ffb (62)*16379";
  for (const [kind, fields, before] of [
    [kinds.call, 6, "01 00 80 00 00"],
    [kinds.result, 2, "00"],
    [kinds.fault, 7, "05 60 00 f6 f6 f6"],
    [kinds.item, 2, "00"],
    [kinds.end, 1, ""],
  ] as const) {
    expect(read(kind, fields, `${before} ${most}`)).toMatchObject({
      metadata: { a: "b".repeat(16_378) },
    });
    expect(() => read(kind, fields, `${before} ${over}`)).toThrow("metadata of more than 16384");
  }
});

test("texts of fields have their limits, exactly", () => {
  const longest = "791000 (61)*4096";
  const over = "791001 (61)*4097";
  expect(read(kinds.fault, 4, `05 ${longest} 00 ${longest}`)).toMatchObject({ code: "NOT_FOUND" });
  expect(read(kinds.cancel, 2, `01 ${longest}`)).toMatchObject({ code: "CANCELLED" });
  expect(read(kinds.drain, 2, `01 ${longest}`)).toMatchObject({ lastCallId: 1 });
  expect(() => read(kinds.fault, 3, `05 ${over} 00`)).toThrow("longer than 4096");
  expect(() => read(kinds.fault, 4, `05 60 00 ${over}`)).toThrow("longer than 4096");
  expect(() => read(kinds.cancel, 2, `01 ${over}`)).toThrow("longer than 4096");
  expect(() => read(kinds.drain, 2, `01 ${over}`)).toThrow("longer than 4096");
  expect(read(kinds.call, 7, "01 00 80 00 00 f6 790100 (61)*256")).toMatchObject({ method: 1 });
  expect(() => read(kinds.call, 7, "01 00 80 00 00 f6 790101 (61)*257")).toThrow("longer than 256");
});

test("metadata is a map from text to text and nothing else that is an object", () => {
  expect(read(kinds.result, 2, "00 a1 6b 636f6e7374727563746f72 6161")).toMatchObject({
    metadata: { constructor: "a" },
  });
  for (const bad of [
    "80",
    "40",
    "c100",
    "d84540",
    "00",
    "6161",
    "a1616101",
    "a16161f6",
    "a1616180",
  ]) {
    expect(() => read(kinds.result, 2, `00 ${bad}`)).toThrow(/metadata/);
  }
});

test("every argument of a call may be 32 levels deep", () => {
  expect(read(kinds.call, 3, "01 00 82 (81)*31 80 (81)*31 80")).toMatchObject({ kind: "call" });
  expect(() => read(kinds.call, 3, "01 00 82 00 (81)*32 80")).toThrow("more than 32 levels");
});

test("the items of all fields of a message count together", () => {
  const half = "9a00010000 (f6)*65536";
  expect(read(kinds.fault, 6, `05 60 00 f6 f6 82 9a0000fffe (f6)*65534 ${half}`)).toMatchObject({
    id: 1,
  });
  expect(() =>
    read(kinds.fault, 7, `05 60 00 f6 f6 82 9a0000fffe (f6)*65534 ${half} a161616162`),
  ).toThrow("more than 131072 items");
});

test("a message of one side is read as that side's", () => {
  const hello =
    "1a003bef5c 01 a2 65636f646563 6463626f72 6f6d61784d6573736167654279746573 1a00010000";
  expect(read(kinds.hello, 3, hello, 0)).toMatchObject({ kind: "callerHello" });
  const bytes = expand(hello);
  reader.open(bytes, 0, bytes.length);
  expect(() => readMessage(reader, kinds.hello, 0, 3, "server")).toThrow("hello: no instance");
});
