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

const boolean = { kind: "boolean" } as const;
const colors = { Color: { type: union(literal("red"), literal("green")) } };

testTypes([
  ["string | undefined", union(text, missing)],
  ["null | string", union(text, nil)],
  ["boolean | string", union(boolean, text)],
  ["true | 1 | false", union(boolean, literal(1))],
  ["true | string", union(literal(true), text)],
  ["'a' | 'a' | string", text],
  ["'a' | (string & {})", union(literal("a"), text)],
  ["string | any", unknown("any")],
  ["Color", ref("Color"), "type Color = 'red' | 'green';", colors],
  ["Color | null", union(ref("Color"), nil), "type Color = 'red' | 'green';", colors],
  ["{ c?: Color }", object({ "c?": ref("Color") }), "type Color = 'red' | 'green';", colors],
  // As it is written, whatever the compiler has met first.
  [
    "[1 | 2, Order]",
    { kind: "tuple", items: [{ type: union(literal(1), literal(2)) }, { type: ref("Order") }] },
    "type Order = null | 2 | boolean | 1;",
    { Order: { type: union(literal(2), boolean, literal(1), nil) } },
  ],
  [
    "E",
    ref("E"),
    "enum E { A, B = 5, C = 'c' }",
    { E: { type: union(literal(0), literal(5), literal("c")) } },
  ],
  [
    "E | null",
    union(ref("E"), nil),
    "/** What. */ enum E { A = 'a', B = 'b' }",
    { E: { type: union(literal("a"), literal("b")), doc: "What." } },
  ],
  ["E.A | E.B", union(literal(0), literal(1)), "enum E { A, B, C }"],
  ["E", ref("E"), "const enum E { A = 1, B = 2 }", { E: { type: union(literal(1), literal(2)) } }],
  ["E", ref("E"), "enum E { A = 'abc'.length, B = 3 }", { E: { type: union(number, literal(3)) } }],
  [
    "Json",
    ref("Json"),
    "type Json = string | number | boolean | null | Json[] | { [key: string]: Json };",
    {
      Json: { type: union(text, number, boolean, list(ref("Json")), object({}, ref("Json")), nil) },
    },
  ],
  [
    "Shape",
    ref("Shape"),
    "type Shape = { kind: 'a'; a: number } | { kind: 'b' };",
    {
      Shape: {
        type: union(object({ kind: literal("a"), a: number }), object({ kind: literal("b") })),
      },
    },
  ],
  [
    "Large",
    unknown("a choice of 8000 types"),
    `type D = ${"0123456789".split("").join(" | ")}; type Large = \`\${0|1|2|3|4|5|6|7}\${D}\${D}\${D}\`;`,
  ],
]);
