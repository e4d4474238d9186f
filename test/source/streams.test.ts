import { expect, test } from "bun:test";
import { isItems } from "../../src/rpc/handler-streams.ts";
import { readModule, serviceIn } from "../support/source-modules.ts";

/** Expressions whose values the runtime can be asked about. */
const rows: readonly (readonly [expression: string, value: unknown])[] = [
  [
    "(async function* () { yield 1 })()",
    (async function* () {
      yield 1;
    })(),
  ],
  [
    "(function* () { yield 1 })()",
    (function* () {
      yield 1;
    })(),
  ],
  ["[1, 2]", [1, 2]],
  ["[1, 2].values()", [1, 2].values()],
  ["[1, 2].entries()", [1, 2].entries()],
  ["new Map([[1, 2]])", new Map([[1, 2]])],
  ["new Map([[1, 2]]).keys()", new Map([[1, 2]]).keys()],
  ["new Set([1])", new Set([1])],
  ["'text'", "text"],
  ["'text'.matchAll(/x/g)", "text".matchAll(/x/g)],
  ["new Uint8Array(3)", new Uint8Array(3)],
  ["{ next: 1 }", { next: 1 }],
  [
    "{ next() { return { done: true, value: 1 } } }",
    {
      next() {
        return { done: true, value: 1 };
      },
    },
  ],
  ["new ReadableStream<number>()", new ReadableStream<number>()],
  ["new Date()", new Date()],
  ["null", null],
];

const module = readModule(
  rows
    .map(([expression], index) => `export class Foo${index} { a() { return ${expression} } }`)
    .join("\n"),
);

test.each(rows.map(([expression, value], index) => [expression, index, value] as const))(
  "%s is a stream for the reader where it is one for the server",
  (_, index, value) => {
    const [signature] = serviceIn(module, `Foo${index}`).methods[0]?.signatures ?? [];
    expect(signature?.stream ?? false).toBe(isItems(value));
  },
);
