import { expect, test } from "bun:test";
import type { Field } from "../../src/contract/contract.ts";
import { looksLikeOthers } from "../../src/source/look-alikes.ts";

const number = { kind: "number" } as const;
const unknown = { kind: "unknown" } as const;

test.each<readonly [boolean, readonly Field[]]>([
  [true, [{ name: "length", type: number }]],
  [true, [{ name: "length", type: { kind: "union", of: [{ kind: "null" }, number] } }]],
  [true, [{ name: "length", type: unknown }]],
  [true, [{ name: "byteLength", type: number }]],
  [true, [{ name: "getTime", type: unknown }]],
  [
    true,
    [
      { name: "length", type: number, optional: true },
      { name: "x", type: number, optional: true },
    ],
  ],
  [false, []],
  [false, [{ name: "length", type: { kind: "string" } }]],
  [
    false,
    [
      { name: "length", type: number },
      { name: "x", type: number },
    ],
  ],
  [false, [{ name: "x", type: number, optional: true }]],
  // A text has a length, a date has a time, and nothing has both.
  [
    false,
    [
      { name: "length", type: number },
      { name: "getTime", type: unknown },
    ],
  ],
])("%p: %j", (looks, fields) => {
  expect(looksLikeOthers(fields)).toBe(looks);
});
