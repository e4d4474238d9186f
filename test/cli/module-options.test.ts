import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { parseModuleOptions } from "../../src/cli/module-options.ts";
import { standardSchema } from "../support/schemas.ts";

const services = new Set(["Foo", "Bar"]);

function failureOf(value: unknown): GeeError {
  try {
    parseModuleOptions(value, services, "foo.ts");
  } catch (thrown) {
    return GeeError.from(thrown);
  }
  throw new Error("it was accepted");
}

test("a module without options has none", () => {
  expect(parseModuleOptions(undefined, services, "foo.ts")).toEqual({ methods: {}, notes: [] });
});

test("options are read by service and method", () => {
  const value = {
    Foo: { Sum: { idempotent: true, timeoutMs: 500, concurrency: 8 }, Sleep: {} },
  };
  expect(parseModuleOptions(value, services, "foo.ts")).toEqual({ methods: value, notes: [] });
});

test("what is no option is named, and ignored", () => {
  const value = { Foo: { Sum: { timeoutMS: 5, colour: "red" } } };
  expect(parseModuleOptions(value, services, "foo.ts")).toEqual({
    methods: { Foo: { Sum: {} } },
    notes: [
      "gee.Foo.Sum.timeoutMS in foo.ts is no option, ignored; did you mean timeoutMs?",
      "gee.Foo.Sum.colour in foo.ts is no option, ignored",
    ],
  });
});

test("a schema is one that keeps to Standard Schema, or an array with one for each argument", () => {
  const schema = standardSchema((value) => ({ value }));
  const callable = Object.assign(() => {}, schema);
  for (const good of [schema, callable, [schema], [undefined, schema], []]) {
    const value = { Foo: { Sum: { schema: good } } };
    expect(parseModuleOptions(value, services, "foo.ts")).toEqual({ methods: value, notes: [] });
  }
  // A hole is no schema.
  const holes = { Foo: { Sum: { schema: Object.assign([], { 1: schema }) } } };
  expect(parseModuleOptions(holes, services, "foo.ts").methods).toEqual({
    Foo: { Sum: { schema: [undefined, schema] } },
  });
});

const noSchema = "gee.Foo.Sum.schema in foo.ts is no Standard Schema, version 1";

test.each([
  [noSchema, null],
  [noSchema, "string"],
  [noSchema, {}],
  [noSchema, { parse: (value: unknown) => value }],
  [noSchema, { "~standard": { version: 2, vendor: "x", validate: () => ({ value: 1 }) } }],
  [noSchema, { "~standard": { version: 1, vendor: "x" } }],
  [noSchema.replace("schema", "schema[1]"), [standardSchema((value) => ({ value })), null]],
])("%s: refused, with what is one", (message, schema) => {
  const error = failureOf({ Foo: { Sum: { schema } } });
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "BAD_OPTION" });
  expect(error.message).toBe(message);
  expect(error.hint).toContain("zod");
});

test.each([
  ["gee in foo.ts is no object", 5],
  ["gee.Foo in foo.ts is no object", { Foo: [] }],
  ["gee.Foo.Sum in foo.ts is no object", { Foo: { Sum: null } }],
  ["gee.Foo.Sum.idempotent in foo.ts is true or false", { Foo: { Sum: { idempotent: "yes" } } }],
  ["gee.Foo.Sum.timeoutMs in foo.ts is a number", { Foo: { Sum: { timeoutMs: 0 } } }],
  ["gee.Foo.Sum.timeoutMs in foo.ts is a number", { Foo: { Sum: { timeoutMs: Number.NaN } } }],
  ["gee.Foo.Sum.timeoutMs in foo.ts is a number", { Foo: { Sum: { timeoutMs: Infinity } } }],
  ["gee.Foo.Sum.concurrency in foo.ts is a whole", { Foo: { Sum: { concurrency: 0 } } }],
  ["gee.Foo.Sum.concurrency in foo.ts is a whole", { Foo: { Sum: { concurrency: 1.5 } } }],
  ["gee.Foo.Sum.concurrency in foo.ts is a whole", { Foo: { Sum: { concurrency: "8" } } }],
  ["gee.Fooo in foo.ts is for no service of that module", { Fooo: {} }],
])("%s, and is refused", (message, value) => {
  const error = failureOf(value);
  expect(error.code).toBe("INVALID_ARGUMENT");
  expect(error.message).toStartWith(message);
});

test("a service that is not there is answered with the nearest one", () => {
  expect(failureOf({ Fooo: {} }).hint).toBe("did you mean Foo?");
});
