import { expect, test } from "bun:test";
import { extractModules } from "../../src/source/extract.ts";
import { memoryHost } from "../support/source-host.ts";
import {
  list,
  literal,
  missing,
  nil,
  number,
  object,
  ref,
  testTypes,
  text,
  union,
  unknown,
} from "../support/source-types.ts";

const endless = unknown("N goes on without end");

testTypes([
  ["string[]", list(text)],
  ["readonly string[]", list(text)],
  ["Array<Array<number>>", list(list(number))],
  ["Missing[]", list(unknown("its type was not found"))],
  ["Id", text, "type Id = string & { readonly brand: unique symbol };"],
  ["Id", number, "type Id = number & { __brand: 'id' };"],
  ["string[] & { total: number }", list(text)],
  ["Date & { extra: 1 }", { kind: "date" }],
  ["Exclude<'a' | 'b', 'a'>", literal("b")],
  ["NonNullable<string | null>", text],
  ["ReturnType<() => string>", text],
  ["Awaited<Promise<Promise<number>>>", number],
  [
    "keyof User",
    union(literal("id"), literal("age")),
    "interface User { id: string; age: number }",
  ],
  ["User['age']", number, "interface User { id: string; age: number }"],
  ["T extends string ? 1 : 2", literal(1), "type T = 'x';"],
  [
    "Node_",
    ref("Node_"),
    "interface Node_ { parent: Node_ | null; children: Node_[]; other?: Other } type Other = { back: Node_ };",
    {
      Node_: {
        type: object({
          parent: union(ref("Node_"), nil),
          children: list(ref("Node_")),
          "other?": ref("Other"),
        }),
      },
      Other: { type: object({ back: ref("Node_") }) },
    },
  ],
  ["A", ref("A"), "type A = (string | A)[];", { A: { type: list(union(text, ref("A"))) } }],
  ["A", ref("A"), "interface A extends A { x: 1 }", { A: { type: object({ x: literal(1) }) } }],
  ["A", unknown("its type was not found"), "type A = A;"],
  [
    "Deep<User>",
    ref("Deep_User"),
    "interface User { name: string; friends: User[] } type Deep<T> = { [K in keyof T]?: T[K] extends object ? Deep<T[K]> : T[K] };",
    {
      Deep_User: {
        type: object({ "name?": text, "friends?": list(union(ref("Deep_User"), missing)) }),
      },
    },
  ],
  // Each is inside the next, which is a type of its own: without end, and without a name.
  [
    "{ x: N<string>; y: number }",
    object({ x: ref("N_string"), y: number }),
    "interface N<T> { value: T; next: N<N<T>> }",
    { N_string: { type: endless } },
  ],
  ["N<string>", endless, "type N<T> = { list: N<T[]>[] };"],
  // This one has an end.
  [
    "R<R<R<R<R<R<R<1>>>>>>>",
    object({
      a: object({
        a: object({ a: object({ a: object({ a: object({ a: object({ a: literal(1) }) }) }) }) }),
      }),
    }),
    "type R<T> = { a: T };",
  ],
  [
    "{ a: { b: { c: { d: { e: { f: { g: { h: { i: { j: { k: { l: { m: 1 } } } } } } } } } } } } }",
    "abcdefghijkl"
      .split("")
      .reverse()
      .reduce((inner, name) => object({ [name]: inner }), ref("Part")),
    "",
    { Part: { type: object({ m: literal(1) }) } },
  ],
]);

test("a long chain of types is read without end of the stack", () => {
  const chain = Array.from({ length: 3_000 }, (_, n) => `interface T${n} { next: T${n + 1} }`);
  const source = `${chain.join("\n")}\ninterface T3000 { end: 1 }\nexport class Foo { a(first: T0) {} }`;
  const [module] = extractModules(["/a.ts"], memoryHost({ "/a.ts": source }));
  expect(Object.keys(module?.services[0]?.types ?? {})).toHaveLength(3_001);
});

test("a service of too many types is unknown from there on", () => {
  const fields = (to: string): string =>
    Array.from({ length: 40 }, (_, n) => `f${n}: ${to}<T, ${n}>`).join("; ");
  const source = `
    type A<T, N> = { n: N; ${fields("B")} }
    type B<T, N> = { n: N; ${fields("C")} }
    type C<T, N> = { n: N; ${fields("D")} }
    type D<T, N> = { n: N; t: T }
    export class Foo { a(all: A<1, 0>) {} b(one: number) {} }`;
  const [module] = extractModules(["/a.ts"], memoryHost({ "/a.ts": source }));
  const read = JSON.stringify(module);
  expect(read.length).toBeLessThan(6_000_000);
  expect(read).toContain("there are too many types");
});
