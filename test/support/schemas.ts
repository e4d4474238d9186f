import type { SchemaResult, StandardSchema } from "../../src/contract/standard-schema.ts";

/** A schema as a library that keeps to Standard Schema has it. */
export function standardSchema(
  validate: (value: unknown) => SchemaResult | Promise<SchemaResult>,
): StandardSchema {
  return { "~standard": { version: 1, vendor: "test", validate } };
}
