import { literal, nil, number, ref, testTypes, union } from "../support/source-types.ts";

const flags = { E: { type: number } };
const either = { E: { type: union(literal(1), literal(2)) } };

testTypes([
  ["E", ref("E"), "enum E { None = 0, A = 1 << 0, B = 1 << 1 }", flags],
  ["E", ref("E"), "enum E { A = 1, B = 2, Both = A | B }", flags],
  ["E", ref("E"), "enum E { A = 1, B = 2, C = 4 }", flags],
  ["E | null", union(ref("E"), nil), "enum E { A = 1, B = 2, C = 4, All = 7 }", flags],
  ["E.A", literal(1), "enum E { A = 1, B = 2, C = 4 }"],
  // These are counted, or told apart by their names.
  ["E", ref("E"), "enum E { A = 1, B }", either],
  [
    "E",
    ref("E"),
    "enum E { A, B, C, D, E }",
    { E: { type: union(...[0, 1, 2, 3, 4].map(literal)) } },
  ],
  [
    "E",
    ref("E"),
    "enum E { Ok = 200, Gone = 404 }",
    { E: { type: union(literal(200), literal(404)) } },
  ],
  [
    "E",
    ref("E"),
    "enum E { A = 1, B = 2, C = 'c' }",
    { E: { type: union(literal(1), literal(2), literal("c")) } },
  ],
]);
