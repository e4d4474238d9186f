import { expect, test } from "bun:test";
import { checkOptions, schemasOf } from "../../src/rpc/method-options.ts";
import type { ServiceOptions } from "../../src/rpc/method-options.ts";
import { standardSchema } from "../support/schemas.ts";

const methods = new Map([["Foo.Sum", 1]]);
const schema = standardSchema((value) => ({ value }));

test("what can be is taken", () => {
  for (const entry of [
    {},
    { idempotent: true, timeoutMs: 0.5, concurrency: 1 },
    { schema },
    { schema: [schema, undefined] },
    { schema: [] },
  ]) {
    expect(() => checkOptions({ Foo: { Sum: entry } }, methods)).not.toThrow();
  }
});

test.each<[string, ServiceOptions]>([
  ["options for Foo.Sun, which is not served", { Foo: { Sun: {} } }],
  ["options for Bar.Sum, which is not served", { Bar: { Sum: {} } }],
  ["timeoutMs of Foo.Sum", { Foo: { Sum: { timeoutMs: 0 } } }],
  ["timeoutMs of Foo.Sum", { Foo: { Sum: { timeoutMs: Number.POSITIVE_INFINITY } } }],
  ["concurrency of Foo.Sum", { Foo: { Sum: { concurrency: 0 } } }],
  ["concurrency of Foo.Sum", { Foo: { Sum: { concurrency: 1.5 } } }],
  ["schema of Foo.Sum is no Standard Schema", { Foo: { Sum: JSON.parse('{"schema":{}}') } }],
  ["schema of Foo.Sum is no Standard Schema", { Foo: { Sum: JSON.parse('{"schema":[{}]}') } }],
  ["schema of Foo.Sum is no Standard Schema", { Foo: { Sum: JSON.parse('{"schema":null}') } }],
])("%s is refused", (message, options) => {
  expect(() => checkOptions(options, methods)).toThrow(
    expect.objectContaining({
      code: "INVALID_ARGUMENT",
      reason: "BAD_SERVICE",
      message: expect.stringContaining(message),
    }),
  );
});

test("one schema is for the first argument, an array has one for each", () => {
  expect(schemasOf({})).toEqual([]);
  expect(schemasOf({ schema })).toEqual([schema]);
  expect(schemasOf({ schema: [undefined, schema] })).toEqual([undefined, schema]);
  // That is none, and the contract stays in force.
  expect(schemasOf({ schema: [undefined] })).toEqual([]);
});
