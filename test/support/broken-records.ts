import { ValueEncoder } from "../../src/wire/encode.ts";
import { Writer } from "../../src/wire/writer.ts";
import { forbidden, malformed, unspecified } from "./addresses.ts";

// What somebody who can write to etcd may leave there: keys and values that are no record of a
// member, each for one reason.

/** A key and its value. */
export interface BrokenRecord {
  readonly words: string;
  readonly key: string;
  readonly value: string | Uint8Array;
}

interface Shape {
  readonly announcement: Readonly<Record<string, unknown>>;
  readonly digest: string;
  readonly leaseMs: number;
  readonly state: string;
}

const digest = "ab".repeat(32);

function idOf(n: number): string {
  return `bad${n.toString(16).padStart(29, "0")}`;
}

function record(n: number): Shape {
  const announcement = {
    id: idOf(n),
    revision: 1,
    services: ["Broken"],
    address: `tcp@10.9.${n >> 8}.${n & 255}:4000`,
    weight: 1,
    draining: false,
  };
  return { announcement, digest, leaseMs: 60_000, state: "up" };
}

function cbor(value: unknown): Uint8Array {
  const writer = new Writer();
  writer.reset(Number.POSITIVE_INFINITY);
  new ValueEncoder(writer).value(value);
  return writer.copy();
}

/** Dates and numbers as people write them elsewhere. */
const times = ["2026-10-08T00:00:00Z", "9s", "1e3", "0x10", -1, 1e300, 2 ** 53, 0.5];

const noText = [null, true, 7, [], {}];
const noNumber = [null, true, "1", [], {}, -1, 1e10];
const noName = [...noText, "", "é", "a\nb", "\u0000", "\u202e", "x".repeat(129)];
const many = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `S${index}`);

/** Values that a field of the announcement may not have. */
const wrongFacts: Readonly<Record<string, readonly unknown[]>> = {
  id: [...noText, "", "x", "A".repeat(32), "a".repeat(31), "a".repeat(33), "\0".repeat(32)],
  revision: [null, true, "1", [], {}, ...times],
  services: [null, true, 7, "Foo", {}, [7], [null], [""], ["a b"], ["../x"], [["A"]], many(257)],
  address: noText,
  weight: [...noNumber, 10_001],
  load: noNumber,
  lagMs: noNumber,
  draining: [null, 0, 1, "false", [], {}],
  version: noName,
  contract: noName,
  contracts: [
    ...[null, true, 7, "a", [], { Foo: 7 }, { Foo: null }, { Foo: "" }, { Foo: "0".repeat(33) }],
    ...[{ Foo: "0123456789ABCDEF" }, { "": "0123456789abcdef" }, { "gee.X": "0123456789abcdef" }],
    Object.fromEntries(many(257).map((name) => [name, "0123456789abcdef"])),
  ],
  zone: noName,
  group: noName,
  leaseMs: [null, true, [], {}, "9s", "2026-10-08", -1, 2 ** 60],
  tags: [
    ...[null, true, 7, "a", []],
    ...[{ a: 7 }, { a: null }, { "": "x" }, { "1": "x" }, { a: "x".repeat(257) }, { a: "\0" }],
    Object.fromEntries(many(33).map((name) => [name, "x"])),
  ],
};

/** Values that a field of the record may not have. */
const wrongFields: Readonly<Record<string, readonly unknown[]>> = {
  announcement: [null, true, 7, "x", [], {}],
  digest: [...noText, "", "ab", "AB".repeat(32), "ab".repeat(33), "g".repeat(64)],
  leaseMs: [...noNumber, 0, 199, 300_001, "2026-10-08T00:00:00Z"],
  state: [...noText, "", "UP", "up ", "dead", "gone", "warming"],
  old: [null, true, false, 1, "true"],
};

type Make = (n: number) => readonly [words: string, value: string | Uint8Array, key?: string];

function fact(name: string, value: unknown): Make {
  return (n) => {
    const { announcement, ...rest } = record(n);
    const words = `announcement.${name} ${JSON.stringify(value)?.slice(0, 60)}`;
    return [words, JSON.stringify({ ...rest, announcement: { ...announcement, [name]: value } })];
  };
}

function field(name: string, value: unknown): Make {
  return (n) => [
    `${name} ${JSON.stringify(value)?.slice(0, 60)}`,
    JSON.stringify({ ...record(n), [name]: value }),
  ];
}

/** Good text made to be none. */
function spoilt(words: string, spoil: (good: string, n: number) => string | Uint8Array): Make {
  return (n) => [words, spoil(JSON.stringify(record(n)), n)];
}

function named(words: string, key: (n: number) => string): Make {
  return (n) => [`the key ${words}`, JSON.stringify(record(n)), key(n)];
}

