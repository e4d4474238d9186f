import {
  list,
  literal,
  nil,
  number,
  object,
  ref,
  testTypes,
  text,
  union,
  unknown,
} from "../support/source-types.ts";

const user = "interface User { id: string; age?: number }";
const others = unknown("lists, texts or others may be it as well");
const fn = unknown("a function cannot travel");

testTypes([
  ["{}", unknown()],
  ["Empty", unknown(), "interface Empty {}"],
  [
    "{ a: string; b?: number; readonly c: boolean; d?: string | null; 'e-f': 1 }",
    object({
      a: text,
      "b?": number,
      c: { kind: "boolean" },
      "d?": union(text, nil),
      "e-f": literal(1),
    }),
  ],
  ["{ a?: string | undefined }", object({ "a?": text })],
  ["{ get a(): string; [Symbol.iterator]: 1 }", object({ a: text })],
  ["Record<string, number>", object({}, number)],
  ["Record<'a' | 'b', number>", object({ a: number, b: number })],
  ["{ [key: string]: number; a: 1 }", object({ a: literal(1) }, number)],
  ["{ [key: number]: string }", union(object({}, text), list(text))],
  ["{ [key: `x-${string}`]: string }", object({}, unknown("only for keys of a pattern"))],
  ["{ a: 1; [key: symbol]: string }", object({ a: literal(1) })],
  // What is more than an object's.
  ["{ length: number }", others],
  ["{ toString(): string }", others],
  ["{ length?: number; more?: string }", others],
  ["{ length: number | null; slice(): unknown }", others],
  ["{ getTime(): number }", others],
  ["{ byteLength: number }", others],
  ["{ length: string }", object({ length: text })],
  ["{ length: number; name: string }", object({ length: number, name: text })],
  ["{ link: string; at?: number }", object({ link: text, "at?": number })],
  ["{ name?: string }", object({ "name?": text })],
  [
    "Sized",
    ref("Sized"),
    "class Sized { length = 1; #own = 1 }",
    { Sized: { type: object({ length: number }) } },
  ],
  ["Partial<User>", object({ "id?": text, "age?": number }), user],
  ["Required<User>", object({ id: text, age: number }), user],
  ["Readonly<User>", object({ id: text, "age?": number }), user],
  ["Pick<User, 'id'>", object({ id: text }), user],
  ["Omit<User, 'id'>", object({ "age?": number }), user],
  ["User & { extra: 1 }", object({ id: text, "age?": number, extra: literal(1) }), user],
  [
    "{ [K in keyof User as `get_${K}`]: User[K] }",
    object({ get_id: text, "get_age?": number }),
    user,
  ],
  [
    "M",
    ref("M"),
    "interface M { a: 1 } interface M { b: 2 }",
    { M: { type: object({ a: literal(1), b: literal(2) }) } },
  ],
  [
    "I",
    ref("I"),
    "interface I { id: string; save(): void; back?: (x: number) => void }",
    { I: { type: object({ id: text, save: fn, "back?": fn }) } },
  ],
  // An instance travels as its own fields; nobody's secrets, and nothing that its class has for all.
  [
    "C",
    ref("C"),
    `class B { base = 1 }
     class C extends B {
       a = 'x'; b?: Date; own = () => 1; #c = 2; private d = 3; protected e = 4; static f = 5; accessor g = 6;
       /** @private */
       h = 7;
       declare i: string[];
       constructor(readonly j: null, private k: number) { super(); }
       method() {}
       get got() { return 1; }
     }`,
    {
      C: {
        type: object({
          a: text,
          "b?": { kind: "date" },
          own: fn,
          i: list(text),
          j: nil,
          base: number,
        }),
      },
    },
  ],
  ["C", ref("C"), "class C { only() {} }", { C: { type: { kind: "nonprimitive" } } }],
  [
    "U",
    ref("U"),
    "/** A user.\r\n * Of ours. */\r\ninterface U {\r\n  /** Who. */\r\n  id: string;\r\n}",
    {
      U: {
        doc: "A user.\nOf ours.",
        type: { kind: "object", fields: [{ name: "id", type: text, doc: "Who." }] },
      },
    },
  ],
]);
