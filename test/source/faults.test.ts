import { expect, test } from "bun:test";
import type { FaultContract } from "../../src/contract/contract.ts";
import { readModule, serviceIn } from "../support/source-modules.ts";

const library = `declare module "gee" {
  export interface Fault<C extends string, R extends string, D = undefined> extends Error {
    readonly code: C; readonly reason: Exclude<R, "HANDLER_FAILED">; readonly details: D;
  }
}`;

function faultsOf(declared: string, own: { library?: string } = {}): readonly FaultContract[] {
  const source = `import type { Fault } from "gee";
    interface Details { id: string }
    export class Foo { a() {} }
    ${declared}`;
  return serviceIn(readModule(source, own)).faults ?? [];
}

const ref = { kind: "ref", name: "Details" } as const;

/** Declarations, and what is read of them. */
const rows: readonly (readonly [declared: string, faults: readonly FaultContract[]])[] = [
  [
    'export type FooFaults = Fault<"NOT_FOUND", "GONE", Details> | Fault<"ABORTED", "LATE">;',
    [
      { code: "NOT_FOUND", reason: "GONE", details: ref },
      { code: "ABORTED", reason: "LATE" },
    ],
  ],
  [
    'export type FooFaults = (Fault<"NOT_FOUND", "GONE" | "LOST">);',
    [
      { code: "NOT_FOUND", reason: "GONE" },
      { code: "NOT_FOUND", reason: "LOST" },
    ],
  ],
  [
    'type Common = Fault<"INTERNAL", "BROKEN">; export type FooFaults = Common | Fault<"ABORTED", "LATE", Details>;',
    [
      { code: "INTERNAL", reason: "BROKEN" },
      { code: "ABORTED", reason: "LATE", details: ref },
    ],
  ],
  ['export type FooFaults = Fault<"INTERNAL", string>;', []],
  ["export type FooFaults = never;", []],
  ["export type FooFaults = FooFaults | 1;", []],
  ["export interface FooFaults { code: 1 }", []],
];

test.each(rows)("%s", (declared, faults) => {
  // With the library's declarations, and by how it is written without them.
  expect(faultsOf(declared, { library })).toEqual([...faults]);
  expect(faultsOf(declared)).toEqual([...faults]);
});

test("what looks like a fault is one", () => {
  expect(
    faultsOf(
      'export type FooFaults = { code: "A"; reason: "B"; details: Details } | { code: "C"; reason: "D" };',
    ),
  ).toEqual([
    { code: "A", reason: "B", details: ref },
    { code: "C", reason: "D" },
  ]);
});