const megabyte = 1_000_000;

const makes: readonly Make[] = [
  ...Object.entries(wrongFacts).flatMap(([name, all]) => all.map((value) => fact(name, value))),
  ...Object.entries(wrongFields).flatMap(([name, all]) => all.map((value) => field(name, value))),
  // JSON leaves out what is undefined.
  ...["id", "revision", "services", "address"].map((name) => fact(name, undefined)),
  ...["announcement", "digest", "leaseMs", "state"].map((name) => field(name, undefined)),
  ...[...malformed, ...forbidden, ...unspecified].map((address) => fact("address", address)),
  ...Array.from({ length: 60 }, (_, cut) =>
    spoilt(`cut after ${4 * cut}`, (good) => good.slice(0, 4 * cut)),
  ),
  ...Array.from({ length: 30 }, (_, cut) =>
    spoilt(`CBOR, less ${5 * cut}`, (_good, n) => cbor(record(n)).subarray(0, 160 - 5 * cut)),
  ),
  ...Array.from({ length: 12 }, (_, at) =>
    spoilt(`broken UTF-8 at ${9 * at}`, (good) => {
      const bytes = Buffer.from(good);
      bytes[9 * at] = 0xff;
      return bytes;
    }),
  ),
  spoilt("UTF-16", (good) => Buffer.from(good, "utf16le")),
  spoilt("gzip", (good) => Bun.gzipSync(good)),
  spoilt("twice", (good) => good + good),
  spoilt("in an array", (good) => `[${good}]`),
  spoilt("in a string", (good) => JSON.stringify(good)),
  spoilt("a comma too many", (good) => good.replace(/}$/, ",}")),
  spoilt("single quotes", (good) => good.replaceAll(`"`, "'")),
  spoilt("a comment", (good) => `${good} // fine`),
  spoilt("NaN", (good) => good.replace("60000", "NaN")),
  spoilt("Infinity", (good) => good.replace("60000", "1e999")),
  spoilt("a zero byte behind it", (good) => `${good}\0`),
  spoilt("a prototype", (good) => good.replace(`"digest"`, `"__proto__"`)),
  spoilt("nothing but a megabyte", () => "x".repeat(megabyte)),
  spoilt("a megabyte of zeros", () => new Uint8Array(megabyte)),
  spoilt("a megabyte of blanks before it", (good) => " ".repeat(megabyte) + good),
  spoilt("70 KB of blanks behind it", (good) => good + " ".repeat(70_000)),
  spoilt("60 KB of brackets", () => "[".repeat(60_000)),
  spoilt("30 KB of brackets, closed", () => "[".repeat(30_000) + "]".repeat(30_000)),
  spoilt("a megabyte of brackets", () => "[".repeat(megabyte)),
  spoilt("20,000 services", (good) =>
    good.replace(`["Broken"]`, JSON.stringify(many(9_000)).padEnd(60_000)),
  ),
  spoilt("a number of 60,000 digits", (good) => good.replace("60000", "9".repeat(60_000))),
  spoilt("a zone of 60 KB", (good) => good.replace(`"id"`, `"zone":"${"z".repeat(60_000)}","id"`)),
  named("of another instance", (n) => `gee/i/${idOf(n + 10_000)}`),
  named("without an id", () => "gee/i/"),
  named("in capitals", (n) => `gee/i/${idOf(n).toUpperCase()}`),
  named("with more behind it", (n) => `gee/i/${idOf(n)}/x`),
  named("with a zero byte", (n) => `gee/i/${idOf(n)}\0`),
  named("with a line break", (n) => `gee/i/\n${idOf(n)}`),
  named("of 100 KB", (n) => `gee/i/${idOf(n)}${"y".repeat(100_000)}`),
  named("elsewhere", (n) => `gee/x/${idOf(n)}`),
  named("of a header-only peer", (n) => `gee/a/tcp@10.9.0.1:${n}`),
];

/** All of them; no two have the same key. */
export const brokenRecords: readonly BrokenRecord[] = makes.map((make, n) => {
  const [words, value, key = `gee/i/${idOf(n)}`] = make(n);
  return { words, key, value };
});

/** The same, with nothing wrong: key and value of a member at `tcp@10.9.x.y:4000`. */
export function soundRecord(n: number): BrokenRecord & { readonly id: string } {
  const id = idOf(n);
  return { id, words: "sound", key: `gee/i/${id}`, value: JSON.stringify(record(n)) };
}

/** A sound record but for an address that only a registry for this machine lists. */
export function loopbackRecord(n: number): BrokenRecord & { readonly id: string } {
  const [words, value] = fact("address", `tcp@127.0.0.1:${n}`)(n);
  return { id: idOf(n), words, key: `gee/i/${idOf(n)}`, value: String(value) };
}
