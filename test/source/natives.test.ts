import { bytesNames } from "../../src/contract/contract.ts";
import {
  list,
  number,
  object,
  ref,
  testTypes,
  text,
  union,
  unknown,
} from "../support/source-types.ts";
import type { TypeRow } from "../support/source-types.ts";

function stays(name: string): ReturnType<typeof unknown> {
  return unknown(`${name} cannot travel`);
}

testTypes([
  ["Date", { kind: "date" }],
  ...bytesNames.map((name): TypeRow => [name, { kind: "bytes", name }]),
  ["Uint8Array<ArrayBuffer>", { kind: "bytes", name: "Uint8Array" }],
  ["Float16Array", stays("a Float16Array")],
  ["ArrayBuffer", stays("an ArrayBuffer")],
  ["Map<string, number>", stays("a Map")],
  ["ReadonlyMap<string, number>", stays("a Map")],
  ["Set<string>", stays("a Set")],
  ["WeakMap<object, string>", stays("a WeakMap")],
  ["Error", stays("an Error")],
  ["TypeError", stays("a TypeError")],
  ["RegExp", stays("a RegExp")],
  ["Promise<number>", stays("a Promise")],
  ["Function", stays("a function")],
  ["() => void", stays("a function")],
  ["new () => object", stays("a function")],
  ["typeof C", stays("a function"), "class C { a = 1 }"],
  ["(() => void) & { extra: 1 }", stays("a function")],
  ["Iterable<number>", stays("an Iterable")],
  // Of the DOM, which is read because it is asked for.
  ["Response", stays("a Response")],
  ["URL", stays("a URL")],
  ["Generator<number>", unknown("a stream cannot travel inside a value")],
  [
    "{ items: AsyncIterable<number> }",
    object({ items: unknown("a stream cannot travel inside a value") }),
  ],
  [
    "number[] | AsyncIterable<number>",
    union(list(number), unknown("a stream cannot travel inside a value")),
  ],
  ["String", text],
  ["Object", unknown()],
  ["PropertyKey", union(text, number, unknown("a symbol cannot travel"))],
  ["ArrayLike<number>", union(object({ length: number }, number), list(number))],
  ["C", { kind: "date" }, "class C extends Date { more = 1 }"],
  ["C", { kind: "bytes", name: "Uint8Array" }, "class C extends Uint8Array {}"],
  ["C", stays("a Map"), "class C extends Map<string, string> {}"],
  ["C", stays("an Error"), "class B extends Error {} class C extends B { code = 1 }"],
  ["C", ref("C"), "interface C extends Array<string> {}", { C: { type: list(text) } }],
  // The same name in the module is another type.
  ["Date", ref("Date_2"), "class Date { own = 'x' }", { Date_2: { type: object({ own: text }) } }],
]);
