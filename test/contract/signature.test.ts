import { expect, test } from "bun:test";
import type { Signature, TypeNode } from "../../src/contract/contract.ts";
import { signatureText, typeText } from "../../src/contract/signature.ts";
import {
  bigint,
  boolean,
  bytes,
  date,
  list,
  literal,
  literals,
  method,
  nil,
  nonprimitive,
  nothing,
  number,
  object,
  ref,
  string,
  tuple,
  union,
  unknown,
} from "../support/contracts.ts";

const types: readonly (readonly [type: TypeNode, text: string])[] = [
  [unknown, "unknown"],
  [string, "string"],
  [bigint, "bigint"],
  [nothing, "undefined"],
  [nil, "null"],
  [date, "Date"],
  [nonprimitive, "object"],
  [{ kind: "never" }, "never"],
  [union(), "never"],
  [bytes, "Uint8Array"],
  [literal('a "b"'), '"a \\"b\\""'],
  [literal(-1), "-1"],
  [literal(false), "false"],
  [literal(Number.NaN), "number"],
  [{ kind: "bigint-literal", text: "12" }, "12n"],
  [{ kind: "template", text: "`id-${Kind}`" }, "`id-${Kind}`"],
  [ref("User"), "User"],
  [list(string), "string[]"],
  [list(list(string)), "string[][]"],
  [list(union(string, nil)), "(string | null)[]"],
  [list(union(union(string, nil))), "(string | null)[]"],
  [union(list(string), boolean), "string[] | boolean"],
  [union(string, string), "string"],
  [object({}), "{}"],
  [object({ name: string, "age?": number }), "{ name: string; age?: number }"],
  [object({ "a b": string }, number), '{ "a b": string; [key: string]: number }'],
  [object({}, list(number)), "{ [key: string]: number[] }"],
  [tuple(), "[]"],
  [tuple(string, ["?", number], ["*", boolean]), "[string, number?, ...boolean[]]"],
  [tuple(["?", literals("a", "b")], ["*", literals(1, 2)]), '[("a" | "b")?, ...(1 | 2)[]]'],
  [
    {
      kind: "tuple",
      items: [
        { name: "from", type: string },
        { name: "to", type: literals(1, 2), optional: true },
        { name: "more", type: literals(1, 2), rest: true },
      ],
    },
    "[from: string, to?: 1 | 2, ...more: (1 | 2)[]]",
  ],
  [{ kind: "tuple", items: [{ name: "a", type: string }, { type: number }] }, "[string, number]"],
];

for (const [type, text] of types) {
  test(`type: ${text}`, () => {
    expect(typeText(type)).toBe(text);
  });
}

const defaults: Signature = {
  parameters: [
    { name: "a", type: number, optional: true, default: "1" },
    { name: "b", type: number, optional: true, default: "x".repeat(41) },
    { name: "c", type: number, optional: true, default: "{\n}" },
  ],
  result: nothing,
};

const signatures: readonly (readonly [signature: Signature | undefined, text: string])[] = [
  [method("Do", {}).signatures[0], "Do(): void"],
  [
    method("Do", { a: number, b: number }, number).signatures[0],
    "Do(a: number, b: number): number",
  ],
  [method("Do", { "a?": string }, ref("User")).signatures[0], "Do(a?: string): User"],
  [
    method("Do", { "a?": string, b: number }).signatures[0],
    "Do(a: string | undefined, b: number): void",
  ],
  [method("Do", { "...a": union(string, nil) }).signatures[0], "Do(...a: (string | null)[]): void"],
  [
    method("Do", { "a?": string, "...b": string }).signatures[0],
    "Do(a?: string, ...b: string[]): void",
  ],
  [method("Do", { "a...": number }).signatures[0], "Do(a: AsyncIterable<number>): void"],
  [method("Do", { "a...?": number }).signatures[0], "Do(a?: AsyncIterable<number>): void"],
  [
    method("Do", { to: number }, number, "stream").signatures[0],
    "Do(to: number): AsyncIterable<number>",
  ],
  [method("Do", { "{ a, b }": number }).signatures[0], "Do(arg0: number): void"],
  [defaults, "Do(a: number = 1, b?: number, c?: number): void"],
];

for (const [signature, text] of signatures) {
  test(`signature: ${text}`, () => {
    expect(signatureText("Do", signature!)).toBe(text);
  });
}
