import { literal, nil, number, ref, testTypes, text, union } from "../support/source-types.ts";

testTypes([
  ["[string, number]", { kind: "tuple", items: [{ type: text }, { type: number }] }],
  ["[]", { kind: "tuple", items: [] }],
  ["readonly [1, 2]", { kind: "tuple", items: [{ type: literal(1) }, { type: literal(2) }] }],
  [
    "[a: string, b?: number | null, ...rest: boolean[]]",
    {
      kind: "tuple",
      items: [
        { type: text, name: "a" },
        { type: union(number, nil), name: "b", optional: true },
        { type: { kind: "boolean" }, name: "rest", rest: true },
      ],
    },
  ],
  [
    "[...string[], number]",
    { kind: "tuple", items: [{ type: text, rest: true }, { type: number }] },
  ],
  [
    "Chain",
    ref("Chain"),
    "type Chain = [number, Chain | null];",
    {
      Chain: {
        type: { kind: "tuple", items: [{ type: number }, { type: union(ref("Chain"), nil) }] },
      },
    },
  ],
]);
